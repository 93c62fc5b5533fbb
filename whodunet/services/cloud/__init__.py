"""The cloud behind some of the services: what its programs share in one lab, and whether the lab keeps its mandate."""
