"""Commands for labs that stay: up, ps, shell, exec, policy, vpn, down; and the bare sandbox."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from whodunet.cli import naming
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
    bring_up.add_argument("--without-fault", action="store_true", help="as it is when nothing is wrong")
    bring_up.set_defaults(run=up)

    commands.add_parser("ps", help="list running labs", description=ps.__doc__).set_defaults(run=ps)

    terminal = _add(commands, "shell", shell, "open a terminal on a host")
    naming.complete(terminal.add_argument("host", metavar="HOST"), naming.hosts)

    executing = _add(commands, "exec", execute, "run one command on a host")
    naming.complete(executing.add_argument("host", metavar="HOST"), naming.hosts)
    executing.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments"
    )

    policies = _add(commands, "policy", policy, "show or change what a switch's controller enforces")
    naming.complete(policies.add_argument("switch", nargs="?", metavar="SWITCH"), naming.switches)
    policies.add_argument(
        "change", nargs="*", metavar="KEY=YAML", help="a key of the policy and its new value, or one YAML file"
    )

    leaving = _add(commands, "vpn", vpn, "leave the VPN, or come back")
    leaving.add_argument("state", nargs="?", choices=("on", "off"), help="without it: tell")

    bare = commands.add_parser(
        "sandbox", help="run a command beside an Open vSwitch of its own", description=sandbox.__doc__
    )
    bare.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="without it: a shell")
    bare.set_defaults(run=sandbox)

    ending = _add(commands, "down", down, "end a lab")
    ending.add_argument("--all", action="store_true", help="all labs of this user")


def _add(commands: Any, name: str, run: Any, summary: str) -> Any:
    parser = commands.add_parser(name, help=summary, description=run.__doc__)
    naming.complete(
        parser.add_argument("--lab", metavar="LAB", help="which lab, when several are running"), naming.labs
    )
    parser.set_defaults(run=run)
    return parser


def up(options: argparse.Namespace) -> int:
    """Brings up a scenario's lab with its fault in place, and leaves it running until `whodunet down`."""
    from whodunet.lab.launching import LabProcess

    # First: it imports Mininet while this process reads the scenario.
    with LabProcess(options.name or options.scenario) as process:
        _bring_up(options, process)
    return 0


def _bring_up(options: argparse.Namespace, process: Any) -> None:
    from whodunet import engine
    from whodunet.lab.sandboxed import SandboxedLab
    from whodunet.loading.library import Library, find_scenario

    library = Library()
    scenario = library.scenario(find_scenario(options.scenario))
    more = _other_controller(options.controller) if options.controller else {}
    plan = engine.plan_for(scenario, library, options.name, **more)
    topology = library.topology(scenario.question.topology)
    with SandboxedLab.start(plan, topology, lambda text: print(text, file=sys.stderr), process) as lab:
        for fault in () if options.without_fault or options.controller else scenario.staging.faults:
            lab.inject(fault)
        name = lab.name
        lab.let_go()
    print(scenario.question.story.strip())
    print(f"\nlab {name} is up; next: whodunet shell {scenario.question.vantage}    in the end: whodunet down")


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
            status = _ask(name, "status")
        except CannotRun:
            continue  # it has just ended, or is just being brought up
        minutes, seconds = divmod(int(status["up_s"]), 60)
        print(f"{name:24} {status['scenario']:24} {minutes:3d}:{seconds:02d}  {' '.join(status['hosts'])}")
    return 0


def _ask(lab: str, operation: str, **arguments: Any) -> dict[str, Any]:
    connection = Connection.to(lab)
    try:
        answer, descriptors = connection.ask(operation, **arguments)
    finally:
        connection.close()
    for descriptor in descriptors:
        os.close(descriptor)
    return answer


def _chosen(options: argparse.Namespace) -> str:
    """The lab that a command is for: the named one, or the only one."""
    running = control.running()
    if options.lab:
        return str(options.lab)
    if len(running) == 1:
        return running[0]
    if not running:
        raise CannotRun("no lab is running; `whodunet up NAME` brings one up")
    raise InvalidInput(Problem("--lab", "is needed, for several labs are running", f"use one of: {', '.join(running)}"))


def shell(options: argparse.Namespace) -> int:
    """Opens a terminal on a host of a running lab; any number at a time."""
    _become(_chosen(options), options.host, ["bash", "-l"])


def execute(options: argparse.Namespace) -> int:
    """Runs one command on a host of a running lab, here in the foreground, and exits with its exit status."""
    command = _given_command(options)
    if not command:
        raise InvalidInput(
            Problem("exec", "no command is given", "write it after --: whodunet exec client -- ip route")
        )
    _become(_chosen(options), options.host, command)


def _given_command(options: argparse.Namespace) -> list[str]:
    """The command after the options, without the `--` that parts the two."""
    return list(options.command[1:] if options.command[:1] == ["--"] else options.command)


