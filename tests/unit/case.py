"""A small case for tests: client - firewall - router - instance, 40 ms of path, packets in one line each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel

from whodunet.cases.evidence_fields import claim_model, own
from whodunet.cases.fault import Fault
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import (
    Answer,
    CauseBehind,
    Claims,
    EvidenceClaim,
    Probe,
    Question,
    Scenario,
    Setup,
    Staging,
    SymptomClaim,
)
from whodunet.evidence.capture_summary import CaptureSummary
from whodunet.evidence.observation import Observation, Phase, Run
from whodunet.evidence.packets import CapturedPacket, Flow, Icmp, Ip, Tcp
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.symptoms import Symptom, SymptomReading
from whodunet.evidence.topology import Interface, Link, Node, Topology
from whodunet.evidence.trails import trails_of

CLIENT, INSTANCE = "10.8.0.10", "10.0.1.10"
CLIENT_V6, INSTANCE_V6 = "fd00:8::10", "fd00:1::10"
MS = 1_000_000
T0 = 1_700_000_000_000 * MS
CLOCK_OFFSET_NS = T0 - 3_600_000 * MS  # the machine was started an hour before
REFUSED = f"ssh: connect to host {INSTANCE} port 22: Connection refused\r\n"
POINTS = ("client-eth0", "fw-eth0", "fw-eth1", "r1-eth0", "r1-eth1", "instance-eth0")


def topology() -> Topology:
    """client-eth0 = fw-eth0, fw-eth1 = r1-eth0 (20 ms), r1-eth1 = instance-eth0; the firewall is a switch."""
    addresses = {
        "client-eth0": (f"{CLIENT}/24", f"{CLIENT_V6}/64"),
        "r1-eth0": ("10.8.0.1/24", "fd00:8::1/64"),
        "instance-eth0": (f"{INSTANCE}/24", f"{INSTANCE_V6}/64"),
    }
    interfaces = {name: Interface(name, name.split("-")[0], addresses.get(name, ())) for name in POINTS}
    nodes = {name: Node(name, name, is_switch=name == "fw") for name in ("client", "fw", "r1", "instance")}
    links = (
        Link(("client-eth0", "fw-eth0")),
        Link(("fw-eth1", "r1-eth0"), delay_ms=20),
        Link(("r1-eth1", "instance-eth0")),
    )
    return Topology("small", nodes, interfaces, links, ("client", INSTANCE))


def tcp(
    flags: str, *, answer: bool = False, port: int = 50000, ip_id: int = 1, version: Literal[4, 6] = 4, **fields: Any
) -> dict[str, Any]:
    """A TCP packet's headers, from the client to port 22 of the instance, or the other way round."""
    client, instance = (CLIENT, INSTANCE) if version == 4 else (CLIENT_V6, INSTANCE_V6)
    ends = [(client, port), (instance, 22)]
    (source, sport), (destination, dport) = reversed(ends) if answer else ends
    payload = fields.pop("payload", b"")
    seq, ack = fields.pop("seq", 1000), fields.pop("ack", 0)
    return {
        "ip": Ip(source, destination, fields.pop("ttl", 64), ip_id, 6, 40 + len(payload), version=version),
        "tcp": Tcp(sport, dport, flags, seq, ack, 64240, payload, len(payload)),
    }


def admin_prohibited(port: int = 50000) -> dict[str, Any]:
    """The router's ICMP error about the client's packet."""
    quoted = Flow.between(6, (CLIENT, port), (INSTANCE, 22))
    return {"ip": Ip("10.8.0.1", CLIENT, 64, 7, 1, 56), "icmp": Icmp(3, 13, quoted=quoted)}


def seen(headers: Mapping[str, Any], at_ms: float, *places: str) -> Iterator[CapturedPacket]:
    """The packet at each place, 10 us apart: "client-eth0 out", or "r1-eth1 out ttl 63"."""
    for number, place in enumerate(places):
        point, direction, *ttl = place.split()
        ip: Ip = headers["ip"]
        changed = dict(headers)
        if ttl:
            changed["ip"] = replace(ip, ttl=int(ttl[1]))
        time_ns = T0 + round(at_ms * MS) + number * 10_000
        yield CapturedPacket(point, time_ns, direction, "aa", "bb", 60, **changed)  # type: ignore[arg-type]


TO_FIREWALL = ("client-eth0 out", "fw-eth0 in")
FROM_FIREWALL = ("fw-eth0 out", "client-eth0 in")
WHOLE_WAY = (*TO_FIREWALL, "fw-eth1 out", "r1-eth0 in", "r1-eth1 out ttl 63", "instance-eth0 in ttl 63")
WHOLE_WAY_BACK = (
    "instance-eth0 out",
    "r1-eth1 in",
    "r1-eth0 out ttl 63",
    "fw-eth1 in ttl 63",
    "fw-eth0 out ttl 63",
    "client-eth0 in ttl 63",
)


