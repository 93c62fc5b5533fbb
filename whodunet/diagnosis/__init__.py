"""Who refused, dropped or broke a connection, as far as it can be told from where somebody stands. Pure."""
