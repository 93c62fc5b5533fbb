"""`session-manager-plugin`: the program that `aws ssm start-session` runs for the session itself.

It is called as AWS's own, tells the same version, prints the same lines, and ends with status 0 when the session does,
however the remote command ended. What it does better: a service that cannot be reached is said so, with status 1.
"""

CLIENT_VERSION = "1.2.764.0"  # the first that the AWS CLI of 2026 takes for up to date; one that gets its token unseen
