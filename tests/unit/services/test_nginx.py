"""A web server has the certificates and the configuration that its settings ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from trustme import CA

from tests.unit.services.hosts_in_memory import HostInMemory
from whodunet.lab.hosts import Host
from whodunet.services import nginx
from whodunet.services.nginx import Nginx

SITES = ("shop.example", "account.example")
AUTHORITY = CA(organization_name="the lab's")


class WebHost(HostInMemory):
    """A host that takes bytes, too."""

    def write_bytes(self, path: str, content: bytes, mode: int = 0o644, owner: int = 0) -> None:
        self.write(path, content.decode(), mode, owner)


@pytest.fixture(autouse=True)
def authority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "lab_authority", lambda: AUTHORITY)


def prepared(family: Any = "ipv4", **settings: Any) -> dict[str, str]:
    """The files of a host with such a server."""
    host: Any = WebHost("web", family=family)
    made: Host = host
    Nginx(sites=SITES, https_ports=(443, 8443), names=("web.example",), **settings).prepare(made)
    return dict(host.files)


def certificates(files: dict[str, str], site: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(files[f"/etc/nginx/{site}.pem"].encode())


def names(certificate: x509.Certificate) -> set[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(extension.value.get_values_for_type(x509.DNSName))


def test_each_site_has_a_certificate_of_its_own_and_the_first_one_has_the_further_names() -> None:
    files = prepared()
    assert names(certificates(files, "shop.example")[0]) == {"shop.example", "web.example"}
    assert names(certificates(files, "account.example")[0]) == {"account.example"}


def test_an_expired_certificate_was_valid_once_and_is_of_the_labs_authority() -> None:
    (certificate,) = certificates(prepared(certificate="expired"), "shop.example")
    assert certificate.not_valid_before_utc < certificate.not_valid_after_utc < datetime.now(UTC)
    assert "the lab's" in certificate.issuer.rfc4514_string()


def test_one_of_an_unknown_authority_is_valid_today_and_not_of_the_labs() -> None:
    (certificate,) = certificates(prepared(certificate="of-unknown-authority"), "shop.example")
    assert certificate.not_valid_after_utc > datetime.now(UTC)
    assert "the lab's" not in certificate.issuer.rfc4514_string()


def test_one_without_its_intermediate_comes_alone_and_is_not_signed_by_the_root() -> None:
    (certificate,) = certificates(prepared(certificate="without-intermediate"), "shop.example")
    root = x509.load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    assert certificate.issuer != root.subject


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"versions": ("TLSv1.3",)}, "ssl_protocols TLSv1.3;"),
        (
            {"wants_client_certificate": True},
            "ssl_verify_client on; ssl_client_certificate /etc/nginx/client-authority.pem;",
        ),
        ({"status": 503}, "location / { return 503; }"),
        ({}, "listen [::]:8443 ssl;"),
        ({"speaks_tls": False}, "listen [::]:8443;"),
    ],
)
def test_what_is_set_stands_in_its_configuration(settings: Any, line: str) -> None:
    assert line in prepared(**settings)["/etc/nginx/nginx.conf"].splitlines()


@pytest.mark.parametrize(("family", "server"), [("ipv4", "10.0.0.1:8080"), ("ipv6", "[fd00::1]:8080")])
def test_it_balances_over_the_targets_of_the_cases_family_alone(family: str, server: str) -> None:
    files = prepared(family, targets=("10.0.0.1", "fd00::1"), target_port=8080)
    lines = files["/etc/nginx/nginx.conf"].splitlines()
    assert [line for line in lines if line.startswith(("server 10", "server ["))] == [f"server {server};"]


def test_a_client_that_asks_too_often_is_told_so_before_the_application_is_asked() -> None:
    settings: dict[str, Any] = {"targets": ("10.30.2.10",), "requests_per_minute": 1}
    configuration = prepared(**settings)["/etc/nginx/nginx.conf"]
    assert "limit_req_status 429;" in configuration
    assert configuration.count("{ limit_req zone=clients burst=1 nodelay; ") == len(SITES)
    assert "limit_req" not in prepared(targets=("10.30.2.10",))["/etc/nginx/nginx.conf"]
