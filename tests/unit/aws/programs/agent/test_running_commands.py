"""The commands that an agent runs, and what it tells of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.aws.programs.agent.services import INSTANCE
from tests.unit.aws.programs.memory_sockets import run
from whodunet.aws.programs.agent.running_commands import RunningCommands
from whodunet.aws.ssm.commands import COMMAND_DOCUMENTS, CommandOrder, CommandReply, JobCode

JOB = "aws.ssm.1111-2222.i-1"


def content(*lines: str, document: str = "AWS-RunShellScript") -> str:
    """An order to run a script."""
    parameters: dict[str, str | list[str]] = {"commands": list(lines)}
    order = CommandOrder(
        command_id="1111-2222",
        document_name=document,
        document_content=COMMAND_DOCUMENTS["AWS-RunShellScript"],
        parameters=parameters,
    )
    return order.to_payload().decode()


class Service:
    """Takes replies."""

    def __init__(self) -> None:
        self.replies: asyncio.Queue[tuple[str, CommandReply]] = asyncio.Queue()

    async def reply(self, job: str, reply: CommandReply) -> None:
        """A reply to a job."""
        self.replies.put_nowait((job, reply))

    async def status(self) -> str:
        """Of the next reply, which is to the job."""
        job, reply = await self.replies.get()
        assert job == JOB
        return reply.document_status


def test_the_beginning_and_the_end_of_a_command_are_told(tmp_path: Path) -> None:
    async def story() -> None:
        service = Service()
        commands = RunningCommands(INSTANCE, service.reply, tmp_path)
        assert commands.begin(JOB, content("echo $SSM_COMMAND_ID $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME")) == "200"
        assert await service.status() == "InProgress"
        _, reply = await service.replies.get()
        assert reply.runtime_status is not None
        result = reply.runtime_status["aws:runShellScript"]
        assert (reply.document_status, result.standard_output) == ("Success", "1111-2222 i-1 eu-central-1\n")
        kept = tmp_path / "i-1/document/orchestration/1111-2222/awsrunShellScript/0.awsrunShellScript/_script.sh"
        assert kept.read_text().startswith("echo $SSM_COMMAND_ID")

    run(story())


def test_a_command_runs_once_however_often_it_is_ordered(tmp_path: Path) -> None:
    async def story() -> None:
        service = Service()
        commands = RunningCommands(INSTANCE, service.reply, tmp_path)
        order = content(f"echo run >>{tmp_path}/runs")
        assert commands.begin(JOB, order) is JobCode.ACCEPTED
        assert commands.begin(JOB, order) is JobCode.DUPLICATE
        assert [await service.status(), await service.status()] == ["InProgress", "Success"]
        assert commands.begin(JOB, order) is JobCode.DUPLICATE
        assert (tmp_path / "runs").read_text() == "run\n"

    run(story())


def test_a_command_that_is_cancelled_is_ended_and_told_so(tmp_path: Path) -> None:
    async def story() -> None:
        service = Service()
        commands = RunningCommands(INSTANCE, service.reply, tmp_path)
        commands.begin(JOB, content("sleep 4321"))
        assert await service.status() == "InProgress"
        commands.cancel(JOB)
        assert await service.status() == "Cancelled"
        commands.cancel(JOB)  # it is over

    run(story())


@pytest.mark.parametrize(
    ("job", "order", "code"),
    [
        ("1111-2222", content("id"), JobCode.UNREADABLE),
        (JOB, "{}", JobCode.UNREADABLE),
        (JOB, content("id").replace("aws:runShellScript", "aws:runPowerShellScript"), JobCode.INVALID_DOCUMENT),
    ],
    ids=["no job", "no order", "no script"],
)
def test_an_order_that_cannot_be_carried_out_is_refused(tmp_path: Path, job: str, order: str, code: JobCode) -> None:
    async def story() -> None:
        service = Service()
        assert RunningCommands(INSTANCE, service.reply, tmp_path).begin(job, order) is code
        await asyncio.sleep(0)
        assert service.replies.empty()

    run(story())


def test_at_the_agents_end_its_commands_end_without_a_word(tmp_path: Path) -> None:
    async def story() -> None:
        service = Service()
        commands = RunningCommands(INSTANCE, service.reply, tmp_path)
        commands.begin(JOB, content("sleep 4321"))
        assert await service.status() == "InProgress"
        await commands.end()
        assert service.replies.empty()

    run(story())
