"""Commands that tell: list, truth, doctor, schema, completion, version, help."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from whodunet.cli import causes, naming
from whodunet.cli.packet_truth import tell_packets
from whodunet.cli.pages import page, topics
from whodunet.cli.parsing import Commands, add_variation_options, variation
from whodunet.cli.running_lab import require_one_of
from whodunet.cli.terminal import filled, hanging, table
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Topology
from whodunet.spelling import did_you_mean
from whodunet.variation import AS_STATED


def add_commands(commands: Commands) -> None:
    """Adds this file's commands."""
    listing = commands.add_parser("list", help="list the scenarios", description=list_scenarios.__doc__)
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.add_argument("--causes", action="store_true", help="the same as `whodunet causes`")
    listing.add_argument("--references", metavar="TOPOLOGY", help="what scenarios of a topology may refer to, instead")
    listing.add_argument("--policies", metavar="TOPOLOGY", help="what a topology's switches enforce as it is, instead")
    add_variation_options(listing)
    listing.set_defaults(run=list_scenarios)

    telling = commands.add_parser("truth", help="the answer of a scenario, without a lab", description=truth.__doc__)
    naming.complete(
        telling.add_argument("scenario", metavar="NAME", help="a scenario's name, or a YAML file"), naming.scenarios
    )
    packets = "NAME is the record of a run: tell who really sent each packet, and where it ended"
    telling.add_argument("--packets", action="store_true", help=packets)
    add_variation_options(telling)
    telling.add_argument("--json", action="store_true", help="as JSON")
    telling.set_defaults(run=truth)

    examining = commands.add_parser("doctor", help="what this machine has and lacks", description=doctor.__doc__)
    examining.set_defaults(run=doctor)

    describing = commands.add_parser(
        "schema", help="JSON Schemas: scenario files, verdicts", description=schema.__doc__
    )
    describing.add_argument(
        "form", nargs="?", choices=("scenario", "verdict"), default="scenario", help="default: scenario"
    )
    describing.set_defaults(run=schema)

    completing = commands.add_parser("completion", help="completion for your shell", description=completion.__doc__)
    completing.add_argument("shell", choices=("bash", "zsh", "fish"))
    completing.set_defaults(run=completion)

    commands.add_parser("version", help="show the version", description=version.__doc__).set_defaults(run=version)

    helping = commands.add_parser("help", help="the help of a command or on a topic", description=show_help.__doc__)
    naming.complete(
        helping.add_argument("command", nargs="?", metavar="COMMAND|TOPIC", help="without it: all that there are"),
        lambda **_: [*commands.choices, *topics()],
    )
    helping.set_defaults(run=show_help, commands=commands.choices)


def list_scenarios(options: argparse.Namespace) -> int:
    """Lists the scenarios: name and title, without the answers."""
    if options.references:
        return _list_references(options)
    if options.policies:
        return _list_policies(options)
    if variation(options) != AS_STATED:
        wrong = "changes a topology, and no list of names"
        raise InvalidInput(Problem("--seed, --family", wrong, "add --references TOPOLOGY or --policies TOPOLOGY"))
    if options.causes:
        return causes.causes(options.parser.parse_args(["causes", *(["--json"] if options.json else [])]))
    from whodunet.loading.titles import scenario_titles

    entries = list(scenario_titles().items())
    if options.json:
        print(json.dumps([{"name": name, "title": title} for name, title in entries], indent=2, ensure_ascii=False))
    else:
        print(table(("NAME", "TITLE"), entries))
    return 0


def _list_references(options: argparse.Namespace) -> int:
    from whodunet.cases.references import References

    topology = _topology(options, options.references)
    known = {f"{{{each}}}": value for each, value in References(topology).values.items()}
    if options.json:
        print(json.dumps(known, indent=2))
    else:
        print(table(("REFERENCE", "STANDS FOR"), [(each, str(value)) for each, value in known.items()]))
    return 0


def _list_policies(options: argparse.Namespace) -> int:
    """As `policy` shows those of a running lab: before a scenario's setup and faults."""
    import yaml

    policies = _topology(options, options.policies).policies
    if options.json:
        print(json.dumps(policies, indent=2))
    else:
        print(yaml.safe_dump(policies, sort_keys=False), end="")
    return 0


