"""`truth RUN --packets`: who really sent each packet of a record, and where it ended."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from whodunet.cli.terminal import hanging

if TYPE_CHECKING:
    from whodunet.cases.recording import Recording
    from whodunet.evidence.packets import CapturedPacket
    from whodunet.evidence.provenance import Provenance


def tell_packets(options: argparse.Namespace) -> None:
    """Tells of the vantage's packets, one after the other; as JSON of those of every interface, by frame number."""
    import pydantic_core

    from whodunet.evidence.capture import CaptureContent
    from whodunet.evidence.provenance import provenances
    from whodunet.evidence.trails import unsettled_since_ns
    from whodunet.lab import pcap_reader
    from whodunet.loading.library import Library
    from whodunet.records import find_record
    from whodunet.replay import read_record

    read: list[CaptureContent] = []

    def remember(capture: bytes, place: str = "the capture") -> CaptureContent:
        read.append(pcap_reader.read(capture, place))
        return read[-1]

    recording = read_record(find_record(options.scenario), Library(), remember)
    packets = read[-1].packets
    last = recording.run.phases[-1] if recording.run.phases else None
    since_ns = unsettled_since_ns(last, recording.topology) if last else None
    known = provenances(packets, recording.topology, since_ns)
    if options.json:
        print(pydantic_core.to_json(list(_plain(packets, known)), indent=1).decode())
    else:
        print("\n".join(_lines(recording, packets, known)))


def _plain(packets: Sequence[CapturedPacket], known: Sequence[Provenance | None]) -> Iterator[Mapping[str, object]]:
    for frame, (packet, provenance) in enumerate(zip(packets, known, strict=True), 1):
        where = {"frame": frame, "point": packet.point, "direction": packet.direction, "time_ns": packet.time_ns}
        ends = {"source": packet.source, "destination": packet.destination}
        yield {**where, **ends, "provenance": provenance}  # None: neither IP nor ARP


def _lines(
    recording: Recording, packets: Sequence[CapturedPacket], known: Sequence[Provenance | None]
) -> Iterator[str]:
    from whodunet.view.models.numbering import Numbering
    from whodunet.view.words.packets import tcpdump_line
    from whodunet.view.words.provenance import comment

    vantage, numbering = recording.scenario.question.vantage, Numbering(packets)
    yield f"# frames of capture.pcapng, as {vantage} saw them"
    for frame, (packet, provenance) in enumerate(zip(packets, known, strict=True), 1):
        if recording.topology.node_at(packet.point) == vantage and provenance is not None:
            yield hanging(f"{frame} {tcpdump_line(numbering.of(packet))}", 0)
            yield hanging(comment(provenance))
