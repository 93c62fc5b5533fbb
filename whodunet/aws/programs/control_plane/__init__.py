"""The control plane: ssm, ssmmessages, ec2messages and sts of one account in one region, on one address."""
