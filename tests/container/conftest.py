"""The image of this checkout, and `docker run` of it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.container.images import Images
from tests.container.oci import CHECKOUT, Run


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """A store with the image of this checkout in it, called whodunet."""
    with Images() as images:
        images.build(CHECKOUT / "Containerfile", "whodunet")
        yield images


@pytest.fixture(scope="session")
def docker(images: Images) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a `docker run` command line; `changes` are made to the container's files before."""

    def run(line: str, *changes: str) -> subprocess.CompletedProcess[str]:
        return images.run_container(Run.of(shlex.split(line)), "whodunet", changes)

    return run
