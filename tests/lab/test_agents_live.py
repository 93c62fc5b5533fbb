"""An agent investigates in a real lab over the Model Context Protocol, as its host speaks it."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from whodunet.grading.report import GradedCase, from_json
from whodunet.grading.scoring import Outcome


def graded_agent(scenario: str, party: str, result: Path) -> GradedCase:
    """What came of an agent that runs nc, cites the first RST that came, and blames this party."""

    async def investigate() -> None:
        command = str(Path(sys.executable).with_name("whodunet"))
        server = StdioServerParameters(command=command, args=["mcp", scenario, "--result", str(result)])
        async with stdio_client(server) as (receive, send), ClientSession(receive, send) as agent:
            assert "The connection in question goes to 10.0.1.10" in ((await agent.initialize()).instructions or "")
            ran = await agent.call_tool("run", {"command": "nc -v -z -w 3 10.0.1.10 22"})
            assert ran.structured_content is not None
            assert "Connection refused" in ran.structured_content["output"]
            seen = await agent.call_tool("packets", {})
            assert seen.structured_content is not None
            rst = next(
                each for each in seen.structured_content["result"] if each["tcp"] and "R" in each["tcp"]["flags"]
            )
            verdict = {"parties": [party], "confidence": "high", "evidence": [{"packets": [rst]}]}
            assert not (await agent.call_tool("submit", {"verdict": verdict})).is_error

    anyio.run(investigate)
    [case] = from_json(result.read_bytes(), str(result)).cases
    return case


def test_an_agent_is_graded_by_who_really_refused_it(tmp_path: Path) -> None:
    """The words on the screen are the same; the packet that it cites proves the one and not the other."""
    refused_by_the_firewall = graded_agent("vpn-egress-reset", "first hop", tmp_path / "one.json")
    blamed_without_reason = graded_agent("sshd-down", "first hop", tmp_path / "other.json")

    assert refused_by_the_firewall.score is not None
    assert refused_by_the_firewall.score.party.outcome is Outcome.EXACT
    assert refused_by_the_firewall.proof.holds
    assert blamed_without_reason.score is not None
    assert blamed_without_reason.score.party.outcome is Outcome.WRONG_WITH_CONFIDENCE
