"""The agent on an instance: it dials out to the service, waits for orders, and runs the sessions that they ask for.

`instance` and `service` are who it is and whom it talks to, `control_channel` brings the orders, `session` is one of
them, `shell`, `commands`, `forward` and `multiplexed_forward` are what they can be about.
"""

from __future__ import annotations

from typing import Final

AGENT_VERSION: Final = "3.3.0.0"  # what clients conclude from it is in core.ssm.versions
