"""The command that puts graded tools beside each other: compare."""

from __future__ import annotations

import argparse
from pathlib import Path

from whodunet.cli.exit_status import HELD
from whodunet.cli.parsing import Commands
from whodunet.cli.terminal import style
from whodunet.errors import InvalidInput, Problem


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    comparing = commands.add_parser("compare", help="tools that were graded, side by side", description=compare.__doc__)
    comparing.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="what `grade --json` printed")
    comparing.add_argument("--markdown", action="store_true", help="as a table of Markdown, with versions")
    comparing.set_defaults(run=compare)


def compare(options: argparse.Namespace) -> int:
    """Puts the reports of tools that were graded on the same cases into one table, the best first.

    Counted is the party that each verdict names: how often exactly, in a set of several, left open (cannot tell),
    wrongly, and wrongly with high confidence (sure). Time is the median of a case, packets the most sent in one.
    """
    from whodunet.grading.report import from_json
    from whodunet.loading.yaml_lines import read_file
    from whodunet.view.text.tools import render_tools, tools_in_markdown

    reports = [from_json(read_file(path), str(path)) for path in options.reports]
    cases = [{case.name for case in report.cases} for report in reports]
    for path, others in zip(options.reports, cases, strict=True):
        if others != cases[0]:
            wrong = f"is about other cases than {options.reports[0]}"
            raise InvalidInput(
                Problem(str(path), wrong, "grade both tools on the same ones: the same names, seed, --cases")
            )
    print(tools_in_markdown(reports) if options.markdown else render_tools(reports, style()))
    return HELD
