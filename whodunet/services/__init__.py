"""What hosts run and have: one file each, found by being here. `whodunet.lab.service` says what one is."""
