"""How soon a switch forgets idle connections of one interface. It runs beside the host that is behind the interface."""

from __future__ import annotations

from typing import ClassVar

from whodunet.errors import CannotRun
from whodunet.lab import openvswitch
from whodunet.lab.hosts import Host
from whodunet.lab.service import Service

# The zone is that of the interface, as policies number it; the record of the datapath is what timeouts are kept by.
# Source: ovs-vsctl(8), "Datapath Commands" and add-zone-tp; ovs-vswitchd.conf.db(5), CT_Timeout_Policy
_SET = """\
datapath=$(ovs-vsctl get Bridge {switch} datapath_id | tr -d '"')
zone=$((16#$datapath << 8 | $(ovs-vsctl get Interface {interface} ofport)))
ovs-vsctl get Open_vSwitch . datapaths:netdev >/dev/null 2>&1 ||
    ovs-vsctl -- --id=@netdev create Datapath datapath_version=0 -- set Open_vSwitch . datapaths:netdev=@netdev
ovs-vsctl add-zone-tp netdev zone=$zone tcp_established={idle_s}
trap "ovs-vsctl del-zone-tp netdev zone=$zone; exit" TERM INT
sleep infinity &
wait"""


class TrackingTimeout(Service):
    """Established connections of TCP that are idle for longer are tracked no more; those that are there keep theirs."""

    runs_beside: ClassVar[bool] = True
    undoes_s: ClassVar[float] = 5.0

    def __init__(self, switch: str, interface: str, idle_s: int) -> None:
        self._switch = switch
        self._interface = interface
        self._idle_s = idle_s

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """Tells the switch, and takes it back in the end."""
        return ["bash", "-ec", _SET.format(switch=self._switch, interface=self._interface, idle_s=self._idle_s)]

    def is_ready(self, host: Host) -> bool:
        """True when the switch has it."""
        try:
            return f"tcp_established={self._idle_s}" in openvswitch.vsctl("list-zone-tp", "netdev")
        except CannotRun:  # it has no such record yet
            return False

    @property
    def readiness(self) -> str:
        """What is waited for."""
        return "to tell the switch"


SERVICE = TrackingTimeout
