"""A person whose sign-on has run out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from whodunet.core.fault import Network, NodeFault, run_checked

_TOKENS: Final = "~/.aws/sso/cache"
_CREDENTIALS: Final = "~/.aws/cli/cache"  # which the CLI made with the token, and would go on with
_LONG_AGO: Final = "2020-01-01T00:00:00Z"


class SignOnExpired(NodeFault):
    """The token of the AWS CLI's single sign-on is older than it may become."""

    kind: Literal["sign-on-expired"] = "sign-on-expired"

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Writes a time that is over into the cached token."""
        replace = f's/"expiresAt": *"[^"]*"/"expiresAt": "{_LONG_AGO}"/'
        lines = [
            f"rm -rf {_TOKENS}.before {_CREDENTIALS}",
            f"cp -a {_TOKENS} {_TOKENS}.before",
            f"sed -i '{replace}' {_TOKENS}/*.json",
        ]
        run_checked(network, self.node, " && ".join(lines))
        return {}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Puts the token back, as signing on again would."""
        run_checked(network, self.node, f"rm -rf {_TOKENS} && mv {_TOKENS}.before {_TOKENS}")

    def proof(self, network: Network) -> str | None:
        """The token's time in the cache."""
        found = network.execute(self.node, f'grep -ho \'"expiresAt": *"{_LONG_AGO}"\' {_TOKENS}/*.json').stdout
        return f"cached sign-on token of {self.node}: {found.strip()}" if found else None
