"""What a lab's packets may have waited for a processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet.lab.contention import Contention

MS = 1_000_000
STEAL = "cpu  1 2 3 4 5 6 7 {ticks} 9 10\ncpu0 0 0 0 0 0 0 0 0 0 0\n"


class Proc:
    """A /proc with a few processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "self").mkdir()
        self.steal(0)

    def run(self, pid: int, name: str, waited_ms: float, command: str = "") -> None:
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "comm").write_text(f"{name}\n")
        (folder / "cmdline").write_text(command.replace(" ", "\0"))
        (folder / "schedstat").write_text(f"900000 {round(waited_ms * MS)} 12\n")

    def end(self, pid: int) -> None:
        for path in (self.root / str(pid)).iterdir():
            path.unlink()
        (self.root / str(pid)).rmdir()

    def steal(self, ticks: int) -> None:
        (self.root / "stat").write_text(STEAL.format(ticks=ticks))


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def waited_ms(contention: Contention) -> float | None:
    waited = contention.waited_ns()
    return None if waited is None else waited / MS


def test_what_carries_packets_is_counted_and_what_ends_there_is_not(proc: Proc) -> None:
    proc.run(10, "ovs-vswitchd", 1)
    proc.run(11, "link-emulator", 6)
    proc.run(13, "python", 8, "python -P /x/ryu_app.py --listen 127.0.0.1:6653")
    proc.run(14, "python", 100, "python -P -m whodunet.lab.recorder /run/lab/capture")
    proc.run(15, "ssh", 100, "ssh ryu_app.py")
    assert waited_ms(Contention(str(proc.root))) == 15


def test_one_that_has_ended_has_waited_all_the_same_and_a_new_one_is_found(proc: Proc) -> None:
    """A controller that is started again, or a switch."""
    contention = Contention(str(proc.root))
    proc.run(10, "ovs-vswitchd", 5)
    assert waited_ms(contention) == 5
    proc.run(10, "ovs-vswitchd", 6)
    assert waited_ms(contention) == 6
    proc.end(10)
    assert waited_ms(contention) == 6
    proc.run(20, "ovs-vswitchd", 2)
    assert waited_ms(contention) == 8


def test_a_process_is_looked_at_once(proc: Proc) -> None:
    proc.run(10, "ovs-vswitchd", 5)
    proc.run(11, "sshd", 5)
    contention = Contention(str(proc.root))
    assert waited_ms(contention) == 5
    for pid in (10, 11):
        (proc.root / str(pid) / "comm").unlink()
    proc.run(12, "ovs-vswitchd", 1)
    assert waited_ms(contention) == 6
    assert contention._looked_at == {"10", "11", "12"}


def test_what_a_hypervisor_gives_to_others_is_waited_for_too(proc: Proc) -> None:
    proc.run(10, "ovs-vswitchd", 5)
    contention = Contention(str(proc.root))
    before = contention.waited_ns()
    proc.steal(3)
    assert before is not None
    assert contention.waited_ns() == before + 3 * 10 * MS  # a tick has 10 ms on every architecture that labs run on


def test_where_the_kernel_does_not_count_it_it_is_not_known(proc: Proc) -> None:
    proc.run(10, "ovs-vswitchd", 1)
    (proc.root / "10" / "schedstat").unlink()
    assert Contention(str(proc.root)).waited_ns() is None
