"""What a diagnostic tool said, against what is true: tool files, verdicts as tools give them, scores. Pure."""
