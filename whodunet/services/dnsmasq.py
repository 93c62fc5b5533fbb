"""A DNS server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener

_RECORDS: Final = "/etc/dns-records"
_WILDCARD: Final = "*."


class Dnsmasq(Listener):
    """It knows some records, answers NXDOMAIN for the rest of its zones, and refuses the rest. Source: dnsmasq(8)."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("dnsmasq", "dnsmasq-base", "the labs' DNS servers"),)
    port = 53

    def __init__(self, zones: Sequence[str], records: Mapping[str, Sequence[str]]) -> None:
        """`records` are the addresses of each name; of "*.ZONE" those of every name below it that has none itself."""
        self.zones = zones
        self.records = records

    def prepare(self, host: Host) -> None:
        """Writes the records in the form of /etc/hosts."""
        host.write(_RECORDS, "".join(f"{address} {name}\n" for name, address in self._each(wildcards=False)))

    def _each(self, *, wildcards: bool) -> Iterator[tuple[str, str]]:
        """Name and address of every record, without those of the other kind."""
        for name, addresses in self.records.items():
            if name.startswith(_WILDCARD) == wildcards:
                yield from ((name.removeprefix(_WILDCARD), address) for address in addresses)

    def command(self, host: Host) -> list[str]:
        """No configuration of the machine, no leases, no upstream."""
        quiet = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]
        local = [f"--local=/{'/'.join(self.zones)}/"] if self.zones else []
        wildcards = [f"--address=/{zone}/{address}" for zone, address in self._each(wildcards=True)]
        return ["dnsmasq", "--keep-in-foreground", *quiet, f"--addn-hosts={_RECORDS}", *local, *wildcards]


SERVICE = Dnsmasq
