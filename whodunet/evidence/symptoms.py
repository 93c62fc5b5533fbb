"""How the symptom of a probe is read off its program's exit status and words, and off the packets.

Words come first: they are what the person saw. Packets choose where the words leave it open, speak where a program
fails silently, and contradict words that cannot be true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from whodunet.evidence import programs as table
from whodunet.evidence.command_line import NetworkProgram, command_names, network_programs
from whodunet.evidence.observation import Observation
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED_SOMEHOW, SSH_FAILED, UNSEEN, Said
from whodunet.evidence.traffic import Traffic

__all__ = ["Symptom", "SymptomReading", "classify", "read_symptom"]

# Source: POSIX shell, 2.8.2 "Exit Status for Commands": 127 command not found, 126 found but not executable.
CANNOT_BE_RUN = 126
NOT_RUN = frozenset({CANNOT_BE_RUN, 127})
# How a shell, env(1), timeout(1) and sudo(8) say that a program is not there or may not be run.
_QUOTES = "\u2018\u2019'`\""
NOT_FOUND = re.compile(
    rf"(?:^|[\s{_QUOTES}])(?P<name>[^\s:{_QUOTES}]+)[{_QUOTES}]?: "
    r"(?:(?:command )?not found|No such file or directory|Permission denied)$",
    re.MULTILINE,
)
CUT = re.compile(r"^\[\.\.\. \d+ bytes left out \.\.\.\]$")  # where a long output was shortened
MOST_CHARACTERS = 20_000  # of each end of an output; a program tells its symptom at one of them
MOST_QUOTED = 68  # characters of a line in a sentence, so that it stands on one line of a terminal
OVER_SSH = frozenset({"ssh", "scp", "sftp", "rsync", "git"})
THROUGH_A_PIPE = re.compile(r"\bUNKNOWN port \d+")  # what ssh says when it was given a pipe instead of a connection
PROXY_PROGRAMS = ("ssh", "nc", "aws", "common", "socat", "curl", "python")  # what a ProxyCommand is made of
SSH_LINE = re.compile(r"debug\d: |kex_|ssh_|banner exchange|Connection (?:closed|reset|to|timed)")

TRIED = frozenset({Symptom.REFUSED, Symptom.TIMED_OUT, Symptom.UNREACHABLE})  # connections that did not come about
NAMELESS = frozenset({Symptom.NAME_NOT_FOUND, Symptom.NO_RESOLVER, Symptom.NOT_RESOLVED})
# A program that was killed, or failed without words, for a name.
SILENT = (*FAILED_SOMEHOW, Symptom.NAME_NOT_FOUND, Symptom.NO_RESOLVER)
REACHED = frozenset({Symptom.CONNECTED, Symptom.DENIED, Symptom.NOT_TRUSTED, Symptom.PROTOCOL_ERROR, Symptom.STALLED})


@dataclass(frozen=True)
class SymptomReading:
    """The symptom of a probe, and what it was read from."""

    symptom: Symptom
    program: str = ""  # whose words they are, as it was typed; empty where no known program ran
    line: str = ""  # the line that says it; for UNKNOWN the one that no row knows; empty: it said nothing
    reason: str = ""  # why it could not be measured
    is_one_of_several: bool = False  # the command runs other network programs as well
    has_run: bool = True  # False: the command, or a program of it, is not there or could not be started

    @property
    def quote(self) -> str:
        """Its line in quotation marks, or as much of it as a sentence bears; empty where there is none."""
        shown = self.line if len(self.line) <= MOST_QUOTED else self.line[: MOST_QUOTED - 1] + "…"
        return f'"{shown}"' if shown else ""


@dataclass(frozen=True)
class _Printed:
    """What a program printed, with one kind of line ends and of bearable length."""

    output: str
    stdout: str
    stderr: str

    @classmethod
    def by(cls, observation: Observation) -> _Printed:
        stdout, stderr = _lines(observation.stdout), _lines(observation.stderr)
        return cls(stderr + stdout, stdout, stderr)


def _lines(text: str) -> str:
    text = re.sub(r"\r+\n?", "\n", text)
    if len(text) > 2 * MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}\n{text[-MOST_CHARACTERS:]}"
    return text


def classify(command: str, observation: Observation, traffic: Traffic | None = None) -> Symptom:
    """The symptom alone of what `read_symptom` reads."""
    return read_symptom(command, observation, traffic).symptom


def read_symptom(command: str, observation: Observation, traffic: Traffic | None = None) -> SymptomReading:
    """The symptom that a command's exit status and output show, and its packets where there is a record of them.

    UNKNOWN for words that no row of the table knows. COULD_NOT_MEASURE when the command or its program did not run, and
    when words and packets contradict each other.

    Args:
        traffic: what the probe's packets show; None: there is no whole record of them.
    """
    if observation.failure is not None:
        return SymptomReading(Symptom.COULD_NOT_MEASURE, reason=observation.failure, has_run=False)
    printed = _Printed.by(observation)
    programs = network_programs(command)
    missing = _missing_program(command, programs, observation.exit_status, printed.output)
    if missing is None and observation.exit_status in NOT_RUN and not printed.output and not (traffic and traffic.sent):
        missing = programs[-1].name if programs else command.strip().partition(" ")[0]
    if missing is not None:
        how = "cannot be run" if observation.exit_status == CANNOT_BE_RUN else "is not installed"
        return SymptomReading(Symptom.COULD_NOT_MEASURE, missing, reason=f"{missing} {how} in the lab", has_run=False)
    if not programs:
        return SymptomReading(Symptom.UNKNOWN, line=_last_line(printed))
    judged = programs[-1]
    if observation.exit_status != 0:
        judged = next(_that_kept_others_from_running(programs, command, printed), judged)
    read = _read_program(judged, command, observation.exit_status, printed, traffic)
    return replace(read, is_one_of_several=len(programs) > 1)


def _that_kept_others_from_running(
    programs: Sequence[NetworkProgram], command: str, printed: _Printed
) -> Iterator[NetworkProgram]:
    """Those of `ping h && ssh h` whose words say that they failed: what comes after `&&` did not run then."""
    for before, after in pairwise(programs):
        if after.may_not_run:
            said = _said(before.program, command, UNSEEN, printed.output)
            if said is not None and _is_a_failure(said):
                yield before


def _read_program(
    program: NetworkProgram, command: str, exit_status: int | None, printed: _Printed, traffic: Traffic | None
) -> SymptomReading:
    status = program.own_status(exit_status)
    said = _proxy_said(program, status, printed) or _said(program.program, command, status, printed.output)
    if said is None:
        said = _silent(program, status, printed)
    symptom = said.meaning[0] if traffic is None else _chosen(said, traffic, was_killed=status is None)
    line = said.line or _last_line(printed)
    is_checked = traffic is not None and not said.beyond_packets and not _speaks_to_a_pipe(program, printed)
    contradiction = _contradiction(symptom, traffic) if traffic is not None and is_checked else None
    if contradiction is not None:
        reason = f"{program.name} says {symptom}, but {contradiction}"
        return SymptomReading(Symptom.COULD_NOT_MEASURE, program.name, line, reason)
    return SymptomReading(symptom, program.name, line)


def _said(program: str, command: str, status: int | None, output: str) -> Said | None:
    found = (row.read(command, status, output) for row in table.known()[program].rows)
    return next((said for said in found if said is not None), None)


def _speaks_to_a_pipe(program: NetworkProgram, printed: _Printed) -> bool:
    """True for an ssh that was given a ProxyCommand, here or in its configuration."""
    is_ssh = program.program in OVER_SSH
    return is_ssh and (program.proxy is not None or THROUGH_A_PIPE.search(printed.output) is not None)


def _proxy_said(program: NetworkProgram, status: int | None, printed: _Printed) -> Said | None:
    """What the program said by which an ssh was to reach its host: ssh itself sees a pipe that ends.

    Where the command line does not name it (it may stand in ssh's configuration), it is one of those that are known.
    """
    has_failed = status in SSH_FAILED or status == UNSEEN or (program.program != "ssh" and status != 0)
    if not has_failed or not _speaks_to_a_pipe(program, printed):
        return None
    proxy = program.proxy or ""
    if not command_names(proxy).isdisjoint(match["name"] for match in NOT_FOUND.finditer(printed.stderr)):
        return Said((Symptom.PROGRAM_MISSING,), "")
    inner = [each.program for each in reversed(network_programs(proxy))]
    if not inner or "ssh" in inner:  # unknown, or what an ssh runs at a jump host
        inner += PROXY_PROGRAMS
    own = "\n".join(line for line in printed.output.split("\n") if not SSH_LINE.match(line))
    found = (_said(each, proxy, UNSEEN, own) for each in inner)
    return next((said for said in found if said is not None and _is_a_failure(said)), None)


def _is_a_failure(said: Said) -> bool:
    return said.meaning[0] not in (Symptom.CONNECTED, Symptom.UNKNOWN)


def _silent(program: NetworkProgram, status: int | None, printed: _Printed) -> Said:
    """What no row knows: a program that was killed, one that failed without words, or unknown words."""
    if status is None:
        known = table.known()[program.program]
        if known.hands_on and printed.stdout.strip():
            return Said((Symptom.CONNECTED,), "")
        first = Symptom.STALLED if known.shows_that_it_stood(printed.output) else Symptom.TIMED_OUT
        return Said((first, *SILENT[1:]), "")
    if not printed.output.strip() and status not in (0, UNSEEN):
        return Said(SILENT, "")
    return Said((Symptom.UNKNOWN,), "")


def _chosen(said: Said, traffic: Traffic, *, was_killed: bool) -> Symptom:
    """Of what the words leave open, what the packets say; where they say something else, the first."""
    if len(said.meaning) == 1:
        return said.meaning[0]
    seen = traffic.symptom
    waited = was_killed or Symptom.CLOSED not in said.meaning
    if seen is Symptom.CONNECTED and seen not in said.meaning and waited:
        seen = Symptom.STALLED  # something came, and then nothing more: the program did not get what it came for
    return seen if seen in said.meaning else said.meaning[0]


def _contradiction(symptom: Symptom, traffic: Traffic) -> str | None:
    """Why words of this symptom cannot be true with these packets; None when they can.

    Only what was seen contradicts, never what was not there to be seen: a host's own filter refuses before a packet
    leaves, and what a host says to itself no interface sees.
    """
    tried, stood = traffic.connections, traffic.stood
    ended = any(each.closed or each.reset for each in tried)
    contradictions = (
        (TRIED, traffic.all_stood and not traffic.errors, f"{_every(len(tried))} stood"),
        ({Symptom.REFUSED}, bool(tried) and not traffic.refused, "no packet refused a connection"),
        ({Symptom.RESET}, traffic.all_stood and not any(each.reset for each in tried), "no RST came"),
        ({Symptom.CLOSED}, traffic.all_stood and not ended, "the other side closed no connection"),
        ({Symptom.CLOSED}, bool(tried) and not stood, "no connection stood"),
        (REACHED, bool(tried) and not stood and not traffic.answered, "no connection stood"),
        (REACHED, traffic.sent and not traffic.answered and not traffic.errors, "nothing came back"),
        (NAMELESS, stood and traffic.names_found, "a connection stood, and no lookup of a name failed"),
    )
    return next((why for symptoms, is_so, why in contradictions if symptom in symptoms and is_so), None)


def _every(count: int) -> str:
    return "its connection" if count == 1 else f"each of its {count} connections"


def _missing_program(command: str, programs: tuple[NetworkProgram, ...], status: int | None, output: str) -> str | None:
    """The program of the command line of which the output says that the host does not have it; None when all are there.

    A remote command, or a program that a program starts, may end with 127 as well: only names that the command line
    itself starts count, and where the line went on, only the network program that is judged.
    """
    wanted = command_names(command)
    if programs and status not in NOT_RUN:
        wanted = frozenset({programs[-1].name, programs[-1].words[0]})
    return next((match["name"] for match in NOT_FOUND.finditer(output) if match["name"] in wanted), None)


def _last_line(printed: _Printed) -> str:
    """The last line that a program wrote, of its complaints rather than of what it had to hand on."""
    for text in (printed.stderr, printed.stdout):
        lines = [line.strip() for line in text.split("\n")]
        lines = [line for line in lines if line and not CUT.match(line)]
        if lines:
            return lines[-1]
    return ""
