"""A switch as it comes out of its box: it learns who is where, and lets everything pass.

    controller: learning_switch

It keeps no state of connections and asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from whodunet.openflow.policy import NORMAL, ConfigReader, FlowEntry, Output, PacketOut


class LearningSwitch:
    """The policy; Open vSwitch does the learning."""

    @classmethod
    def from_config(cls, config: Mapping[str, object], ports: Mapping[str, int], place: str) -> Self:
        """Has nothing to read but its name."""
        reader = ConfigReader(place)
        reader.mapping(config, "", ("controller",))
        reader.finish()
        return cls()

    def flow_entries(self) -> tuple[FlowEntry, ...]:
        """One for all packets."""
        return (FlowEntry(0, {}, (Output(NORMAL),)),)

    def answer(self, frame: bytes, in_port: int) -> tuple[PacketOut, ...]:
        """Nothing is sent to the controller."""
        return ()


POLICY = LearningSwitch
