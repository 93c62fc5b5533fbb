"""Which network program a shell command runs: the one whose words and exit status a probe is judged by.

The rule: of several, the last in the order of the line. Its exit status counts where the line ends with it; where
another command gives the status (`| tee log`, `; true`, `|| echo failed`), only its words count.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

from whodunet.evidence import programs
from whodunet.evidence.program import Programs
from whodunet.evidence.symptom_rows import UNSEEN


@dataclass(frozen=True)
class Wrapper:
    """A program that runs the command line in its own arguments."""

    valued: str = ""  # its options that take the next word as their value
    words: int = 0  # words of its own before the command


# Source: each program's manual page.
WRAPPERS: Final = {
    "sudo": Wrapper("ughpCTrtDR"),
    "doas": Wrapper("Cu"),
    "timeout": Wrapper("ks", 1),
    "gtimeout": Wrapper("ks", 1),
    "env": Wrapper("uC"),
    "nice": Wrapper("n"),
    "ionice": Wrapper("cn"),
    "chrt": Wrapper("", 1),
    "taskset": Wrapper("", 1),
    "flock": Wrapper("wE", 1),
    "stdbuf": Wrapper("ioe"),
    "time": Wrapper("fo"),
    "exec": Wrapper("a"),
    "strace": Wrapper("eopsuaPS"),
    "ltrace": Wrapper("eopsua"),
    "xargs": Wrapper("aEdIiLnPs"),
    "watch": Wrapper("n"),
    "faketime": Wrapper("", 1),
    "chroot": Wrapper("", 1),
    "proxychains": Wrapper("f"),
    "proxychains4": Wrapper("f"),
    "sshpass": Wrapper("pfdP"),
    **dict.fromkeys(("command", "builtin", "nohup", "setsid", "unbuffer", "torsocks", "busybox", "winpty"), Wrapper()),
}
# What runs the command line that comes after -c: bash(1), su(1), script(1)
SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "su", "runuser", "script"})
NETNS: Final = ("ip", "netns", "exec")  # ip-netns(8): and the name of the namespace
# What opens a loop, a condition or a group before the command itself. Source: bash(1), "Compound Commands"
OPENINGS: Final = frozenset({"do", "while", "until", "if", "then", "else", "elif", "{", "!", "time", "coproc"})
CLOSINGS: Final = frozenset({"done", "fi", "}", "esac"})  # their exit status is that of the last command inside
# What always succeeds, so that `ssh h && echo ok` ends as ssh did when it ends badly
SUCCEEDING: Final = frozenset({"echo", "printf", "true", ":", "date"})
ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=")
HEREDOC: Final = re.compile(r"<<-?[ \t]*(['\"\\]?)(\w+)['\"]?([^\n]*)\n(?:.*\n)*?[ \t]*\2(?=\n|$)")
DEV_TCP: Final = re.compile(r"(?:\d*[<>]+&?)?/dev/(?:tcp|udp)/")  # bash(1), "REDIRECTION": the shell itself connects
PROXY_COMMAND: Final = re.compile(r"(?:-\w*o)?ProxyCommand[ =]\s*(.*)", re.IGNORECASE | re.DOTALL)

# Source: timeout(1): 124 when the time is over, 137 after KILL, with --preserve-status 143 (busybox's: always)
TIMEOUT_EXPIRED: Final = frozenset({124, 137, 143})


@dataclass(frozen=True)
class NetworkProgram:
    """A network program in a shell command."""

    program: str  # as the table of symptoms calls it
    is_last: bool  # False: a later command of the line gave the exit status
    under_timeout: bool
    may_not_run: bool = False  # after `&&`: not when the command before it failed
    words: tuple[str, ...] = ()  # its own name as typed, and its arguments

    @property
    def name(self) -> str:
        """Its name, as it was typed, without a path."""
        return _base(self.words[0]) if self.words else self.program

    @property
    def proxy(self) -> str | None:
        """The command line by which an ssh is told to reach its host; None for none."""
        for option, value in pairwise((*self.words, "")):
            found = PROXY_COMMAND.fullmatch(option) or (option == "-o" and PROXY_COMMAND.fullmatch(value))
            if found and found[1].strip().lower() != "none":
                return str(found[1])
        return None

    def own_status(self, exit_status: int | None) -> int | None:
        """The program's own exit status; None when it was killed for its time, UNSEEN when a later command hides it."""
        if exit_status is None or (self.under_timeout and exit_status in TIMEOUT_EXPIRED):
            return None
        return exit_status if self.is_last else UNSEEN


def network_program(command: str) -> NetworkProgram | None:
    """The last network program of a shell command line, or None when it runs none that is known."""
    found = network_programs(command)
    return found[-1] if found else None


def network_programs(command: str) -> tuple[NetworkProgram, ...]:
    """Every network program of a shell command line, in its order."""
    return _network_programs(command, programs.known())


@lru_cache(maxsize=512)
def _network_programs(command: str, known: Programs) -> tuple[NetworkProgram, ...]:
    commands = _simple_commands(command)
    found: list[NetworkProgram] = []
    for place, simple in enumerate(commands):
        program = _program(simple.words, known)
        if program is not None:
            ends = not simple.is_negated and _gives_the_status(commands[place:])
            after_and = place > 0 and commands[place - 1].operator == "&&"
            found.append(replace(program, is_last=program.is_last and ends, may_not_run=after_and))
    return tuple(found)


def command_names(command: str) -> frozenset[str]:
    """The names of all programs that a shell command line itself starts, wrappers and what they run included."""
    return frozenset(name for simple in _simple_commands(command) for name in _names(simple.words))


