"""Commands that tell: list, doctor, schema, completion."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_commands(commands: Any) -> None:
    """Adds this file's commands."""
    listing = commands.add_parser("list", help="list the scenarios", description=list_scenarios.__doc__)
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.add_argument("--causes", action="store_true", help="the taxonomy of causes instead (spoils the mysteries)")
    listing.set_defaults(run=list_scenarios)

    examining = commands.add_parser("doctor", help="what this machine has and lacks", description=doctor.__doc__)
    examining.set_defaults(run=doctor)

    describing = commands.add_parser("schema", help="the JSON Schema of scenario files", description=schema.__doc__)
    describing.set_defaults(run=schema)

    completing = commands.add_parser("completion", help="completion for your shell", description=completion.__doc__)
    completing.add_argument("shell", choices=("bash", "zsh", "fish"))
    completing.set_defaults(run=completion)


def list_scenarios(options: argparse.Namespace) -> int:
    """Lists the scenarios: name and title, without the answers."""
    from whodunet.loading.library import Library, find_scenario, scenario_names

    library = Library()
    if options.causes:
        entries = [(cause.name, f"{cause.id}  {cause.title}") for cause in library.causes().values()]
    else:
        questions = [library.scenario(find_scenario(name)).question for name in scenario_names()]
        entries = [(question.name, question.title) for question in questions]
    if options.json:
        print(json.dumps([{"name": name, "title": title} for name, title in entries], indent=2, ensure_ascii=False))
        return 0
    width = max(len(name) for name, _ in entries)
    for name, title in entries:
        print(f"{name:{width}}  {title}")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Tells for each capability that a lab needs whether it is there, and what fixes it; status 3 if one is missing."""
    from whodunet.lab.doctor import examine, missing, render

    capabilities = examine()
    print(render(capabilities))
    return 3 if missing(capabilities) else 0


def schema(options: argparse.Namespace) -> int:
    """Prints the JSON Schema of scenario files, for editors that check YAML while one types."""
    from whodunet.loading.library import Library
    from whodunet.loading.scenario_file import json_schema

    print(json.dumps(json_schema(Library().fault_kinds()), indent=2))
    return 0


def completion(options: argparse.Namespace) -> int:
    """Prints what your shell has to load: put `eval "$(whodunet completion bash)"` into ~/.bashrc."""
    from argcomplete.shell_integration import shellcode

    sys.stdout.write(shellcode(["whodunet"], shell=options.shell))
    return 0
