from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from tests.unit.aws.programs.agent.services import MemoryService
from tests.unit.aws.programs.memory_sockets import MemorySocket, run
from whodunet.aws.programs.agent import control_channel
from whodunet.aws.programs.agent.control_channel import ControlChannel, open_control_channel
from whodunet.aws.programs.agent.outcome import Outcome
from whodunet.aws.programs.awaiting import cancelled
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.signed_http import Unreachable
from whodunet.aws.ssm.commands import (
    AgentJob,
    AgentJobAck,
    AgentJobReply,
    AgentJobReplyAck,
    CommandReply,
    JobCode,
    JobTopic,
)
from whodunet.aws.ssm.documents import DEFAULT_DOCUMENT, DOCUMENTS
from whodunet.aws.ssm.frames import Frame, MessageType, parse, serialise
from whodunet.aws.ssm.payloads import (
    AgentTaskAcknowledge,
    AgentTaskComplete,
    InteractiveShell,
    OpenControlChannel,
    ShellContent,
    TaskStatus,
    channel_closed,
)

ORDER = ShellContent(
    document_name=DEFAULT_DOCUMENT, document_content=DOCUMENTS[DEFAULT_DOCUMENT], session_id="ann-0abc"
)


class Orders:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.started: list[ShellContent] = []
        self.stopped: list[str] = []
        self.refused: list[str] = []

    def start(self, order: ShellContent) -> None:
        """A session to start."""
        self.started.append(order)

    def refuse(self, task_id: str, reason: str) -> None:
        """A session that cannot be started."""
        self.refused.append(f"{task_id}: {reason}")

    def stop(self, session_id: str) -> None:
        """A session to end."""
        self.stopped.append(session_id)


class Jobs:
    """Remembers which commands were asked for."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.cancelled: list[str] = []

    def begin(self, job: str, content: str) -> JobCode:
        """A command to run."""
        self.begun.append((job, content))
        return JobCode.ACCEPTED if len(self.begun) == 1 else JobCode.DUPLICATE

    def cancel(self, job: str) -> None:
        """A command to end."""
        self.cancelled.append(job)


@asynccontextmanager
async def serving(control: ControlChannel, orders: Orders, jobs: Jobs | None = None) -> AsyncIterator[MemorySocket]:
    """The service's end of an open control channel."""
    near, far = MemorySocket.pair()
    task = asyncio.create_task(control.serve(near, orders, jobs or Jobs()))
    await asyncio.sleep(0)
    yield far
    await cancelled(task)


def frame(message_type: MessageType, payload: bytes) -> bytes:
    """A message of the service."""
    return serialise(Frame(message_type, uuid4(), now().epoch_ms, payload))


async def until(condition: object) -> None:
    """Waits for something to come into the list."""
    while not condition:
        await asyncio.sleep(0)


def test_it_is_opened_with_the_agents_version() -> None:
    async def story() -> None:
        service = MemoryService()
        await open_control_channel(service)
        path, opening, _ = service.opened.get_nowait()
        assert path == "/v1/control-channel/i-1?role=subscribe&stream=input"
        assert isinstance(opening, OpenControlChannel)
        assert (opening.token_value, opening.agent_version, opening.platform_type) == ("sesame", "3.3.0.0", "linux")

    run(story())


def test_orders_are_passed_on() -> None:
    async def story() -> None:
        orders = Orders()
        async with serving(ControlChannel("i-1"), orders) as service:
            await service.send(frame(MessageType.INTERACTIVE_SHELL, InteractiveShell.of(ORDER).to_payload()))
            await service.send(serialise(channel_closed("ann-0abc", "", uuid4, now())))
            await until(orders.stopped)
            assert orders.started == [ORDER]
            assert orders.stopped == ["ann-0abc"]

    run(story())


def test_an_order_that_cannot_be_read_is_refused_by_its_name() -> None:
    async def story() -> None:
        orders = Orders()
        async with serving(ControlChannel("i-1"), orders) as service:
            shell = InteractiveShell(content='{"SessionId":"ann-0abc"}', task_id="ann-0abc")
            await service.send(frame(MessageType.INTERACTIVE_SHELL, shell.to_payload()))
            await until(orders.refused)
            assert orders.refused[0].startswith("ann-0abc: ShellContent: DocumentName: Field required")

    run(story())


def test_what_is_malformed_or_unknown_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        orders = Orders()
        async with serving(ControlChannel("i-1"), orders) as service:
            await service.send(b"rubbish")
            await service.send(frame(MessageType.INTERACTIVE_SHELL, b"{}"))
            await service.send(frame(MessageType("news"), b"{}"))
            await service.send(frame(MessageType.INTERACTIVE_SHELL, InteractiveShell.of(ORDER).to_payload()))
            await until(orders.started)

    caplog.set_level(logging.WARNING)
    run(story())
    assert len(caplog.records) == 2


