"""A host that asks other DNS servers than it should, or for other names. Source: resolv.conf(5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from whodunet.cases.fault import Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import Address, DomainName, HostName, refused
from whodunet.evidence.topology import Topology

_FILE: Final = "/etc/resolv.conf"  # which every program reads anew when it starts
_SERVER: Final = "dnsmasq"


class ResolverSettings(NodeFault):
    """The host's resolver library is told other things than it should be; what is left out stays as it was."""

    kind: Literal["resolver-settings"] = "resolver-settings"
    node: HostName = Field(description="host that asks")
    nameservers: tuple[Address, ...] | None = Field(default=None, max_length=3, description="[]: it knows none")
    search: tuple[DomainName, ...] | None = Field(default=None, description="domains that it completes names with")
    ndots: int | None = Field(default=None, ge=0, le=15, description="names with fewer dots are completed first")
    timeout_s: int | None = Field(default=None, ge=1, le=30, description="wait for each server; 5 if not given")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.nameservers is None and self.search is None and self.ndots is None:
            raise refused("changes nothing that is asked", "say nameservers, search or ndots")
        return self

    def facts(self, topology: Topology) -> dict[str, str]:
        """What it asks: `nameservers` are none, first-dead, dead, others, or right; `names` other, or as typed."""
        serves = [_SERVER in topology.services.get(topology.node_with(each) or "", {}) for each in self._servers()]
        if self.nameservers is None:
            nameservers = "right"
        elif not serves:
            nameservers = "none"
        elif serves[0]:
            nameservers = "others"
        else:
            nameservers = "first-dead" if any(serves) else "dead"
        is_completed = self.search is not None or self.ndots is not None
        return super().facts(topology) | {
            "nameservers": nameservers,
            "names": "other" if is_completed else "as typed",
        }

    def _servers(self) -> tuple[str, ...]:
        return self.nameservers or ()

    def inject(self, network: Network) -> Settings:
        """Writes the file in place of the one that is there."""
        before = run_checked(network, self.node, f"cat {_FILE}")
        self._write(network, "".join(f"{line}\n" for line in self._lines(before.splitlines())))
        return {"file": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Writes what was there before."""
        self._write(network, str(before["file"]))

    def _write(self, network: Network, text: str) -> None:
        run_checked(network, self.node, f"cat >{_FILE}", text)

    def _lines(self, before: list[str]) -> Iterator[str]:
        kept = {keyword: [line for line in before if line.startswith(keyword)] for keyword in ("nameserver", "search")}
        yield from kept["nameserver"] if self.nameservers is None else self._stated()["nameserver"]
        yield from kept["search"] if self.search is None else self._stated()["search"]
        yield from self._stated()["options"]

    def _stated(self) -> dict[str, list[str]]:
        """The lines that it states, by their keyword."""
        options = {"ndots": self.ndots, "timeout": self.timeout_s}
        said = " ".join(f"{key}:{value}" for key, value in options.items() if value is not None)
        return {
            "nameserver": [f"nameserver {each}" for each in self._servers()],
            "search": [f"search {' '.join(self.search)}"] if self.search else [],
            "options": [f"options {said}"] if said else [],
        }

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The file as a program on the host reads it: of each keyword that it states, exactly those lines."""
        lines = run_checked(network, self.node, f"cat {_FILE}").splitlines()
        stated = self._stated()
        checked = {
            "nameserver": self.nameservers is not None,
            "search": self.search is not None,
            "options": bool(stated["options"]),
        }
        return tuple(
            f"{self.node}: {_FILE}: {', '.join(stated[keyword]) or f'no {keyword}'}"
            if [line for line in lines if line.startswith(keyword)] == stated[keyword]
            else None
            for keyword, is_stated in checked.items()
            if is_stated
        )
