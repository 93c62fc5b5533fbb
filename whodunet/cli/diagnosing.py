"""The command `diagnose`: who refused, dropped or broke a connection, from wherever one stands."""

from __future__ import annotations

import argparse
import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from whodunet.cli import naming, terminal
from whodunet.cli.exit_status import COULD_NOT_RUN, DID_NOT_HOLD, HELD
from whodunet.cli.output import tell
from whodunet.cli.parsing import Commands
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.evidence.symptom import Symptom

if TYPE_CHECKING:
    from whodunet.diagnosis.probes import Probe
    from whodunet.diagnosis.question import Question, Speech
    from whodunet.diagnosis.verdict import Verdict
    from whodunet.evidence.packets import CapturedPacket
    from whodunet.evidence.topology import Family

SSH_PORT: Final = 22
_TRACES: Final = 6  # of which each has a port of its own
_URL: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<place>[^/?#]*)")
_SPOKEN: Final = ("ssh", "http", "tls", "unknown")
_SCHEMES: Final[dict[str, tuple[int, Speech]]] = {"ssh": (22, "ssh"), "http": (80, "http"), "https": (443, "tls")}
_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f/@:\[\]-][^\s\x00-\x1f\x7f/@:\[\]]{0,252}")
_EPILOG: Final = (
    "exit status: 0 nothing is wrong, 1 somebody is to blame, 2 invalid input, 3 it cannot be told from here, or could "
    "not run; `whodunet help diagnosis` tells more"
)


