"""Recorded runs are read by the tests here; their scenario files are not to be played."""

collect_ignore = ["data"]
