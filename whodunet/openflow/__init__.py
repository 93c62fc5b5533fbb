"""What middleboxes decide by: policies, flow entries, the bytes of frames. Pure."""
