"""Systems Manager and STS behind the VPC's interface endpoints."""

from __future__ import annotations

import shlex
from typing import ClassVar, Final

from whodunet.lab import host_root
from whodunet.lab.hosts import Host
from whodunet.services.cloud.programs import MANAGED_KEYS, CertifiedProgram, program

_PLUGIN: Final = "session-manager-plugin"


class ControlPlane(CertifiedProgram):
    """The program, and the plugin, without which the AWS CLI starts no session."""

    name: ClassVar[str] = "control_plane"

    def _files(self, host: Host) -> dict[str, str]:
        """Where pushed keys go, too."""
        return {**super()._files(host), "managed_keys": str(MANAGED_KEYS)}

    def prepare(self, host: Host) -> None:
        """Beside its own files: the plugin is a command of every host, for the AWS CLI looks for it on the PATH."""
        super().prepare(host)
        plugin = host_root.PROGRAMS / _PLUGIN
        command = shlex.join(program("plugin", host_root.PYTHON))
        plugin.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        plugin.chmod(0o755)


SERVICE = ControlPlane
