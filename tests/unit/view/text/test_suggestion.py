"""Proposed evidence is YAML that a scenario takes as it is."""

from __future__ import annotations

import json
from typing import Final

import yaml

from whodunet.cases.evidence_fields import claim_model, own
from whodunet.cases.references import References
from whodunet.cases.scenario import EvidenceClaim
from whodunet.loading.library import Library
from whodunet.view.text.suggestion import render_suggestion

KNOWN: Final = References(Library().topology("corporate_vpn"))
CLAIM: Final = claim_model(own())


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


def test_what_a_fault_hid_is_a_list_below_behind() -> None:
    text = render_suggestion(
        {"faulty": [RST], "first removed": [SYN], "second removed": [RST, SYN], "repaired": [SYN]}, KNOWN
    )
    pasted = yaml.safe_load(text)
    assert [len(each["evidence"]) for each in pasted["behind"]] == [1, 2]
    assert len(pasted["repaired"]["evidence"]) == 1
    assert max(map(len, text.splitlines())) <= 80


def test_both_phases_are_keys_of_an_answer() -> None:
    text = render_suggestion({"faulty": [RST], "repaired": [SYN]}, KNOWN)
    pasted = yaml.safe_load(f"answer:\n  cause: egress-reset\n{text}")["answer"]
    assert pasted == yaml.safe_load(text) | {"cause": "egress-reset"}
    (faulty,), (repaired,) = pasted["evidence"], pasted["repaired"]["evidence"]
    assert faulty == {
        "probe": "ssh",
        "packet": "RST",
        "first_seen_at": "egress-fw.inside",
        "ttl": {"client.vpn": "as sent by egress-fw"},
        "after": {"packet": "SYN", "at": "client.vpn", "below_rtt": 0.5},
        "acknowledges": "SYN",
    }
    assert repaired == {"probe": "ssh", "packet": "SYN", "last_seen_at": "instance.nic"}


def test_a_ttl_that_its_sender_does_not_explain_stays_a_number() -> None:
    other = claim("{probe: ssh, packet: RST, ttl: {client-eth0: 63}}")
    assert yaml.safe_load(render_suggestion({"faulty": [other]}, KNOWN))["evidence"][0]["ttl"] == {"client.vpn": 63}


def test_its_lines_fit_80_columns() -> None:
    assert max(map(len, render_suggestion({"faulty": [RST], "repaired": [RST]}, KNOWN).splitlines())) <= 80


def test_a_phase_without_claims_has_an_empty_list_and_one_that_is_not_claimed_no_key() -> None:
    assert yaml.safe_load(render_suggestion({"faulty": ()}, KNOWN)) == {"evidence": []}


def test_no_name_is_broken_across_lines() -> None:
    text = render_suggestion({"faulty": [REPLY], "repaired": [REPLY]}, KNOWN)
    assert text.count("ICMP echo request") == 2
    (claim,) = yaml.safe_load(text)["evidence"]
    assert (claim["packet"], claim["ttl"]) == ("ICMP echo reply", {"client.vpn": "as sent by instance"})
    assert max(map(len, text.splitlines())) <= 80