def _names(words: Sequence[str]) -> Iterator[str]:
    for stage in _stages(words):
        yield stage[0]
        yield _base(stage[0])
        line = _line_of_shell(stage)
        if line is not None:
            yield from command_names(line)


@dataclass(frozen=True)
class _Simple:
    """A simple command, and the operator that follows it."""

    words: tuple[str, ...]
    operator: str = ""
    is_negated: bool = False  # `! nc -z h 22` ends with 0 when nc does not


def _gives_the_status(rest: Sequence[_Simple]) -> bool:
    """True when a line ends with the status of the first of these, or with that of commands that cannot fail."""
    for one, following in pairwise(rest):
        if one.operator != "&&" or _base(following.words[0]) not in SUCCEEDING:
            return False
    return True


@lru_cache(maxsize=512)
def _simple_commands(command: str) -> tuple[_Simple, ...]:
    """The words between the operators of a command line, redirections and here-documents left out.

    None of a line with a quote that is never closed: the shell would not run it either.
    """
    lexer = shlex.shlex(HEREDOC.sub(r"\3", command), posix=True, punctuation_chars="();|&\n")
    lexer.whitespace_split, lexer.commenters, lexer.whitespace = True, "", " \t\r"
    commands: list[_Simple] = []
    words: list[str] = []
    try:
        for token in _without_redirections(lexer):
            if set(token) <= set("();|&\n"):
                _append(commands, words, token)
                words = []
            else:
                words.append(token)
    except ValueError:
        return ()
    _append(commands, words, "")
    return tuple(commands)


def _append(commands: list[_Simple], words: Sequence[str], operator: str) -> None:
    """Adds a simple command; where there is none (after `done`, `)`), the operator is that of the last one."""
    bare = _without_openings(words)
    if bare and bare[0] not in CLOSINGS:
        commands.append(_Simple(tuple(bare), operator, "!" in words[: len(words) - len(bare)]))
    elif commands and operator.strip("()\n"):
        commands[-1] = replace(commands[-1], operator=operator.strip("()\n"))


def _without_openings(words: Sequence[str]) -> Sequence[str]:
    while words and words[0] in OPENINGS:
        words = words[1:]
    return words


def _without_redirections(lexer: Iterator[str]) -> Iterator[str]:
    """The tokens; the `&` of `2>&1`, `>&log` and `&>log` is not an operator that parts two commands."""
    before = ""
    pending_ampersand = False
    for token in lexer:
        if pending_ampersand:
            pending_ampersand = False
            if not token.startswith(">"):
                yield "&"
        if token == "&" and before.endswith((">", "<")):
            before = ""
            continue
        if token == "&":
            pending_ampersand, before = True, token
            continue
        before = token
        yield token
    if pending_ampersand:
        yield "&"


def _program(words: Sequence[str], known: Programs) -> NetworkProgram | None:
    """The network program that a simple command runs, itself or by way of wrappers and shells."""
    stages = _stages(words)
    if not stages:
        return None
    under_timeout = any(_base(stage[0]).endswith("timeout") for stage in stages[:-1])
    line = _line_of_shell(stages[-1])
    if line is None:
        called = _known(stages[-1], known)
        return NetworkProgram(called, True, under_timeout, words=tuple(stages[-1])) if called else None
    found = next(reversed(_network_programs(line, known)), None)
    tells = _base(stages[-1][0]) != "script" or _returns_the_status(stages[-1])
    return found and replace(found, is_last=found.is_last and tells, under_timeout=found.under_timeout or under_timeout)


def _known(words: Sequence[str], known: Programs) -> str | None:
    called = known.called(_base(words[0]))
    if called is not None:
        return called
    return "bash" if any(DEV_TCP.match(word) for word in words) else None


def _stages(words: Sequence[str]) -> Sequence[Sequence[str]]:
    """A simple command, and each command that it wraps: `sudo timeout 5 ssh h`, `timeout 5 ssh h`, `ssh h`."""
    stages = []
    plain: Sequence[str] | None = _without_assignments(words)
    while plain:
        stages.append(plain)
        plain = _wrapped(plain)
    return stages


def _without_assignments(words: Sequence[str]) -> Sequence[str]:
    while words and ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words


def _line_of_shell(words: Sequence[str]) -> str | None:
    """The command line that follows an option with a c in it: `bash -lc`, `script -qec`, `su bob -c`."""
    if _base(words[0]) not in SHELLS:
        return None
    for option, line in pairwise(words[1:]):
        if re.fullmatch(r"-[a-z]*c|--command", option):
            return line
    return None


def _returns_the_status(words: Sequence[str]) -> bool:
    """script(1): "-e, --return: Return the exit status of the child process"; without it, 0."""
    return any(re.fullmatch(r"-[a-zA-Z]*e[a-zA-Z]*|--return", word) for word in words[1:])


def _wrapped(words: Sequence[str]) -> Sequence[str] | None:
    """The command line in the arguments of a wrapper; None when the command is not a wrapper."""
    if tuple(words[:3]) == NETNS:
        return words[4:]
    wrapper = WRAPPERS.get(_base(words[0]))
    if wrapper is None:
        return None
    rest = list(words[1:])
    while rest and (rest[0].startswith("-") or ASSIGNMENT.match(rest[0])):
        option = rest.pop(0)
        if option == "--":
            break
        if re.fullmatch(rf"-[^-]*[{wrapper.valued or '-'}]", option) and rest:
            rest.pop(0)
    return _without_assignments(rest[wrapper.words :])


def _base(word: str) -> str:
    return PurePosixPath(word).name.removesuffix(".exe")
