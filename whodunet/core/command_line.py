"""Which network program a shell command runs: the one whose words and exit status a probe is judged by."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

NAMES = {  # every spelling: the name under which the table of symptoms knows it
    **dict.fromkeys(("nc", "ncat", "netcat", "nc.openbsd"), "nc"),
    **{name: name for name in ("ssh", "curl", "ping", "getent", "dig", "host", "nslookup", "wget", "socat", "telnet")},
    "aws": "aws",
    **dict.fromkeys(("traceroute", "tcptraceroute", "traceroute.db", "tcptraceroute.db"), "traceroute"),
}
WRAPPERS = frozenset(
    {"sudo", "timeout", "env", "nice", "stdbuf", "time", "exec", "command", "nohup", "setsid", "strace"}
)
# What runs the command line that comes after -c, and exits with its status: bash(1); script(1) with -e
RUNNERS = frozenset({"sh", "bash", "dash", "script"})
# What opens a loop, a condition or a group before the command itself. Source: bash(1), "Compound Commands"
OPENINGS = frozenset({"do", "while", "until", "if", "then", "else", "elif", "{", "!"})
CLOSINGS = frozenset({"done", "fi", "}"})  # their exit status is that of the last command inside
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
TIMEOUT_EXPIRED = (
    124  # Source: timeout(1): "If the command times out, and --preserve-status is not set, then exit with 124"
)
UNSEEN = -1  # no exit status of a program is negative: here, another program's status hides this one's


@dataclass(frozen=True)
class NetworkProgram:
    """A network program in a shell command."""

    program: str
    is_last: bool  # False: a later command of the line gave the exit status
    under_timeout: bool

    def own_status(self, exit_status: int | None) -> int | None:
        """The program's own exit status; None when it was killed for its time, UNSEEN when a later command hides it."""
        if exit_status is None or (self.under_timeout and exit_status == TIMEOUT_EXPIRED):
            return None
        return exit_status if self.is_last else UNSEEN


def network_program(command: str) -> NetworkProgram | None:
    """The last network program of a shell command line, or None when it runs none that is known."""
    try:
        simple = _simple_commands(command)
    except ValueError:  # a quote that is never closed: the shell would not run it either
        return None
    for place, words in reversed(list(enumerate(simple))):
        name = _program(words)
        if name is not None:
            return NetworkProgram(name, place == len(simple) - 1, any(_base(word) == "timeout" for word in words))
    return None


def _simple_commands(command: str) -> list[list[str]]:
    """The words between the operators of a command line, redirections left out."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();|&\n")
    lexer.whitespace_split, lexer.commenters, lexer.whitespace = True, "", " \t\r"
    commands: list[list[str]] = [[]]
    for token in _without_redirections(command, lexer):
        if set(token) <= set("();|&\n"):
            commands.append([])
        else:
            commands[-1].append(token)
    bare = [_without_openings(words) for words in commands]
    return [words for words in bare if words and words[0] not in CLOSINGS]


def _without_openings(words: list[str]) -> list[str]:
    while words and words[0] in OPENINGS:
        words = words[1:]
    return words


def _without_redirections(command: str, lexer: shlex.shlex) -> list[str]:
    """The tokens; `2>&1` and its kind are no operators that part two commands."""
    tokens: list[str] = []
    skip = False
    for token in lexer:
        if token == "&" and tokens and tokens[-1].endswith((">", "<")):
            tokens.pop()
            skip = True
        elif skip:
            skip = False
        else:
            tokens.append(token)
    return tokens


def _program(words: list[str]) -> str | None:
    plain = [word for word in words if not ASSIGNMENT.match(word)]
    if not plain:
        return None
    if _base(plain[0]) in RUNNERS:
        return _program_of_line(plain[1:])
    if _base(plain[0]) in WRAPPERS:
        return next((NAMES[_base(word)] for word in plain if _base(word) in NAMES), None)
    return NAMES.get(_base(plain[0]))


def _program_of_line(arguments: list[str]) -> str | None:
    """The network program of the command line that follows an option with a c in it: -c, -qec."""
    for option, line in pairwise(arguments):
        if re.fullmatch(r"-[a-z]*c", option):
            found = network_program(line)
            return found.program if found else None
    return None


def _base(word: str) -> str:
    return PurePosixPath(word).name
