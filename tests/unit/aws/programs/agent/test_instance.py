from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network

import pytest

from whodunet.aws.programs.agent.instance import (
    FetchedCredentials,
    FreshCredentials,
    Metadata,
    NoInstanceProfile,
    NotThere,
)
from whodunet.aws.programs.signed_http import CallFailed, Unreachable

DOCUMENT = {"region": "eu-central-1", "availabilityZone": "eu-central-1a", "privateIp": "10.0.1.10"}
ROLE = {"AccessKeyId": "ASIA", "SecretAccessKey": "secret", "Token": "token", "Expiration": "2027-01-15T08:00:00Z"}
TREE = {
    "dynamic/instance-identity/document": json.dumps(DOCUMENT),
    "meta-data/instance-id": "i-0abcd1234efgh5678",
    "meta-data/network/interfaces/macs/": "0a:00:00:00:00:01/",
    "meta-data/network/interfaces/macs/0a:00:00:00:00:01/vpc-ipv4-cidr-blocks": "10.0.0.0/16\n10.1.0.0/16",
    "meta-data/network/interfaces/macs/0a:00:00:00:00:01/vpc-ipv6-cidr-blocks": "fd00:10::/56",
    "meta-data/iam/security-credentials/": "InstanceRole",
    "meta-data/iam/security-credentials/InstanceRole": json.dumps(ROLE),
}


class Tree(Metadata):
    """A metadata service with these paths; a token is good for so many questions."""

    def __init__(self, tree: Mapping[str, str], questions_a_token: int = 1000) -> None:
        super().__init__()
        self._tree, self._questions_a_token = tree, questions_a_token
        self._left = 0
        self.tokens = 0

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        if method == "PUT":
            assert headers["X-aws-ec2-metadata-token-ttl-seconds"] == "21600"
            self.tokens += 1
            self._left = self._questions_a_token
            return 200, f"token-{self.tokens}"
        self._left -= 1
        if self._left < 0 or headers["X-aws-ec2-metadata-token"] != f"token-{self.tokens}":
            return 401, ""
        return (200, self._tree[path]) if path in self._tree else (404, "")


def without(*paths: str) -> dict[str, str]:
    """The tree without some of its paths."""
    return {path: text for path, text in TREE.items() if path not in paths}


def test_an_instance_knows_itself() -> None:
    instance = Tree(TREE).instance()
    assert (instance.instance_id, instance.region, instance.private_ip) == (
        "i-0abcd1234efgh5678",
        "eu-central-1",
        "10.0.1.10",
    )
    assert instance.vpc_networks == (
        IPv4Network("10.0.0.0/16"),
        IPv4Network("10.1.0.0/16"),
        IPv6Network("fd00:10::/56"),
    )


def test_its_description_names_the_instance_and_its_agent() -> None:
    description = Tree(TREE).instance().description()
    assert description["InstanceId"] == "i-0abcd1234efgh5678"
    assert (description["AgentName"], description["AgentVersion"]) == ("amazon-ssm-agent", "3.3.0.0")
    assert all(isinstance(value, str) for value in description.values())


def test_a_system_that_does_not_name_itself_is_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    def unnamed() -> dict[str, str]:
        raise OSError("no os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", unnamed)
    assert Tree(TREE).instance().description()["PlatformName"] == "Linux"


def test_an_instance_outside_a_vpc_has_no_networks() -> None:
    assert Tree(without("meta-data/network/interfaces/macs/")).instance().vpc_networks == ()


def test_one_token_serves_many_questions_and_another_one_follows_it() -> None:
    metadata = Tree(TREE, questions_a_token=3)
    for _ in range(7):
        metadata.read("meta-data/instance-id")
    assert metadata.tokens == 3


def test_the_roles_credentials_are_read() -> None:
    credentials = Tree(TREE).role_credentials()
    assert credentials == FetchedCredentials("ASIA", "secret", "token", expires_at_s=1_800_000_000)


def test_an_instance_without_a_profile_says_so() -> None:
    with pytest.raises(NoInstanceProfile, match=r"^no instance profile$"):
        Tree(without("meta-data/iam/security-credentials/")).role_credentials()


@pytest.mark.parametrize("document", ["{", "[]", "{}", '{"region":7}'])
def test_a_document_that_cannot_be_read_is_a_failed_call(document: str) -> None:
    with pytest.raises(CallFailed, match="instance metadata: "):
        Tree({**TREE, "dynamic/instance-identity/document": document}).instance()


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(NotThere, match="instance metadata: there is no meta-data/nothing"):
        Tree(TREE).read("meta-data/nothing")


class Role:
    """A role whose credentials live for an hour; it may be away."""

    def __init__(self) -> None:
        self.now_s, self.asked, self.away = 0.0, 0, False

    def clock(self) -> float:
        """The time."""
        return self.now_s

    def ask(self) -> FetchedCredentials:
        """New credentials."""
        if self.away:
            raise Unreachable("instance metadata: connect timed out")
        self.asked += 1
        return FetchedCredentials("key", "secret", "token", self.now_s + 3600)


def test_credentials_are_asked_for_again_before_they_expire() -> None:
    role = Role()
    fresh = FreshCredentials(role.ask, role.clock)
    for role.now_s in (0, 10, 2990):
        fresh.get()
    assert role.asked == 1
    role.now_s = 3010
    fresh.get()
    assert role.asked == 2


def test_credentials_serve_to_their_end_while_there_are_no_new_ones() -> None:
    role = Role()
    fresh = FreshCredentials(role.ask, role.clock)
    held = fresh.get()
    role.now_s, role.away = 3599, True
    assert fresh.get() is held
    role.now_s = 3600
    with pytest.raises(Unreachable):
        fresh.get()
