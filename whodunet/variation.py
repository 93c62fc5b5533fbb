"""In which variation a network is built: the seed of its particulars, and the family that probes go over."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from whodunet.evidence.topology import Family

_T = TypeVar("_T")

HIGHEST_SEED: Final = 2**32 - 1


@dataclass(frozen=True)
class Variation:
    """One of the networks that a topology's file can describe."""

    seed: int | None = None  # 0 to HIGHEST_SEED; None: the particulars that the file states
    family: Family = "ipv4"  # that scenarios' probes go over; the network has both

    def __str__(self) -> str:
        """The options that ask for it: "--seed 7 --family ipv6"; nothing for what is the default."""
        seed = [f"--seed {self.seed}"] if self.seed is not None else []
        return " ".join([*seed, *([f"--family {self.family}"] if self.family != "ipv4" else [])])

    def of(self, name: str) -> str:
        """The name of a scenario with these options: "sshd-down --seed 7"."""
        return f"{name} {self}".rstrip()


def read_seed(text: str) -> int:
    """A seed, as options have it.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    if not (text.isascii() and text.isdigit()) or int(text) > HIGHEST_SEED:
        raise ArgumentTypeError(f"{text} is not a seed, which is a whole number from 0 to {HIGHEST_SEED}")
    return int(text)


AS_STATED: Final = Variation()


class Draws:
    """What a topology draws from a seed, or states where it has none.

    Each draw has a name of its own, so that no draw changes another, and it is made of SHA-256 alone, so that a seed
    gives the same in every process and version of Python.
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.names: set[str] = set()  # of what was asked for, with a seed or without

    def number(self, name: str, below: int) -> int:
        """A number from 0 to one less than `below`; without a seed 0."""
        self.names.add(name)
        if self.seed is None:
            return 0
        import hashlib  # with OpenSSL, which takes each lab a megabyte

        return int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()) % below

    def one_of(self, name: str, choices: Sequence[_T], stated: _T) -> _T:
        """One of the choices; without a seed what is stated."""
        number = self.number(name, len(choices))
        return stated if self.seed is None else choices[number]

    def some_of(self, name: str, choices: Sequence[_T], stated: Sequence[_T]) -> tuple[_T, ...]:
        """As many different choices as are stated, in any order; without a seed what is stated."""
        left = list(choices)
        drawn = [left.pop(self.number(f"{name}, {number}", len(left))) for number in range(len(stated))]
        return tuple(stated) if self.seed is None else tuple(drawn)

    def digits(self, name: str, alphabet: str, stated: str) -> str:
        """As many characters of an alphabet as are stated, the first of them not 0."""
        return "".join(
            self.one_of(f"{name}, {place}", alphabet if place else alphabet.replace("0", ""), character)
            for place, character in enumerate(stated)
        )

    def in_any_order(self, name: str, things: Sequence[_T]) -> tuple[_T, ...]:
        """All of them in an order that is drawn; without a seed in theirs."""
        return self.some_of(name, things, things)
