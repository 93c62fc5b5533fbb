"""The instance metadata service at 169.254.169.254: IMDSv2 only, as EC2 has it."""
