"""Commands that change a running lab: policy, vpn, service."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from whodunet.cli import naming
from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import (
    add_command,
    chosen_lab,
    given_command,
    library_of,
    require_one_of,
)
from whodunet.cli.terminal import table
from whodunet.errors import CannotRun, InvalidInput, Problem

if TYPE_CHECKING:
    from whodunet.lab.client import LabClient


def add_commands(commands: Commands) -> None:
    """Adds this file's commands."""
    policies = add_command(commands, "policy", policy, "show or change what a switch's controller enforces")
    naming.complete(policies.add_argument("switch", nargs="?", metavar="SWITCH"), naming.switches)
    policies.add_argument(
        "change", nargs="*", metavar="KEY=YAML", help="a key of the policy and its new value, or one YAML file"
    )

    leaving = add_command(commands, "vpn", vpn, "leave the VPN, or come back")
    leaving.add_argument("state", nargs="?", choices=("on", "off"), help="without it: tell")

    serving = add_command(commands, "service", service, "stop or start a host's service, or run another in its place")
    naming.complete(serving.add_argument("host", nargs="?", metavar="HOST"), naming.hosts)
    serving.add_argument("service", nargs="?", metavar="SERVICE")
    serving.add_argument("change", nargs="?", choices=("stop", "start", "restart", "replace"), help="without it: tell")
    serving.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what runs in its place")


def policy(options: argparse.Namespace) -> int:
    """Shows the policies of a lab, shows one, or changes one; returns when the switch has confirmed its flow entries.

    Examples: `whodunet policy egress-fw rules=[]`, `whodunet policy sg sg.yaml`,
    `whodunet policy sg 'groups.instance-sg.inbound=[{protocol: tcp, port: 22, source: 10.8.0.0/24}]'`.
    """
    import yaml

    from whodunet.lab.requests import SetPolicy

    with chosen_lab(options) as lab:
        switches = lab.status().switches
        if options.switch is None:
            print(yaml.safe_dump({switch: lab.policy(switch) for switch in switches}, sort_keys=False), end="")
            return 0
        require_one_of(options.switch, switches, f"switch of the lab {lab.name}")
        current = lab.policy(options.switch)
        if not options.change:
            print(yaml.safe_dump(current, sort_keys=False), end="")
            return 0
        changed = _changed(current, options.change)
        library_of(lab.status()).catalogue.read_policy(changed, lab.topology, options.switch)
        confirmed = lab.ask(SetPolicy(options.switch, changed))
        print(f"{options.switch} has confirmed {confirmed.entries} flow entries")
    return 0


def _changed(current: Mapping[str, object], changes: list[str]) -> dict[str, object]:
    if len(changes) == 1 and "=" not in changes[0]:
        return _policy_file(Path(changes[0]))
    changed: dict[str, object] = json.loads(json.dumps(current))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InvalidInput(Problem(change, "is not a change", "write KEY=YAML, or one YAML file"))
        _set(changed, key, _yaml(value, change))
    return changed


def _policy_file(path: Path) -> dict[str, object]:
    from whodunet.loading.yaml_lines import read_file

    content = _yaml(read_file(path), str(path))
    if not isinstance(content, dict):
        raise InvalidInput(
            Problem(str(path), "is not a policy", "write a mapping, as `whodunet policy SWITCH` shows it")
        )
    return content


def _yaml(text: str, place: str) -> object:
    import yaml

    from whodunet.loading.yaml_lines import refuse_explosive

    try:
        refuse_explosive(text, place)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        wrong = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InvalidInput(
            Problem(place, f"is not valid YAML: {wrong}", "quote it for the shell: 'KEY=[{...}]'")
        ) from error


def _set(policy_: dict[str, object], key: str, value: object) -> None:
    part = policy_
    *parents, last = key.split(".")
    for parent in parents:
        below = part.setdefault(parent, {})
        if not isinstance(below, dict):
            raise InvalidInput(Problem(key, f"{parent} holds no keys", "see `whodunet policy SWITCH`"))
        part = below
    part[last] = value


def vpn(options: argparse.Namespace) -> int:
    """Takes the client off the VPN, so that it uses its other uplink, or brings it back."""
    with chosen_lab(options) as lab:
        uplinks = lab.topology.uplinks
        host, ways = next(((host, ways) for host, ways in uplinks.items() if "vpn" in ways), (None, ()))
        if host is None:
            raise CannotRun(f"no host of {lab.topology.name} is on a VPN")
        if options.state is not None:
            lab.set_uplink(host, "vpn" if options.state == "on" else next(way for way in ways if way != "vpn"))
        print(f"{host} uses: {lab.status().uplinks[host]}")
    return 0


def service(options: argparse.Namespace) -> int:
    """Shows the services of a lab, or stops, starts, restarts or replaces one; returns when that is done.

    Example: `whodunet service instance ssm-agent replace -- amazon-ssm-agent`. What a lab is made of may not end by
    itself, so `kill` is no way to stop a service: the lab would end with it.
    """
    with chosen_lab(options) as lab:
        host, name = options.host, options.service
        there = lab.status().services
        if host is not None:
            require_one_of(host, there, f"host with services of the lab {lab.name}")
        if name is not None:
            require_one_of(name, there[host], f"service of {host}")
        if options.change is None:
            meant = {host: there[host]} if host else there
            rows = [(each, service, state) for each, states in meant.items() for service, state in states.items()]
            print(table(("HOST", "SERVICE", "STATE"), [row for row in rows if name in (None, row[1])]))
            return 0
        _change_service(lab, options)
        print(f"{name} on {host}: {lab.status().services[host][name]}")
    return 0


def _change_service(lab: LabClient, options: argparse.Namespace) -> None:
    command = given_command(options)
    if bool(command) != (options.change == "replace"):
        wrong = "needs a command" if options.change == "replace" else "takes no command"
        raise InvalidInput(
            Problem(f"service {options.change}", wrong, "whodunet service HOST SERVICE replace -- COMMAND")
        )
    if options.change in ("stop", "restart"):
        lab.stop_service(options.host, options.service)
    if options.change in ("start", "restart"):
        lab.start_service(options.host, options.service)
    if options.change == "replace":
        lab.replace_service(options.host, options.service, shlex.join(command))
