"""Who signs in, in the audit trail."""

from __future__ import annotations

import pytest

from whodunet.aws.account.cloudtrail import ApiCall, Failure, Moment
from whodunet.aws.account.sign_on_records import Decision, identity_center_user

MOMENT = Moment("event", 1_800_000_000.0, "eu-central-1", "123456789012")


def call(failure: Failure | None) -> ApiCall:
    """An answer on the approval page."""
    ann = identity_center_user("ann", "123456789012")
    return ApiCall(
        service="signin",
        operation="UserAuthentication",
        user_identity=ann,
        source_ip="10.8.0.10",
        user_agent="w3m",
        request_id="request",
        read_only=False,
        failure=failure,
    )


def test_a_person_is_named_as_their_sessions_are() -> None:
    assert identity_center_user("ann", "123456789012", "session")["userName"] == "ann@corp.example"


def test_a_person_has_one_id_whatever_the_session() -> None:
    one, other = (identity_center_user("ann", "123456789012", session) for session in ("1", "2"))
    assert one["onBehalfOf"] == other["onBehalfOf"]
    assert one["credentialId"] != other["credentialId"]
    assert one["onBehalfOf"] != identity_center_user("bob", "123456789012")["onBehalfOf"]


@pytest.mark.parametrize(("failure", "outcome"), [(None, "Success"), (Failure("AccessDenied", ""), "Failure")])
def test_an_answer_is_an_event_of_sign_in_with_its_outcome(failure: Failure | None, outcome: str) -> None:
    record = Decision(call(failure)).record(MOMENT)
    assert record["eventSource"] == "signin.amazonaws.com"
    assert record["eventType"] == "AwsServiceEvent"
    assert record["serviceEventDetails"] == {"UserAuthentication": outcome}
    assert record["sourceIPAddress"] == "10.8.0.10"
