"""What the switches of a running lab enforce: told to the controller, and in force once a switch has confirmed it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from whodunet.errors import CannotRun
from whodunet.lab import openvswitch
from whodunet.lab.controller import ControlledSwitch, Controller
from whodunet.lab.waiting import wait_until


class Policies:
    """The policy of every switch."""

    def __init__(
        self, controller: Controller, policies: Mapping[str, Mapping[str, object]], other_controller: str | None
    ) -> None:
        """`other_controller` is a Ryu app that runs in place of the policies."""
        self._controller = controller
        self._policies = dict(policies)
        self._other_controller = other_controller
        self._switches: dict[str, ControlledSwitch] = {}
        self._changing = threading.Lock()

    def install(self, switches: Iterable[ControlledSwitch]) -> None:
        """Has every switch enforce its policy; returns when all have confirmed it."""
        self._switches = {switch.name: switch for switch in switches}
        if self._other_controller:
            wait_until(openvswitch.all_connected, "the switches to connect to the controller")
            return
        told = {name: self._controller.set_policy(each, self._policies[name]) for name, each in self._switches.items()}
        for name, revision in told.items():
            self._controller.await_confirmed(name, revision)

    def __getitem__(self, switch: str) -> Mapping[str, object]:
        return self._policies[switch]

    def replace(self, switch: str, config: Mapping[str, object]) -> int:
        """Replaces a policy; returns the number of flow entries, once the switch has confirmed them.

        Raises:
            CannotRun: when the policy is refused, or another controller decides.
        """
        with self._changing:
            if self._other_controller:
                raise CannotRun(
                    f"{self._other_controller} runs in place of the policies; start the lab without --controller"
                )
            revision = self._controller.set_policy(self._switches[switch], config)
            entries = self._controller.await_confirmed(switch, revision)
            self._policies[switch] = config
        return entries
