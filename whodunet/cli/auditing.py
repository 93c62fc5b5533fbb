"""The command that checks a running lab's mandate: audit."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import add_command, add_lab_argument, chosen_lab
from whodunet.cli.terminal import hanging_line

if TYPE_CHECKING:
    from whodunet.lab.client import LabClient


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
    from whodunet.services.cloud.audit import audit as examine

    with chosen_lab(options) as lab:
        if options.records:
            _print_records(lab)
            return 0
        findings = examine(lab)
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{'yes' if finding.holds else 'NO':3}  {finding.clause}")
            for line in finding.evidence:
                print(hanging_line(line, 7))
    return 0 if all(finding.holds for finding in findings) else 1


def _print_records(lab: LabClient) -> None:
    for name, text in sorted(lab.records().items()):
        print(f"== {name} ==")
        for line in text.splitlines():
            print(line)
