"""Audit records: CloudTrail's form, and no secret in any of them."""

from __future__ import annotations

import json

from whodunet.aws.account.cloudtrail import (
    HIDDEN,
    ApiCall,
    Failure,
    Moment,
    Record,
    ServiceEvent,
    assumed_role,
    unidentified,
)
from whodunet.aws.account.seal import Identity

ANN = Identity("123456789012", "Developer", "ann@corp.example")
MOMENT = Moment("event-id", 1_800_000_000.9, "eu-central-1", "123456789012")


def call(
    *,
    read_only: bool = False,
    request: Record | None = None,
    response: Record | None = None,
    failure: Failure | None = None,
) -> Record:
    """The record of a call of StartSession."""
    return ApiCall(
        service="ssm",
        operation="StartSession",
        user_identity=assumed_role(ANN, "ASIAEXAMPLE", 1_799_999_000),
        source_ip="10.8.0.10",
        user_agent="aws-cli/2.9.19",
        request_id="request-id",
        read_only=read_only,
        request=request,
        response=response,
        failure=failure,
    ).record(MOMENT)


def test_a_call_tells_who_what_when_and_from_where() -> None:
    assert call(request={"Target": "i-0abc"}, response={"SessionId": "ann-0123"}) == {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"{ANN.role_id}:ann@corp.example",
            "arn": "arn:aws:sts::123456789012:assumed-role/Developer/ann@corp.example",
            "accountId": "123456789012",
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": ANN.role_id,
                    "arn": "arn:aws:iam::123456789012:role/Developer",
                    "accountId": "123456789012",
                    "userName": "Developer",
                },
                "webIdFederationData": {},
                "attributes": {"creationDate": "2027-01-15T07:43:20Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": "2027-01-15T08:00:00Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": "StartSession",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "10.8.0.10",
        "userAgent": "aws-cli/2.9.19",
        "requestParameters": {"target": "i-0abc"},
        "responseElements": {"sessionId": "ann-0123"},
        "requestID": "request-id",
        "eventID": "event-id",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    }


def test_a_refused_call_has_the_reason_and_no_response() -> None:
    record = call(response={"SessionId": "x"}, failure=Failure("AccessDeniedException", "not you"))
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDeniedException", "not you")
    assert record["responseElements"] is None


def test_a_call_that_only_reads_has_no_response() -> None:
    assert call(read_only=True, response={"Sessions": []})["responseElements"] is None


def test_secrets_are_hidden_however_deep_they_are() -> None:
    secret = "never to be seen"
    response: Record = {
        "TokenValue": secret,
        "Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": secret, "SessionToken": secret},
        "List": [{"accessToken": secret}],
    }
    record = call(request={"clientSecret": secret}, response=response)
    assert secret not in json.dumps(record)
    hidden = {"accessKeyId": "ASIA1", "secretAccessKey": HIDDEN, "sessionToken": HIDDEN}
    assert record["responseElements"] == {
        "tokenValue": HIDDEN,
        "credentials": hidden,
        "list": [{"accessToken": HIDDEN}],
    }


def test_who_proved_nothing_is_unknown_with_the_key_that_was_claimed() -> None:
    assert unidentified() == {"type": "Unknown", "principalId": ""}
    assert unidentified("ASIACLAIMED")["accessKeyId"] == "ASIACLAIMED"


def test_what_a_service_does_by_itself_is_its_own_event() -> None:
    record = ServiceEvent("ssm", "SessionEnded", {"sessionId": "ann-0123", "bytesFromAgent": 3}).record(MOMENT)
    assert record["eventType"] == "AwsServiceEvent"
    assert record["userIdentity"] == {"accountId": "123456789012", "invokedBy": "ssm.amazonaws.com"}
    assert record["serviceEventDetails"] == {"sessionId": "ann-0123", "bytesFromAgent": 3}
    assert (record["eventName"], record["eventTime"]) == ("SessionEnded", "2027-01-15T08:00:00Z")
