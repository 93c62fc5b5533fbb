"""The HTTP side: which operation a request names, how it is answered, and that all of it is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.unit.aws.programs.control_plane.plane import ACCOUNT, INSTANCE, Answer, Plane, play
from whodunet.aws.account.seal import Credentials
from whodunet.aws.programs.control_plane.front import MAX_BODY_BYTES

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
TARGET = {"x-amz-target": "AmazonSSM.GetConnectionStatus"}


async def query(plane: Plane, form: str, keys: Credentials | None = None) -> Answer:
    """A call of sts."""
    body = f"Version=2011-06-15&{form}".encode()
    return await plane.post("sts", "/", body, plane.signed(keys or plane.ann, "sts", "POST", "/", body, FORM))


async def json_post(plane: Plane, body: bytes, headers: Mapping[str, str] = TARGET) -> Answer:
    """A call of ssm with any body."""
    return await plane.post("ssm", "/", body, plane.signed(plane.ann, "ssm", "POST", "/", body, headers))


def test_sts_tells_who_somebody_is_in_xml(plane: Plane) -> None:
    async def story() -> None:
        answer = await query(plane, "Action=GetCallerIdentity")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/xml")
        assert f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/Developer/ann@corp.example</Arn>" in answer.text
        assert f"<Account>{ACCOUNT}</Account>" in answer.text
        assert answer.text.startswith("<GetCallerIdentityResponse xmlns=")

    play(story)


def test_a_role_that_trusts_the_caller_can_be_assumed_and_used(plane: Plane) -> None:
    async def story() -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/Admin"
        answer = await query(plane, f"Action=AssumeRole&RoleArn={arn}&RoleSessionName=work&DurationSeconds=900")

        def element(name: str) -> str:
            return answer.text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]

        assert element("Expiration") == "2027-01-15T08:15:00Z"
        admin = Credentials(element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken"), 0)
        assert ":assumed-role/Admin/work</Arn>" in (await query(plane, "Action=GetCallerIdentity", admin)).text
        assert admin.secret_access_key not in (plane.records / "cloudtrail.jsonl").read_text()

    play(story)


@pytest.mark.parametrize(
    ("form", "status", "code", "message"),
    [
        (
            f"Action=AssumeRole&RoleArn=arn:aws:iam::{ACCOUNT}:role/InstanceRole&RoleSessionName={INSTANCE}",
            403,
            "AccessDenied",
            "is not authorized to perform: sts:AssumeRole on resource",
        ),
        ("Action=AssumeRole", 400, "ValidationError", "2 validation errors detected: Value null at 'roleArn'"),
        ("Action=GetTheMoon", 400, "InvalidAction", "Could not find operation GetTheMoon"),
        ("", 400, "InvalidAction", "Could not find operation"),
    ],
)
def test_sts_refuses_in_xml(plane: Plane, form: str, status: int, code: str, message: str) -> None:
    async def story() -> None:
        answer = await query(plane, form)
        assert answer.status == status
        assert f"<Code>{code}</Code>" in answer.text
        assert message in answer.text

    play(story)


def test_expired_credentials_have_each_protocols_code(plane: Plane) -> None:
    async def story() -> None:
        plane.clock.passed_s += 3600
        xml = await query(plane, "Action=GetCallerIdentity")
        assert (xml.status, "<Code>ExpiredToken</Code>" in xml.text) == (403, True)
        assert (await plane.ssm("DescribeInstanceInformation")).error == (
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )

    play(story)


def test_who_signs_nothing_is_told_and_recorded(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.post("ssmmessages", "/", b"", {})
        assert answer.status == 400
        assert answer.error == ("MissingAuthenticationTokenException", "Missing Authentication Token")
        event = plane.events[-1]
        assert (event["eventSource"], event["errorCode"]) == ("ssmmessages.amazonaws.com", answer.error[0])
        assert event["userIdentity"] == {"type": "Unknown", "principalId": ""}
        assert event["sourceIPAddress"] == "10.8.0.10"

    play(story)


def test_an_operation_that_is_not_there_is_unknown(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.ssm("CreatePatchBaseline")
        assert answer.error == ("UnknownOperationException", "Could not find operation CreatePatchBaseline.")

    play(story)


def test_a_name_answers_for_its_own_service_alone(plane: Plane) -> None:
    async def story() -> None:
        body = b"{}"
        headers = plane.signed(plane.ann, "ssm", "POST", "/", body, TARGET)
        other = {**TARGET, "host": "ec2messages.eu.amazonaws.com"}
        elsewhere = plane.signed(plane.ann, "ssm", "POST", "/", body, other)
        assert (await plane.post("ssm", "/", body, headers)).error[0] == "ValidationException"
        assert (await plane.post("ssm", "/", body, elsewhere)).error[0] == "UnknownOperationException"

    play(story)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b"\xff", "SerializationException"),
        (b'{"Target": 7}', "ValidationException"),
        (b'{"Target": "\\ud800"}', "ValidationException"),
    ],
)
def test_a_body_that_is_no_request_is_refused(plane: Plane, body: bytes, code: str) -> None:
    async def story() -> None:
        answer = await json_post(plane, body)
        assert (answer.status, answer.error[0]) == (400, code)

    play(story)


def test_a_body_that_is_too_large_is_refused_before_it_is_all_read(plane: Plane) -> None:
    async def story() -> None:
        answer = await json_post(plane, b"x" * (MAX_BODY_BYTES + 1))
        assert answer.error[0] == "RequestEntityTooLargeException"

    play(story)


def test_every_answer_has_a_request_id_that_the_audit_trail_knows(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.ssm("GetConnectionStatus", Target=INSTANCE)
        event = plane.events[-1]
        assert answer.headers["x-amzn-requestid"] == event["requestID"]
        assert event["requestParameters"] == {"target": INSTANCE}
        assert event["readOnly"]

    play(story)


def test_a_denied_call_is_recorded_with_who_and_why(plane: Plane) -> None:
    async def story() -> None:
        bob = plane.credentials("ReadOnly", "bob@corp.example")
        await plane.ssm("StartSession", bob, Target=INSTANCE)
        event = plane.events[-1]
        assert event["errorCode"] == "AccessDeniedException"
        assert event["userIdentity"]["principalId"].endswith(":bob@corp.example")
        assert event["requestParameters"] == {"target": INSTANCE}
        assert event["responseElements"] is None

    play(story)


def test_a_replayed_request_is_refused(plane: Plane) -> None:
    async def story() -> None:
        body = json.dumps({"Target": INSTANCE}).encode()
        headers = plane.signed(plane.ann, "ssm", "POST", "/", body, TARGET)
        assert (await plane.post("ssm", "/", body, headers)).status == 200
        assert (await plane.post("ssm", "/", body, headers)).error[0] == "InvalidSignatureException"

    play(story)


def test_a_failure_of_our_own_is_told_without_its_details_and_recorded(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("a detail")

    monkeypatch.setattr(type(plane.control_plane.sessions), "__iter__", broken)

    async def story() -> None:
        answer = await plane.ssm("DescribeSessions", State="Active")
        assert answer.status == 500
        assert answer.error == ("InternalServerError", "An error occurred on the server side.")
        assert plane.events[-1]["errorCode"] == "InternalServerError"

    play(story)
