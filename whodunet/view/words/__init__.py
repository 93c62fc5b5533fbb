"""English for what the models hold, whatever it is then written on."""
