"""What the services that are programs of `whodunet.aws` have in common."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from whodunet.lab.hosts import Host
from whodunet.lab.service import BESIDE_HOSTS, RECORDS, Listener
from whodunet.services.cloud.shared_secrets import cloud_secrets

MANAGED_KEYS: Final = BESIDE_HOSTS / "managed-keys"  # public keys on their way to metadata services


def program(name: str, python: str) -> list[str]:
    """The command line of one of the cloud's programs."""
    return [python, "-P", "-m", f"whodunet.aws.programs.{name}"]


class ConfiguredProgram(Listener):
    """A program with one configuration file; what topologies write is the part of it that the lab does not know."""

    name: ClassVar[str]
    runs_beside: ClassVar[bool] = True  # its settings hold the key that seals all tokens

    def __init__(self, listen: Sequence[str], **settings: object) -> None:
        """`listen` are the addresses, one of each family or of one."""
        self.addresses = tuple(listen)
        places = [(address, self.port) for address in listen]
        self._settings = {**settings, "listen": places, "seal_key": cloud_secrets().seal_key.hex()}

    def prepare(self, host: Host) -> None:
        """Writes the configuration."""
        path = self._path(host)
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        path.write_text(json.dumps(self._settings | self._files(host), indent=2), encoding="utf-8")

    def _path(self, host: Host) -> Path:
        return BESIDE_HOSTS / host.name / f"{self.name}.json"

    def _files(self, host: Host) -> dict[str, str]:
        """Further settings, which are paths."""
        return {}

    def command(self, host: Host) -> list[str]:
        """The program with its configuration."""
        return [*program(self.name, sys.executable), str(self._path(host))]


class CertifiedProgram(ConfiguredProgram):
    """One that speaks TLS and writes to the audit trail."""

    port = 443

    def __init__(self, listen: Sequence[str], names: Sequence[str], **settings: object) -> None:
        super().__init__(listen, **settings)
        self._names = names

    def _files(self, host: Host) -> dict[str, str]:
        return {**cloud_secrets().certify(host, self._names), "records": str(RECORDS)}
