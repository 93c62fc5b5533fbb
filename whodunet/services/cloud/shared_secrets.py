"""What the cloud's programs of one lab share, and nobody on a host may see."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cache

from whodunet.lab.authority import lab_authority
from whodunet.lab.hosts import Host
from whodunet.lab.service import BESIDE_HOSTS, RECORDS


class CloudSecrets:
    """The key that seals credentials, and certificates of the lab's authority, which all hosts trust."""

    def __init__(self) -> None:
        self.seal_key = secrets.token_bytes(32)
        (RECORDS / "transcripts").mkdir(parents=True, mode=0o700)

    def certify(self, host: Host, names: Sequence[str]) -> dict[str, str]:
        """Writes a certificate for these names; where it and its key are, as the programs' settings name them."""
        issued = lab_authority().issue_cert(*names)
        folder = BESIDE_HOSTS / host.name
        certificate, private_key = folder / "certificate.pem", folder / "private-key.pem"
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        private_key.write_bytes(issued.private_key_pem.bytes())
        return {"certificate": str(certificate), "private_key": str(private_key)}


@cache
def cloud_secrets() -> CloudSecrets:
    """Those of this lab, whose server is one process."""
    return CloudSecrets()
