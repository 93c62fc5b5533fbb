"""What the tool files make of words that the tools really said: each was run on the client of five cases, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from whodunet import catalogue
from whodunet.diagnosis.verdict import Party
from whodunet.evidence.observation import Observation
from whodunet.grading.submission import by_patterns
from whodunet.loading.library import Library
from whodunet.loading.tool_files import read_tool

SAID = Path(__file__).parents[2] / "data" / "tool_output"
CASES = ("vpn-egress-reset", "sshd-down", "egress-drop", "security-group-drop", "egress-icmp-refused")

NOBODY: Final = frozenset[Party]()
DESTINATION: Final = frozenset({Party.DESTINATION})
ON_THE_WAY: Final = frozenset({Party.FIRST_HOP, Party.PATH, Party.CLOUD_EDGE})
WAY_ON: Final = frozenset({Party.PATH, Party.CLOUD_EDGE})
FIRST_HOP: Final = frozenset({Party.FIRST_HOP})

# By tool, in the order of CASES: whom its words blame, with the hop that they name.
BLAMED: Final[dict[str, tuple[tuple[frozenset[Party], int | None], ...]]] = {
    # errno alone: who refuses is the destination, and nobody is silent
    "ssh": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (DESTINATION, None)),
    "curl": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (DESTINATION, None)),
    "nmap": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (ON_THE_WAY, None)),
    # the last hop that let it through: the client itself, in front of which the firewall is; and three
    "nmap-firewalk": (
        (DESTINATION, None),
        (DESTINATION, None),
        (frozenset({Party.THIS_MACHINE}), 0),
        (WAY_ON, 3),
        (NOBODY, None),
    ),
    "nmap-qscan": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (NOBODY, None)),
    "tcptraceroute": ((DESTINATION, 1), (DESTINATION, 7), (NOBODY, None), (NOBODY, 3), (FIRST_HOP, 1)),
    "traceroute-tcp": ((DESTINATION, 1), (DESTINATION, 7), (NOBODY, None), (NOBODY, 3), (NOBODY, None)),
    "mtr-tcp": ((NOBODY, None),) * 5,
    "hping3": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (ON_THE_WAY, None)),
    "nping": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (ON_THE_WAY, None)),
    "scamper": ((DESTINATION, 1), (DESTINATION, 7), (NOBODY, None), (NOBODY, 3), (NOBODY, None)),
    "lft": ((DESTINATION, 1), (DESTINATION, 7), (NOBODY, None), (NOBODY, 3), (FIRST_HOP, 1)),
    "tshark": ((DESTINATION, None), (DESTINATION, None), (NOBODY, None), (NOBODY, None), (NOBODY, None)),
    "netverdict": (
        (DESTINATION | {Party.SERVICE}, None),
        (DESTINATION | {Party.SERVICE}, None),
        (ON_THE_WAY | DESTINATION, None),
        (ON_THE_WAY | DESTINATION, None),
        (NOBODY, None),
    ),
}
NOT_MEASURED: Final = {"trippy", "nc"}  # Debian 12 does not have the one; the other's words are a scenario's


@pytest.fixture(scope="session")
def library() -> Library:
    """What tool files refer to."""
    return Library()


@pytest.mark.parametrize("tool", BLAMED)
def test_a_tool_blames_whom_its_own_words_blame(tool: str, library: Library) -> None:
    read = read_tool(catalogue.folder("tools") / f"{tool}.yaml", library.taxonomy)
    assert read.patterns is not None
    found = []
    for case in CASES:
        text = (SAID / tool / f"{case}.txt").read_text(encoding="utf-8")
        observation = Observation(tool, "client", read.command, 1, text, "", 0, 0)
        verdict = by_patterns(read.patterns, observation, library.causes())
        found.append((verdict.parties, verdict.interval.nearest if verdict.interval else None))
    assert found == list(BLAMED[tool])


@pytest.mark.parametrize(
    ("tool", "box"), [("nmap", "10.8.0.1"), ("hping3", "10.8.0.1"), ("nping", "10.8.0.1"), ("lft", "10.8.0.1")]
)
def test_a_tool_that_tells_who_sent_an_error_has_told_the_box(tool: str, box: str, library: Library) -> None:
    read = read_tool(catalogue.folder("tools") / f"{tool}.yaml", library.taxonomy)
    text = (SAID / tool / "egress-icmp-refused.txt").read_text(encoding="utf-8")
    observation = Observation(tool, "client", read.command, 0, text, "", 0, 0)
    assert by_patterns(read.patterns or (), observation, library.causes()).box == box


def test_each_tool_that_is_read_by_its_words_has_been_measured() -> None:
    files = catalogue.folder("tools").glob("*.yaml")
    by_words = {path.stem for path in files if "patterns:" in path.read_text(encoding="utf-8")}
    assert by_words == BLAMED.keys() | NOT_MEASURED
