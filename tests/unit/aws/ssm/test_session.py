"""One session as the service knows it: its name, its order to the agent, who is there, and when it is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.seal import Identity
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.documents import DOCUMENTS
from whodunet.aws.ssm.session import AGENT_LOST, CLIENT_LOST, IDLE, Attendance, Order, Status, session_id

RESUME_S, IDLE_S = 60.0, 1200.0
ENDING = "0123456789abcdefg"


def attendance(*peers: Peer) -> Attendance:
    """A session that began at 0 and that these have joined."""
    present = Attendance(began_at_s=0.0)
    for peer in peers:
        present.joined(peer)
    return present


def overdue(present: Attendance, now_s: float, active_at_s: float | None = 0.0) -> str:
    """Why it is over."""
    return present.overdue(now_s, active_at_s, RESUME_S, IDLE_S)


def test_a_session_has_its_owners_name() -> None:
    assert session_id("ann@corp.example", ENDING) == f"ann@corp.example-{ENDING}"


@given(st.text())
def test_a_sessions_name_is_no_longer_than_allowed_and_has_no_odd_character(owner: str) -> None:
    name = session_id(owner, ENDING)
    assert len(name) <= 96
    assert name.endswith(f"-{ENDING}")
    assert name.isascii()
    assert "/" not in name


def test_the_agent_is_told_document_parameters_and_owner() -> None:
    order = Order(
        session_id="ann-0123",
        owner=Identity("123456789012", "Developer", "ann"),
        target="i-0abc",
        document_name="AWS-StartSSHSession",
        document=DOCUMENTS["AWS-StartSSHSession"],
        parameters={"portNumber": "22"},
        started_at_s=1.0,
    )
    told = order.interactive_shell()
    content = told.shell_content()
    assert (told.task_id, content.session_id, content.parameters) == ("ann-0123", "ann-0123", {"portNumber": "22"})
    assert content.document_content == order.document
    assert content.session_owner == "arn:aws:sts::123456789012:assumed-role/Developer/ann"
    assert order.tags["ssm:resourcetag/aws:ssmmessages:session-id"] == order.owner.user_id


def test_status_tells_who_is_there() -> None:
    present, told = attendance(), []
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: present.joined(Peer.CLIENT),
        lambda: present.joined(Peer.AGENT),
        lambda: present.left(Peer.CLIENT, 5.0),
        lambda: present.joined(Peer.CLIENT),
        lambda: setattr(present, "agent_terminates", True),
    ]
    for change in changes:
        change()
        told.append(present.status.value)
    assert told == ["Connecting", "Connecting", "Connected", "Disconnected", "Connected", "Terminating"]


def test_all_sessions_but_those_that_have_ended_are_active() -> None:
    assert [status for status in Status if not status.active] == [Status.TERMINATED]


@pytest.mark.parametrize("peers", [(), (Peer.AGENT,)])
def test_a_session_whose_client_never_comes_is_ended(peers: tuple[Peer, ...]) -> None:
    assert overdue(attendance(*peers), RESUME_S) == ""
    assert overdue(attendance(*peers), RESUME_S + 1) == CLIENT_LOST


def test_a_session_waits_for_its_agent_as_long_as_it_may_be_idle() -> None:
    assert overdue(attendance(Peer.CLIENT), IDLE_S, None) == ""
    assert overdue(attendance(Peer.CLIENT), IDLE_S + 1, None) == IDLE


@pytest.mark.parametrize(("peer", "reason"), [(Peer.CLIENT, CLIENT_LOST), (Peer.AGENT, AGENT_LOST)])
def test_a_side_that_is_gone_has_a_time_to_come_back(peer: Peer, reason: str) -> None:
    present = attendance(*Peer)
    present.left(peer, 100.0)
    assert overdue(present, 100.0 + RESUME_S) == ""
    assert overdue(present, 101.0 + RESUME_S) == reason
    present.joined(peer)
    assert overdue(present, 101.0 + RESUME_S) == ""


def test_a_session_without_messages_is_idle() -> None:
    present = attendance(*Peer)
    assert overdue(present, 1500.0, 300.0) == ""
    assert overdue(present, 1501.0, 300.0) == IDLE
