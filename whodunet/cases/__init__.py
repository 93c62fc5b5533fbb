"""What is true: scenarios, faults, causes, claims and how they are judged. Pure."""
