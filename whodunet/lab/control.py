"""The control sockets of this user's labs: where they lie, and who may come to them.

Each user's labs have their sockets in one folder that nobody else may enter, see `runtime_folder`; the file's name is
the lab's. Either end makes sure that the other belongs to the same user. Source: unix(7), SO_PEERCRED.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab.waiting import wait_until

RUNTIME_VARIABLE: Final = "WHODUNET_RUNTIME_DIR"
_SELDOM: Final = 25  # every so many looks for a socket, whether anybody holds it: to be asked costs its lab a turn
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAME_RULE: Final = "use small letters, digits and hyphens, at most 32, starting with a letter or digit"


def runtime_folder() -> Path:
    """The folder with the control sockets of this user's labs; $WHODUNET_RUNTIME_DIR names another one.

    Raises:
        CannotRun: when it cannot be made, or is open to other users.
    Source: XDG Base Directory Specification, $XDG_RUNTIME_DIR.
    """
    folder = _runtime_path()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        fix = f"set {RUNTIME_VARIABLE} to a folder of your own"
        raise CannotRun(f"{folder}, for the sockets of labs, cannot be made: {error.strerror}; {fix}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        fix = f"`chmod 700` it if it is yours, or set {RUNTIME_VARIABLE} to a folder of your own"
        raise CannotRun(f"{folder}, for the sockets of labs, has to be a folder that is yours and nobody else's; {fix}")
    return folder


def _runtime_path() -> Path:
    if named := os.environ.get(RUNTIME_VARIABLE):
        return Path(named).absolute()
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session.startswith("/") and os.access(session, os.W_OK) and os.stat(session).st_uid == os.geteuid():
        return Path(session, "whodunet")
    if os.geteuid() == 0 and os.access("/run", os.W_OK):
        return Path("/run/whodunet")
    return Path(f"/tmp/whodunet-{os.geteuid()}")  # noqa: S108 - `runtime_folder` refuses one that another user made


def require_name(name: str) -> str:
    """The name, if a lab may have it.

    Raises:
        InvalidInput: if not.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(Problem(f"lab name {name!r}", "is not possible", _NAME_RULE))
    return name


def name_for(scenario: str) -> str:
    """A lab's name made of a scenario's."""
    plain = re.sub(r"[^a-z0-9]+", "-", scenario.lower()).strip("-")[:32].rstrip("-")
    return plain or "lab"


def listen(name: str) -> socket.socket:
    """Opens the control socket of a new lab.

    Raises:
        InvalidInput: when the name is taken, or a lab may not have it.
    """
    require_name(name)
    with _locked_folder() as folder:
        if name in _alive(folder):
            raise InvalidInput(Problem(f"lab name {name}", "is taken", f"`whodunet down {name}`, or --as ANOTHER"))
        remove(_note(name), folder)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(_address(folder, name))
        listener.listen(16)
        return listener


def running() -> list[str]:
    """Names of this user's labs that exist now."""
    with _locked_folder() as folder:
        return _alive(folder)


def remove(name: str, folder: int) -> None:
    """Removes the socket of a lab that has ended, from a folder that was opened before."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def withdraw(name: str) -> None:
    """Removes the socket of a lab that did not come to be."""
    with _locked_folder() as folder:
        remove(name, folder)


def note_end(name: str, reason: str, folder: int) -> None:
    """Leaves a note of why a lab ended by itself, until `down` or the next lab of that name."""
    note = os.open(_note(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with open(note, "w", encoding="utf-8") as file:
        file.write(reason)


def why_it_ended(name: str) -> str | None:
    """Why a lab of that name ended by itself; None when none did, or it was not able to tell."""
    try:
        return (runtime_folder() / _note(name)).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError, InvalidInput):  # the last for what no lab can be called
        return None


def forget_end(name: str) -> None:
    """Removes the note."""
    with _locked_folder() as folder:
        remove(_note(name), folder)


def _note(name: str) -> str:
    return f".{require_name(name)}.ended"  # no lab has a name that begins so


def await_gone(name: str) -> None:
    """Returns when nothing of a lab is left: its launcher, which ends last, removes the socket."""
    socket_file, looks = runtime_folder() / require_name(name), count(1)

    def is_gone() -> bool:
        if not socket_file.exists():
            return True
        if next(looks) % _SELDOM:
            return False
        with _locked_folder() as folder:
            return not _is_held(name, folder)

    wait_until(is_gone, f"the lab {name} to end")


@contextmanager
def _locked_folder() -> Iterator[int]:
    """The runtime folder, opened; nobody else makes or removes sockets in it meanwhile."""
    folder = os.open(runtime_folder(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(folder)


def _alive(folder: int) -> list[str]:
    """The labs whose socket somebody holds; what a killed lab has left behind is removed."""
    return [name for name in sorted(os.listdir(folder)) if _NAME.fullmatch(name) and _is_held(name, folder)]


def _is_held(name: str, folder: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(_address(folder, name))
        except BlockingIOError:
            return True  # somebody is there, and busy
        except OSError:
            remove(name, folder)
            return False
    return True


def _address(folder: int, name: str) -> str:
    """By way of the descriptor, for a socket's path may not be longer than 107 bytes."""
    return f"/proc/self/fd/{folder}/{name}"


def peer_is_own_user(connection: socket.socket) -> bool:
    """True when the process at the other end belongs to the user of this one."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.geteuid())


def connect(name: str) -> socket.socket:
    """Connects to a running lab.

    Raises:
        CannotRun: when there is none of that name.
    """
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(runtime_folder(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        stream.connect(_address(folder, require_name(name)))
        if not peer_is_own_user(stream):
            raise CannotRun(f"the lab {name} is another user's")
    except BaseException as error:
        stream.close()
        if isinstance(error, OSError):
            raise CannotRun(f"no lab named {name} is running; `whodunet ps` lists those that are") from error
        raise
    finally:
        os.close(folder)
    return stream
