"""As whom a session's processes run."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.ssm.properties import ShellInputs

SESSION_USER: Final = "ssm-user"


@dataclass(frozen=True, slots=True)
class LocalUser:
    """A user of the system, with all groups."""

    name: str
    user_id: int
    group_id: int
    groups: tuple[int, ...]
    home: str


def user_for(inputs: ShellInputs, run_as_user: str, *, elevated: bool) -> LocalUser:
    """The account that a session is given: ssm-user, the one that the account's settings name, or the agent's own.

    The agent's own is for commands that are elevated, and for an agent that is not root or finds no ssm-user.

    Raises:
        SessionFailed: when the settings name a user, and it cannot be that one.
    """
    own = _account(pwd.getpwuid(os.geteuid()))
    if elevated:
        return own
    if inputs.run_as_enabled:
        return _run_as(run_as_user or inputs.run_as_default_user, is_root=own.user_id == 0)
    return (_look_up(SESSION_USER) or own) if own.user_id == 0 else own


def _run_as(name: str, *, is_root: bool) -> LocalUser:
    if not name.strip():
        raise SessionFailed("Unable to start command: please set the RunAs default user")
    if not is_root:
        raise SessionFailed("Unable to start command: the agent must run as root to use RunAs")
    account = _look_up(name)
    if account is None:
        raise SessionFailed(f"Unable to start command: failed to start pty since RunAs user {name} does not exist")
    return account


def _look_up(name: str) -> LocalUser | None:
    try:
        return _account(pwd.getpwnam(name))
    except (KeyError, ValueError):  # ValueError: a name with a NUL byte
        return None


def _account(entry: pwd.struct_passwd) -> LocalUser:
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return LocalUser(entry.pw_name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)


def directory_of(account: LocalUser) -> str:
    """Where the account's processes begin: at home, if there is such a place."""
    return account.home if Path(account.home).is_dir() else "/"
