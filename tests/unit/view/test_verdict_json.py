"""The published form of a verdict: stable keys, a schema that says the same, and everything a grader needs."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

from whodunet.diagnosis.verdict import SCHEMA_VERSION, Citation, Cost, HopInterval, Party, Verdict
from whodunet.evidence.symptom import Symptom
from whodunet.view.verdict_json import PublishedVerdict, published, verdict_schema

SCHEMA = Path(__file__).parents[3] / "docs/verdict.schema.json"


def verdict(case: ModuleType) -> Verdict:
    _, rst = (each for each in case.reference_packets()[:4] if each.point == "client-eth0")
    parties, causes = frozenset({Party.PATH, Party.FIRST_HOP}), frozenset({"path-reset", "egress-reset"})
    citations = (Citation("return-ttl", "its sender is 1 hop away", (rst,), "RFC 791"),)
    hops, cost = HopInterval(1, 2), Cost(2.5, 42, 1, True)
    return Verdict(
        "box", 22, "ipv4", Symptom.REFUSED, parties, causes, None, hops, "10.8.0.1", "high", "A box.", citations,
        cost=cost,
    )  # fmt: skip


def test_it_says_all_of_the_verdict_in_an_order_that_stays(case: ModuleType) -> None:
    said = json.loads(published(verdict(case)).model_dump_json())
    assert said["schema_version"] == SCHEMA_VERSION
    assert (said["host"], said["port"], said["symptom"]) == ("box", 22, "refused")
    assert said["parties"] == ["first hop", "path"]
    assert said["causes"] == ["egress-reset", "path-reset"]
    assert said["hops"] == {"nearest": 1, "farthest": 2}
    assert said["cost"] == {"took_s": 2.5, "packets_sent": 42, "full_handshakes": 1, "is_privileged": True}
    assert set(said) == {"schema_version", *Verdict.__dataclass_fields__}


def test_a_cited_packet_can_be_found_in_a_capture(case: ModuleType) -> None:
    (packet,) = json.loads(published(verdict(case)).model_dump_json())["evidence"][0]["packets"]
    assert (packet["interface"], packet["direction"]) == ("client-eth0", "in")
    assert packet["ip"] == {"source": "10.0.1.10", "destination": "10.8.0.10", "ttl": 64, "id": 0}
    assert packet["tcp"]["flags"] == "R."
    assert packet["tcp"]["ack"] == 1001
    assert packet["icmp"] is None
    assert "10.0.1.10.22 > 10.8.0.10.50000: Flags [R.], seq 0, ack 1001" in packet["shown"]


def test_it_can_be_read_again(case: ModuleType) -> None:
    said = published(verdict(case))
    assert PublishedVerdict.model_validate_json(said.model_dump_json()) == said


def test_a_tool_of_somebody_elses_need_say_no_more_than_what_and_who() -> None:
    least = {"host": "box", "port": 22, "family": "ipv4", "symptom": "refused", "parties": []}
    assert PublishedVerdict.model_validate(least).confidence == "medium"
    required = verdict_schema()["required"]
    assert isinstance(required, list)
    assert sorted(map(str, required)) == sorted(least)


def test_the_schema_of_the_docs_is_what_the_command_prints() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == verdict_schema(), (
        "whodunet schema verdict > docs/verdict.schema.json"
    )
