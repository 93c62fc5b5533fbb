"""Images, built of a Containerfile by buildah, and their containers, run by runc as Docker would.

The base image is made of Debian's packages, because what CI reaches is a mirror of Debian and not a registry of images.
Needs root, a network, and Debian's packages buildah, mmdebstrap and runc.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.container.oci import Run

_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_USERS: Final = {"whodunet": 1000, "root": 0}
# Ends with its standard input, and what it holds with it: first the namespaces, and so whatever runs or is mounted in
# them, then the folder $0, then the control groups of containers that runc had no time to remove.
_KEEPER: Final = """
unshare --mount --pid --fork --kill-child bash -c '
    read -r pid rest </proc/self/stat
    mount -t proc proc /proc
    echo "$pid"
    exec cat >/dev/null'
rm -rf --one-file-system "$0"
find /sys/fs/cgroup -depth -type d -name "${0##*/}-*" -exec rmdir {} +
"""


class Images:
    """A store of images and containers. With this process it is gone too, however that ends: see `_KEEPER`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="whodunet-images-", dir="/var/tmp"))
        self.folder.chmod(0o755)  # apt, which gets packages as another user, comes by
        self._keeper = subprocess.Popen(
            ["bash", "-c", _KEEPER, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
            text=True,
        )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline().strip()
        assert first, "the store's namespaces could not be made"
        scratch = self.folder / "tmp"
        scratch.mkdir()
        scratch.chmod(0o1777)
        self._enter = ("nsenter", f"--target={first}", "--mount", "--pid", "--", "env", f"TMPDIR={scratch}")
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.communicate()  # closes its standard input, and waits for it

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command where the store's containers are mounted, to its end."""
        whole = [*self._enter, *command]
        return subprocess.run(whole, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def do(self, *command: str | Path) -> str:
        """The same; returns what it prints.

        Raises:
            AssertionError: when it fails, with the end of what it printed.
        """
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def buildah(self, *arguments: str | Path) -> str:
        """Runs a command of buildah's; returns what it prints."""
        return self.do("buildah", "--root", self.folder / "store", "--runroot", self.folder / "run", *arguments)

    def make_base(self, name: str) -> None:
        """Makes Debian's image, with this machine's apt settings and authorities: it may be behind a proxy."""
        release = {"12": "bookworm", "13": "trixie"}[re.findall(r"debian:(\d+)", name)[0]]
        settings = sorted(Path("/etc/apt/apt.conf.d").glob("99*"))
        root = self.folder / "base.tar"
        options = [f"--aptopt={path}" for path in settings]
        what = ("--quiet", "--variant=minbase", "--include=ca-certificates")
        self.do("mmdebstrap", *what, *options, release, root, _mirror())
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, root, "/")
        root.unlink()
        self.buildah("copy", "--quiet", container, os.path.realpath(_AUTHORITIES), _AUTHORITIES)
        if settings:
            self.buildah("copy", "--quiet", container, *settings, "/etc/apt/apt.conf.d/")
        self.buildah("config", "--env", f"SSL_CERT_FILE={_AUTHORITIES}", container)
        self.buildah("commit", "--quiet", "--rm", "--disable-compression", container, name)

    def build(self, containerfile: Path, tag: str) -> None:
        """Builds an image."""
        [base] = re.findall(r"^FROM (\S+)$", containerfile.read_text(encoding="utf-8"), re.MULTILINE)
        self.make_base(base)
        how = ("--quiet", "--isolation", "chroot", "--pull=never", "--layers=false", "--disable-compression")
        self.buildah("bud", *how, "--file", containerfile, "--tag", tag, containerfile.parent)

    def run_container(self, run: Run, image: str, changes: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Runs a container to its end.

        Args:
            changes: shell commands that root runs in its files before.
        """
        container = self.buildah("from", "--pull=never", image)
        try:
            root = self.buildah("mount", container)
            for change in ("touch /.dockerenv", *changes):
                self.do("chroot", root, "bash", "-c", change)
            of_image = json.loads(self.buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
            name = f"{self.folder.name}-{next(self._numbers)}"
            bundle = self.folder / name
            bundle.mkdir()
            user = run.user or of_image["User"]
            uid = _USERS[user] if user in _USERS else int(user)
            config = run.config(root, of_image["Entrypoint"], of_image["WorkingDir"], uid)
            (bundle / "config.json").write_text(config, encoding="utf-8")
            return self.run("runc", "--root", self.folder / "runc", "run", "--bundle", bundle, name)
        finally:
            self.buildah("rm", container)


def _mirror() -> str:
    """Where this machine gets Debian from."""
    apt = Path("/etc/apt")
    sources = [path.read_text() for path in (*apt.glob("sources.list"), *apt.glob("sources.list.d/*"))]
    listed = re.findall(r"^URIs: *(\S+/debian)/?$|^deb (?:\[.*?\] )?(\S+/debian)/? ", "\n".join(sources), re.MULTILINE)
    found: str | None = next((one or other for one, other in listed), None)
    assert found is not None, "apt's sources name no mirror of Debian"
    return found
