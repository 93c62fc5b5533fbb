"""What the faults that nftables makes have in common. Source: nft(8)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from whodunet.core.fault import Network, NodeFault, run_checked


class NftablesFault(NodeFault):
    """A table of its own on a Linux node; removed as a whole."""

    def chains(self) -> str:
        """The table's chains; each brace and statement on a line of its own, as nft 1.0.6 wants it."""
        raise NotImplementedError

    def table(self) -> str:
        """The table's name: the same for the same fault, another for another."""
        return f"whodunet_{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]}"

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Loads the table."""
        self.run(network, "nft -f -", f"table inet {self.table()} {{\n{self.chains()}\n}}\n")
        return {}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Deletes the table."""
        self.run(network, f"nft delete table inet {self.table()}")

    def proof(self, network: Network) -> str | None:
        """The table as the kernel lists it, on one line."""
        listed = network.execute(self.node, f"nft list table inet {self.table()}")
        return " ".join(listed.stdout.split()) if listed.exit_status == 0 else None

    def run(self, network: Network, command: str, stdin: str = "") -> str:
        """Runs a command on the node that has to succeed."""
        return run_checked(network, self.node, command, stdin)
