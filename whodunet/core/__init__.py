"""Words, types and judgement of the lab: no I/O, no clock, no randomness."""
