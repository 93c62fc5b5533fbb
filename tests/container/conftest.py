"""The image, built of the Containerfile by buildah, and its containers, run by runc as Docker would.

The base image is made of Debian's packages, because what CI reaches is a mirror of Debian and not a registry of images.
Needs root, a network, and Debian's packages buildah, mmdebstrap and runc.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.container.oci import CHECKOUT, Run

_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_USERS: Final = {"whodunet": 1000, "root": 0}
_NUMBERS: Final = count(1)

Containers = Callable[[str], subprocess.CompletedProcess[str]]


def _done(*command: str | Path, stdin: int = subprocess.DEVNULL) -> str:
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout.strip()


class Images:
    """A store of images and containers of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buildah = ("buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run"))

    def do(self, *arguments: str | Path) -> str:
        """Runs a command of buildah's; returns what it prints."""
        return _done(*self._buildah, *arguments)

    def make_base(self, name: str) -> None:
        """Makes Debian's image, with this machine's apt settings and authorities: it may be behind a proxy."""
        release = {"12": "bookworm", "13": "trixie"}[re.findall(r"debian:(\d+)", name)[0]]
        settings = sorted(Path("/etc/apt/apt.conf.d").glob("99*"))
        root = self._folder / "base.tar"
        options = [f"--aptopt={path}" for path in settings]
        _done(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            "--include=ca-certificates",
            *options,
            release,
            root,
            _mirror(),
        )
        container = self.do("from", "scratch")
        self.do("add", "--quiet", container, root, "/")
        root.unlink()
        self.do("copy", "--quiet", container, os.path.realpath(_AUTHORITIES), _AUTHORITIES)
        if settings:
            self.do("copy", "--quiet", container, *settings, "/etc/apt/apt.conf.d/")
        self.do("config", "--env", f"SSL_CERT_FILE={_AUTHORITIES}", container)
        self.do("commit", "--quiet", "--rm", "--disable-compression", container, name)

    def build(self, containerfile: Path, tag: str) -> None:
        """Builds an image."""
        [base] = re.findall(r"^FROM (\S+)$", containerfile.read_text(encoding="utf-8"), re.MULTILINE)
        self.make_base(base)
        how = ("--quiet", "--isolation", "chroot", "--pull=never", "--layers=false", "--disable-compression")
        self.do("bud", *how, "--file", containerfile, "--tag", tag, containerfile.parent)

    def run(self, run: Run, image: str, changes: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Runs a container to its end.

        Args:
            changes: shell commands that root runs in its files before.
        """
        container = self.do("from", "--pull=never", image)
        try:
            root = Path(self.do("mount", container))
            (root / ".dockerenv").touch()
            for change in changes:
                _done("chroot", root, "bash", "-c", change)
            of_image = json.loads(self.do("inspect", "--type", "image", image))["OCIv1"]["config"]
            name = f"whodunet-{os.getpid()}-{next(_NUMBERS)}"
            bundle = self._folder / name
            bundle.mkdir()
            user = run.user or of_image["User"]
            uid = _USERS.get(user) if user in _USERS else int(user)
            assert uid is not None
            config = run.config(str(root), of_image["Entrypoint"], of_image["WorkingDir"], uid)
            (bundle / "config.json").write_text(config, encoding="utf-8")
            runtime = ("runc", "--root", str(self._folder / "runc"), "run", "--bundle", str(bundle))
            return subprocess.run(
                [*runtime, name], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        finally:
            self.do("rm", container)


def _mirror() -> str:
    """Where this machine gets Debian from."""
    sources = [path.read_text() for path in Path("/etc/apt").glob("sources.list*/*.sources")]
    listed = re.findall(r"^URIs: *(\S+/debian)/?$|^deb (?:\[.*?\] )?(\S+/debian)/? ", "\n".join(sources), re.MULTILINE)
    found: str | None = next((one or other for one, other in listed), None)
    assert found is not None, "apt's sources name no mirror of Debian"
    return found


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """A store with the image of this checkout in it, called whodunet."""
    images = Images(tmp_path_factory.mktemp("images"))
    images.build(CHECKOUT / "Containerfile", "whodunet")
    yield images
    images.do("rmi", "--all", "--force")


@pytest.fixture(scope="session")
def docker(images: Images) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a `docker run` command line; `changes` are made to the container's files before."""

    def run(line: str, *changes: str) -> subprocess.CompletedProcess[str]:
        return images.run(Run.of(shlex.split(line)), "whodunet", changes)

    return run
