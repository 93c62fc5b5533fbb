"""The taxonomy as a page of documentation, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from whodunet.cases.causes import Cause
from whodunet.view.models.causes import CauseEntry, ClassEntry, by_party
from whodunet.view.words.causes import NOT_YET, answered, described, made_by, named

_BEGINNING = """\
# Causes

What refuses, drops or breaks a connection, or makes it look as if somebody had: the taxonomy of causes. An id is the
party that has to change something, and a number. Ids and names never change: cite them.

`whodunet causes` lists the causes, `whodunet causes NAME` explains one. Where a source is "measured", the cause was
made and observed in network namespaces on Linux. `whodunet causes --markdown` makes this page of the files in
`whodunet/causes` and `whodunet/cause_classes`."""

_CLASSES = """\
## Causes that look the same from the client

Of the members of a class nobody can name one from the client alone. The honest answer is the class, and what would
settle it."""

_NOT_MADE = """\
## Not made

What no scenario can show, and why, as was found by trying."""


def causes_page(entries: Iterable[CauseEntry], classes: Iterable[ClassEntry]) -> str:
    """The whole page; it ends with a line feed."""
    entries = tuple(entries)
    return "\n\n".join(_sections(entries, tuple(classes))) + "\n"


def _sections(entries: tuple[CauseEntry, ...], classes: tuple[ClassEntry, ...]) -> Iterator[str]:
    yield _BEGINNING
    yield _CLASSES
    yield from map(_class, classes)
    for party in by_party(entries):
        yield f"## {party.name[0].upper()}{party.name[1:]}"
        yield from map(_cause, party.entries)
    if missing := [entry.cause for entry in entries if entry.cause.not_made is not None]:
        yield _NOT_MADE
        yield "\n".join(f"- {_linked(cause)}: {cause.not_made}" for cause in missing)


def _class(entry: ClassEntry) -> str:
    members = ", ".join(map(_linked, entry.members)) or "none"
    said = [("members", members), *((label, text) for label, text in answered(entry) if label != "members")]
    return "\n".join([f"### {named(entry.cause_class)}\n", f"{entry.cause_class.title}.\n", *map(_item, said)])


def _cause(entry: CauseEntry) -> str:
    cause = entry.cause
    said = list(described(cause))
    classes = ", ".join(f"[{named(each.cause_class)}](#{_anchor(named(each.cause_class))})" for each in entry.alike)
    said += [("looks the same as", classes)] * bool(classes)
    shown = ", ".join(f"[{name}](../scenarios/{name}.yaml)" for name in entry.scenarios)
    said += [("scenarios", shown or (f"none: {cause.not_made}" if cause.not_made else NOT_YET))]
    said += [("made by", f"`{made_by(cause.fault)}`")] if cause.fault else []
    said += [("sources", "; ".join(cause.sources))] * bool(cause.sources)
    return "\n".join([f"### {named(cause)}\n", f"{cause.title}.\n", *map(_item, said)])


def _item(said: tuple[str, str]) -> str:
    label, text = said
    return f"- **{label}**: {text}"


def _linked(cause: Cause) -> str:
    return f"[{named(cause)}](#{_anchor(named(cause))})"


def _anchor(heading: str) -> str:
    """The anchor that renderers of Markdown make of a heading."""
    return heading.lower().replace(" ", "-")
