"""A fault kind says by its fields' types what of the topology it names, whatever the fields are called."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Fault, Named, NodeFault
from whodunet.cases.fields import HostName, InterfaceName, SwitchName


class Cable(Fault):
    """One that sits at no node."""

    kind: Literal["cable"] = "cable"
    gate: SwitchName
    ends: tuple[InterfaceName, InterfaceName]
    witness: HostName | None = None
    watchers: tuple[HostName, ...] = Field(default=(), max_length=3)
    words: str = "node"


class Plain(NodeFault):
    """One whose author has declared a field of the base anew, and its type as plain text."""

    kind: Literal["plain"] = "plain"
    node: str = Field(description="host")


def test_every_text_of_a_type_that_names_something_is_a_name_with_its_place() -> None:
    fault = Cable(gate="sg", ends=("sg-eth1", "sg-eth2"), watchers=("client", "instance"))
    assert list(fault.names()) == [
        Named(("gate",), "switch", "sg"),
        Named(("ends", 0), "interface", "sg-eth1"),
        Named(("ends", 1), "interface", "sg-eth2"),
        Named(("watchers", 0), "host", "client"),
        Named(("watchers", 1), "host", "instance"),
    ]
    assert Named(("witness",), "host", "client") in Cable(gate="sg", ends=("a", "b"), witness="client").names()


def test_what_a_base_says_of_a_field_holds_for_the_kind() -> None:
    assert list(Plain(node="client").names()) == [Named(("node",), "host", "client")]
