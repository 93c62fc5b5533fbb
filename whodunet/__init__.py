"""A network lab that reproduces misleading connection failures."""
