"""A network of numbers for tests: client - 6 routers - destination 7 hops and 45 ms away, that answers probes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from whodunet.diagnosis.probes import (
    Answer,
    Configuration,
    ConversationResult,
    Converse,
    LookAtWayOut,
    NotLooked,
    Probe,
    ReadConfiguration,
    Resolved,
    ResolveName,
    Result,
    Shoot,
    ShotResult,
    WayOut,
)
from whodunet.diagnosis.procedure import Procedure, diagnose
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.verdict import Verdict

CLIENT, GATEWAY, DESTINATION = "10.8.0.10", "10.8.0.1", "10.0.1.10"
HOPS, RTT_MS, HOP_MS = 7, 45.0, 2.0
ROUTERS = (GATEWAY, *(f"100.64.{number}.1" for number in range(2, HOPS)))
OWN_TTL = 64  # of a probe that is not limited
WAY = WayOut("unicast", "tun0", CLIENT, GATEWAY, mtu_bytes=1500)

Deed = Callable[[Shoot, int], tuple[Answer, ...] | None]  # a box at a hop: what it does to a packet; None: lets it pass


def rst(after_ms: float, ttl: int | None, *, acknowledges: bool = True, sender: str = DESTINATION) -> Answer:
    return Answer("rst", sender, after_ms, ttl, 0, acknowledges, 0)


def syn_ack(after_ms: float = RTT_MS, ttl: int | None = 65 - HOPS, window: int = 65160) -> Answer:
    return Answer("syn-ack", DESTINATION, after_ms, ttl, 0, True, window)


def icmp(sender: str, kind: int, code: int, after_ms: float = HOP_MS, ttl: int | None = 64) -> Answer:
    return Answer("icmp-error", sender, after_ms, ttl, 0, icmp=(kind, code))


def ping(after_ms: float = RTT_MS, ttl: int | None = 65 - HOPS) -> Answer:
    return Answer("echo-reply", DESTINATION, after_ms, ttl, 0)


@dataclass
class World:
    """What there is, and what was asked of it."""

    open_ports: frozenset[int] = frozenset({22, 443})
    answers_pings: bool = True
    box_hop: int = 1
    box: Deed | None = None  # behind the TTL check of its hop
    is_dead: bool = False  # the destination says nothing at all
    routers_speak: bool = True
    way: WayOut = WAY
    configuration: Configuration | NotLooked = field(default_factory=lambda: NotLooked("no ssh here"))
    resolved: Resolved | None = None
    talk: ConversationResult | None = None  # instead of what follows from the rest
    adjust: Callable[[Shoot, ShotResult], ShotResult] = lambda shot, result: result
    asked: list[Probe] = field(default_factory=list)

    def result(self, probe: Probe) -> Result:
        self.asked.append(probe)
        match probe:
            case ReadConfiguration():
                return self.configuration
            case ResolveName():
                return self.resolved or Resolved((DESTINATION,) if probe.family == "ipv4" else (), None, 1.0)
            case LookAtWayOut():
                return self.way
            case Shoot():
                return self.adjust(probe, ShotResult(self._answers(probe), left=True))
            case Converse():
                return self.talk or self._conversation(probe)

    def _answers(self, shot: Shoot) -> tuple[Answer, ...]:
        ttl = shot.ttl or OWN_TTL
        for hop in range(1, HOPS):
            if ttl <= hop:
                spoken = icmp(ROUTERS[hop - 1], 11, 0, HOP_MS + 7 * (hop - 1), 65 - hop)
                return (spoken,) if self.routers_speak else ()
            if hop == self.box_hop and self.box is not None:
                done = self.box(shot, ttl)
                if done is not None:
                    return done
        return self._destination(shot)

    def _destination(self, shot: Shoot) -> tuple[Answer, ...]:
        if self.is_dead:
            return ()
        if shot.kind == "echo":
            return (ping(),) if self.answers_pings else ()
        if shot.kind == "datagram":
            return (icmp(DESTINATION, 3, 3, RTT_MS, 65 - HOPS),) if self.answers_pings else ()
        return (syn_ack(),) if shot.port in self.open_ports else (rst(RTT_MS, 65 - HOPS),)

    def _conversation(self, probe: Converse) -> ConversationResult:
        first = self._answers(Shoot("syn", probe.address, probe.port))
        kinds = {answer.kind for answer in first if answer.acknowledges is not False}
        if "rst" in kinds:
            return ConversationResult("refused", None)
        if "syn-ack" in kinds:
            return ConversationResult("connected", RTT_MS, b"SSH-2.0-OpenSSH_9.2\r\n")
        return ConversationResult("unreachable" if kinds else "timed out", None)

    def carry_out(self, procedure: Procedure) -> Verdict:
        results: Sequence[Result] | None = None
        try:
            while True:
                probes = next(procedure) if results is None else procedure.send(tuple(results))
                results = [self.result(probe) for probe in probes]
        except StopIteration as ended:
            verdict = ended.value
            assert isinstance(verdict, Verdict)
            return verdict

    def diagnose(self, question: Question | None = None) -> Verdict:
        asked = question or Question(DESTINATION, 22, source_ports=(40001, 40002, 40003, 40004, 40005, 40006))
        return self.carry_out(diagnose(asked))


def for_port(port: int, *answers: Answer) -> Deed:
    """A box that answers for a port so, and lets all else pass."""
    return lambda shot, ttl: answers if shot.kind == "syn" and shot.port == port else None


def with_ttl(answer: Answer, ttl: int) -> Answer:
    return replace(answer, ttl=ttl)
