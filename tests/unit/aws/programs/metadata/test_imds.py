"""The metadata service over HTTP: a token first, then everything; EC2's answers to what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.unit.aws.programs.asgi import Answer, ask
from whodunet.aws.account.seal import Identity, Seal
from whodunet.aws.programs.metadata.imds import application
from whodunet.aws.programs.metadata.settings import MetadataSettings

NOW_S = 1_800_000_000.0
HOST = "http://169.254.169.254"
TOKEN = "X-aws-ec2-metadata-token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
CONFIGURATION: Mapping[str, Any] = {
    "region": "eu-central-1",
    "account_id": "123456789012",
    "listen": [["169.254.169.254", 80]],
    "seal_key": "00ff",
    "instance_id": "i-0abcd1234efgh5678",
    "availability_zone": "eu-central-1a",
    "private_ip": "10.0.1.10",
    "hostname": "ip-10-0-1-10",
    "role": "InstanceRole",
}


class Clock:
    """A clock that tests put forward."""

    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def service(clock: Clock, **changes: Any) -> Starlette:
    """The metadata service of an instance."""
    return application(MetadataSettings.model_validate_json(json.dumps({**CONFIGURATION, **changes})), clock)


def token(app: Starlette, ttl_s: int = 60) -> str:
    """A token of the service."""
    return ask(app, "PUT", f"{HOST}/latest/api/token", headers={TTL: str(ttl_s)}).text


def get(app: Starlette, path: str, with_token: str) -> Answer:
    """Asks for a path."""
    return ask(app, "GET", f"{HOST}{path}", headers={TOKEN: with_token})


def test_with_a_token_the_instance_learns_who_it_is(clock: Clock) -> None:
    app = service(clock)
    answer = get(app, "/latest/meta-data/instance-id", token(app))
    assert (answer.status, answer.text) == (200, "i-0abcd1234efgh5678")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("given", ["", "nonsense"])
def test_without_a_token_of_the_service_nothing_is_told(clock: Clock, given: str) -> None:
    answer = get(service(clock), "/latest/meta-data/instance-id", given)
    assert answer.status == 401
    assert "<title>401 - Unauthorized</title>" in answer.text


def test_a_token_ends_at_its_time(clock: Clock) -> None:
    app = service(clock)
    given = token(app, ttl_s=60)
    clock.now_s += 60
    assert get(app, "/latest/meta-data/", given).status == 401


def test_a_token_of_another_instance_is_refused(clock: Clock) -> None:
    assert get(service(clock), "/latest/meta-data/", token(service(clock, instance_id="i-1"))).status == 401


def test_a_token_is_good_after_a_restart(clock: Clock) -> None:
    assert get(service(clock), "/latest/meta-data/", token(service(clock))).status == 200


@pytest.mark.parametrize("ttl", ["1", "21600"])
def test_a_token_lives_up_to_six_hours(clock: Clock, ttl: str) -> None:
    answer = ask(service(clock), "PUT", f"{HOST}/latest/api/token", headers={TTL: ttl})
    assert (answer.status, answer.headers[TTL.lower()]) == (200, ttl)


@pytest.mark.parametrize("ttl", ["0", "21601", "-1", "1.5", "ten", "", "٣", "9" * 5000])
def test_another_lifetime_is_a_bad_request(clock: Clock, ttl: str) -> None:
    answer = ask(service(clock), "PUT", f"{HOST}/latest/api/token", headers={TTL: ttl})
    assert answer.status == 400
    assert "<h1>400 - Bad Request</h1>" in answer.text


def test_no_lifetime_is_a_bad_request(clock: Clock) -> None:
    assert ask(service(clock), "PUT", f"{HOST}/latest/api/token").status == 400


def test_what_comes_through_a_proxy_gets_no_token(clock: Clock) -> None:
    headers = {TTL: "60", "X-Forwarded-For": "10.0.1.10"}
    assert ask(service(clock), "PUT", f"{HOST}/latest/api/token", headers=headers).status == 403


def test_what_is_not_there_is_answered_with_the_page_of_ec2(clock: Clock) -> None:
    app = service(clock)
    answer = get(app, "/latest/meta-data/public-ipv4", token(app))
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<title>404 - Not Found</title>" in answer.text


def test_another_method_is_refused(clock: Clock) -> None:
    assert ask(service(clock), "POST", f"{HOST}/latest/meta-data/").status == 405


def test_the_credentials_are_the_roles_for_this_instance(clock: Clock) -> None:
    app = service(clock)
    told = json.loads(get(app, "/latest/meta-data/iam/security-credentials/InstanceRole", token(app)).text)
    opened = Seal(bytes.fromhex("00ff")).open_credentials(told["AccessKeyId"], told["Token"], NOW_S)
    assert opened.identity == Identity("123456789012", "InstanceRole", "i-0abcd1234efgh5678")
    assert opened.secret_access_key == told["SecretAccessKey"]
    assert told["Expiration"] == "2027-01-15T14:00:00Z"


@pytest.mark.parametrize("role", ["InstanceRole", None])
def test_the_instances_own_credentials_are_another_roles(clock: Clock, role: str | None) -> None:
    app = service(clock, role=role)
    path = "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance"
    told = json.loads(get(app, path, token(app)).text)
    opened = Seal(bytes.fromhex("00ff")).open_credentials(told["AccessKeyId"], told["Token"], NOW_S)
    assert opened.identity == Identity("123456789012", "aws:ec2-instance", "i-0abcd1234efgh5678")


def test_the_credentials_are_renewed_in_time(clock: Clock) -> None:
    app = service(clock, credential_lifetime_s=3600)
    path = "/latest/meta-data/iam/security-credentials/InstanceRole"
    first = get(app, path, token(app)).text
    assert get(app, path, token(app)).text == first
    clock.now_s += 2401
    assert get(app, path, token(app)).text != first


def test_an_instance_without_a_profile_has_no_credentials(clock: Clock) -> None:
    app = service(clock, role=None)
    assert get(app, "/latest/meta-data/iam/security-credentials/", token(app)).status == 404


def test_the_network_is_the_one_of_the_configuration(clock: Clock) -> None:
    app = service(clock, mac="02:00:00:00:00:01", vpc_cidr="10.1.0.0/16")
    macs = "/latest/meta-data/network/interfaces/macs"
    assert get(app, f"{macs}/", token(app)).text == "02:00:00:00:00:01/"
    assert get(app, f"{macs}/02:00:00:00:00:01/vpc-ipv4-cidr-block", token(app)).text == "10.1.0.0/16"
    assert get(app, f"{macs}/02:00:00:00:00:01/subnet-ipv4-cidr-block", token(app)).text == "10.0.1.0/24"


def test_an_instance_knows_its_networks_of_ipv6_where_it_has_any(clock: Clock) -> None:
    networks = {"vpc_ipv6_cidr": "fd00:10::/56", "subnet_ipv6_cidr": "fd00:10:0:1::/64"}
    app = service(clock, mac="02:00:00:00:00:01", ipv6="fd00:10:0:1::a", **networks)
    interface = "/latest/meta-data/network/interfaces/macs/02:00:00:00:00:01"
    told = {name: get(app, f"{interface}/{name}", token(app)).text for name in ("ipv6s", "vpc-ipv6-cidr-blocks")}
    assert told == {"ipv6s": "fd00:10:0:1::a", "vpc-ipv6-cidr-blocks": "fd00:10::/56"}
    assert get(app, "/latest/meta-data/ipv6", token(app)).text == "fd00:10:0:1::a"
    without = service(clock, mac="02:00:00:00:00:01")
    assert get(without, f"{interface}/vpc-ipv6-cidr-blocks", token(without)).status == 404
