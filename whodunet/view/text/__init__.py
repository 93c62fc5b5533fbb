"""The models as text: in columns, in characters and colours that a terminal has."""
