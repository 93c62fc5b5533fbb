"""A DNS server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener

_RECORDS: Final = "/etc/dns-records"


class Dnsmasq(Listener):
    """It knows some records of its zones, and answers NXDOMAIN for the rest. Source: dnsmasq(8)."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("dnsmasq", "dnsmasq-base", "the labs' DNS servers"),)
    port = 53

    def __init__(self, zones: Sequence[str], records: Mapping[str, Sequence[str]]) -> None:
        """`records` are the addresses of each name."""
        self.zones = zones
        self.records = records

    def prepare(self, host: Host) -> None:
        """Writes the records in the form of /etc/hosts."""
        lines = (f"{address} {name}\n" for name, addresses in self.records.items() for address in addresses)
        host.write(_RECORDS, "".join(lines))

    def command(self, host: Host) -> list[str]:
        """No configuration of the machine, no leases, no upstream."""
        quiet = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]
        zones = "/".join(self.zones)
        return ["dnsmasq", "--keep-in-foreground", *quiet, f"--addn-hosts={_RECORDS}", f"--local=/{zones}/"]


SERVICE = Dnsmasq
