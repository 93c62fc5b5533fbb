"""What the services that make a VPN have in common."""
