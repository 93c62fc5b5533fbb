"""A finished run told: what there is to tell (models), in words, and as text, XML and JSON. Pure."""
