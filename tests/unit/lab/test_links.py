"""Delayed links: netem where the kernel has it, wirefilter where not, and a refusal is never swallowed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Link
from whodunet.lab import links, processes
from whodunet.lab.links import Cable, End
from whodunet.lab.processes import Finished

CABLE = Cable(
    Link(("client-eth0", "gw-eth0"), delay_ms=7, loss_pct=1),
    (End("client-eth0", "02:00:00:00:00:01", 71), End("gw-eth0", "02:00:00:00:00:02", None)),
)


class Kernel:
    """Answers commands in place of the kernel; those whose words contain `refused` fail with its words."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: str = "", words: str = "") -> None:
        self.commands: list[str] = []
        self._refused, self._words = refused, words
        monkeypatch.setattr(links, "run", self.run)
        monkeypatch.setattr(processes, "run", self.run)

    def run(self, arguments: Sequence[str], *_: object, **__: object) -> Finished:
        self.commands.append(" ".join(arguments))
        fails = bool(self._refused) and self._refused in self.commands[-1]
        return Finished(2 if fails else 0, "", self._words if fails else "", 0, 0, 0, 0)


def test_a_kernel_with_netem_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    assert links.netem_refusal() is None
    assert kernel.commands == ["tc qdisc add dev lo root netem delay 1ms", "tc qdisc del dev lo root"]


@pytest.mark.parametrize(
    ("words", "is_absent"),
    [
        ("Error: Specified qdisc kind is unknown.\n", True),
        ("RTNETLINK answers: Operation not permitted\n", False),
        ("", False),
    ],
)
def test_a_kernel_without_netem_is_told_from_one_that_refuses_it(
    words: str, is_absent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(monkeypatch, refused="netem", words=words)
    refusal = links.netem_refusal()
    assert refusal == (words.strip() or "tc exited with 2")
    assert links.has_no_netem(refusal) is is_absent


def test_each_end_of_a_cable_is_shaped_in_its_own_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    assert links.shape(CABLE, has_netem=True) is None
    assert kernel.commands == [
        "nsenter --net=/proc/self/fd/71 tc qdisc add dev client-eth0 root netem delay 7ms loss 1%",
        "tc qdisc add dev gw-eth0 root netem delay 7ms loss 1%",
    ]


def test_a_link_that_netem_is_refused_for_does_not_stay_undelayed(monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch, refused="dev gw-eth0 root netem", words="RTNETLINK answers: No such file or directory")
    with pytest.raises(CannotRun, match=r"^the kernel refused to shape the link client-eth0 - gw-eth0: .*No such file"):
        links.shape(CABLE, has_netem=True)
