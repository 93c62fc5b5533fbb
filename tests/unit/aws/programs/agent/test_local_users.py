from __future__ import annotations

import os
import pwd

import pytest

from whodunet.aws.programs.agent.local_users import LocalUser, directory_of, user_for
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.ssm.properties import ShellInputs

RUN_AS = ShellInputs(run_as_enabled=True)


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The accounts of the system; root's agent asks."""
    users = {"root": 0, "ssm-user": 1001, "bob": 1002, "agent": 1003}

    def entry(name: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", users[name], users[name], "", f"/home/{name}", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwnam", entry)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: entry({v: k for k, v in users.items()}[number]))
    monkeypatch.setattr(os, "getgrouplist", lambda _, group: [group, 27])
    monkeypatch.setattr(os, "geteuid", lambda: users["root"])
    return users


def test_sessions_of_root_run_as_ssm_user_with_its_groups() -> None:
    assert user_for(ShellInputs(), "", elevated=False) == LocalUser(
        "ssm-user", 1001, 1001, (1001, 27), "/home/ssm-user"
    )


def test_without_ssm_user_they_run_as_the_agent(accounts: dict[str, int]) -> None:
    del accounts["ssm-user"]
    assert user_for(ShellInputs(), "", elevated=False).name == "root"


def test_an_agent_that_is_not_root_runs_them_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1003)
    assert user_for(ShellInputs(), "", elevated=False).name == "agent"


def test_elevated_commands_run_as_the_agent() -> None:
    assert user_for(RUN_AS, "bob", elevated=True).name == "root"


def test_run_as_takes_the_services_word_before_the_documents() -> None:
    assert user_for(RUN_AS, "bob", elevated=False).name == "bob"
    default = ShellInputs(run_as_enabled=True, run_as_default_user="agent")
    assert user_for(default, "", elevated=False).name == "agent"
    assert user_for(default, "bob", elevated=False).name == "bob"


def test_a_user_is_not_taken_unless_run_as_is_enabled() -> None:
    assert user_for(ShellInputs(run_as_default_user="bob"), "bob", elevated=False).name == "ssm-user"


@pytest.mark.parametrize(
    ("user", "why"), [("", "please set the RunAs default user"), ("carol", "RunAs user carol does not exist")]
)
def test_run_as_nobody_fails(user: str, why: str) -> None:
    with pytest.raises(SessionFailed, match=why):
        user_for(RUN_AS, user, elevated=False)


def test_run_as_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1003)
    with pytest.raises(SessionFailed, match="the agent must run as root to use RunAs"):
        user_for(RUN_AS, "bob", elevated=False)


def test_who_has_no_home_begins_at_the_root() -> None:
    assert directory_of(LocalUser("bob", 1002, 1002, (), "/nowhere")) == "/"
    assert directory_of(LocalUser("bob", 1002, 1002, (), "/tmp")) == "/tmp"