def test_an_end_is_reported_until_it_is_acknowledged() -> None:
    async def story() -> None:
        control = ControlChannel("i-1")
        async with serving(control, Orders()) as service:
            report = asyncio.create_task(control.report("ann-0abc", Outcome.failed("no such port")))
            complete = AgentTaskComplete.from_payload(parse(await service.recv()).payload)
            assert (complete.task_id, complete.instance_id, complete.output) == ("ann-0abc", "i-1", "no such port")
            assert (complete.final_task_status, complete.retry_number) == (TaskStatus.FAILED, 0)
            acknowledgement = AgentTaskAcknowledge(message_id=UUID(int=1), task_id="ann-0abc")
            await service.send(frame(MessageType.AGENT_TASK_ACKNOWLEDGE, acknowledgement.to_payload()))
            await report
            assert service.unread == 0

    run(story())


def test_an_end_that_nobody_acknowledges_is_reported_three_times(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(control_channel, "_ACKNOWLEDGED_WITHIN_S", 0)

    async def story() -> None:
        control = ControlChannel("i-1")
        async with serving(control, Orders()) as service:
            await control.report("ann-0abc", Outcome())
            attempts = [AgentTaskComplete.from_payload(parse(await service.recv()).payload) for _ in range(3)]
            assert [attempt.retry_number for attempt in attempts] == [0, 1, 2]
            assert service.unread == 0

    run(story())
    assert "nobody acknowledged its end" in caplog.text


def test_an_end_without_a_socket_is_reported_on_the_next() -> None:
    async def story() -> None:
        control = ControlChannel("i-1")
        report = asyncio.create_task(control.report("ann-0abc", Outcome()))
        await asyncio.sleep(0)
        async with serving(control, Orders()) as service:
            assert parse(await service.recv()).message_type == MessageType.AGENT_TASK_COMPLETE
        await cancelled(report)

    run(story())


def test_a_lost_socket_is_told() -> None:
    async def story() -> None:
        near, far = MemorySocket.pair()
        far.cut()
        with pytest.raises(Unreachable, match="the control channel was closed"):
            await ControlChannel("i-1").serve(near, Orders(), Jobs())

    run(story())


JOB = "aws.ssm.11111111-2222.i-1"


def test_a_command_that_is_sent_twice_is_acknowledged_twice_and_the_second_as_a_duplicate() -> None:
    async def story() -> None:
        jobs = Jobs()
        async with serving(ControlChannel("i-1"), Orders(), jobs) as service:
            order = AgentJob(content="the order", job_id=JOB, topic=JobTopic.SEND)
            for code in ("200", "51405"):
                sent = frame(MessageType.AGENT_JOB, order.to_payload())
                await service.send(sent)
                answer = parse(await service.recv())
                assert answer.message_type == MessageType.AGENT_JOB_ACK
                told = AgentJobAck.from_payload(answer.payload)
                assert (told.job_id, told.acknowledged_message_id) == (JOB, parse(sent).message_id)
                assert told.status_code == code
        assert jobs.begun == [(JOB, "the order")] * 2

    run(story())


def test_a_cancellation_names_the_command_that_it_ends() -> None:
    async def story() -> None:
        jobs = Jobs()
        async with serving(ControlChannel("i-1"), Orders(), jobs) as service:
            content = '{"CancelMessageId":"aws.ssm.11111111-2222.i-1"}'
            order = AgentJob(content=content, job_id="aws.ssm.3.i-1", topic=JobTopic.CANCEL)
            await service.send(frame(MessageType.AGENT_JOB, order.to_payload()))
            assert AgentJobAck.from_payload(parse(await service.recv()).payload).status_code == "200"
        assert (jobs.begun, jobs.cancelled) == ([], [JOB])

    run(story())


def test_a_reply_is_sent_until_that_reply_is_acknowledged() -> None:
    async def story() -> None:
        control = ControlChannel("i-1")
        async with serving(control, Orders()) as service:
            replying = asyncio.create_task(control.reply(JOB, CommandReply(document_status="Success")))
            sent = parse(await service.recv())
            reply = AgentJobReply.from_payload(sent.payload)
            assert (sent.message_type, reply.job_id) == (MessageType.AGENT_JOB_REPLY, JOB)
            assert CommandReply.from_payload(reply.content).document_status == "Success"
            for answered, over in ((uuid4(), False), (sent.message_id, True)):
                ack = AgentJobReplyAck(job_id=JOB, acknowledged_message_id=answered)
                await service.send(frame(MessageType.AGENT_JOB_REPLY_ACK, ack.to_payload()))
                for _ in range(10):
                    await asyncio.sleep(0)
                assert replying.done() == over

    run(story())
