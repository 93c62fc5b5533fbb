"""Commands for labs that stay: up, ps, shell, exec, logs, capture, down; and the bare sandbox."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from whodunet.cli import hints, naming
from whodunet.cli.output import errors_name, tell
from whodunet.cli.parsing import Commands, add_jobs_option, add_variation_options, positive, variation
from whodunet.cli.running_lab import (
    add_command,
    add_lab_argument,
    chosen_lab,
    given_command,
    place_and_command,
    require_one_of,
    running_lab,
    status_of,
)
from whodunet.cli.servers import servers_table
from whodunet.cli.terminal import filled, table
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import control

if TYPE_CHECKING:
    from whodunet.cases.scenario import Question, Scenario
    from whodunet.evidence.topology import Topology
    from whodunet.lab.launching import LabProcess
    from whodunet.lab.plan import LabOptions, OtherController
    from whodunet.lab.requests import LabStatus
    from whodunet.lab.sandboxed import SandboxedLab
    from whodunet.loading.library import Library

_NAME_AN_APP: Final = "name a Ryu app's file or module"


def add_commands(commands: Commands) -> None:
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
    bring_up.add_argument("--without-fault", action="store_true", help="without the scenario's fault")
    bring_up.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help="N labs: LAB-1, LAB-2 ..., with --seed S of the seeds S, S+1 ...; all or none",
    )
    add_variation_options(bring_up)
    add_jobs_option(bring_up)
    bring_up.set_defaults(run=up)

    listing = commands.add_parser("ps", aliases=["ls"], help="list running labs", description=ps.__doc__)
    listing.add_argument("--json", action="store_true", help="as JSON, with the hosts of each")
    listing.set_defaults(run=ps)

    terminal = add_command(commands, "shell", shell, "open a terminal on a host")
    naming.complete(terminal.add_argument("host", metavar="[LAB] HOST"), naming.hosts)
    terminal.add_argument("command", nargs="*", default=[], help=argparse.SUPPRESS)

    executing = add_command(commands, "exec", execute, "run one command on a host")
    for flag, long in (("-i", "--interactive"), ("-t", "--tty")):
        executing.add_argument(flag, long, action="store_true", help="accepted as docker does; always in effect")
    naming.complete(executing.add_argument("host", metavar="[LAB] HOST"), naming.hosts)
    executing.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="[--] COMMAND", help="the command and its arguments"
    )

    reading = add_command(commands, "logs", logs, "what the programs of a lab wrote")
    add_lab_argument(reading)
    reading.add_argument("--only", metavar="LOG", help="one of them, by its heading")
    reading.add_argument("--tail", type=positive, metavar="N", help="the last N lines of each")

    capturing = add_command(commands, "capture", capture, "copy what a lab has recorded up to now")
    add_lab_argument(capturing)
    capturing.add_argument(
        "--at", action="append", metavar="INTERFACE", help="of this one alone, e.g. client.vpn; may be repeated"
    )
    capturing.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="a pcapng file, replaced if there is one; - for a pipe"
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
    naming.complete(ending.add_argument("labs", nargs="*", metavar="LAB", help="which, or several"), naming.labs)
    ending.add_argument("--all", action="store_true", help="all labs of this user")


def up(options: argparse.Namespace) -> int:
    """Brings up a scenario's lab with its fault in place, and leaves it running until `whodunet down`."""
    from whodunet.lab.launching import LabProcess

    if options.count:
        from whodunet.cli.many_labs import bring_up_many

        return bring_up_many(options, _lab_options(options))
    if options.name is not None:
        control.require_name(options.name)
    # First: it imports Mininet while this process reads the scenario.
    with LabProcess(options.name or options.scenario) as process:
        _bring_up(options, process)
    return 0


def _bring_up(options: argparse.Namespace, process: LabProcess) -> None:
    from whodunet.loading.library import Library, find_scenario

    library = Library(variation=variation(options))
    scenario = library.scenario(find_scenario(options.scenario))
    special = _lab_options(options)
    name = control.name_for(scenario.question.name) if options.name is None else options.name
    with staged_lab(scenario, library, options, name, special, process=process) as lab:
        topology = library.of(scenario).topology(scenario.question.topology)
        print(filled(told(scenario.question, options)))
        print_servers(servers_table(topology, scenario.question.vantage))
        print(whats_next([name], scenario.question.vantage), flush=True)  # unread, it would leave a lab behind
        lab.let_go()


