"""An sshd with an option that keeps clients out. Source: sshd_config(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import refused
from whodunet.evidence.topology import Topology

_SSHD: Final = "sshd"
_PATIENCE_S: Final = 1.5  # by which an end may come late, on a busy machine
# Of each option the values that it may have here.
_VALUES: Final = {
    "ListenAddress": r"localhost",
    "AddressFamily": r"inet",
    "KexAlgorithms": r"[\w@.,-]+",
    "Ciphers": r"[\w@.,-]+",
    "LoginGraceTime": r"[1-9]",
    "PerSourcePenalties": r"noauth:[1-9][0-9]{0,2}s min:[1-9][0-9]{0,2}s",
}
_LISTENS: Final = {"localhost": {"127.0.0.1", "[::1]"}, "inet": {"0.0.0.0"}}
# How `ssh -vv` calls what a server offers.
_OFFERS: Final = {"KexAlgorithms": "KEX algorithms", "Ciphers": "ciphers ctos"}


class SshdOption(NodeFault):
    """sshd runs with one option that is not as it should be; the running daemon shows it, by what it does."""

    kind: Literal["sshd-option"] = "sshd-option"
    option: Literal[
        "ListenAddress", "AddressFamily", "KexAlgorithms", "Ciphers", "LoginGraceTime", "PerSourcePenalties"
    ]
    value: str = Field(description="as sshd_config(5) has it")

    @model_validator(mode="after")
    def _is_understood(self) -> Self:
        if not re.fullmatch(_VALUES[self.option], self.value):
            raise refused(f"{self.option} is {self.value!r}", f"write what matches {_VALUES[self.option]}")
        return self

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which option, and its value."""
        return super().facts(topology) | {"option": self.option, "value": self.value}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without sshd."""
        yield from self.serves(topology, self.node, _SSHD, "node")

    def inject(self, network: Network) -> Settings:
        """Starts sshd again with the option."""
        before = network.service_settings(self.node, _SSHD)
        options = mapping_in(before, "options") | {self.option: self.value}
        network.configure_service(self.node, _SSHD, {**before, "options": options})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Starts it with the settings that it had."""
        network.configure_service(self.node, _SSHD, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the running daemon does: its sockets, its offer, when it closes."""
        if self.option in ("ListenAddress", "AddressFamily"):
            addresses = self._listens_on(network)
            return (
                f"{self.node}: sshd listens on {', '.join(sorted(addresses))}"
                if addresses == _LISTENS[self.value]
                else None,
            )
        if self.option == "LoginGraceTime":
            return (self._closing(network),)
        if self.option == "PerSourcePenalties":
            return (self._punishing(network),)
        offered = self._offer(network)
        is_it = offered.split(",")[: self.value.count(",") + 1] == self.value.split(",")
        return (f"{self.node}: sshd offers {_OFFERS[self.option]}: {offered}" if is_it else None,)

    def _listens_on(self, network: Network) -> set[str]:
        """The local addresses of its listening sockets."""
        process = network.service_process(self.node, _SSHD)
        lines = network.execute(self.node, "ss -Hltnp").stdout.splitlines()
        return {line.split()[3].rpartition(":")[0] for line in lines if f"pid={process}," in line}

    def _closing(self, network: Network) -> str | None:
        """That a client that says nothing is left by then, and not before it had a greeting."""
        within_s = int(self.value) + _PATIENCE_S
        command = f"timeout {within_s} ncat --recv-only 127.0.0.1 {self._port(network)}"
        done = network.execute(self.node, command)
        is_closed = done.exit_status == 0 and done.stdout.startswith("SSH-")
        return f"{self.node}: sshd leaves who says nothing within {within_s} s" if is_closed else None

    def _punishing(self, network: Network) -> str | None:
        """That an address which came without a login is turned away the next time; one of which nobody else comes."""
        port = self._port(network)
        come = f"ncat -s 127.0.0.9 --recv-only -w 2 127.0.0.1 {port}"
        done = network.execute(self.node, f"timeout 1 {come}; sleep 0.5; timeout 2 {come}")
        is_told = "Not allowed at this time" in done.stdout
        return f"{self.node}: sshd turns away who came before without a login" if is_told else None

    def _offer(self, network: Network) -> str:
        """The algorithms that the daemon proposes."""
        command = f"ssh -vv -F none -o BatchMode=yes -o ConnectTimeout=5 -p {self._port(network)} 127.0.0.1 true"
        _, _, theirs = network.execute(self.node, command).stderr.partition("peer server KEXINIT proposal")
        found = re.search(rf"^debug2: {_OFFERS[self.option]}: (\S+)", theirs, re.MULTILINE)
        return found[1] if found else ""

    def _port(self, network: Network) -> object:
        return network.service_settings(self.node, _SSHD).get("port", 22)
