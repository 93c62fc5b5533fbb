"""A finished run rendered as text, XML and JSON: pure."""
