"""A seat tells an agent what a person at the client could know, and takes one verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from whodunet.agents import seat as seats
from whodunet.agents.mcp_server import server_of
from whodunet.agents.results import report_of
from whodunet.agents.seat import LONGEST_COMMAND_S, MOST_OUTPUT, Seat, SeatClosed
from whodunet.cases.lab import Capture
from whodunet.cases.scenario import Probe
from whodunet.evidence.observation import Observation
from whodunet.grader import CaseToGrade
from whodunet.grading.report import GradedCase
from whodunet.grading.scoring import Outcome
from whodunet.grading.submission import Submission
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library, find_scenario

CAPTURE = Path(__file__).parents[2] / "replay" / "data" / "vpn-egress-reset" / "capture.pcapng"
# Nothing of this may reach an agent.
TRUTH = ("egress-fw", "vpn-egress-reset", "refused, and the instance never heard of it", "Do not open port")
VERDICT = {
    "parties": ["first hop"],
    "causes": ["egress-reset"],
    "confidence": "high",
    "hops": {"nearest": 0, "farthest": 1},
}


@dataclass
class RecordedLab:
    """Has recorded what a lab of the reference case once did, and says of each command what it was told to."""

    says: str = ""
    lost: tuple[str, ...] = ()
    asked: list[Probe] = field(default_factory=list)

    def probe(self, name: str, probe: Probe) -> Observation:
        self.asked.append(probe)
        return Observation(name, probe.host, probe.command, 0, self.says, "and this\n", 0, 1_500_000_000)

    def baseline_rtt_ms(self) -> float | None:
        return 47.0

    @contextmanager
    def capture(self) -> Iterator[Capture]:
        yield Capture(CAPTURE, {}, {}, CAPTURE.stat().st_size, 0, 0)


@pytest.fixture(scope="session")
def case() -> CaseToGrade:
    """The reference case."""
    return CaseToGrade.of(find_scenario("vpn-egress-reset"), Library())


@pytest.fixture
def lab() -> RecordedLab:
    """Its lab, as it was once."""
    return RecordedLab()


@pytest.fixture
def seat(lab: RecordedLab, case: CaseToGrade, monkeypatch: pytest.MonkeyPatch) -> Seat:
    """A seat in it, for a minute."""
    monkeypatch.setattr(seats, "what_changed", lambda *_: "; ".join(lab.lost) or None)
    return Seat(cast(SandboxedLab, lab), case, 60)


def test_the_brief_tells_the_story_and_where_it_goes_and_nothing_of_the_truth(seat: Seat) -> None:
    assert "by the book your SYN is dropped" in seat.brief
    assert "The connection in question goes to 10.0.1.10, port 22." in seat.brief
    assert not [word for word in TRUTH if word in seat.brief]


def test_a_command_runs_on_the_client_and_no_longer_than_is_left(seat: Seat, lab: RecordedLab) -> None:
    lab.says = "this\n"
    outcome = seat.run("nc -z 10.0.1.10 22", time_limit_s=1000)
    assert (outcome.exit_status, outcome.output, outcome.took_s) == (0, "this\nand this\n", 1.5)
    [asked] = lab.asked
    assert (asked.host, asked.command) == ("client", "nc -z 10.0.1.10 22")
    assert asked.deadline_s <= 60 < LONGEST_COMMAND_S


def test_a_long_output_loses_its_middle_and_says_how_much(seat: Seat, lab: RecordedLab) -> None:
    lab.says = "a" * MOST_OUTPUT + "b" * MOST_OUTPUT
    output = seat.run("yes").output
    left_out = len(lab.says + "and this\n") - MOST_OUTPUT
    assert f"\n[... {left_out} characters left out ...]\n" in output
    assert output.startswith("a" * (MOST_OUTPUT // 2))
    assert output.endswith("b" * 100 + "and this\n")


def test_the_packets_are_those_of_the_client_alone_and_go_on_after_a_number(seat: Seat) -> None:
    first = seat.packets(most=3)
    following = seat.packets(after=first[-1].number, most=1)
    assert {packet.interface for packet in seat.packets(most=200)} <= {"client-eth0", "client-eth1"}
    assert [packet.number for packet in first] == sorted({packet.number for packet in first})
    assert following[0].number > first[-1].number
    assert len(following) == 1


def rst(seat: Seat) -> dict[str, object]:
    """The first RST that came in, as an agent would cite it."""
    packets = (packet for packet in seat.packets(most=200) if packet.tcp and "R" in packet.tcp.flags)
    return cast(dict[str, object], json.loads(next(packets).model_dump_json()))


def test_a_right_verdict_with_the_packet_that_proves_it_is_exact_and_proven(seat: Seat) -> None:
    verdict = VERDICT | {"evidence": [{"signal": "return-ttl", "packets": [rst(seat)]}]}
    seat.submit(Submission.model_validate(verdict))
    graded = seat.result()
    assert graded.score is not None
    assert (graded.score.party.outcome, graded.score.cause.outcome) == (Outcome.EXACT, Outcome.EXACT)
    assert graded.proof.holds
    assert graded.cost is not None
    assert graded.cost.packets_sent > 0


def test_a_packet_that_was_never_seen_proves_nothing(seat: Seat) -> None:
    made_up = rst(seat) | {"ip": {"source": "10.0.1.10", "destination": "10.8.0.10", "ttl": 63}}
    seat.submit(Submission.model_validate(VERDICT | {"evidence": [{"packets": [made_up]}]}))
    assert seat.result().proof.found == 0


def test_one_verdict_is_taken_and_nothing_can_be_asked_after_it(seat: Seat) -> None:
    seat.submit(Submission.model_validate(VERDICT))
    for ask in (lambda: seat.run("id"), seat.packets, lambda: seat.submit(Submission.model_validate(VERDICT))):
        with pytest.raises(SeatClosed, match="the verdict is in"):
            ask()


def test_when_the_time_is_over_nothing_is_taken_any_more(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: float("inf"))
    with pytest.raises(SeatClosed, match="the time is over: 1 minutes"):
        seat.submit(Submission.model_validate(VERDICT))


def test_who_submits_nothing_has_no_verdict(seat: Seat) -> None:
    graded = seat.result()
    assert graded.no_verdict == "nothing was submitted"
    assert graded.score is not None
    assert graded.score.party.outcome is Outcome.NO_VERDICT


def test_a_case_that_has_changed_has_no_score(seat: Seat, lab: RecordedLab) -> None:
    lab.lost = ("sshd has ended",)
    seat.submit(Submission.model_validate(VERDICT))
    assert (seat.result().invalid, seat.result().score) == ("sshd has ended", None)


def test_results_are_a_report_as_grading_tools_gives_it(seat: Seat) -> None:
    report = report_of("a model", [seat.result()])
    assert (report.tool, report.title, [type(each) for each in report.cases]) == ("agent", "a model", [GradedCase])


# Over the Model Context Protocol.


def text_of(result: CallToolResult) -> str:
    return "".join(each.model_dump_json() for each in result.content) + json.dumps(result.structured_content)


def test_an_agent_investigates_and_submits_over_the_protocol_and_is_told_nothing_of_the_truth(
    seat: Seat, lab: RecordedLab
) -> None:
    told: list[str] = []

    async def investigate() -> None:
        async with Client(server_of(seat)) as agent:
            tools = (await agent.list_tools()).tools
            assert {tool.name for tool in tools} == {"story", "run", "packets", "causes", "submit"}
            told.extend(tool.model_dump_json() for tool in tools)
            for name, arguments in (
                ("story", {}),
                ("run", {"command": "nc -v -z 10.0.1.10 22"}),
                ("packets", {"most": 200}),
                ("causes", {}),
                ("submit", {"verdict": VERDICT}),
            ):
                result = await agent.call_tool(name, arguments)
                assert not result.is_error, result
                told.append(text_of(result))
            late = await agent.call_tool("run", {"command": "id"})
            assert late.is_error
            assert "the verdict is in" in text_of(late)

    anyio.run(investigate)

    assert [probe.command for probe in lab.asked] == ["nc -v -z 10.0.1.10 22"]
    assert not [word for word in TRUTH if word in "".join(told)]
    score = seat.result().score
    assert score is not None
    assert score.party.outcome is Outcome.EXACT


@pytest.mark.parametrize("verdict", [{}, {"parties": ["the moon"]}, {"parties": [], "confidence": "certain"}])
def test_a_verdict_that_makes_no_sense_is_refused_with_its_place_and_may_be_given_again(
    seat: Seat, verdict: dict[str, object]
) -> None:
    async def submit() -> None:
        async with Client(server_of(seat)) as agent:
            refused = await agent.call_tool("submit", {"verdict": verdict})
            assert refused.is_error
            assert "parties" in text_of(refused) or "confidence" in text_of(refused)
            assert not (await agent.call_tool("submit", {"verdict": VERDICT})).is_error

    anyio.run(submit)
