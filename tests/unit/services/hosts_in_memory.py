"""Hosts that are their files alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from whodunet.evidence.topology import Family, Node
from whodunet.lab.hosts import Host
from whodunet.lab.service import Furnishing, Placed


@dataclass
class HostInMemory:
    """What a service writes, and the commands that it has run."""

    name: str
    files: dict[str, str] = field(default_factory=dict)
    modes: dict[str, tuple[int, int]] = field(default_factory=dict)  # and owner
    commands: list[str] = field(default_factory=list)
    family: Family = "ipv4"

    def write(self, path: str, text: str, mode: int = 0o644, owner: int = 0) -> None:
        self.files[path] = text
        self.modes[path] = (mode, owner)

    def check(self, command: str) -> str:
        self.commands.append(command)
        return ""


def place(
    name: str, furnishing: Furnishing, addresses: Sequence[str] = (), role: str = "any", **properties: str
) -> tuple[Any, Placed]:
    """A furnishing that is prepared at a host of its own; the host, and the two together."""
    host = HostInMemory(name)
    furnishing.prepare(cast(Host, host))
    return host, Placed(cast(Host, host), Node(name, role, properties=properties), tuple(addresses), furnishing)
