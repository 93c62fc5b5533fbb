"""A Ryu app for bare sandboxes: what Mininet's scripts expect of the controller that they start by default."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Final, Protocol

from ryu.app.simple_switch_13 import SimpleSwitch13
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls
from ryu.controller.ofp_event import EventOFPFlowRemoved

_TABLE_MISS: Final = 0  # the priority of the entry for all that no other matches


class Datapath(Protocol):
    """A connection to a switch, as Ryu has it."""

    id: int
    ofproto: ModuleType
    ofproto_parser: ModuleType

    def send_msg(self, message: object) -> None: ...


class FlowRemoved(Protocol):
    """What a switch tells of an entry that is gone."""

    priority: int
    datapath: Datapath


class RemovalEvent(Protocol):
    """Ryu's event of it."""

    msg: FlowRemoved


class RelearningSwitch(SimpleSwitch13):
    """Ryu's learning switch, which goes on when somebody deletes its flow entries, as Mininet's mobile hosts do.

    Without one for what no other matches, OpenFlow 1.3 drops; Mininet's own controller speaks OpenFlow 1.0, which asks.
    Source: OpenFlow 1.3.5, 5.4; Mininet's examples/mobility.py
    """

    def add_flow(
        self, datapath: Datapath, priority: int, match: object, actions: Sequence[object], buffer_id: int | None = None
    ) -> None:
        """Adds an entry; the switch has to tell when the one for all the rest is gone."""
        if priority != _TABLE_MISS:
            super().add_flow(datapath, priority, match, actions, buffer_id)
            return
        openflow, make = datapath.ofproto, datapath.ofproto_parser
        apply = make.OFPInstructionActions(openflow.OFPIT_APPLY_ACTIONS, actions)
        flags = openflow.OFPFF_SEND_FLOW_REM
        datapath.send_msg(make.OFPFlowMod(datapath, priority=priority, flags=flags, match=match, instructions=[apply]))

    @set_ev_cls(EventOFPFlowRemoved, MAIN_DISPATCHER)
    def keep_asking(self, event: RemovalEvent) -> None:
        """Puts the entry for all the rest in again, and forgets where everybody was."""
        if event.msg.priority == _TABLE_MISS:
            self.mac_to_port.pop(event.msg.datapath.id, None)
            self.switch_features_handler(event)
