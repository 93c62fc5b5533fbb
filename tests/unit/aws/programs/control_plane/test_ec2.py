"""ec2's query protocol."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from tests.unit.aws.programs.control_plane.endpoint import DUALSTACK_NAME, ENDPOINT, NAME, plane_with_endpoint
from tests.unit.aws.programs.control_plane.plane import INSTANCE, Answer, Plane, play
from whodunet.aws.account.seal import Credentials
from whodunet.aws.programs.control_plane.api_errors import ApiError
from whodunet.aws.programs.control_plane.ec2 import nested

SPACE = {"": "http://ec2.amazonaws.com/doc/2016-11-15/"}


async def ec2(plane: Plane, fields: Mapping[str, str], keys: Credentials | None = None) -> Answer:
    """A call of DescribeInstances; in the names of fields `_` is a dot."""
    given = {name.replace("_", "."): value for name, value in fields.items()}
    body = urlencode({"Action": "DescribeInstances", "Version": "2016-11-15", **given}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    who = keys or plane.credentials("ReadOnly", "bob@corp.example")
    return await plane.post("ec2", "/", body, plane.signed(who, "ec2", "POST", "/", body, headers))


def instances(answer: Answer) -> list[str | None]:
    """The identifiers in an answer."""
    assert answer.status == 200, answer
    root = ElementTree.fromstring(answer.text)
    assert root.tag == f"{{{SPACE['']}}}DescribeInstancesResponse"
    assert root.findtext("requestId", namespaces=SPACE) == answer.headers["x-amzn-requestid"]
    return [it.text for it in root.iterfind("reservationSet/item/instancesSet/item/instanceId", SPACE)]


def error(answer: Answer) -> tuple[int, str | None, str | None]:
    """The status, code and message of a refusal."""
    root = ElementTree.fromstring(answer.text)
    assert root.tag == "Response"
    return answer.status, root.findtext("Errors/Error/Code"), root.findtext("Errors/Error/Message")


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({}, True),
        ({"InstanceId_1": INSTANCE}, True),
        ({"Filter_1_Name": "instance-state-name", "Filter_1_Value_1": "stopped", "Filter_1_Value_2": "running"}, True),
        ({"Filter_1_Name": "instance-id", "Filter_1_Value_1": INSTANCE, "Filter_2_Name": "tag-key"}, False),
    ],
)
def test_instances_are_found(plane: Plane, asked: Mapping[str, str], there: bool) -> None:
    async def story() -> None:
        assert instances(await ec2(plane, asked)) == ([INSTANCE] if there else [])

    play(story)


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"InstanceId_1": "web"}, "InvalidInstanceID.Malformed", 'Invalid id: "web"'),
        (
            {"InstanceId_1": "i-0123456789abcdef0"},
            "InvalidInstanceID.NotFound",
            "The instance ID 'i-0123456789abcdef0' does not exist",
        ),
        ({"Filter_1_Name": "color", "Filter_1_Value_1": "x"}, "InvalidParameterValue", "The filter 'color' is invalid"),
        (
            {"InstanceId_1": INSTANCE, "MaxResults": "5"},
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(plane: Plane, asked: Mapping[str, str], code: str, message: str) -> None:
    async def story() -> None:
        assert error(await ec2(plane, asked)) == (400, code, message)

    play(story)


def test_who_may_not_look_is_not_authorized_and_recorded(plane: Plane) -> None:
    async def story() -> None:
        status, code, message = error(await ec2(plane, {}, plane.agent))
        assert (status, code) == (403, "UnauthorizedOperation")
        assert message is not None
        assert message.startswith("You are not authorized to perform this operation. User: arn:aws:sts::123456789012:")
        event = plane.events[-1]
        assert (event["eventSource"], event["eventName"]) == ("ec2.amazonaws.com", "DescribeInstances")
        assert event["errorCode"] == "AccessDeniedException"

    play(story)


def test_numbers_in_names_make_lists_in_their_order() -> None:
    fields = {
        "Filter.1.Name": "a",
        "Filter.1.Value.10": "y",
        "Filter.1.Value.2": "x",
        "Filter.10.Name": "c",
        "Max": "5",
    }
    assert nested(fields) == {"Filter": [{"Name": "a", "Value": ["x", "y"]}, {"Name": "c"}], "Max": "5"}


@pytest.mark.parametrize("names", [("A", "A.1"), ("A.1", "A")])
def test_a_name_is_not_both_a_value_and_a_structure(names: tuple[str, str]) -> None:
    with pytest.raises(ApiError, match=r"A(\.1)? is both a value and a structure"):
        nested(dict.fromkeys(names, "x"))


async def endpoints(plane: Plane, fields: Mapping[str, str]) -> Answer:
    """A call of DescribeInstanceConnectEndpoints, as `ec2` writes it."""
    given = {name.replace("_", "."): value for name, value in fields.items()}
    body = urlencode({"Action": "DescribeInstanceConnectEndpoints", "Version": "2016-11-15", **given}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    who = plane.credentials("ReadOnly", "bob@corp.example")
    return await plane.post("ec2", "/", body, plane.signed(who, "ec2", "POST", "/", body, headers))


def test_an_endpoint_is_found_in_the_vpc_of_its_instance(tmp_path: Path) -> None:
    plane = plane_with_endpoint(tmp_path)

    async def story() -> None:
        root = ElementTree.fromstring((await ec2(plane, {})).text)
        vpc = root.findtext("reservationSet/item/instancesSet/item/vpcId", "", SPACE)
        asked = {"Filter_1_Name": "state", "Filter_1_Value_1": "create-complete", "Filter_2_Name": "vpc-id"}
        for value, there in ((vpc, True), ("vpc-0", False)):
            answer = await endpoints(plane, {**asked, "Filter_2_Value_1": value})
            found = ElementTree.fromstring(answer.text).find("instanceConnectEndpointSet/item", SPACE)
            assert (found is not None) is there
            if found is not None:
                told = [found.findtext(key, "", SPACE) for key in ("instanceConnectEndpointId", "dnsName", "subnetId")]
                subnet = root.findtext("reservationSet/item/instancesSet/item/subnetId", "", SPACE)
                assert told == [ENDPOINT, NAME, subnet]
                assert found.findtext("publicDnsNames/dualstack/dnsName", "", SPACE) == DUALSTACK_NAME

    play(story)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"InstanceConnectEndpointId_1": "eice-0"}, "InvalidInstanceConnectEndpointId.NotFound"),
        ({"Filter_1_Name": "color", "Filter_1_Value_1": "x"}, "InvalidParameterValue"),
    ],
)
def test_an_endpoint_that_cannot_be_told_is_refused(tmp_path: Path, asked: Mapping[str, str], code: str) -> None:
    async def story() -> None:
        assert error(await endpoints(plane_with_endpoint(tmp_path), asked))[:2] == (400, code)

    play(story)
