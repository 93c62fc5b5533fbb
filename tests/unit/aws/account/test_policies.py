"""Policies: an explicit deny wins, nothing is allowed by default, and a document that is none is refused."""

from __future__ import annotations

from typing import Any

import pytest

from whodunet.aws.account.managed_policies import MANAGED_POLICIES
from whodunet.aws.account.policies import AccessRequest, IamPolicy, MalformedPolicy, Verdict, evaluate, evaluate_trust

INSTANCE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc"
START = AccessRequest("ssm:StartSession", INSTANCE, {"aws:username": "ann"})


def policy(*statements: dict[str, Any]) -> IamPolicy:
    """A policy of these statements."""
    return IamPolicy.from_document({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str] = "ssm:StartSession", resource: str = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(**more: Any) -> dict[str, Any]:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": "*", "Resource": "*", **more}


def test_nothing_is_allowed_by_default() -> None:
    assert evaluate([], START) is Verdict.NOT_ALLOWED
    assert evaluate([policy(allow("ssm:Describe*"))], START) is Verdict.NOT_ALLOWED


def test_one_statement_of_one_policy_is_enough() -> None:
    assert evaluate([policy(allow("ssm:Describe*"), allow()), policy()], START) is Verdict.ALLOWED


def test_an_explicit_deny_wins_wherever_it_is() -> None:
    assert evaluate([policy(deny()), policy(allow())], START) is Verdict.DENIED
    assert evaluate([policy(allow(), deny())], START) is Verdict.DENIED


def test_a_statement_is_for_its_resource() -> None:
    assert evaluate([policy(allow(resource=INSTANCE))], START) is Verdict.ALLOWED
    assert evaluate([policy(allow(resource=INSTANCE + "d"))], START) is Verdict.NOT_ALLOWED


def test_not_action_and_not_resource_are_for_all_others() -> None:
    others = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert evaluate([policy(others)], START) is Verdict.ALLOWED
    assert evaluate([policy(others)], AccessRequest("iam:CreateUser", "*")) is Verdict.NOT_ALLOWED
    elsewhere = {"Effect": "Allow", "Action": "*", "NotResource": INSTANCE}
    assert evaluate([policy(elsewhere)], START) is Verdict.NOT_ALLOWED
    assert evaluate([policy(elsewhere)], AccessRequest("ssm:StartSession", INSTANCE + "d")) is Verdict.ALLOWED


def test_all_conditions_have_to_hold() -> None:
    both = {"StringEquals": {"aws:username": ["ann", "bob"]}, "Null": {"aws:mfa": True}}
    assert evaluate([policy(allow(Condition=both))], START) is Verdict.ALLOWED
    one = {"StringEquals": {"aws:username": "ann", "aws:userid": "x"}}
    assert evaluate([policy(allow(Condition=one))], START) is Verdict.NOT_ALLOWED


def test_a_condition_that_nobody_knows_never_widens_what_is_allowed() -> None:
    strange = {"StringSounds": {"aws:username": "ann"}}
    assert evaluate([policy(allow(Condition=strange))], START) is Verdict.NOT_ALLOWED
    assert evaluate([policy(allow(), deny(Condition=strange))], START) is Verdict.DENIED


def test_one_statement_needs_no_list() -> None:
    assert evaluate([IamPolicy.from_document({"Statement": allow()})], START) is Verdict.ALLOWED


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "Statement: Field required"),
        ([], "valid dictionary"),
        ({"Statement": [{"Effect": "Perhaps", "Action": "*"}]}, "Statement.0.Effect"),
        ({"Statement": [{"Effect": "Allow"}]}, "either Action or NotAction"),
        ({"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*"}]}, "either Action or NotAction"),
        ({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "NotResource": "*"}]}, "not both Resource"),
        ({"Statement": [{"Effect": "Allow", "Action": "*", "Resources": "*"}]}, "Statement.0.Resources"),
        ({"Version": "2020-01-01", "Statement": []}, "Version"),
    ],
)
def test_a_document_that_is_no_policy_is_refused_with_the_key(document: object, problem: str) -> None:
    with pytest.raises(MalformedPolicy, match=problem):
        IamPolicy.from_document(document)


def test_a_trust_policy_is_for_the_principals_that_it_names() -> None:
    role = "arn:aws:iam::123456789012:role/Developer"
    assume = AccessRequest("sts:AssumeRole", "arn:aws:iam::123456789012:role/Admin")
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": role}})
    assert evaluate_trust(trust, [role], assume) is Verdict.ALLOWED
    assert evaluate_trust(trust, [role + "s"], assume) is Verdict.NOT_ALLOWED
    everybody = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
    assert evaluate_trust(everybody, ["*"], assume) is Verdict.ALLOWED


@pytest.mark.parametrize(
    "action",
    [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:OpenDataChannel",
        "ec2messages:GetMessages",
    ],
)
def test_the_policy_of_managed_instances_allows_what_an_agent_does(action: str) -> None:
    assert evaluate([MANAGED_POLICIES["AmazonSSMManagedInstanceCore"]], AccessRequest(action, "*")) is Verdict.ALLOWED


@pytest.mark.parametrize("name", ["AmazonSSMManagedInstanceCore", "ReadOnlyAccess", "AmazonSSMReadOnlyAccess"])
def test_neither_agents_nor_readers_may_start_a_session(name: str) -> None:
    assert evaluate([MANAGED_POLICIES[name]], START) is Verdict.NOT_ALLOWED


def test_an_administrator_may() -> None:
    assert evaluate([MANAGED_POLICIES["AdministratorAccess"]], START) is Verdict.ALLOWED
