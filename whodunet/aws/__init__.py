"""The cloud's identity and managed access; it knows nothing else of whodunet (README.md)."""
