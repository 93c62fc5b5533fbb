"""How fast, how large, how exact a lab is: each figure beside what it is compared with, measured in one run."""
