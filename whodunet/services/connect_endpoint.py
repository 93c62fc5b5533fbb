"""An EC2 Instance Connect Endpoint: called from outside, it opens tunnels to instances of its VPC."""

from __future__ import annotations

from typing import ClassVar

from whodunet.services.cloud.programs import CertifiedProgram


class ConnectEndpoint(CertifiedProgram):
    """The account's program, which serves the tunnels of one endpoint alone where it is told which."""

    name: ClassVar[str] = "control_plane"


SERVICE = ConnectEndpoint
