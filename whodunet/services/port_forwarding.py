"""A router's translation of addresses: one public address for all who are inside, and a port of it for a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, Literal, TypeAlias

from whodunet.lab.hosts import Host
from whodunet.lab.service import Service

Hairpin: TypeAlias = Literal["works", "answered-directly", "not-translated"]
"""What becomes of a connection from the inside to the public address."""

TABLE: Final = "port_forwarding"  # of nft


class PortForwarding(Service):
    """Over IPv4 alone. Source: nft(8), "NAT statements"; RFC 4787, section 6, "Hairpinning behavior"."""

    runs_beside: ClassVar[bool] = True

    def __init__(self, outside: str, public: str, inside: str, to: str, port: int, hairpin: Hairpin = "works") -> None:
        """What it translates.

        Args:
            outside: the router's interface that has the public address.
            public: that address.
            inside: the network behind it, as a CIDR.
            to: the server's address there.
            port: of TCP, at the public address and at the server's.
            hairpin: whether a connection from the inside to the public address works.
        """
        self._outside = outside
        self._public = public
        self._inside = inside
        self._to = to
        self._port = port
        self._hairpin = hairpin

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """Loads its table in place of a former one."""
        lines = "\n".join(self.table())
        return ["bash", "-c", f"nft -f - <<'EOF' && exec sleep infinity\n{lines}\nEOF"]

    def table(self) -> Iterator[str]:
        """The table's lines, as nft reads them."""
        yield from (f"add table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{")
        only_outside = f'iifname "{self._outside}" ' if self._hairpin == "not-translated" else ""
        yield from ("chain prerouting {", "type nat hook prerouting priority dstnat;")
        yield from (f"{only_outside}ip daddr {self._public} tcp dport {self._port} dnat to {self._to}", "}")
        yield from ("chain postrouting {", "type nat hook postrouting priority srcnat;")
        yield f'oifname "{self._outside}" ip saddr {self._inside} masquerade'
        if self._hairpin == "works":
            # Else the server answers whoever asked directly, who waits for an answer of the public address.
            yield f"ip saddr {self._inside} ip daddr {self._to} tcp dport {self._port} masquerade"
        yield from ("}", "}")

    def is_ready(self, host: Host) -> bool:
        """True when the kernel has the table's last chain."""
        return host.run(["nft", "list", "chain", "ip", TABLE, "postrouting"], 30).exit_status == 0

    @property
    def readiness(self) -> str:
        """What is waited for."""
        return "to translate addresses"


SERVICE = PortForwarding
