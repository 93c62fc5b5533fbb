"""Systems Manager Session Manager as programs: control plane, metadata service, single sign-on, agent and plugin.

Each is a thin edge on `whodunet.aws.ssm` (the protocol) and `whodunet.aws.account` (credentials, policies, audit), and
runs on a host of a lab as a program of its own: what they share goes over the network.
"""
