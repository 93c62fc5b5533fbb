"""Whoever has `ssh-keys` may log in wherever sshd runs, whatever its role, and knows those it may meet."""

from __future__ import annotations

import pytest

from tests.unit.services.hosts_in_memory import place
from whodunet.lab.keys import Key
from whodunet.services import ssh_keys, sshd
from whodunet.services.dnsmasq import Dnsmasq
from whodunet.services.ssh_keys import SshKeys
from whodunet.services.sshd import Sshd


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that say whose they are."""
    for module in (ssh_keys, sshd):
        monkeypatch.setattr(
            module, "new_key", lambda whose: Key(f"private of {whose}", f"ssh-ed25519 {whose} comment\n")
        )


def test_its_key_is_authorised_at_every_server_and_it_knows_them_by_all_their_names() -> None:
    desk, at_desk = place("desk", SshKeys(), role="workstation")
    web, at_web = place(
        "web", Sshd("ec2-user"), ("10.0.0.1", "fd00::1"), dns_name="web.cloud.example", id="i-0abc", region="x"
    )
    db, at_db = place("db", Sshd("root"), ("10.0.0.2",))
    _, at_dns = place("dns", Dnsmasq(["example"], {}))
    everybody = [at_desk, at_web, at_db, at_dns]

    for each in everybody:
        each.furnishing.meet(each.host, everybody)

    assert desk.files["/root/.ssh/id_ed25519"] == desk.files["/root/private-key.pem"] == "private of root@desk"
    assert desk.modes["/root/private-key.pem"] == (0o600, 0)
    assert web.files["/home/ec2-user/.ssh/authorized_keys"] == "ssh-ed25519 root@desk comment\n"
    assert web.modes["/home/ec2-user/.ssh/authorized_keys"] == (0o600, 1000)
    assert db.files["/root/.ssh/authorized_keys"] == "ssh-ed25519 root@desk comment\n"
    assert desk.files["/root/.ssh/known_hosts"].splitlines() == [
        "10.0.0.1,fd00::1,web,web.cloud.example,i-0abc ssh-ed25519 web",
        "10.0.0.2,db ssh-ed25519 db",
    ]


def test_of_several_who_have_keys_each_may_log_in() -> None:
    _, one = place("one", SshKeys())
    _, other = place("other", SshKeys())
    web, at_web = place("web", Sshd("root"))
    for each in (one, other):
        each.furnishing.meet(each.host, [one, other, at_web])
    assert web.files["/root/.ssh/authorized_keys"].splitlines() == [
        "ssh-ed25519 root@one comment",
        "ssh-ed25519 root@other comment",
    ]


def test_where_sshd_has_another_port_ssh_finds_it_by_its_configuration_and_knows_its_key_there() -> None:
    """Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: a name with a port is in brackets."""
    desk, at_desk = place("desk", SshKeys())
    usual, at_usual = place("usual", Sshd("root"), ("10.0.0.2",))
    other, at_other = place("other", Sshd("root", port=2222), ("10.0.0.1", "fd00::1"))
    at_desk.furnishing.meet(at_desk.host, [at_usual, at_other])
    assert "Port 22\n" in usual.files["/etc/ssh/sshd_config"]
    assert "Port 2222\n" in other.files["/etc/ssh/sshd_config"]
    assert desk.files["/root/.ssh/config"] == "Host 10.0.0.1 fd00::1 other\n    Port 2222\n"
    assert desk.files["/root/.ssh/known_hosts"].splitlines() == [
        "10.0.0.2,usual ssh-ed25519 usual",
        "[10.0.0.1]:2222,[fd00::1]:2222,[other]:2222 ssh-ed25519 other",
    ]
