"""Effects: everything that touches the machine, one outside thing a file."""
