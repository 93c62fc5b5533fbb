"""The command `causes`: the taxonomy as a list, one cause or class in full, or a page of documentation."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Final

from whodunet.cli import naming
from whodunet.cli.parsing import Commands
from whodunet.cli.terminal import show, style
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.symptom import Symptom
from whodunet.spelling import did_you_mean

if TYPE_CHECKING:
    from pydantic import JsonValue

    from whodunet.cases.causes import CauseClass, Taxonomy
    from whodunet.view.models.causes import CauseEntry, ClassEntry

_ONE_OR_MANY: Final = "explains one, and the other options choose among many"


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    telling = commands.add_parser("causes", help="what can be wrong: the taxonomy", description=causes.__doc__)
    which = telling.add_argument("name", nargs="?", metavar="NAME", help="name or id of a cause, or of a class of them")
    naming.complete(which, naming.causes_and_classes)
    party = telling.add_argument("--party", metavar="PARTY", help="those that one party has to fix: its name or letter")
    naming.complete(party, naming.parties)
    symptoms = [str(symptom) for symptom in Symptom]
    telling.add_argument("--symptom", choices=symptoms, metavar="SYMPTOM", help="those that mostly look like this")
    alike = telling.add_argument("--class", dest="of_class", metavar="CLASS", help="those of a class, such as E1")
    naming.complete(alike, naming.cause_classes)
    form = telling.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--markdown", action="store_true", help="as a page of documentation: docs/causes.md")
    telling.set_defaults(run=causes)


def causes(options: argparse.Namespace) -> int:
    """Lists what can be wrong, by who has to change something, with the number of scenarios that show it; or explains
    one cause, or one class of causes that look the same from the client.
    """
    from whodunet.loading.library import Library
    from whodunet.loading.titles import scenarios_by_cause
    from whodunet.view.models.causes import class_entries_of, entries_of

    taxonomy = Library().taxonomy
    entries, classes = entries_of(taxonomy, scenarios_by_cause()), class_entries_of(taxonomy)
    if options.name is None:
        return _list(options, taxonomy, entries, classes)
    if options.markdown or options.party or options.symptom or options.of_class:
        raise InvalidInput(Problem(f"causes {options.name}", _ONE_OR_MANY, "name it alone, or with --json"))
    return _explain(options, taxonomy, entries, classes)


def _list(
    options: argparse.Namespace,
    taxonomy: Taxonomy,
    entries: tuple[CauseEntry, ...],
    classes: tuple[ClassEntry, ...],
) -> int:
    from whodunet.view.markdown import causes_page
    from whodunet.view.models.causes import by_party
    from whodunet.view.text.causes import render_causes

    party, of_class = _party(options.party, taxonomy), _class(options.of_class, taxonomy)
    chosen = [
        entry
        for entry in entries
        if party in (None, entry.cause.party, entry.cause.id[0])
        and options.symptom in (None, str(entry.cause.looks_like))
        and (of_class is None or of_class.id in entry.cause.classes)
    ]
    if not chosen:
        raise InvalidInput(Problem("causes", "none is all of that", "leave one of the conditions out"))
    if options.markdown:
        print(causes_page(chosen, classes), end="")
    elif options.json:
        print(json.dumps([_plain(entry) for entry in chosen], indent=2, ensure_ascii=False))
    else:
        show(render_causes(by_party(chosen), style()))
    return 0


def _explain(
    options: argparse.Namespace,
    taxonomy: Taxonomy,
    entries: tuple[CauseEntry, ...],
    classes: tuple[ClassEntry, ...],
) -> int:
    from whodunet.view.text.causes import render_cause, render_class

    name: str = options.name
    if (cause := taxonomy.cause(name)) is not None:
        entry = next(each for each in entries if each.cause is cause)
        told, shown = _plain(entry), render_cause(entry, style())
    elif (cause_class := taxonomy.cause_class(name)) is not None:
        members = next(each for each in classes if each.cause_class is cause_class)
        told, shown = _plain_class(members), render_class(members, style())
    else:
        near = did_you_mean(name, [*taxonomy.causes, *taxonomy.classes], listed_by="whodunet causes")
        raise InvalidInput(Problem(name, "is neither a cause nor a class of causes", near))
    if options.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        show(shown)
    return 0


def _party(given: str | None, taxonomy: Taxonomy) -> str | None:
    """A party's name, or the letter of its ids.

    Raises:
        InvalidInput: when it is neither.
    """
    names = list(dict.fromkeys(cause.party for cause in taxonomy.in_order()))
    letters = {cause.id[0] for cause in taxonomy.in_order()}
    if given is None or given in names:
        return given
    if given.upper() in letters:
        return given.upper()
    raise InvalidInput(Problem(f"--party {given}", "is not a party", did_you_mean(given, names)))


def _class(given: str | None, taxonomy: Taxonomy) -> CauseClass | None:
    """The class of a name or id.

    Raises:
        InvalidInput: when there is none.
    """
    found = taxonomy.cause_class(given) if given is not None else None
    if given is not None and found is None:
        fix = did_you_mean(given, taxonomy.classes)
        raise InvalidInput(Problem(f"--class {given}", "is not a class of causes", fix))
    return found


def _plain(entry: CauseEntry) -> dict[str, JsonValue]:
    """A cause as JSON has it: what its file says, and the scenarios that show it."""
    return {**entry.cause.model_dump(mode="json"), "scenarios": list(entry.scenarios)}


def _plain_class(entry: ClassEntry) -> dict[str, JsonValue]:
    """A class as JSON has it: what its file says, and its members' ids."""
    return {**entry.cause_class.model_dump(mode="json"), "members": [cause.id for cause in entry.members]}
