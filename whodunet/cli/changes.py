"""Commands that change a running lab: policy, vpn, service."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whodunet.cli import naming
from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import (
    add_command,
    ask,
    chosen,
    given_command,
    library_of,
    require_one_of,
    topology_of,
)
from whodunet.cli.terminal import table
from whodunet.errors import CannotRun, InvalidInput, Problem


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

    lab = chosen(options)
    status = ask(lab, "status")
    if options.switch is None:
        policies = {switch: ask(lab, "policy", switch=switch)["policy"] for switch in status["switches"]}
        print(yaml.safe_dump(policies, sort_keys=False), end="")
        return 0
    require_one_of(options.switch, status["switches"], f"switch of the lab {lab}")
    current = ask(lab, "policy", switch=options.switch)["policy"]
    if not options.change:
        print(yaml.safe_dump(current, sort_keys=False), end="")
        return 0
    changed = _changed(current, options.change)
    _check_policy(changed, status, options.switch)
    entries = ask(lab, "set_policy", switch=options.switch, config=changed)["entries"]
    print(f"{options.switch} has confirmed {entries} flow entries")
    return 0


def _changed(current: Mapping[str, Any], changes: list[str]) -> dict[str, Any]:
    if len(changes) == 1 and "=" not in changes[0]:
        return _policy_file(Path(changes[0]))
    changed = json.loads(json.dumps(current))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InvalidInput(Problem(change, "is not a change", "write KEY=YAML, or one YAML file"))
        _set(changed, key, _yaml(value, change))
    return dict(changed)


def _policy_file(path: Path) -> dict[str, Any]:
    from whodunet.loading.yaml_lines import read_file

    content = _yaml(read_file(path), str(path))
    if not isinstance(content, dict):
        raise InvalidInput(
            Problem(str(path), "is not a policy", "write a mapping, as `whodunet policy SWITCH` shows it")
        )
    return content


def _yaml(text: str, place: str) -> Any:
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


def _set(policy_: dict[str, Any], key: str, value: Any) -> None:
    part = policy_
    *parents, last = key.split(".")
    for parent in parents:
        part = part.setdefault(parent, {})
        if not isinstance(part, dict):
            raise InvalidInput(Problem(key, f"{parent} holds no keys", "see `whodunet policy SWITCH`"))
    part[last] = value


def _check_policy(config: Mapping[str, Any], status: Mapping[str, Any], switch: str) -> None:
    library = library_of(status)
    library.catalogue.read_policy(config, library.topology(status["topology"]), switch)


def vpn(options: argparse.Namespace) -> int:
    """Takes the client off the VPN, so that it uses its other uplink, or brings it back."""
    lab = chosen(options)
    topology = topology_of(lab)
    host, ways = next(((host, ways) for host, ways in topology.uplinks.items() if "vpn" in ways), (None, ()))
    if host is None:
        raise CannotRun(f"no host of {topology.name} is on a VPN")
    if options.state is not None:
        uplink = "vpn" if options.state == "on" else next(way for way in ways if way != "vpn")
        ask(lab, "set_uplink", host=host, uplink=uplink)
    print(f"{host} uses: {ask(lab, 'status')['uplinks'][host]}")
    return 0


def service(options: argparse.Namespace) -> int:
    """Shows the services of a lab, or stops, starts, restarts or replaces one; returns when that is done.

    Example: `whodunet service instance ssm-agent replace -- amazon-ssm-agent`. What a lab is made of may not end by
    itself, so `kill` is no way to stop a service: the lab would end with it.
    """
    lab = chosen(options)
    there = ask(lab, "status")["services"]
    if options.host is not None:
        require_one_of(options.host, there, f"host with services of the lab {lab}")
    if options.service is not None:
        require_one_of(options.service, there[options.host], f"service of {options.host}")
    if options.change is None:
        meant = {options.host: there[options.host]} if options.host else there
        rows = [(host, name, state) for host, services in meant.items() for name, state in services.items()]
        print(table(("HOST", "SERVICE", "STATE"), [row for row in rows if options.service in (None, row[1])]))
        return 0
    place = {"host": options.host, "service": options.service}
    command = given_command(options)
    if bool(command) != (options.change == "replace"):
        wrong = "needs a command" if options.change == "replace" else "takes no command"
        raise InvalidInput(
            Problem(f"service {options.change}", wrong, "whodunet service HOST SERVICE replace -- COMMAND")
        )
    if options.change in ("stop", "restart"):
        ask(lab, "stop_service", **place)
    if options.change in ("start", "restart"):
        ask(lab, "start_service", **place)
    if options.change == "replace":
        ask(lab, "replace_service", **place, command=shlex.join(command))
    print(f"{options.service} on {options.host}: {ask(lab, 'status')['services'][options.host][options.service]}")
    return 0
