"""Shaped links: netem where the kernel has it, the emulator where not, and a refusal is never swallowed."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Link
from whodunet.lab import links, processes
from whodunet.lab.links import Cable, End
from whodunet.lab.processes import Finished
from whodunet.lab.spare import Spare

LINK = Link(("client-eth0", "gw-eth0"), delay_ms=7, loss_pct=1)
ENDS = (
    End("client-eth0", "02:00:00:00:00:01", 71, "link0~0"),
    End("gw-eth0", "02:00:00:00:00:02", None, "link0~1"),
)
CABLE = Cable(LINK, ENDS)


class Kernel:
    """Carries out lines for tc in place of the kernel; the one that has `refused` in it fails with its words."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: str = "", words: str = "") -> None:
        self.lines: list[str] = []
        self._refused, self._words = refused, words
        monkeypatch.setattr(links, "run", self.run)
        monkeypatch.setattr(processes, "run", self.run)

    def run(self, arguments: Sequence[str], deadline_s: float, stdin: str, *_: object) -> Finished:
        assert arguments in (["tc", "-batch", "-"], ["tc", "-force", "-batch", "-"])
        for line in stdin.splitlines():
            if self._refused and self._refused in line:
                return Finished(1, "", self._words, 0, 0, 0, 0)
            self.lines.append(line)
        return Finished(0, "", "", 0, 0, 0, 0)


@pytest.fixture
def emulators() -> Iterator[socket.socket]:
    """The lab's end of the socket to an emulator that waits."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def test_a_kernel_with_netem_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    assert links.netem_refusal() is None
    put, taken = ([line for line in kernel.lines if line.startswith(f"qdisc {verb} ")] for verb in ("add", "del"))
    assert [line.split()[2:5] for line in put] == [line.split()[2:5] for line in taken]
    assert len(put) == 2


@pytest.mark.parametrize(
    ("words", "is_absent"),
    [
        ("Error: Specified qdisc kind is unknown.\nCommand failed -:1\n", True),
        ("RTNETLINK answers: Operation not permitted\n", False),
        ("", False),
    ],
)
def test_a_kernel_without_netem_is_told_from_one_that_refuses_it(
    words: str, is_absent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(monkeypatch, refused="netem", words=words)
    refusal = links.netem_refusal()
    assert refusal == (words.partition("\n")[0] or "tc exited with 1")
    assert links.has_no_netem(refusal) is is_absent


def test_netem_that_cannot_be_put_between_two_ends_is_none_and_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, refused="mirred", words="Error: TC classifier not found.\nCommand failed -:2\n")
    assert links.netem_refusal() == "Error: TC classifier not found."
    assert kernel.lines[-2:] == ["qdisc del dev lo root", "qdisc del dev lo ingress"]


def test_netem_sits_between_the_ends_and_what_one_middle_receives_the_other_sends(
    monkeypatch: pytest.MonkeyPatch, emulators: socket.socket
) -> None:
    kernel = Kernel(monkeypatch)
    assert links.shape([CABLE], True, Spare(0, emulators)) is None
    assert emulators.fileno() == -1  # it is not waited for any more
    redirect = "protocol all u32 match u32 0 0 action mirred egress redirect"
    assert kernel.lines == [
        "qdisc add dev link0~0 root netem delay 7ms loss 1%",
        "qdisc add dev link0~1 root netem delay 7ms loss 1%",
        "qdisc add dev link0~0 ingress",
        f"filter add dev link0~0 parent ffff: {redirect} dev link0~1",
        "qdisc add dev link0~1 ingress",
        f"filter add dev link0~1 parent ffff: {redirect} dev link0~0",
    ]


def test_only_a_shaped_link_of_netem_has_middles() -> None:
    assert links.veth_commands(CABLE, has_netem=True) == [
        "link add name client-eth0 address 02:00:00:00:00:01 netns /proc/self/fd/71 type veth peer name link0~0",
        "link add name gw-eth0 address 02:00:00:00:00:02 type veth peer name link0~1",
        "link set dev link0~0 up",
        "link set dev link0~1 up",
    ]
    assert links.veth_commands(CABLE, has_netem=False) == []
    plain = Cable(Link(LINK.ends), ENDS)
    for has_netem in (True, False):
        (pair,) = links.veth_commands(plain, has_netem)
        assert pair.endswith(" type veth peer name gw-eth0 address 02:00:00:00:00:02")


@pytest.mark.parametrize(
    ("link", "options"),
    [
        (replace(LINK, jitter_ms=2), "delay 7ms 2ms loss 1% rate 10gbit"),
        (replace(LINK, jitter_ms=2, rate_mbit=5), "delay 7ms 2ms loss 1% rate 5mbit"),
        (replace(LINK, rate_mbit=5), "delay 7ms loss 1% rate 5mbit"),
    ],
)
def test_jitter_never_comes_without_a_rate_that_keeps_packets_in_order(link: Link, options: str) -> None:
    assert " ".join(links.netem_options(link)) == options


def test_a_link_that_netem_is_refused_for_does_not_stay_undelayed(
    monkeypatch: pytest.MonkeyPatch, emulators: socket.socket
) -> None:
    kernel = Kernel(monkeypatch, refused="dev link0~1 root netem", words="RTNETLINK answers: No such file or directory")
    with pytest.raises(CannotRun, match=r"^the kernel refused to shape the link client-eth0 - gw-eth0: .*No such file"):
        links.shape([CABLE], True, Spare(0, emulators))
    assert not [line for line in kernel.lines if "redirect" in line]
