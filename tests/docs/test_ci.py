"""The files that docs/ci.md and docs/install.md have people copy have the right form, and commands that run.

`.ci/ordinary-user` runs the script itself, on fresh machines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml

from whodunet.cli.main import make_parser

CHECKOUT: Final = Path(__file__).parents[2]
EXAMPLES: Final = CHECKOUT / "examples"
SCRIPT: Final = (EXAMPLES / "ci.sh").read_text(encoding="utf-8")
ALSO_RUN_BY_HAND: Final = "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"  # Debian has no such setting
PROGRAMS: Final = Path(sys.executable).parent


def commands_of(name: str) -> list[str]:
    """Every line of shell in a YAML file's jobs."""
    jobs = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    steps = [step for job in jobs.get("jobs", {}).values() for step in job["steps"] if "run" in step]
    texts = [step["run"] for step in steps] or jobs["whodunet"]["script"]
    return [line for text in texts for line in text.splitlines()]


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.github-workflows", "github-actions.yml"),
        ("vendor.gitlab-ci", "gitlab-ci.yml"),
        ("vendor.github-workflows", "grade.yml"),
    ],
)
def test_a_pipeline_has_the_form_that_its_service_asks_for(schema: str, name: str) -> None:
    checker = [str(PROGRAMS / "uvx"), "check-jsonschema==0.39.0", "--builtin-schema", schema, str(EXAMPLES / name)]
    done = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_every_command_of_a_pipeline_is_one_of_the_script(name: str) -> None:
    of_script = [line for part in SCRIPT.splitlines() for line in part.split(" && ")]
    of_script += [line.replace(".whodunet/lab", "whodunet") for line in of_script]  # as it is called in the image
    made_by_script = {line.replace("mkdir -p ", "mkdir ") for line in commands_of(name)} - {ALSO_RUN_BY_HAND}
    assert len(made_by_script) >= 3
    assert made_by_script - set(of_script) == set()


def test_the_workflow_that_grades_has_options_that_there_are() -> None:
    [grading] = [step["run"] for step in _steps("grade.yml") if step.get("name") == "Grade"]
    words = grading.replace("\\\n", " ").replace("${{ matrix.part }}", "2").split()
    options = make_parser().parse_args(words[1:])
    assert (options.shard, options.fail_on, options.split) == ((2, 4), "regression", "development")


def _steps(name: str) -> list[dict[str, str]]:
    jobs = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_the_script_gets_a_checkout_where_there_is_none(tmp_path: Path) -> None:
    [getting] = [line for line in SCRIPT.splitlines() if "git clone" in line]
    trusting = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    environment = os.environ | trusting | {"WHODUNET_REPOSITORY": f"file://{CHECKOUT}"}
    for _ in range(2):  # the second time it is there
        subprocess.run(["sh", "-euc", getting], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / ".whodunet/lab").exists()


def test_both_virtual_machines_are_made_by_one_script() -> None:
    lima = yaml.safe_load((EXAMPLES / "lima.yaml").read_text(encoding="utf-8"))
    [step], [mount] = lima["provision"], lima["mounts"]
    vagrant = (CHECKOUT / "Vagrantfile").read_text(encoding="utf-8")
    provision = "sh {0}/examples/provision.sh {0}"
    assert step == {"mode": "user", "script": provision.format(mount["mountPoint"])}
    assert f'inline: "{provision.format("/vagrant")}", privileged: false' in vagrant


def test_the_script_of_the_virtual_machines_asks_the_checkouts_lab_for_what_is_missing(tmp_path: Path) -> None:
    lab = tmp_path / "a checkout/lab"
    lab.parent.mkdir()
    lab.write_text('#!/bin/sh\nprintf "<%s>" "$0" "$@"\nexit 3\n')
    lab.chmod(0o755)
    command = ["sh", str(EXAMPLES / "provision.sh"), str(lab.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (f"<{lab}><doctor>", 3)


FAILING: Final = """
import pytest

@pytest.mark.scenario("healthy")
def test_wrong(lab):
    assert lab.symptom(lab.probe("client", "nc -v -w 2 10.0.1.10 22")) == "refused"

@pytest.mark.scenario("healthy")
def test_right(lab):
    assert lab.symptom(lab.probe("client", "nc -v -w 2 10.0.1.10 22")) == "connected"
"""


WRONG: Final = """
title: nothing is wrong here
story: It is down.
topology: corporate_vpn
probes:
  nc: {host: client, command: nc -v -w 2 10.0.1.10 22}
answer:
  cause: none
  symptoms:
    nc: {symptom: refused}
"""


def test_of_what_failed_the_records_stay_and_of_what_held_nothing(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_tool.py").write_text(FAILING)
    (tmp_path / "tests/wrong.yaml").write_text(WRONG)
    pytest_command = [str(PROGRAMS / "pytest"), "-p", "no:cacheprovider", "-p", "no:randomly", "tests"]
    more = ["--junit-xml", "tests.xml", "--whodunet-keep", "kept"]
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        [*pytest_command, *more], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["tests-test_tool.py-test_wrong", "wrong"]
    for name in kept:
        assert (tmp_path / "kept" / name / "capture.pcapng").stat().st_size > 1000
        assert (tmp_path / "kept" / name / "scenario.yaml").exists()
    shown = subprocess.run(
        [str(PROGRAMS / "whodunet"), "show", "kept/wrong", "--json"], cwd=tmp_path, capture_output=True, check=False
    )
    assert json.loads(shown.stdout)["outcome"] == "broken"
    again = subprocess.run([*pytest_command, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 4
    assert "is not empty" in again.stderr
