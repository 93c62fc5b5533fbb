"""The command that gives an agent a seat: mcp."""

from __future__ import annotations

import argparse
from pathlib import Path

from whodunet.cli import naming
from whodunet.cli.exit_status import COULD_NOT_RUN, HELD
from whodunet.cli.output import errors_name, require_room
from whodunet.cli.parsing import Commands, add_variation_options, positive, variation
from whodunet.cli.runs import progress
from whodunet.errors import CannotRun

_SERVES = (
    "Brings up a scenario's lab with its fault in place and serves its client to an agent, by the Model Context "
    "Protocol on standard input and output. The agent is told the story, has a shell on the client, sees the client's "
    "packets, and submits one verdict. It is not told which scenario this is, the truth, or its score: that is written "
    "into a file when the agent closes the connection; then the lab ends."
)


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    serving = commands.add_parser("mcp", help="give an agent the client of a case", description=_SERVES)
    naming.complete(
        serving.add_argument("scenario", metavar="NAME", help="a scenario's name, or a YAML file"), naming.scenarios
    )
    serving.add_argument(
        "--result", type=Path, required=True, metavar="FILE", help="where the verdict's score is written, as JSON"
    )
    serving.add_argument("--minutes", type=positive, default=20, metavar="N", help="how long the agent has (20)")
    serving.add_argument("--agent", default="agent", metavar="WHO", help="what the agent is called in the result")
    add_variation_options(serving)
    serving.set_defaults(run=mcp)


def mcp(options: argparse.Namespace) -> int:
    """Serves the client of a case to an agent; what its verdict was worth stands in a file in the end."""
    try:
        from whodunet.agents.mcp_server import serve
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise CannotRun("the Model Context Protocol needs the extra mcp: pip install 'whodunet[mcp]'") from error
    from whodunet.agents.results import report_of
    from whodunet.agents.seat import Seat
    from whodunet.grader import CaseToGrade
    from whodunet.grading.report import to_json
    from whodunet.loading.library import Library, find_scenario

    library = Library(variation=variation(options))
    case = CaseToGrade.of(find_scenario(options.scenario), library)
    with errors_name(str(options.result)), options.result.open("w", encoding="utf-8") as file:
        require_room(file.fileno(), str(options.result))
        with Seat.taken(case, 60.0 * options.minutes, progress(is_quiet=False)) as seat:
            serve(seat)
            graded = seat.result()
        file.write(to_json(report_of(options.agent, [graded])))
    return HELD if graded.invalid is None else COULD_NOT_RUN
