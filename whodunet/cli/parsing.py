"""The parser of a command: a mistake shows that command's usage, and the nearest right word."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from whodunet.evidence.topology import FAMILIES
from whodunet.variation import AS_STATED, Variation, read_seed

_FEW: Final = 8  # choices that still fit a line


class CommandParser(argparse.ArgumentParser):
    """A parser for one command, or for all of them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_abbrev=False, **more)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parses, and refuses what is left itself: argparse would have the parser of all commands do it."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown)
        return found, unknown

    def _refuse(self, unknown: list[str]) -> NoReturn:
        option = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
        near = _nearest(option, self._option_string_actions) if option else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{near}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuses a value that is none of the choices."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            few = f"; use one of: {', '.join(choices)}" if len(choices) <= _FEW else "; --help lists them"
            near = _nearest(str(value), choices) or few
            raise argparse.ArgumentError(action, f"invalid choice: {value}{near}")


Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"


def positive(text: str) -> int:
    """A number of things, at least one."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 1")
    return int(text)


def add_jobs_option(parser: argparse._ActionsContainer) -> None:
    """For commands that bring up several labs."""
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="labs at a time (default: as many as the machine has room for)",
    )


def add_variation_options(parser: argparse.ArgumentParser) -> None:
    """For commands that build the network of a scenario."""
    add_seed_option(parser)
    add_family_option(parser)


def add_seed_option(parser: argparse.ArgumentParser) -> None:
    """For those that play over one family alone."""
    draws = "draw addresses, path, delays and TTLs from a number, instead of those that the topology states"
    parser.add_argument("--seed", type=read_seed, metavar="N", help=draws)


def add_family_option(parser: argparse.ArgumentParser) -> None:
    """For those that take seeds of their own."""
    over = "which addresses the probes use; the networks have both (default: ipv4)"
    parser.add_argument("--family", choices=FAMILIES, default=AS_STATED.family, help=over)


def add_seeds_options(parser: argparse.ArgumentParser) -> None:
    """For commands that take several seeds."""
    several = parser.add_mutually_exclusive_group()
    draws = "play each with particulars that are drawn from a number; several seeds: several times"
    several.add_argument(
        "--seed", dest="seed_list", type=read_seed, action="append", default=[], metavar="N", help=draws
    )
    several.add_argument("--seeds", type=positive, metavar="N", help="play each with the seeds 1 to N")
    add_family_option(parser)


def variation(options: argparse.Namespace) -> Variation:
    """The variation that a command was asked for."""
    return Variation(options.seed, options.family)


def variations(options: argparse.Namespace) -> list[Variation]:
    """The variations that a command was asked for which takes several seeds."""
    seeds: Sequence[int | None] = range(1, options.seeds + 1) if options.seeds else options.seed_list or [None]
    return [Variation(seed, options.family) for seed in dict.fromkeys(seeds)]


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
