"""What a small AWS account is made of: credentials, policies, the audit trail; time and randomness are passed in."""
