"""The bad scenario files are read by tests/contract/test_bad_scenarios.py; pytest's plugin shall not collect them."""

collect_ignore_glob = ["*.yaml"]
