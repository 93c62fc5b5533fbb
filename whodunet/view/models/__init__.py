"""What there is to tell of a finished run: values, without widths, characters, colours or words."""
