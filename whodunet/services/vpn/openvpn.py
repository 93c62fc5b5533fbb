"""OpenVPN's two ends: their certificates, and the program that both are."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.processes import check
from whodunet.lab.service import Service

_FOLDER: Final = "/etc/openvpn"
_CERTIFICATE_BEGINS: Final = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate with its key, in PEM."""

    private_key: str
    certificate: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as `peer-fingerprint` has it: "AB:CD:..."."""
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate)).hexdigest().upper()
        return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def new_identity(name: str) -> Identity:
    """A new one; its name is how the other end knows it.

    Raises:
        CannotRun: when openssl fails.
    """
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "365"]
    made = check(["openssl", "req", "-x509", *options, "-subj", f"/CN={name}", "-keyout", "-", "-out", "-"])
    private_key, begins, certificate = made.partition(_CERTIFICATE_BEGINS)
    return Identity(private_key, begins + certificate)


class OpenVpn(Service):
    """One end of a tunnel; whom it trusts it knows by the fingerprint of the other's certificate.

    Source: openvpn(8); openvpn-examples(5), "Simplified VPN with peer fingerprints".
    """

    needs: ClassVar[tuple[DebianProgram, ...]] = (
        DebianProgram("openvpn", "openvpn", "the labs' VPN"),
        DebianProgram("openssl", "openssl", "certificates of the labs' VPN"),
    )
    undoes_s: ClassVar[float] = 5.0  # it takes its routes and addresses away

    def __init__(self, interface: str, mtu_bytes: int) -> None:
        """Its end of the tunnel, and what fits into that in one packet."""
        self._interface = interface
        self._mtu_bytes = mtu_bytes
        self._trusted: list[str] = []
        self._identity: Identity | None = None

    def prepare(self, host: Host) -> None:
        """Makes the certificate; who is to be trusted tells `meet`."""
        self._identity = new_identity(host.name)

    @property
    def identity(self) -> Identity:
        """Its certificate, once it is prepared."""
        assert self._identity is not None
        return self._identity

    def trust(self, host: Host, other: Identity) -> None:
        """Lets the other end in; writes the configuration."""
        self._trusted.append(other.fingerprint)
        inline = {
            "cert": self.identity.certificate,
            "key": self.identity.private_key,
            "peer-fingerprint": "\n".join(self._trusted),
        }
        parts = [f"<{name}>\n{text.strip()}\n</{name}>" for name, text in inline.items()]
        host.write(self._path, "\n".join([*self._common(), *self.lines(host), *parts, ""]), 0o600)

    def _common(self) -> list[str]:
        """The kernel's own OpenVPN would need a module, and an interface of another kind."""
        return [
            f"dev {self._interface}",
            "dev-type tun",
            "disable-dco",
            "topology subnet",
            f"tun-mtu {self._mtu_bytes}",
            "verb 3",
            "suppress-timestamps",
        ]

    def lines(self, host: Host) -> Sequence[str]:
        """What else its configuration says."""
        raise NotImplementedError

    @property
    def _path(self) -> str:
        return f"{_FOLDER}/{self._interface}.conf"

    def command(self, host: Host) -> list[str]:
        """Debian's, by its full path: /usr/sbin is on no ordinary user's."""
        return ["/usr/sbin/openvpn", "--config", self._path]
