"""Makes the records of tests/replay/data anew: `python tests/replay/record.py NAME...` (needs what a lab needs).

Plays each scenario and keeps of its record what judging reads: frames cut after their first bytes, and without those
that are long, which in these cases is the encrypted talk of sessions that work.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from whodunet.cases.record_json import from_json, to_json
from whodunet.evidence.observation import Run
from whodunet.lab.pcap_reader import read

RECORDS = Path(__file__).parent / "data"
ENHANCED_PACKET = 6
LONG_BYTES = 110  # more than the SSH banner's frame
KEPT_BYTES = 96  # the headers, and enough payload to tell one packet from another; a multiple of four


def cut(capture: bytes) -> bytes:
    """The capture without long frames, the others cut. Source: draft-ietf-opsawg-pcapng, section 4.3."""
    blocks, place = [], 0
    while place < len(capture):
        kind, length = struct.unpack_from("<II", capture, place)
        block = capture[place : place + length]
        blocks.append(_cut_packet(block) if kind == ENHANCED_PACKET else block)
        place += length
    return b"".join(blocks)


def _cut_packet(block: bytes) -> bytes:
    interface, high, low, captured, original = struct.unpack_from("<IIIII", block, 8)
    if original > LONG_BYTES:
        return b""
    kept = min(captured, KEPT_BYTES)
    frame = block[28 : 28 + kept] + bytes(-kept % 4)
    options = block[28 + captured + -captured % 4 : -4]
    body = struct.pack("<IIIII", interface, high, low, kept, original) + frame + options
    ends = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", ENHANCED_PACKET) + ends + body + ends


def record(name: str) -> None:
    """Plays a scenario and puts its record, cut, in place of the one that was there."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / name
        subprocess.run(["whodunet", "run", name, "--keep", str(run)], check=True, stdout=subprocess.DEVNULL)
        kept = RECORDS / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for name_of_file in ("scenario.yaml", "topology.json"):
            shutil.copy(run / name_of_file, kept)
        capture = cut((run / "capture.pcapng").read_bytes())
        (kept / "capture.pcapng").write_bytes(capture)
        said = described_anew((run / "run.json").read_text(encoding="utf-8"), capture)
        # The kernel's own name is the machine's, not the case's.
        (kept / "run.json").write_text(re.sub(r"(Linux \d+\.\d+)[^\"]*", r"\1", said), encoding="utf-8")


def described_anew(said: str, capture: bytes) -> str:
    """The run as JSON, with what is true of the cut capture; for how long packets waited is the machine's own."""
    run = from_json(Run, said, "run.json")
    assert run.capture is not None
    phases = tuple(
        replace(
            phase,
            observations={name: replace(each, waited_ms=None) for name, each in phase.observations.items()},
            baseline_waited_ms=None,
        )
        for phase in run.phases
    )
    return to_json(replace(run, phases=phases, capture=read(capture).summary(run.capture.clock_offset_ns)))


if __name__ == "__main__":
    for each in sys.argv[1:]:
        record(each)
