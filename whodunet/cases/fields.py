"""The types of what people write into faults: networks, ports, names. An invalid value is refused on load."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final, Literal, TypeVar, get_args

from pydantic import AfterValidator, Field, JsonValue, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from whodunet.evidence import packet_kinds
from whodunet.evidence.packet_kinds import PacketKind
from whodunet.openflow.policy import ConfigReader

Chosen = TypeVar("Chosen")

REFUSED: Final = "refused"  # the type of these errors; their context has `wrong` and `fix`


def refused(wrong: str, fix: str) -> PydanticCustomError:
    """What a validator raises for a value that cannot be used."""
    return PydanticCustomError(REFUSED, "{wrong}; {fix}", {"wrong": wrong, "fix": fix})


def _cidr(value: str) -> str:
    reader = ConfigReader("")
    reader.network(value, "")
    for problem in reader.problems:
        raise refused(problem.wrong, problem.fix)
    return value


def _cidr_or_any(value: str) -> str:
    return value if value == "any" else _cidr(value)


def _address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise refused(f"{value!r} is not an address", "write one as 10.0.0.1 or fd00::1, without a length") from None


def _in_order(ports: tuple[int, int]) -> tuple[int, int]:
    first, last = ports
    if first > last:
        raise refused(f"the range {first} to {last} ends before it starts", f"write [{last}, {first}]")
    return ports


def _matching(pattern: str, what: str, example: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise refused(f"{value!r} is not a {what}", f"write one as {example}")
        return value

    return check


def one_of(value: Chosen, allowed: Iterable[str]) -> Chosen:
    """The value, when it is one of those that are allowed.

    Raises:
        PydanticCustomError: that names them.
    """
    choices = list(allowed)
    if value in choices:
        return value
    expected = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
    raise PydanticCustomError("enum", "use one of: {expected}", {"expected": expected})


Part = Literal["host", "switch", "node", "interface"]
"""What a topology has names for: hosts (routers included) and switches, which are nodes, and interfaces."""


@dataclass(frozen=True)
class NameOf:
    """Marks a type whose texts are names of the topology, so that one that does not exist is refused on load."""

    part: Part


HostName = Annotated[str, NameOf("host")]
SwitchName = Annotated[str, NameOf("switch")]
NodeName = Annotated[str, NameOf("node")]
InterfaceName = Annotated[str, NameOf("interface")]


def part_named(annotation: object) -> Part | None:
    """What the texts of a type are names of, also where they are optional or in a list; None where of nothing."""
    marks = (mark.part for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, NameOf))
    return next(marks, None) or next(filter(None, map(part_named, get_args(annotation))), None)


def _list_kinds(schema: dict[str, JsonValue]) -> None:
    schema["enum"] = list(packet_kinds.known())


KindOfPacket = Annotated[
    PacketKind,
    AfterValidator(lambda name: one_of(name, packet_kinds.known())),
    Field(json_schema_extra=_list_kinds),
]
"""The name of a kind of packet."""

Cidr = Annotated[str, AfterValidator(_cidr)]
"""An IPv4 or IPv6 network in CIDR notation without host bits."""

CidrOrAny = Annotated[str, AfterValidator(_cidr_or_any)]
"""The same, or `any`, which is both families."""

Address = Annotated[str, AfterValidator(_address)]
"""An IPv4 or IPv6 address, in the form in which programs print it."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A port of TCP or UDP."""

_TTL_OR_RELATION: Final[JsonSchemaValue] = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": 255}, {"type": "string", "pattern": r"^as sent by \S+$"}]
}

TtlAt = Annotated[
    Mapping[str, Annotated[int, Field(ge=1, le=255), WithJsonSchema(_TTL_OR_RELATION)]],
    Field(min_length=1, max_length=1),
]
"""`POINT: TTL` that is forged at one interface; a scenario may say "as sent by NODE", which is resolved on load."""

TtlRange = Annotated[
    str, AfterValidator(_matching(r"[0-9]{1,3}(?:-[0-9]{1,3})?", "TTL or a range of TTLs", '"21-255"'))
]
"""One TTL, or "first-last"."""

PortSpan = Annotated[
    tuple[Annotated[int, Field(ge=0, le=65535)], Annotated[int, Field(ge=0, le=65535)]], AfterValidator(_in_order)
]
"""First and last port."""

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # Source: RFC 1035, 2.3.1; RFC 2181, 11

_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"

DomainName = Annotated[
    str, Field(max_length=253), AfterValidator(_matching(_DOMAIN, "domain name", "db.cloud.example"))
]
"""A full domain name, without the dot at its end."""

DomainOrWildcard = Annotated[
    str,
    Field(max_length=253),
    AfterValidator(_matching(rf"(?:\*\.)?{_DOMAIN}", "domain name", "db.cloud.example, or *.cloud.example")),
]
"""The same, or all names below one: *.cloud.example."""

ProgramName = Annotated[
    str, AfterValidator(_matching(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", "program name", "nc, as it is typed"))
]
"""A program's name as it is typed, without a path."""
