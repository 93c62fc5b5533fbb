"""A web server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

from whodunet.debian_program import DebianProgram
from whodunet.lab.authority import lab_authority, new_authority
from whodunet.lab.hosts import Host
from whodunet.lab.processes import listening_ports
from whodunet.lab.service import Listener

if TYPE_CHECKING:
    import trustme

CertificateState: TypeAlias = Literal["valid", "expired", "of-unknown-authority", "without-intermediate"]

_FOLDER: Final = "/etc/nginx"
_TRUSTED_CLIENTS: Final = f"{_FOLDER}/client-authority.pem"
_LONG_AGO, _LATELY = timedelta(days=91), timedelta(days=1)  # the life of a certificate that nobody renewed
_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # where nginx wants folders of its own


class Nginx(Listener):
    """It has a page for each of its sites, over HTTP and HTTPS, and balances `/application/` over its targets.

    Who asks for a site that it does not have gets the first one. Source: nginx.org, ngx_http_core_module.
    """

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("nginx", "nginx", "web servers", is_optional=True),)

    def __init__(
        self,
        sites: Sequence[str],
        port: int = 80,
        https_ports: Sequence[int] = (),
        names: Sequence[str] = (),
        targets: Sequence[str] = (),
        target_port: int = 80,
        certificate: CertificateState = "valid",
        versions: Sequence[str] = ("TLSv1.2", "TLSv1.3"),
        wants_client_certificate: bool = False,
        speaks_tls: bool = True,
        status: int | None = None,
        requests_per_minute: int | None = None,
    ) -> None:
        """What it serves, and how.

        Args:
            sites: the names of its sites, the first one for all whom no other is meant for.
            port: that of HTTP.
            https_ports: those of HTTPS.
            names: further names and addresses, for which the first site's certificate holds, too.
            targets: addresses of the application's hosts, of either family.
            target_port: on which these serve it.
            certificate: what is wrong with the certificates of its sites.
            versions: of TLS, as nginx calls them.
            wants_client_certificate: True answers 400 to clients without a certificate of the lab's authority.
            speaks_tls: False has plain HTTP on the ports of HTTPS.
            status: with which it answers whatever it is asked, instead of a page.
            requests_per_minute: that it passes on to the application for one client; the others it answers with 429.
        """
        self.port = port
        self._sites = sites
        self._https_ports = https_ports
        self._names = names
        self._targets = targets
        self._target_port = target_port
        self._certificate: CertificateState = certificate
        self._versions = versions
        self._wants_client_certificate = wants_client_certificate
        self._speaks_tls = speaks_tls
        self._status = status
        self._requests_per_minute = requests_per_minute

    def prepare(self, host: Host) -> None:
        """Writes its configuration and certificates."""
        if self._https_ports:
            self._certify(host)
        host.write("/var/log/nginx/access.log", "")
        host.write(f"{_FOLDER}/nginx.conf", "\n".join([*self._main(host), ""]))

    def _certify(self, host: Host) -> None:
        host.write_bytes(_TRUSTED_CLIENTS, lab_authority().cert_pem.bytes())
        for number, site in enumerate(self._sites):
            issued = self._issued([site, *self._names] if number == 0 else [site])
            chain = (
                issued.cert_chain_pems[:1] if self._certificate == "without-intermediate" else issued.cert_chain_pems
            )
            host.write_bytes(f"{_FOLDER}/{site}.pem", b"".join(each.bytes() for each in chain))
            host.write_bytes(f"{_FOLDER}/{site}.key", issued.private_key_pem.bytes(), 0o600)

    def _issued(self, names: Sequence[str]) -> trustme.LeafCert:
        if self._certificate == "of-unknown-authority":
            return new_authority("Own Authority").issue_cert(*names)
        if self._certificate == "without-intermediate":
            return lab_authority().create_child_ca().issue_cert(*names)
        if self._certificate == "expired":
            now = datetime.now(UTC)
            return lab_authority().issue_cert(*names, not_before=now - _LONG_AGO, not_after=now - _LATELY)
        return lab_authority().issue_cert(*names)

    def _main(self, host: Host) -> Iterator[str]:
        yield from ("user root;", "worker_processes 1;", "pid /run/nginx.pid;", "error_log stderr;")
        yield from ("events { worker_connections 64; }", "http {", "access_log /var/log/nginx/access.log;")
        yield from (f"{kind}_temp_path /tmp/nginx-{kind};" for kind in _TEMPORARY)
        yield from ("server_names_hash_bucket_size 128;", "default_type text/plain;")
        targets = [each for each in self._targets if (ip_address(each).version == 6) == (host.family == "ipv6")]
        if targets:
            servers = (f"server {f'[{each}]' if ':' in each else each}:{self._target_port};" for each in targets)
            yield from ("upstream targets {", *servers, "}")
        limit = ""
        if self._requests_per_minute is not None:
            # Source: nginx.org, ngx_http_limit_req_module; RFC 6585, 4
            rate = f"rate={self._requests_per_minute}r/m"
            yield f"limit_req_zone $binary_remote_addr zone=clients:1m {rate}; limit_req_status 429;"
            limit = f"limit_req zone=clients burst={self._requests_per_minute} nodelay; "
        for number, site in enumerate(self._sites):
            yield from ("server {", *self._listening(is_first=number == 0), f"server_name {site};")
            yield from self._site(site)
            if targets:
                yield f"location /application/ {{ {limit}proxy_connect_timeout 2s; proxy_pass http://targets/; }}"
            yield "}"
        yield "}"

    def _listening(self, is_first: bool) -> Iterator[str]:
        ports = {self.port: ""} | dict.fromkeys(self._https_ports, " ssl" if self._speaks_tls else "")
        for port, tls in ports.items():
            for address in ("", "[::]:"):
                yield f"listen {address}{port}{tls}{' default_server' if is_first else ''};"

    def _site(self, site: str) -> Iterator[str]:
        if self._https_ports:
            yield f"ssl_certificate {_FOLDER}/{site}.pem; ssl_certificate_key {_FOLDER}/{site}.key;"
            yield f"ssl_protocols {' '.join(self._versions)};"
        if self._wants_client_certificate:
            yield f"ssl_verify_client on; ssl_client_certificate {_TRUSTED_CLIENTS};"
        page = f'return 200 "this is {site}\\n";'
        yield f"location / {{ {page if self._status is None else f'return {self._status};'} }}"

    def command(self, host: Host) -> list[str]:
        """In the foreground."""
        return ["nginx", "-c", f"{_FOLDER}/nginx.conf", "-g", "daemon off;"]

    def is_ready(self, host: Host) -> bool:
        """True when something listens on all its ports."""
        return {self.port, *self._https_ports} <= listening_ports(host.pid)


SERVICE = Nginx
