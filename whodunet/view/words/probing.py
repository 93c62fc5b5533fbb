"""What a diagnosis is looking at, in a few words while it does."""

from __future__ import annotations

from collections.abc import Sequence

from whodunet.diagnosis.probes import Converse, LookAtWayOut, Probe, ReadConfiguration, ResolveName, Shoot
from whodunet.phrases import listed


def in_progress(probes: Sequence[Probe]) -> str:
    """What is looked at now: "sends 3 SYNs, 1 ping to 10.0.1.10"."""
    shots = [probe for probe in probes if isinstance(probe, Shoot)]
    doing = [_looks(probe) for probe in probes if not isinstance(probe, Shoot)]
    doing += [_shoots(shots)] if shots else []
    return "; ".join(dict.fromkeys(filter(None, doing)))


def _looks(probe: Probe) -> str:
    match probe:
        case ResolveName():
            return f"asks about the name {probe.name}"
        case ReadConfiguration():
            return "reads the configuration of ssh and proxies"
        case LookAtWayOut():
            return f"looks at the way out to {probe.address}"
        case Converse():
            speech = " with TLS" if probe.tls_name is not None else ""
            return f"connects to {probe.address} port {probe.port}{speech}"
        case Shoot():
            return ""


def _shoots(shots: Sequence[Shoot]) -> str:
    names = {"syn": ("SYN", "SYNs"), "echo": ("ping", "pings"), "datagram": ("datagram", "datagrams")}
    counts = {kind: sum(shot.kind == kind for shot in shots) for kind in names}
    told = [f"{count} {names[kind][count > 1]}" for kind, count in counts.items() if count]
    limited = [shot.ttl for shot in shots if shot.ttl is not None]
    reach = f", up to {max(limited)} hops far" if limited else ""
    return f"sends {listed(told)} to {shots[0].address}{reach}"