def staged_lab(
    scenario: Scenario,
    library: Library,
    options: argparse.Namespace,
    name: str,
    special: LabOptions,
    progress: Callable[[str], None] = lambda text: tell(filled(text)),
    process: LabProcess | None = None,
) -> SandboxedLab:
    """A lab of a scenario, with its faults in unless the options say otherwise; it ends with this process."""
    from whodunet import engine
    from whodunet.lab.sandboxed import SandboxedLab

    plan = engine.plan_for(scenario, library, name, special)
    topology = library.of(scenario).topology(scenario.question.topology)
    for note in library.unused_seed(topology):
        progress(note)
    lab = SandboxedLab.start(plan, progress, process)
    try:
        lab.remember_staging(scenario.staging)
        for fault in () if options.without_fault or options.controller else scenario.staging.faults:
            lab.inject(fault)
        engine.restart_services(scenario, lab, progress)
    except BaseException:
        lab.stop()
        raise
    return lab


def print_servers(servers: str) -> None:
    """The table of servers, below the story."""
    if servers:
        print(f"\n{servers}")


def told(question: Question, options: argparse.Namespace) -> str:
    """What the user would tell you; without the fault that the story is about: what there is instead."""
    if options.controller:
        absent = "no firewall and no security group decides anything, and the scenario's fault is not in it"
        return f"The network {question.topology} with {options.controller} in place of its own controllers: {absent}."
    if options.without_fault:
        return f"The network {question.topology} as it is when nothing is wrong: the scenario's fault is not in it."
    return question.story


def whats_next(names: Sequence[str], vantage: str) -> str:
    """What to type now that labs are up; the name in it is needed once another lab runs."""
    are_up, all_of_them = f"lab {names[0]} is up", names[0]
    if len(names) > 1:
        are_up, all_of_them = f"{len(names)} labs are up: {names[0]} to {names[-1]}", "--all"
    following, last = hints.command(f"shell {names[0]} {vantage}"), hints.command(f"down {all_of_them}")
    return f"\n{are_up}\n  next:        {following}\n  in the end:  {last}"


def _lab_options(options: argparse.Namespace) -> LabOptions:
    from whodunet.lab.plan import LabOptions
    from whodunet.lab.sharing import read_share

    shares = tuple(read_share(text) for text in options.mount)
    return LabOptions(shares, _other_controller(options.controller))


def _other_controller(app: str | None) -> OtherController | None:
    from whodunet.lab.plan import OtherController

    named = _app(app)
    if named is None or not named.startswith("/"):
        return None if named is None else OtherController(named)
    try:
        return OtherController.of_file(Path(named))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidInput(Problem(f"--controller {app}", f"cannot be read: {reason}", _NAME_AN_APP)) from error


def _app(app: str | None) -> str | None:
    """The Ryu app that is meant: a module's name, or a file's path from the root."""
    if app is None or (app and not app.endswith(".py")):
        return app
    path = Path(app)
    if not path.is_file():
        raise InvalidInput(Problem(f"--controller {app}", "does not exist", _NAME_AN_APP))
    return str(path.resolve())


def ps(options: argparse.Namespace) -> int:
    """Lists this user's running labs: name, scenario, time since start (h:mm:ss), number of hosts."""
    labs = [status for name in control.running() if (status := status_of(name))]
    if options.json:
        keys = ("name", "scenario", "topology", "seed", "family", "up_s", "hosts", "switches")
        print(json.dumps([{key: getattr(lab, key) for key in keys} for lab in labs], indent=2, ensure_ascii=False))
    elif labs:
        rows = [(lab.name, _played(lab), _clock(lab.up_s), str(len(lab.hosts))) for lab in labs]
        print(table(("NAME", "SCENARIO", "UP", "HOSTS"), rows))
    else:
        tell("no lab is running")
    return 0


def _played(status: LabStatus) -> str:
    """The scenario of a lab, as `up` was asked for it."""
    return status.variation.of(status.scenario)


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def shell(options: argparse.Namespace) -> int:
    """Opens a terminal on a host of a running lab; any number at a time."""
    lab, host, rest = place_and_command(options)
    if rest:
        raise InvalidInput(Problem("shell", f"takes no command: {' '.join(rest)}", f"whodunet exec {host} -- COMMAND"))
    from whodunet.lab.attaching import attach, is_at_terminal

    return attach(lab, host, ["bash", "-l"], in_terminal=is_at_terminal())


