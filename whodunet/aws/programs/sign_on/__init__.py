"""The company's single sign-on, as `aws sso login` and `aws configure sso` know it, and its pages for people."""
