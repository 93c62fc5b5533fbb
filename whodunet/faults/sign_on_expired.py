"""A person whose sign-on has run out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from whodunet.cases.fault import Completed, Misfit, Network, NodeFault, Settings, run_checked
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.evidence.topology import Topology

_PROFILE: Final = "aws-profile"
_TOKENS: Final = "~/.aws/sso/cache"
_CREDENTIALS: Final = "~/.aws/cli/cache"  # which the CLI made with the token, and would go on with
_LONG_AGO: Final = "2020-01-01T00:00:00Z"


class SignOnExpired(NodeFault):
    """The token of the AWS CLI's single sign-on is older than it may become."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (AWS_CLI,)

    kind: Literal["sign-on-expired"] = "sign-on-expired"

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host on which nobody has signed in."""
        yield from self.has(topology, self.node, _PROFILE, "node")

    def inject(self, network: Network) -> Settings:
        """Writes a time that is over into the cached token."""
        replace = f's/"expiresAt": *"[^"]*"/"expiresAt": "{_LONG_AGO}"/'
        lines = [
            f"rm -rf {_TOKENS}.before {_CREDENTIALS}",
            f"cp -a {_TOKENS} {_TOKENS}.before",
            f"sed -i '{replace}' {_TOKENS}/*.json",
        ]
        run_checked(network, self.node, " && ".join(lines))
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Puts the token back, as signing on again would."""
        run_checked(network, self.node, f"rm -rf {_TOKENS} && mv {_TOKENS}.before {_TOKENS}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """That the AWS CLI refuses to call, and why."""
        said = _call(network, self.node).stderr.strip()
        return (f"{self.node}: {said}" if re.search(r"\b(?:expired|[Tt]oken .*does not exist)\b", said) else None,)

    def remains(self, network: Network) -> str | None:
        """That it does not call, for whatever reason."""
        called = _call(network, self.node)
        return None if called.exit_status == 0 else f"{self.node}: {(called.stderr or called.stdout).strip()}"


def _call(network: Network, node: str) -> Completed:
    return network.execute(node, "aws sts get-caller-identity")