def _topology(options: argparse.Namespace, name: str) -> Topology:
    """A topology in the variation that a list was asked for.

    Raises:
        InvalidInput: when there is none of that name in the folders that are known.
    """
    from whodunet.loading.library import Library

    library = Library(variation=variation(options))
    if name not in library.topology_names():
        near = did_you_mean(name, library.topology_names())
        fix = f"{near} (for one in a folder of yours: `whodunet --with DIR list ...`)"
        raise InvalidInput(Problem(name, "is not a topology", fix))
    topology = library.topology(name)
    for unused in library.unused_seed(topology):
        print(unused, file=sys.stderr)
    return topology


def truth(options: argparse.Namespace) -> int:
    """Tells the answer of a scenario: cause, culprit, and the symptoms and evidence that its lab has to show."""
    if options.packets:
        if variation(options) != AS_STATED:
            wrong = "asks for a network, and the record has one"
            raise InvalidInput(Problem("--packets", f"with --seed or --family {wrong}", "leave them out"))
        tell_packets(options)
        return 0
    from whodunet.cases.claims import claims_of
    from whodunet.loading.library import Library, find_scenario
    from whodunet.view.words.story import taken_out

    library = Library(variation=variation(options))
    scenario = library.scenario(find_scenario(options.scenario))
    answer, claims = scenario.answer, claims_of(scenario)
    titles = library.of(scenario).cause_titles(scenario)
    if options.json:
        told: dict[str, Any] = {"scenario": scenario.question.name, "title": scenario.question.title}
        told |= {
            "cause": answer.cause,
            "cause_title": titles[0],
            "culprit": answer.culprit,
            "behind": [
                {"cause": each.cause, "cause_title": title, "culprit": each.culprit}
                for title, each in zip(titles[1:], answer.behind, strict=True)
            ],
            "twin_of": answer.twin_of,
        }
        told |= {"faults": [fault.model_dump(mode="json") for fault in scenario.staging.faults]}
        told["repaired"] = None
        for phase, expected in answer.phases.items():
            told[phase] = expected.model_dump(mode="json", exclude_defaults=True)
        told |= {"claims": [{"id": claim.id, "says": claim.says} for claim in claims], "lesson": answer.lesson}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    for number, blame in enumerate(answer.blamed):
        print(f"{'behind' if number else 'cause '}   {blame.cause}\nculprit  {blame.culprit or 'nobody'}")
    if answer.twin_of:
        print(f"twin of  {answer.twin_of}")
    print("\n" + filled("\n\n".join(f"{title}." for title in titles)))
    for phase in answer.phases:
        says = [claim.says for claim in claims if claim.phase == phase]
        title = (
            "expected" if phase == "faulty" else f"expected {taken_out(phase, is_one_of_several=bool(answer.behind))}"
        )
        print("\n".join([f"\n{title}", *map(hanging, says)]))
    if answer.lesson:
        print(f"\n{filled(answer.lesson)}")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Tells for each capability that a lab needs whether it is there, and what fixes it; status 3 if one is missing."""
    from whodunet.lab.doctor import examine, missing, render

    capabilities = examine()
    print(render(capabilities))
    return 3 if missing(capabilities) else 0


def schema(options: argparse.Namespace) -> int:
    """Prints the JSON Schema of scenario files, for editors that check YAML while one types; or of the verdicts that
    `diagnose --json` prints, for whatever reads or writes them.
    """
    if options.form == "verdict":
        from whodunet.view.verdict_json import verdict_schema

        print(json.dumps(verdict_schema(), indent=2))
        return 0
    from whodunet.loading.library import Library
    from whodunet.loading.scenario_file import json_schema

    print(json.dumps(json_schema(Library()), indent=2))
    return 0


def completion(options: argparse.Namespace) -> int:
    """Prints what your shell has to load: put `eval "$(whodunet completion bash)"` into ~/.bashrc."""
    from argcomplete.shell_integration import shellcode

    sys.stdout.write(shellcode(["whodunet"], shell=options.shell))
    return 0


def version(options: argparse.Namespace) -> int:
    """Prints the version."""
    from importlib import metadata

    print(f"whodunet {metadata.version('whodunet')}")
    return 0


def show_help(options: argparse.Namespace) -> int:
    """Prints the help of a command, as `whodunet COMMAND --help` does, or a page of the documentation."""
    pages = {topic: title for topic, title in topics().items() if topic not in options.commands}
    if options.command is None:
        options.parser.print_help()
        print(f"\n{table(('TOPIC', 'whodunet help TOPIC'), list(pages.items()))}")
    elif options.command in pages:
        print(page(options.command))
    else:
        known = [*options.commands, *pages]
        options.commands[require_one_of(options.command, known, "command or topic")].print_help()
    return 0
