"""The instance metadata service."""

from __future__ import annotations

from typing import ClassVar

from whodunet.lab.hosts import Host
from whodunet.services.cloud.programs import MANAGED_KEYS, ConfiguredProgram


class MetadataService(ConfiguredProgram):
    """It has the link-local address that only the instance itself reaches."""

    name: ClassVar[str] = "metadata"
    port = 80

    def _files(self, host: Host) -> dict[str, str]:
        """Where pushed keys come from."""
        return {"managed_keys": str(MANAGED_KEYS)}

    def prepare(self, host: Host) -> None:
        """Beside its own files: the address."""
        super().prepare(host)
        host.ip(*(f"address replace {address}/32 dev lo" for address in self.addresses))


SERVICE = MetadataService
