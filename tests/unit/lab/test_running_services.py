"""Services are found by the names that topologies use, and what is wrong with one is said with its name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.errors import CannotRun, InvalidInput
from whodunet.lab import running_services
from whodunet.lab.hosts import Host
from whodunet.lab.service import Furnishing, Listener, Service
from whodunet.loading.library import Library


def test_every_file_of_services_is_found_by_its_name_with_hyphens() -> None:
    files = catalogue.given().files("services", ".py")
    found = {name: running_services.kind(name.replace("_", "-"), Catalogue()) for name in files}
    assert {"sshd", "dnsmasq", "tls_interceptor", "control_plane", "ssh_keys"} <= set(found)
    assert all(found[name].__module__ == f"whodunet.services.{name}" for name in files)


@pytest.mark.parametrize("topology", ["corporate_vpn", "session_manager"])
def test_every_service_of_a_topology_is_a_daemon_and_every_furnishing_is_none(topology: str) -> None:
    described = Library().topology(topology)
    for there in described.services.values():
        assert all(issubclass(running_services.kind(name, Catalogue()), Service) for name in there)
    furnishings = [name for there in described.furnishings.values() for name in there]
    assert furnishings
    assert not any(issubclass(running_services.kind(name, Catalogue()), Service) for name in furnishings)


def test_a_name_that_no_file_has_is_told_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"service sshx: does not exist; did you mean sshd\?"):
        running_services.kind("sshx", Catalogue())


def test_a_file_whose_service_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services/odd.py").write_text("SERVICE = print\n")
    with pytest.raises(InvalidInput, match=r"odd\.py: its SERVICE is not a service; make it a subclass of "):
        running_services.kind("odd", Catalogue((tmp_path,)))


@pytest.mark.parametrize("settings", [{}, {"login": "root", "colour": "red"}])
def test_settings_that_a_service_does_not_take_are_said_with_its_name(settings: dict[str, object]) -> None:
    with pytest.raises(CannotRun, match=r"the service sshd does not take these settings: .*(login|colour)"):
        running_services._made("sshd", settings)


def test_what_is_needed_by_a_network_is_said_once_for_each_service() -> None:
    needs = [program.name for program in running_services.programs_of(Library().topology("corporate_vpn"), Catalogue())]
    assert sorted(needs) == ["dnsmasq", "sshd"]
    assert Furnishing.needs == ()


class _Program:
    """A program that was started in a service's place, and has ended at once."""

    is_alive = False
    pid = 42

    def __init__(self, name: str, start: object) -> None:
        self.name = name

    def kill(self, undoes_s: float = 0) -> None:
        """Nothing is left of it."""

    def how_it_ended(self) -> str:
        return "ended with exit status 127: sleeep: not found"


class _Door(Listener):
    port = 22

    def __init__(self, opens_at_look: float) -> None:
        self._looks_before = opens_at_look

    def prepare(self, host: Host) -> None:
        """Has no files."""

    def command(self, host: Host) -> list[str]:
        return ["door"]

    def is_ready(self, host: Host) -> bool:
        self._looks_before -= 1
        return self._looks_before < 0


def _with_door(opens_at_look: float, monkeypatch: pytest.MonkeyPatch) -> tuple[running_services.RunningServices, Any]:
    host: Any = SimpleNamespace(name="server", start=print)
    monkeypatch.setattr(running_services, "Daemon", _Program)
    monkeypatch.setattr(running_services, "_FORKS_WITHIN_S", 0.05)
    services = running_services.RunningServices({"server": host}, Library().topology("corporate_vpn"), lambda _: None)
    services._services["server", "door"] = _Door(opens_at_look)
    services._daemons["server", "door"] = _Program("door", None)  # type: ignore[assignment]
    return services, host


def test_a_program_that_ends_before_it_accepts_takes_no_services_place_and_it_is_said_how_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services, host = _with_door(float("inf"), monkeypatch)
    with pytest.raises(CannotRun) as refused:
        services.replace(host, "door", "sleeep 7")
    assert str(refused.value) == (
        "`sleeep 7` in place of door on server ended with exit status 127: sleeep: not found, and was to listen on"
        " port 22; give it a program that accepts, or stop door to have none"
    )


def test_a_program_that_ends_and_leaves_another_that_accepts_takes_the_services_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services, host = _with_door(2, monkeypatch)
    services.replace(host, "door", "a daemon")
    assert not services.is_running(host, "door")


def test_a_services_process_is_that_on_its_host_and_one_that_runs_beside_it_has_none_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services, host = _with_door(2, monkeypatch)
    assert services.process(host, "door") == 42
    monkeypatch.setattr(_Door, "runs_beside", True)
    assert services.process(host, "door") is None
    services.replace(host, "door", "a daemon")
    assert services.process(host, "door") == 42, "what stands in for it runs on the host"
