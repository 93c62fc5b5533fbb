"""Systems Manager Session Manager as programs: control plane, metadata service, single sign-on, agent and plugin.

Each is a thin edge on `whodunet.aws.ssm` (the protocol) and `whodunet.aws.account` (credentials, policies, audit), and
runs on a host of a lab as a program of its own: what they share goes over the network.
"""

import gc

gc.set_threshold(50_000)  # what a program's start makes stays; to look for garbage in it took a tenth of the start
