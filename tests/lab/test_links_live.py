"""A kernel that refuses netem, which it may be asked for in vain, is told of; the links are delayed all the same."""

from __future__ import annotations

from typing import Any, Final

import pytest

REFUSING: Final = 'mount --bind "$0" "$(readlink -f /usr/sbin/tc)"; exec "$@"'


def up(machine: Any, lab: str, kernels_words: str) -> str:
    """What `whodunet up` tells on a machine whose tc is refused netem in these words."""
    tc = machine.path("/tmp/tc")
    tc.write_text(f"#!/bin/sh\necho '{kernels_words}' >&2\nexit 2\n")
    tc.chmod(0o755)
    command = (machine.command, "up", "healthy", "--as", lab)
    told = machine.run("unshare", "--mount", "bash", "-c", REFUSING, "/tmp/tc", *command)
    assert told.returncode == 0, told.stderr
    try:
        ping = machine.whodunet("exec", "--lab", lab, "client", "--", "ping", "-c", "3", "10.0.1.1")
        assert "time=" in ping.stdout, ping.stdout + ping.stderr
        assert float(ping.stdout.partition("time=")[2].split()[0]) > 40
    finally:
        machine.whodunet("down", "--lab", lab)
    text: str = told.stderr
    return text


@pytest.mark.parametrize(
    ("lab", "kernels_words", "told"),
    [
        (
            "netem-denied",
            "RTNETLINK answers: Operation not permitted",
            "netem is refused (RTNETLINK answers: Operation not permitted): wirefilter delays the links",
        ),
        ("netem-absent", "Error: Specified qdisc kind is unknown.", None),
    ],
)
def test_a_refusal_is_told_and_a_kernel_without_netem_is_nothing_special(
    machine: Any, lab: str, kernels_words: str, told: str | None
) -> None:
    said = " ".join(up(machine, lab, kernels_words).split())
    assert (told in said) if told else ("netem" not in said)
