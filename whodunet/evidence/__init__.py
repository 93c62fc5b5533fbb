"""What was seen, from any vantage: packets, trails, symptoms, observations. Pure."""