def reference_packets() -> list[CapturedPacket]:
    """The firewall resets in the faulty phase (from 0 ms); from 10 s on, repaired, the instance answers."""
    return [
        *seen(tcp("S"), 10, *TO_FIREWALL),
        *seen(tcp("R.", answer=True, seq=0, ack=1001, ip_id=0), 12, *FROM_FIREWALL),
        *seen(tcp("S", port=50001), 10_010, *WHOLE_WAY),
        *seen(tcp("S.", answer=True, port=50001, seq=7000, ack=1001, ip_id=0), 10_051, *WHOLE_WAY_BACK),
    ]


def packets_refused_twice() -> list[CapturedPacket]:
    """The firewall resets once more, at 20 s, as if the fault had not been taken out."""
    return [
        *reference_packets(),
        *seen(tcp("S", port=50002), 20_010, *TO_FIREWALL),
        *seen(tcp("R.", answer=True, port=50002, seq=0, ack=1001, ip_id=0), 20_012, *FROM_FIREWALL),
    ]


def observation(
    *, status: int | None = 255, stderr: str = REFUSED, stdout: str = "", start_ms: float = 0, end_ms: float = 100,
    failure: str | None = None,
) -> Observation:  # fmt: skip
    """What came of `ssh` on the client."""
    times = (T0 + round(start_ms * MS), T0 + round(end_ms * MS))
    witnessed = (time - CLOCK_OFFSET_NS for time in times)
    return Observation("ssh", "client", f"ssh {INSTANCE} true", status, stdout, stderr, *times, failure, *witnessed)


def run(faulty: Observation | None = None, repaired: Observation | None = None, **fields: Any) -> Run:
    """A run of the case, borne out by `reference_packets` unless told otherwise."""
    rtt_ms = fields.pop("baseline_rtt_ms", 41.0)
    failure = fields.pop("failure", None)
    settled_ns, waited_ms = fields.pop("settled_ns", None), fields.pop("baseline_waited_ms", None)
    proofs = ("priority=100,tcp,tp_dst=22 actions=CONTROLLER",)
    after = repaired or observation(status=0, stderr="", start_ms=10_000, end_ms=10_300)
    phases = (
        Phase("faulty", {"ssh": faulty or observation()}, proofs, rtt_ms, failure, settled_ns, waited_ms),
        Phase("repaired", {"ssh": after}, ("no entry for tcp/22",), rtt_ms),
    )
    fields.setdefault("capture", CaptureSummary(clock_offset_ns=CLOCK_OFFSET_NS))
    return Run("reference", "small", phases, **fields)


def claim(**fields: Any) -> EvidenceClaim:
    """A claim about the packets of `ssh`, which says what a file would."""
    said = {key: value.model_dump() if isinstance(value, BaseModel) else value for key, value in fields.items()}
    return claim_model(own()).model_validate_json(json.dumps({"probe": "ssh", **said}))


REFERENCE_EVIDENCE = (
    claim(packet="SYN", seen_at=("client-eth0",), last_seen_at="fw-eth0", not_seen_at=("instance-eth0",)),
    claim(packet="RST", first_seen_at="fw-eth0", ttl={"client-eth0": 64}, acknowledges="SYN"),
)


def scenario(*evidence: EvidenceClaim, faults: bool = True, output: str = "Connection refused") -> Scenario:
    """The case with that evidence in the faulty phase."""
    question = Question(
        name="reference",
        title="refused by someone else",
        story="The security group has no entry, and ssh is refused.",
        topology="small",
        vantage="client",
        probes={"ssh": Probe(host="client", command=f"ssh {INSTANCE} true")},
    )
    faulty = Claims(symptoms={"ssh": SymptomClaim(symptom=Symptom.REFUSED, output=(output,))}, evidence=evidence)
    repaired = Claims(symptoms={"ssh": SymptomClaim(symptom=Symptom.CONNECTED)})
    staging = Staging(setup=Setup(), faults=(Fault(kind="firewall-rule"),) if faults else ())
    answer = Answer(cause="egress-reset", culprit="fw", faulty=faulty, repaired=repaired)
    return Scenario(question=question, staging=staging, answer=answer)


def two_faults() -> Scenario:
    """The case with a second fault behind the first: what the firewall refused times out then."""
    one = scenario()
    shown = Claims(symptoms={"ssh": SymptomClaim(symptom=Symptom.TIMED_OUT)})
    behind = CauseBehind(cause="security-group-empty", culprit="instance", shown=shown)
    staging = Staging(setup=Setup(), faults=(*one.staging.faults, Fault(kind="security-group-inbound")))
    answer = one.answer.model_copy(update={"behind": (behind,)})
    return one.model_copy(update={"answer": answer, "staging": staging})


def recording(whole: Scenario, run_: Run | None = None, packets: Iterable[CapturedPacket] | None = None) -> Recording:
    """The case, judged by a run and a capture: those that bear it out, unless told otherwise."""
    seen_packets = reference_packets() if packets is None else packets
    return Recording.judged(whole, topology(), run_ or run(), seen_packets)


def left(
    packets: Iterable[CapturedPacket],
    of: Topology | None = None,
    symptom: Symptom = Symptom.REFUSED,
    **fields: Any,
) -> ProbeEvidence:
    """What a probe left whose packets these are, all of them."""
    fields.setdefault("baseline_rtt_ms", 41.0)
    where = of or topology()
    return ProbeEvidence(observation(), SymptomReading(symptom), trails_of(packets, where), where, **fields)
