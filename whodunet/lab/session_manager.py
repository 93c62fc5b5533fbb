"""Session Manager's programs as services of a lab, and the small cloud account that they share."""

from __future__ import annotations

import json
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

from whodunet.aws.account.seal import Seal
from whodunet.aws.account.sign_on_cache import SignOnAddress, profile, sign_on_cache
from whodunet.errors import CannotRun
from whodunet.lab import host_root
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener, Service

RECORDS: Final = Path("/run/lab/records")  # the audit trail and the sessions' transcripts
SERVICES: Final = Path("/run/lab/services")  # files of programs that run beside a host
PLUGIN: Final = "session-manager-plugin"
_AGENT_STATE: Final = "/run/ssm-agent"
_WORKING_DAY_S: Final = 8 * 3600


class Account:
    """What this lab's cloud programs share: a certificate authority that all hosts trust, and the sealing key."""

    def __init__(self) -> None:
        import trustme  # only labs with such services need it

        self.seal_key = secrets.token_bytes(32)
        self._authority = trustme.CA(organization_name="whodunet lab")
        # The lab's authority is the only one that is trusted: there is nobody else to talk to.
        host_root.trust(self._authority.cert_pem.bytes())
        (RECORDS / "transcripts").mkdir(parents=True, mode=0o700)

    def certify(self, host: Host, names: Sequence[str]) -> dict[str, str]:
        """Writes a certificate for these names; where it and its key are, as the programs' settings name them."""
        issued = self._authority.issue_cert(*names)
        certificate, private_key = SERVICES / host.name / "certificate.pem", SERVICES / host.name / "private-key.pem"
        certificate.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        private_key.write_bytes(issued.private_key_pem.bytes())
        return {"certificate": str(certificate), "private_key": str(private_key)}


def read_records() -> Mapping[str, str]:
    """The audit trail and the transcripts, by path below RECORDS."""
    files = (path for path in sorted(RECORDS.rglob("*")) if path.is_file())
    return {str(path.relative_to(RECORDS)): path.read_text(encoding="utf-8", errors="replace") for path in files}


@cache
def account() -> Account:
    """The one account of this lab; its server is one process."""
    return Account()


def sign_in(host: Host, person: str, role: str, region: str, account_id: str, start_url: str) -> None:
    """Gives a host's root an AWS CLI that a person has signed in with this morning; `aws sso login` does it again."""
    address = SignOnAddress(start_url, region)
    expires_at_s = int(time.time()) + _WORKING_DAY_S
    token = Seal(account().seal_key).seal("sign-on", {"person": person}, expires_at_s)
    name, cached = sign_on_cache(address, token, expires_at_s)
    host.write("/root/.aws/config", profile(address, account_id, role, host_root.TRUSTED))
    host.write(f"/root/.aws/sso/cache/{name}", cached, 0o600)


def program(name: str, python: str) -> list[str]:
    """The command line of one of Session Manager's programs."""
    return [python, "-P", "-m", f"whodunet.aws.programs.{name}"]


def place_plugin() -> None:
    """Makes the plugin a command of every host, for the AWS CLI looks for it on the PATH."""
    plugin = host_root.PROGRAMS / PLUGIN
    plugin.write_text(f'#!/bin/sh\nexec {shlex.join(program("plugin", host_root.PYTHON))} "$@"\n', encoding="utf-8")
    plugin.chmod(0o755)


class _Configured(Listener):
    """A program with one configuration file; what topologies write is the part of it that the lab does not know."""

    name: ClassVar[str]
    runs_beside: ClassVar[bool] = True  # its settings hold the key that seals all tokens

    def __init__(self, listen: str, **settings: Any) -> None:
        self._settings = {**settings, "listen": [listen, self.port], "seal_key": account().seal_key.hex()}

    def prepare(self, host: Host) -> None:
        """Writes the configuration."""
        path = self._path(host)
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        path.write_text(json.dumps(self._settings | self._files(host), indent=2), encoding="utf-8")

    def _path(self, host: Host) -> Path:
        return SERVICES / host.name / f"{self.name}.json"

    def _files(self, host: Host) -> dict[str, str]:
        """Further settings, which are paths."""
        return {}

    def command(self, host: Host) -> list[str]:
        """The program with its configuration."""
        return [*program(self.name, sys.executable), str(self._path(host))]


class _Certified(_Configured):
    """One that speaks TLS and writes to the audit trail."""

    port = 443

    def __init__(self, listen: str, names: Sequence[str], **settings: Any) -> None:
        super().__init__(listen, **settings)
        self._names = names

    def _files(self, host: Host) -> dict[str, str]:
        return {**account().certify(host, self._names), "records": str(RECORDS)}


class ControlPlane(_Certified):
    """Systems Manager and STS behind the VPC's interface endpoints."""

    name: ClassVar[str] = "control_plane"

    def prepare(self, host: Host) -> None:
        """Beside its own files: the plugin, without which the AWS CLI starts no session."""
        super().prepare(host)
        place_plugin()


class SignOn(_Certified):
    """The company's single sign-on."""

    name: ClassVar[str] = "sign_on"


class MetadataService(_Configured):
    """The instance metadata service, on the link-local address that only the instance itself reaches."""

    name: ClassVar[str] = "metadata"
    port = 80

    def prepare(self, host: Host) -> None:
        """Beside its own files: the address."""
        super().prepare(host)
        host.check(f"ip address replace {self._settings['listen'][0]}/32 dev lo")


class SsmAgent(Service):
    """The agent on an instance. Ready means that it is online, or has found out that it cannot be."""

    needs_others: ClassVar[bool] = True

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """It finds out all it needs by itself."""
        return [*program("agent", host_root.PYTHON), "--state", _AGENT_STATE]

    def forget(self, host: Host) -> None:
        """Removes the state that a former agent wrote."""
        host.remove_file(_AGENT_STATE)

    def is_ready(self, host: Host) -> bool:
        """True when it has written that it is online, or why not."""
        with suppress(CannotRun):
            return host.read_bytes(_AGENT_STATE).startswith((b"online", b"offline"))
        return False

    @property
    def readiness(self) -> str:
        """What the state tells."""
        return "to be online, or to know why not"


KINDS: Final[Mapping[str, Callable[..., Service]]] = {
    "control-plane": ControlPlane,
    "sign-on": SignOn,
    "metadata": MetadataService,
    "ssm-agent": SsmAgent,
}
