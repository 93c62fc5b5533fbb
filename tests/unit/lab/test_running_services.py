"""Services are found by the names that topologies use, and what is wrong with one is said with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.errors import CannotRun, InvalidInput
from whodunet.lab import running_services
from whodunet.lab.service import Furnishing, Service
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