def execute(options: argparse.Namespace) -> int:
    """Runs one command on a host of a running lab, here in the foreground, and exits with its exit status."""
    lab, host, command = place_and_command(options)
    if not command:
        raise InvalidInput(Problem("exec", "no command is given", f"write one, such as: whodunet exec {host} ip route"))
    from whodunet.lab.attaching import attach, is_at_terminal

    return attach(lab, host, command, in_terminal=is_at_terminal())


def logs(options: argparse.Namespace) -> int:
    """Prints what the programs that a lab is made of wrote: Open vSwitch, controller, recorder, services of hosts."""
    with chosen_lab(options) as lab:
        texts = lab.logs()
    names = sorted(texts) if options.only is None else [require_one_of(options.only, sorted(texts), "log of this lab")]
    for name in names:
        lines = texts[name].splitlines()
        if options.only is None:
            print(f"== {name} ==")
        for line in lines[-options.tail :] if options.tail else lines:
            print(line)
    return 0


def capture(options: argparse.Namespace) -> int:
    """Copies what a lab has recorded at its interfaces up to now; Wireshark and tcpdump read it.

    tcpdump reads no file with interfaces that have link addresses and others that do not, as a tunnel's ends: choose.
    """
    from whodunet.lab.pcapng_blocks import blocks_at, whole_blocks

    if options.output == "-" and sys.stdout.isatty():
        raise InvalidInput(Problem("-o -", "is a terminal", "name a file, or pipe it: | tcpdump -n -r -"))
    with (
        chosen_lab(options) as lab,
        errors_name(options.output),
        _binary_output(options.output) as copy,
        lab.capture() as capture,
        capture.path.open("rb") as recorded,
    ):
        blocks = whole_blocks(recorded)
        copy.writelines(blocks_at(_interfaces(options.at, lab.topology), blocks) if options.at else blocks)
    return 0


def _interfaces(wanted: Sequence[str], topology: Topology) -> set[str]:
    """The interfaces of these names or labels."""
    every = {**{name: name for name in topology.interfaces}, **topology.labelled}
    return {every[require_one_of(name, every, f"capture point of {topology.name}")] for name in wanted}


def _binary_output(name: str) -> BinaryIO:
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb") if name == "-" else open(name, "wb")


def sandbox(options: argparse.Namespace) -> int:
    """Runs a command, such as a Mininet script or test suite, in a sandbox without a lab.

    Example: `whodunet sandbox -- mn --test pingall`, or with a Ryu app of your own and a script whose controller is a
    RemoteController: `whodunet sandbox --controller my_ryu_app.py -- python3 my_topo.py`. It sees an own Open vSwitch
    and, of the machine's temporary files, the current directory and what the command line names.
    """
    from whodunet.lab import bare

    bare.run(given_command(options) or ["bash"], _app(options.controller))


def down(options: argparse.Namespace) -> int:
    """Ends a lab; nothing of it is left. Without a name it asks, at a terminal, whether to end the only one."""
    from concurrent.futures import ThreadPoolExecutor

    from whodunet.lab.client import LabClient

    def end(name: str) -> None:
        with LabClient.to(name) as lab:
            lab.end()

    names = _labs_to_end(options)
    with ThreadPoolExecutor(max(len(names), 1)) as side_by_side:
        for name, _ in zip(names, side_by_side.map(end, names), strict=True):
            print(f"{name} is down", flush=True)
    return 0


def _labs_to_end(options: argparse.Namespace) -> list[str]:
    named = [*options.labs, *([options.lab] if options.lab else [])]
    if options.all and named:
        raise InvalidInput(Problem("down", f"--all and {named[0]} contradict each other", "give one of the two"))
    if options.all:
        return control.running()
    if named:
        try:
            return [running_lab(name) for name in dict.fromkeys(named)]
        finally:
            for name in {*named} - {*control.running()}:
                control.forget_end(name)  # told once more, and then nothing of it is left
    running = control.running()
    if not running:
        raise CannotRun("no lab is running")
    if len(running) > 1 or not sys.stdin.isatty():  # a script may meet a lab that is somebody else's
        fix = f"name one, or use --all; running: {', '.join(running)}"
        raise InvalidInput(Problem("down", "no lab is named", fix))
    return running if _agrees(f"End the lab {running[0]}?") else []


def _agrees(question: str) -> bool:
    tell(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
