"""Proposed evidence is YAML that a scenario takes as it is."""

from __future__ import annotations

import json

import yaml

from whodunet.cases.evidence_fields import claim_model, own
from whodunet.cases.scenario import EvidenceClaim
from whodunet.view.suggestion import render_suggestion

CLAIM = claim_model(own())


def claim(text: str) -> EvidenceClaim:
    return CLAIM.model_validate_json(json.dumps(yaml.safe_load(text)))


RST = claim("""
    {probe: ssh, packet: RST, first_seen_at: egress-fw-eth1, ttl: {client-eth0: 64},
     after: {packet: SYN, at: client-eth0, below_rtt: 0.5}, acknowledges: SYN}
""")
REPLY = claim("""
    {probe: ping, packet: ICMP echo reply, first_seen_at: instance-eth0, ttl: {client-eth0: 58},
     after: {packet: ICMP echo request, at: client-eth0, above_rtt: 0.9}}
""")
SYN = claim("{probe: ssh, packet: SYN, last_seen_at: instance-eth0}")


def test_both_phases_are_keys_of_an_answer() -> None:
    text = render_suggestion({"faulty": [RST], "repaired": [SYN]})
    pasted = yaml.safe_load(f"answer:\n  cause: egress-reset\n{text}")["answer"]
    assert pasted == yaml.safe_load(text) | {"cause": "egress-reset"}
    read = [claim(yaml.safe_dump(said)) for said in (*pasted["evidence"], *pasted["repaired"]["evidence"])]
    assert read == [RST, SYN]


def test_its_lines_fit_80_columns() -> None:
    assert max(map(len, render_suggestion({"faulty": [RST], "repaired": [RST]}).splitlines())) <= 80


def test_a_phase_without_claims_has_an_empty_list_and_one_that_is_not_claimed_no_key() -> None:
    assert yaml.safe_load(render_suggestion({"faulty": ()})) == {"evidence": []}


def test_no_name_is_broken_across_lines() -> None:
    text = render_suggestion({"faulty": [REPLY], "repaired": [REPLY]})
    assert text.count("ICMP echo request") == 2
    assert yaml.safe_load(text)["evidence"] == [REPLY.model_dump(exclude_defaults=True)]
    assert max(map(len, text.splitlines())) <= 80
