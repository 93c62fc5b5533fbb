"""Commands for labs that stay: up, ps, shell, exec, down; and the bare sandbox."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from whodunet.cli import naming
from whodunet.cli.running_lab import add_command, ask, chosen, given_command
from whodunet.core.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import control
from whodunet.lab.control import Connection


def add_commands(commands: Any) -> None:
    """Adds this file's commands."""
    bring_up = commands.add_parser("up", help="bring up a lab that stays", description=up.__doc__)
    naming.complete(
        bring_up.add_argument("scenario", metavar="NAME", help="a scenario's name, or a YAML file"), naming.scenarios
    )
    bring_up.add_argument("--as", dest="name", metavar="LAB", help="the lab's name (default: the scenario's)")
    bring_up.add_argument(
        "--controller", metavar="FILE", help="a Ryu app (file or module) to run in place of the policies"
    )
    bring_up.add_argument(
        "--mount",
        action="append",
        default=[],
        metavar="DIR[:PATH[:rw]]",
        help="show a folder or file of this machine on every host, at /mnt/NAME or PATH; read-only unless rw",
    )
    bring_up.add_argument("--without-fault", action="store_true", help="as it is when nothing is wrong")
    bring_up.set_defaults(run=up)

    commands.add_parser("ps", help="list running labs", description=ps.__doc__).set_defaults(run=ps)

    terminal = add_command(commands, "shell", shell, "open a terminal on a host")
    naming.complete(terminal.add_argument("host", metavar="HOST"), naming.hosts)

    executing = add_command(commands, "exec", execute, "run one command on a host")
    naming.complete(executing.add_argument("host", metavar="HOST"), naming.hosts)
    executing.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments"
    )

    bare = commands.add_parser(
        "sandbox", help="run a command beside an Open vSwitch of its own", description=sandbox.__doc__
    )
    bare.add_argument(
        "--controller", metavar="FILE", help="a Ryu app (file or module) to run where a RemoteController looks for it"
    )
    bare.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="without it: a shell")
    bare.set_defaults(run=sandbox)

    ending = add_command(commands, "down", down, "end a lab")
    ending.add_argument("--all", action="store_true", help="all labs of this user")


def up(options: argparse.Namespace) -> int:
    """Brings up a scenario's lab with its fault in place, and leaves it running until `whodunet down`."""
    from whodunet.lab.launching import LabProcess

    if options.name:
        control.require_name(options.name)
    # First: it imports Mininet while this process reads the scenario.
    with LabProcess(options.name or options.scenario) as process:
        _bring_up(options, process)
    return 0


def _bring_up(options: argparse.Namespace, process: Any) -> None:
    from whodunet import engine
    from whodunet.lab.sandboxed import SandboxedLab
    from whodunet.lab.sharing import read_share
    from whodunet.loading.library import Library, find_scenario

    library = Library()
    scenario = library.scenario(find_scenario(options.scenario))
    more = _other_controller(options.controller) if options.controller else {}
    name = options.name or control.name_for(scenario.question.name)
    shares = tuple(read_share(text) for text in options.mount)
    plan = engine.plan_for(scenario, library, name, shares=shares, **more)
    topology = library.of(scenario).topology(scenario.question.topology)
    with SandboxedLab.start(plan, topology, lambda text: print(text, file=sys.stderr), process) as lab:
        for fault in () if options.without_fault or options.controller else scenario.staging.faults:
            lab.inject(fault)
        engine.restart_services(scenario, lab, lambda text: print(text, file=sys.stderr))
        lab.let_go()
    print(_told(scenario.question, options))
    print(f"\nlab {name} is up; next: whodunet shell {scenario.question.vantage}    in the end: whodunet down")


def _told(question: Any, options: argparse.Namespace) -> str:
    """What the user would tell you; without the fault that the story is about: what there is instead."""
    if options.controller:
        absent = "no firewall and no security group decides anything, and the scenario's fault is not in it"
        return f"The network {question.topology} with {options.controller} in place of its own controllers: {absent}."
    if options.without_fault:
        return f"The network {question.topology} as it is when nothing is wrong: the scenario's fault is not in it."
    return str(question.story.strip())


def _other_controller(app: str) -> dict[str, Any]:
    path = Path(app)
    if path.suffix != ".py":
        return {"other_controller": app}
    if not path.is_file():
        raise InvalidInput(Problem(f"--controller {app}", "does not exist", "name a Ryu app's file or module"))
    return {"other_controller": str(path.resolve()), "keep": (str(path.resolve().parent),)}


def ps(options: argparse.Namespace) -> int:
    """Lists this user's running labs: name, scenario, time since start, nodes."""
    for name in control.running():
        try:
            status = ask(name, "status")
        except CannotRun:
            continue  # it has just ended, or is just being brought up
        minutes, seconds = divmod(int(status["up_s"]), 60)
        print(f"{name:24} {status['scenario']:24} {minutes:3d}:{seconds:02d}  {' '.join(status['hosts'])}")
    return 0


def shell(options: argparse.Namespace) -> int:
    """Opens a terminal on a host of a running lab; any number at a time."""
    from whodunet.lab.attached import attach, is_at_terminal

    return attach(chosen(options), options.host, ["bash", "-l"], in_terminal=is_at_terminal())


def execute(options: argparse.Namespace) -> int:
    """Runs one command on a host of a running lab, here in the foreground, and exits with its exit status."""
    command = given_command(options)
    if not command:
        raise InvalidInput(
            Problem("exec", "no command is given", "write it after --: whodunet exec client -- ip route")
        )
    from whodunet.lab.attached import attach, is_at_terminal

    return attach(chosen(options), options.host, command, in_terminal=is_at_terminal())


def sandbox(options: argparse.Namespace) -> int:
    """Runs a command, such as a Mininet script or test suite, in a sandbox without a lab.

    Example: `whodunet sandbox -- mn --test pingall`, or with a Ryu app of your own and a script whose controller is a
    RemoteController: `whodunet sandbox --controller my_ryu_app.py -- python3 my_topo.py`. It sees an own Open vSwitch
    and, of the machine's temporary files, the current directory and what the command line names.
    """
    from whodunet.lab import bare

    app = _other_controller(options.controller)["other_controller"] if options.controller else None
    bare.run(given_command(options) or ["bash"], app)


def down(options: argparse.Namespace) -> int:
    """Ends a lab; nothing of it is left."""
    for name in control.running() if options.all else [chosen(options)]:
        connection = Connection.to(name)
        connection.ask("stop")
        connection.wait_until_closed()
        connection.close()
        control.await_gone(name)
        print(f"{name} is down")
    return 0