@dataclass(frozen=True)
class Destination:
    """Where the user wanted to go, as far as what they typed says."""

    host: str
    port: int | None = None
    speaks: Speech | None = None


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    parser = commands.add_parser(
        "diagnose",
        help="who refused, dropped or broke a connection",
        description=diagnose.__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument("host", metavar="HOST", nargs="?", help="name, address, USER@HOST or URL")
    parser.add_argument("port", metavar="PORT", nargs="?", help="number or service name (default: 22, or the URL's)")
    family = parser.add_mutually_exclusive_group()
    family.add_argument("-4", dest="family", action="store_const", const="ipv4", help="over IPv4")
    family.add_argument("-6", dest="family", action="store_const", const="ipv6", help="over IPv6")
    parser.add_argument("--speaks", choices=_SPOKEN, help="what is spoken there (default: what is usual at the port)")
    symptoms = [str(symptom) for symptom in Symptom]
    parser.add_argument(
        "--symptom", choices=symptoms, metavar="SYMPTOM", help='what you saw: "refused", "timed out" ..'
    )
    parser.add_argument(
        "--unprivileged", action="store_true", help="go without raw packets, also where you may send them"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--pcap", type=Path, metavar="FILE", help="read a capture that was made at the client, send nothing"
    )
    naming.complete(
        instead.add_argument("--from", dest="run_name", metavar="RUN", help="the same of a kept run, at its client"),
        naming.records,
    )
    parser.add_argument(
        "--client", action="append", default=[], metavar="ADDRESS", help="whose capture it is, where it does not show"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep all packets as a pcapng file")
    parser.add_argument("--explain", action="store_true", help="show the reasoning step by step, and all packets")
    parser.add_argument("--json", action="store_true", help="as JSON; `whodunet schema verdict` has its form")
    parser.set_defaults(run=diagnose)


def diagnose(options: argparse.Namespace) -> int:
    """Finds out who refuses, drops or breaks a connection from this machine: you, your network, a firewall on the way,
    the destination. It looks at names, configuration and routes, sends at most a hundred packets to HOST alone, and
    says how sure it is. With root (or CAP_NET_RAW) it sees more.
    """
    verdict = _verdict(options)
    if options.json:
        from whodunet.view.verdict_json import published

        print(published(verdict).model_dump_json(indent=2))
    else:
        from whodunet.view.text.verdict import render_verdict

        terminal.show(render_verdict(verdict, terminal.style(), explains=options.explain))
    return exit_status_of(verdict)


def exit_status_of(verdict: Verdict) -> int:
    """0: nothing is wrong; 1: somebody is to blame; 3: nobody knows, or it may be anybody."""
    from whodunet.diagnosis.verdict import Party

    is_open = Party.NOBODY in verdict.parties and len(verdict.parties) > 1
    if is_open or verdict.parties in (frozenset(), frozenset(Party) - {Party.NOBODY}):
        return COULD_NOT_RUN
    return HELD if verdict.parties == {Party.NOBODY} else DID_NOT_HOLD


def _verdict(options: argparse.Namespace) -> Verdict:
    if options.pcap is not None:
        return _from_capture(options, _packets_of_file(options.pcap), str(options.pcap))
    if options.run_name is not None:
        return _from_run(options)
    if options.host is None:
        raise InvalidInput(Problem("HOST", "is missing", "name who does not answer as it should: `diagnose HOST PORT`"))
    return _from_here(options, question_of(options))


def _from_here(options: argparse.Namespace, question: Question) -> Verdict:
    from whodunet.diagnosis.procedure import diagnose as procedure_for
    from whodunet.lab.pcap_reader import read
    from whodunet.probing.prober import Prober, lead

    with Prober(read, is_ordinary=options.unprivileged) as prober:
        able = replace(question, is_privileged=prober.is_privileged, source_ports=prober.free_ports(_TRACES))
        try:
            return lead(procedure_for(able), prober, _progress(options.json))
        finally:
            if options.write is not None:
                _keep(prober.capture(), options.write)


def _keep(capture: bytes | None, path: Path) -> None:
    if capture is None:
        raise CannotRun(f"{path}: there is no capture without raw packets; run it as root, or without --write")
    path.write_bytes(capture)


def _packets_of_file(path: Path) -> Sequence[CapturedPacket]:
    from whodunet.lab.pcap_reader import content_of, read

    content = read(content_of(path), str(path))
    if content.stopped:
        tell(terminal.unbroken_words(f"{path}: only its beginning was read: {content.stopped}"))
    return content.packets


def _from_run(options: argparse.Namespace) -> Verdict:
    """Of a kept run, what the client saw while the fault was in place."""
    from whodunet.grading.target import target_of
    from whodunet.loading.library import Library
    from whodunet.records import CAPTURE_FILE, find_record
    from whodunet.replay import read_record

    folder = find_record(options.run_name)
    recording = read_record(folder, Library())
    seat = next(iter(recording.scenario.question.probes.values())).host
    while_faulty = recording.run.phases[0].observations.values()
    began, ended = min(each.started_ns for each in while_faulty), max(each.ended_ns for each in while_faulty)
    interfaces = {each.name: each for each in recording.topology.interfaces.values() if each.node == seat}
    packets = [
        packet
        for packet in _packets_of_file(folder / CAPTURE_FILE)
        if packet.point in interfaces and began <= packet.time_ns <= ended
    ]
    own = [address for each in interfaces.values() for address in (*each.addresses, each.link_local) if address]
    target = target_of(recording.scenario.question, recording.topology)
    if options.host is None and target is not None:
        options.host, options.port = target.host, options.port or str(target.port)
    client = [address.partition("/")[0] for address in own]
    return _from_capture(options, packets, str(folder / CAPTURE_FILE), client)


def _from_capture(
    options: argparse.Namespace, packets: Sequence[CapturedPacket], place: str, client: Sequence[str] = ()
) -> Verdict:
    """By the packets alone; without HOST about what did not work in there."""
    from whodunet.diagnosis.from_capture import diagnose_capture, questions, vantage_of

    if options.write is not None:
        raise InvalidInput(Problem("--write", "keeps what is sent, and nothing is", f"copy {place}"))
    vantage = vantage_of(packets, options.client or client, place)
    if options.host is not None:
        return diagnose_capture(vantage, question_of(options))
    asked = questions(vantage)
    if not asked:
        raise InvalidInput(Problem(place, "shows nobody who wanted anything", "name HOST and PORT"))
    others = ", ".join(f"{each.host} {each.port}" for each in asked[1:])
    if others:
        tell(terminal.fitted(f"there is more in it; name it to hear of it: {others}"))
    return diagnose_capture(vantage, asked[0])


def question_of(options: argparse.Namespace) -> Question:
    """What the user wants to know.

    Raises:
        InvalidInput: when HOST or PORT is none.
    """
    from whodunet.diagnosis.question import Question

    wanted = destination(options.host)
    port = _port(options.port) if options.port is not None else wanted.port or SSH_PORT
    symptom = Symptom(options.symptom) if options.symptom else None
    return Question(
        wanted.host, port, options.family or _family_of(wanted.host), options.speaks or wanted.speaks, symptom
    )


def destination(typed: str) -> Destination:
    """Where `HOST`, `USER@HOST`, `HOST:PORT`, `[ADDRESS]:PORT` or a URL leads.

    Raises:
        InvalidInput: when it is none of these.
    """
    url = _URL.match(typed)
    usual, speaks = _SCHEMES.get(url["scheme"], (None, None)) if url else (None, None)
    place = (url["place"] if url else typed).rpartition("@")[2]
    if _is_address(place):
        return Destination(place, usual, speaks)
    bare, _, port = place.rpartition(":") if re.search(r"\]?:[^\]:]*$", place) else (place, "", "")
    host = bare.removeprefix("[").removesuffix("]") if bare.startswith("[") else bare
    if not (_is_address(host) or _NAME.fullmatch(host)):
        raise InvalidInput(
            Problem(f"HOST {typed}", "is no name, address or URL", "write it as ssh or curl would take it")
        )
    return Destination(host, _port(port) if port else usual, speaks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _family_of(host: str) -> Family | None:
    """That of an address; None for a name."""
    if not _is_address(host):
        return None
    return "ipv6" if ":" in host else "ipv4"


def _port(text: str) -> int:
    """A port by its number, or by the name of the service that is usual there.

    Raises:
        InvalidInput: when it is neither.
    """
    if text.isascii() and text.isdigit():
        if 0 < int(text) < 65536:
            return int(text)
        raise InvalidInput(Problem(f"PORT {text}", "is no port", "use a number from 1 to 65535"))
    try:
        return socket.getservbyname(text, "tcp")
    except OSError:
        fix = "use a number from 1 to 65535, or a name of /etc/services"
        raise InvalidInput(Problem(f"PORT {text}", "is no port and no service that this machine knows", fix)) from None


def _progress(is_quiet: bool) -> Callable[[Sequence[Probe]], None]:
    """Tells on standard error what is looked at, with the time since the start."""
    from whodunet.view.words.probing import in_progress

    started = time.monotonic()

    def say(probes: Sequence[Probe]) -> None:
        if not is_quiet:
            tell(terminal.fitted(f"[{time.monotonic() - started:5.1f} s] {in_progress(probes)}"))

    return say
