"""What people write in files, and what the lab makes of it: topologies, policies, causes, scenarios."""
