"""What the cloud's programs of one lab share, and nobody on a host may see."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cache

from whodunet.lab import host_root
from whodunet.lab.hosts import Host
from whodunet.lab.service import BESIDE_HOSTS, RECORDS


class CloudSecrets:
    """A certificate authority that all hosts trust, and the key that seals credentials."""

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
