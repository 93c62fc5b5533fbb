"""Commands that change a running lab: policy, vpn, service."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from whodunet.cli import naming
from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import (
    add_command,
    conversation,
    given_words,
    lab_and_choice,
    lab_and_words,
    library_of,
    require_one_of,
    without_dashes,
)
from whodunet.cli.terminal import table
from whodunet.errors import CannotRun, InvalidInput, Problem

if TYPE_CHECKING:
    from whodunet.lab.client import LabClient

_VPN_STATES: Final = ("on", "off", "status")
_SERVICE_CHANGES: Final = ("stop", "start", "restart", "replace")


def add_commands(commands: Commands) -> None:
    """Adds this file's commands."""
    policies = add_command(commands, "policy", policy, "show or change what a switch's controller enforces")
    naming.complete(policies.add_argument("switch", nargs="?", metavar="[LAB] SWITCH"), naming.switches)
    policies.add_argument(
        "change", nargs="*", metavar="KEY=YAML", help="a key of the policy and its new value, or one YAML file"
    )

    leaving = add_command(commands, "vpn", vpn, "leave the VPN, or come back")
    naming.complete(
        leaving.add_argument("state", nargs="?", metavar="[LAB] on|off|status", help="without it: status"),
        naming.labs_or(_VPN_STATES),
    )
    leaving.add_argument("more", nargs="*", default=[], help=argparse.SUPPRESS)

    serving = add_command(commands, "service", service, "stop or start a host's service, or run another in its place")
    serving.usage = "%(prog)s [-h] [--lab LAB] [--with DIR]\n" + 24 * " " + "[LAB] [HOST [SERVICE [CHANGE]]]"
    naming.complete(serving.add_argument("host", nargs="?", metavar="HOST"), naming.hosts)
    serving.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="SERVICE CHANGE",
        help="stop, start, restart, or replace -- COMMAND, which runs in its place; without it: tell",
    )


def policy(options: argparse.Namespace) -> int:
    """Shows the policies of a lab, shows one, or changes one; returns when the switch has confirmed its flow entries.

    Examples: `whodunet policy egress-fw rules=[]`, `whodunet policy sg sg.yaml`,
    `whodunet policy sg 'groups.instance-sg.inbound=[{protocol: tcp, port: 22, source: 10.8.0.0/24}]'`.
    """
    import yaml

    from whodunet.lab.requests import SetPolicy

    name, words = lab_and_words(options, given_words(options.switch, options.change), lambda status: status.switches)
    with conversation(name) as lab:
        switches = lab.status().switches
        if not words:
            print(yaml.safe_dump({switch: lab.policy(switch) for switch in switches}, sort_keys=False), end="")
            return 0
        switch, *changes = words
        require_one_of(switch, switches, f"switch of the lab {lab.name}")
        current = lab.policy(switch)
        if not changes:
            print(yaml.safe_dump(current, sort_keys=False), end="")
            return 0
        changed = _changed(current, changes)
        library_of(lab.status()).catalogue.read_policy(changed, lab.topology, switch)
        confirmed = lab.ask(SetPolicy(switch, changed))
        print(f"{switch} has confirmed {confirmed.entries} flow entries")
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
    """Takes the client off the VPN, so that it uses its other uplink, or brings it back; tells where it is.

    Where the VPN is a tunnel, that is done by stopping and starting its client, as a user would.
    """
    words = given_words(options.state, options.more)
    name, states = lab_and_choice(options, words, _VPN_STATES, "state of the VPN")
    if len(states) > 1:
        raise InvalidInput(Problem(f"vpn {' '.join(words)}", "says too much", "write on, off or status"))
    with conversation(name) as lab:
        uplinks = lab.topology.uplinks
        host, ways = next(((host, ways) for host, ways in uplinks.items() if "vpn" in ways), (None, ()))
        if host is None:
            raise CannotRun(f"no host of {lab.topology.name} is on a VPN")
        if states in (["on"], ["off"]):
            lab.set_uplink(host, "vpn" if states == ["on"] else next(way for way in ways if way != "vpn"))
        print(f"{host} uses: {lab.status().uplinks[host]}")
        if states in ([], ["status"]):
            for end in (end for end in sorted(lab.topology.tunnel_ends) if lab.topology.node_at(end) == host):
                print(
                    lab.execute(
                        host, f"ip -brief address show dev {end}; ip route show dev {end}; ip -6 route show dev {end}"
                    ).stdout,
                    end="",
                )
    return 0


def service(options: argparse.Namespace) -> int:
    """Shows the services of a lab, or stops, starts, restarts or replaces one; returns when that is done.

    Example: `whodunet service instance ssm-agent replace -- amazon-ssm-agent`. What a lab is made of may not end by
    itself, so `kill` is no way to stop a service: the lab would end with it.
    """
    lab_name, words = lab_and_words(
        options, given_words(options.host, options.command), lambda status: [*status.services]
    )
    with conversation(lab_name) as lab:
        there = lab.status().services
        for host in words[:1]:
            require_one_of(host, there, f"host with services of the lab {lab.name}")
        for name in words[1:2]:
            require_one_of(name, there[words[0]], f"service of {words[0]}")
        if len(words) < 3:
            rows = [(host, name, state) for host, states in there.items() for name, state in states.items()]
            print(table(("HOST", "SERVICE", "STATE"), [row for row in rows if [*row[: len(words)]] == words]))
            return 0
        host, name, change, *command = words
        require_one_of(change, _SERVICE_CHANGES, "change of a service")
        _change_service(lab, host, name, change, without_dashes(command))
        print(f"{name} on {host}: {lab.status().services[host][name]}")
    return 0


def _change_service(lab: LabClient, host: str, name: str, change: str, command: Sequence[str]) -> None:
    if bool(command) != (change == "replace"):
        wrong = "needs a command" if change == "replace" else "takes no command"
        raise InvalidInput(Problem(f"service {change}", wrong, "whodunet service HOST SERVICE replace -- COMMAND"))
    if change in ("stop", "restart"):
        lab.stop_service(host, name)
    if change in ("start", "restart"):
        lab.start_service(host, name)
    if change == "replace":
        lab.replace_service(host, name, shlex.join(command))
