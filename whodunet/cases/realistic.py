"""A scenario with the waits that its commands cut short: as long as the kernel tries is how long they take.

Probes give up early, so that a check is quick: `ssh -o ConnectTimeout=4`, `nc -vz -w 2`, `curl --connect-timeout 4`.
Without these, connect(2) fails when the last SYN was retransmitted and nothing came.
Source: tcp(7), tcp_syn_retries: 6 retransmissions, each after twice the time of the one before: 127 s. With
tcp_syn_linear_timeouts, newer kernels send a few more before, a second apart: measured, more than two minutes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from whodunet.cases.scenario import Probe, Scenario

# What limits the time that a connection may take to stand, and nothing else: of nc, -w limits silence as well, except
# with -z, with which it ends once it is connected.
_LIMITS: Final = (
    re.compile(r" -o ?ConnectTimeout[= ]\d+", re.IGNORECASE),
    re.compile(r" --connect-timeout[= ][\d.]+"),
    re.compile(r"(?<=nc -vz) -w ?\d+"),
    re.compile(r"(?<=nc -z) -w ?\d+"),
)
_LONGEST_S: Final = 180.0  # above the 127 s of six retransmissions, each after twice the time of the one before


def without_limits(scenario: Scenario) -> Scenario:
    """The same, whose probes wait for a connection as long as the kernel does."""
    probes = {name: _patient(probe) for name, probe in scenario.question.probes.items()}
    return scenario.model_copy(update={"question": scenario.question.model_copy(update={"probes": probes})})


def _patient(probe: Probe) -> Probe:
    command = probe.command
    for limit in _LIMITS:
        command = limit.sub("", command)
    if command == probe.command:
        return probe
    return probe.model_copy(update={"command": command, "deadline_s": max(probe.deadline_s, _LONGEST_S)})