def _become(lab: str, host: str, command: list[str]) -> NoReturn:
    """Replaces this process by a command on a host, so that terminal, signals and exit status are the command's own."""
    answer, descriptors = Connection.to(lab).ask("namespaces", host=host)
    options = {"mnt": "mount"}
    arguments = []
    for kind, descriptor in zip(answer["kinds"], descriptors, strict=True):
        os.set_inheritable(descriptor, True)
        arguments.append(f"--{options.get(kind, kind)}=/proc/self/fd/{descriptor}")
    environment = answer["environment"] | {"TERM": os.environ.get("TERM", "dumb")}
    at_home = ["sh", "-c", 'cd ~ && exec "$@"', "sh", *command]
    sys.stdout.flush()
    os.execvpe(  # noqa: S606 - what runs is what the person typed
        "nsenter", ["nsenter", *arguments, "--", *at_home], environment
    )


def policy(options: argparse.Namespace) -> int:
    """Shows the policies of a lab, shows one, or changes one; returns when the switch has confirmed its flow entries.

    Examples: `whodunet policy egress-fw entries=[]`, `whodunet policy sg sg.yaml`,
    `whodunet policy sg 'groups.instance-sg.inbound=[{protocol: tcp, port: 22, source: 10.8.0.0/24}]'`.
    """
    import yaml

    lab = _chosen(options)
    status = _ask(lab, "status")
    if options.switch is None:
        policies = {switch: _ask(lab, "policy", switch=switch)["policy"] for switch in status["switches"]}
        print(yaml.safe_dump(policies, sort_keys=False), end="")
        return 0
    current = _ask(lab, "policy", switch=options.switch)["policy"]
    if not options.change:
        print(yaml.safe_dump(current, sort_keys=False), end="")
        return 0
    changed = _changed(current, options.change)
    _check_policy(changed, status["topology"], options.switch)
    entries = _ask(lab, "set_policy", switch=options.switch, config=changed)["entries"]
    print(f"{options.switch} has confirmed {entries} flow entries")
    return 0


def _changed(current: Mapping[str, Any], changes: list[str]) -> dict[str, Any]:
    if len(changes) == 1 and "=" not in changes[0]:
        return _policy_file(Path(changes[0]))
    changed = json.loads(json.dumps(current))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InvalidInput(Problem(change, "is no change", "write KEY=YAML, or one YAML file"))
        _set(changed, key, _yaml(value, change))
    return dict(changed)


def _policy_file(path: Path) -> dict[str, Any]:
    try:
        content = _yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            Problem(str(path), f"cannot be read: {error}", "name a YAML file, or write KEY=YAML")
        ) from error
    if not isinstance(content, dict):
        raise InvalidInput(Problem(str(path), "is no policy", "write a mapping, as `whodunet policy SWITCH` shows it"))
    return content


def _yaml(text: str, place: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        wrong = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InvalidInput(
            Problem(place, f"is not valid YAML: {wrong}", "quote it for the shell: 'KEY=[{...}]'")
        ) from error


def _set(policy_: dict[str, Any], key: str, value: Any) -> None:
    part = policy_
    *parents, last = key.split(".")
    for parent in parents:
        part = part.setdefault(parent, {})
        if not isinstance(part, dict):
            raise InvalidInput(Problem(key, f"{parent} holds no keys", "see `whodunet policy SWITCH`"))
    part[last] = value


def _check_policy(config: Mapping[str, Any], topology: str, switch: str) -> None:
    from whodunet.loading.library import Library, read_policy

    read_policy(config, Library().topology(topology), switch)


def vpn(options: argparse.Namespace) -> int:
    """Takes the client off the VPN, so that it goes by its other way out, or brings it back."""
    lab = _chosen(options)
    topology = _topology_of(lab)
    host, ways = next(((host, ways) for host, ways in topology.uplinks.items() if "vpn" in ways), (None, ()))
    if host is None:
        raise CannotRun(f"no host of {topology.name} is on a VPN")
    if options.state is not None:
        uplink = "vpn" if options.state == "on" else next(way for way in ways if way != "vpn")
        _ask(lab, "set_uplink", host=host, uplink=uplink)
    print(f"{host} goes by: {_ask(lab, 'status')['uplinks'][host]}")
    return 0


def _topology_of(lab: str) -> Any:
    from whodunet.loading.library import Library

    return Library().topology(_ask(lab, "status")["topology"])


def sandbox(options: argparse.Namespace) -> int:
    """Runs a command, such as a Mininet script or test suite, in a sandbox without a lab.

    Example: `whodunet sandbox -- mn --test pingall`. It sees an own Open vSwitch, a controller for it, and of the
    machine's temporary files none but the current directory.
    """
    from whodunet.lab import bare

    command = _given_command(options)
    bare.run(command or ["bash"])


def down(options: argparse.Namespace) -> int:
    """Ends a lab; nothing of it is left."""
    for name in control.running() if options.all else [_chosen(options)]:
        connection = Connection.to(name)
        connection.ask("stop")
        connection.wait_until_closed()
        connection.close()
        control.await_gone(name)
        print(f"{name} is down")
    return 0
