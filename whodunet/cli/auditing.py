"""The command that checks a running lab's mandate: audit."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import add_command, add_lab_argument, ask, chosen, topology_of
from whodunet.cli.terminal import hanging_line


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    auditing = add_command(commands, "audit", audit, "check the mandate: no open port, nobody unrecorded")
    add_lab_argument(auditing)
    form = auditing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--records", action="store_true", help="the audit trail and the sessions' transcripts, as kept")


def audit(options: argparse.Namespace) -> int:
    """Says yes or no, with evidence, for each: no public address, no open inbound port (every port is tried from
    outside), no internet route, every access authenticated, authorised and recorded. Status 1 when one of them is no.
    """
    from whodunet.lab.audit import audit as examine
    from whodunet.lab.control import Connection
    from whodunet.lab.sandboxed import SandboxedLab

    name = chosen(options)
    if options.records:
        _print_records(name)
        return 0
    lab = SandboxedLab(Connection.to(name), topology_of(name), None)
    findings = examine(lab)
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{'yes' if finding.holds else 'NO':3}  {finding.clause}")
            for line in finding.evidence:
                print(hanging_line(line, 7))
    return 0 if all(finding.holds for finding in findings) else 1


def _print_records(lab: str) -> None:
    for name, text in sorted(ask(lab, "records")["records"].items()):
        print(f"== {name} ==")
        for line in text.splitlines():
            print(line)
