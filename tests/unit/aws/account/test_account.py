"""One account: who may do what, who may become whom, and the words of a refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whodunet.aws.account.account import Account, Instance, NotAuthorised, Role
from whodunet.aws.account.policies import IamPolicy
from whodunet.aws.account.seal import Identity

NUMBER = "123456789012"
INSTANCE_ID = "i-0abcd1234efgh5678"
ANN = Identity(NUMBER, "Developer", "ann@corp.example")
ADMIN_ARN = f"arn:aws:iam::{NUMBER}:role/Admin"


def policy(*statements: dict[str, Any]) -> IamPolicy:
    """A policy of these statements."""
    return IamPolicy.from_document({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def account(*statements: dict[str, Any], trust: dict[str, Any] | None = None) -> Account:
    """An account whose developers have these statements, and whose Admin trusts whom `trust` names."""
    trusted = None if trust is None else policy({"Action": "sts:AssumeRole", **trust})
    return Account(
        region="eu-central-1",
        account_id=NUMBER,
        roles={"Developer": Role((policy(*statements),)), "Admin": Role(trust=trusted)},
        instances={INSTANCE_ID: Instance("InstanceRole", {"Team": "web"})},
    )


def may(where: Account, action: str, resource: str, who: Identity = ANN) -> bool:
    """Whether somebody may do something."""
    try:
        where.authorise(who, action, resource, {"aws:sourceip": "10.8.0.10"})
    except NotAuthorised:
        return False
    return True


def may_assume(where: Account, role_arn: str = ADMIN_ARN) -> bool:
    """Whether Ann may become a role."""
    try:
        where.authorise_assumption(ANN, role_arn, {})
    except NotAuthorised:
        return False
    return True


def test_a_refusal_names_caller_action_resource_and_reason() -> None:
    here = account()
    with pytest.raises(NotAuthorised) as refused:
        here.authorise(ANN, "ssm:StartSession", here.instance_arn(INSTANCE_ID), {})
    assert str(refused.value) == (
        "User: arn:aws:sts::123456789012:assumed-role/Developer/ann@corp.example is not authorized to perform:"
        " ssm:StartSession on resource: arn:aws:ec2:eu-central-1:123456789012:instance/i-0abcd1234efgh5678"
        " because no identity-based policy allows the ssm:StartSession action"
    )


def test_a_refusal_tells_an_explicit_deny_from_none() -> None:
    here = account({"Effect": "Deny", "Action": "*", "Resource": "*"})
    with pytest.raises(NotAuthorised, match=r"with an explicit deny in an identity-based policy$"):
        here.authorise(ANN, "ssm:StartSession", "*", {})


def test_a_role_that_the_account_does_not_have_may_nothing() -> None:
    here = account(allow("*"))
    assert may(here, "ssm:StartSession", "*")
    assert not may(here, "ssm:StartSession", "*", Identity(NUMBER, "Former", "ann@corp.example"))
    assert not may(here, "ssm:StartSession", "*", Identity("999999999999", "Developer", "ann@corp.example"))


@pytest.mark.parametrize("variable", ["${aws:username}", "ann@corp.example"])
def test_sessions_can_be_left_to_those_whose_name_they_begin_with(variable: str) -> None:
    here = account(allow("ssm:TerminateSession", f"arn:aws:ssm:*:*:session/{variable}-*"))
    assert may(here, "ssm:TerminateSession", here.session_arn("ann@corp.example-0123"))
    assert not may(here, "ssm:TerminateSession", here.session_arn("eve@corp.example-0123"))


def test_an_instances_tags_decide() -> None:
    here = account(allow("ssm:StartSession", Condition={"StringEquals": {"ssm:resourceTag/Team": "web"}}))
    assert may(here, "ssm:StartSession", here.instance_arn(INSTANCE_ID))
    assert not may(here, "ssm:StartSession", here.instance_arn("i-0ffff000000000000"))


def test_whence_a_call_comes_decides() -> None:
    here = account(allow("*", Condition={"IpAddress": {"aws:SourceIp": "10.8.0.0/24"}}))
    assert may(here, "ssm:StartSession", "*")
    here = account(allow("*", Condition={"IpAddress": {"aws:SourceIp": "10.9.0.0/24"}}))
    assert not may(here, "ssm:StartSession", "*")


def test_a_caller_cannot_pretend_to_be_another_by_circumstances() -> None:
    here = account(allow("*", Condition={"StringEquals": {"aws:username": "root"}}))
    with pytest.raises(NotAuthorised):
        here.authorise(ANN, "ssm:StartSession", "*", {"aws:username": "root"})


def test_an_instance_is_its_own_session_of_its_own_role() -> None:
    here = account()
    assert here.is_instance(Identity(NUMBER, "InstanceRole", INSTANCE_ID), INSTANCE_ID)
    assert not here.is_instance(Identity(NUMBER, "Developer", INSTANCE_ID), INSTANCE_ID)
    assert not here.is_instance(Identity(NUMBER, "InstanceRole", "i-0ffff000000000000"), INSTANCE_ID)
    assert not here.is_instance(Identity(NUMBER, "InstanceRole", "i-0f"), "i-0f")


def test_documents_of_aws_belong_to_no_account() -> None:
    here = account()
    assert here.document_arn("AWS-StartSSHSession") == "arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession"
    assert here.document_arn("SSM-SessionManagerRunShell") == (
        "arn:aws:ssm:eu-central-1:123456789012:document/SSM-SessionManagerRunShell"
    )


NAMED = {"Effect": "Allow", "Principal": {"AWS": ANN.role_arn}}
WHOLE_ACCOUNT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{NUMBER}:root"}}
ASSUME = allow("sts:AssumeRole")


def test_a_role_that_names_the_caller_can_be_assumed() -> None:
    assert may_assume(account(trust=NAMED))


def test_a_role_that_names_the_account_can_be_assumed_by_those_whose_policies_allow_it() -> None:
    assert not may_assume(account(trust=WHOLE_ACCOUNT))
    assert may_assume(account(ASSUME, trust=WHOLE_ACCOUNT))


def test_a_role_that_trusts_nobody_cannot_be_assumed() -> None:
    assert not may_assume(account(ASSUME))
    assert not may_assume(account(ASSUME, trust={"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}))
    assert not may_assume(account(ASSUME, trust={"Effect": "Deny", "Principal": {"AWS": "*"}}))


def test_what_the_callers_policies_deny_no_trust_gives() -> None:
    assert not may_assume(account({"Effect": "Deny", "Action": "sts:*", "Resource": "*"}, trust=NAMED))


def test_a_role_that_is_not_there_cannot_be_assumed() -> None:
    assert not may_assume(account(ASSUME, trust=NAMED), ADMIN_ARN + "s")
    assert not may_assume(account(ASSUME, trust=NAMED), "Admin")


def test_what_the_endpoint_does_not_let_pass_is_refused_whatever_the_role_may_do() -> None:
    others = {"StringEquals": {"aws:PrincipalArn": ADMIN_ARN}}
    here = replace(account(allow("ssm:*")), endpoint_policy=policy(allow("*", Principal="*", Condition=others)))
    with pytest.raises(NotAuthorised, match="because no VPC endpoint policy allows the ssm:GetDocument action"):
        here.authorise(ANN, "ssm:GetDocument", "*", {})
    assert not may(replace(account(), endpoint_policy=policy(allow("*"))), "ssm:GetDocument", "*")
    assert may(replace(account(allow("ssm:*")), endpoint_policy=policy(allow("*"))), "ssm:GetDocument", "*")
