from __future__ import annotations

import asyncio
import re

import pytest

from tests.unit.aws.programs.agent.programs import MYSELF, alive, seen
from tests.unit.aws.programs.memory_sockets import Relay, both_ends, run
from whodunet.aws.programs.agent import shell
from whodunet.aws.programs.agent.shell import SHELL, TerminalSession
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Size

# Ready is said by what waits: a shell loses an interrupt that comes while it starts a program.
# (The quotes in the words keep the terminal's echo of the line from looking like its output.)
WAITS = b"""sh -c 'trap "echo caug\\"\\"ht; exit" INT; echo rea""dy; while :; do sleep 0.01; done'\r"""


def size(cols: int, rows: int) -> Message:
    """A client's window."""
    return Message(PayloadType.SIZE, Size(cols=cols, rows=rows).to_payload())


def test_a_shell_answers_and_ends_the_session_when_it_exits() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(TerminalSession(SHELL, MYSELF).run(agent, ""))
            await client.write(b"tty; echo do''ne\r")
            assert b"/dev/pts/" in await seen(client, b"done")
            await client.write(b"exit\r")
            await session

    run(story())


def test_the_terminal_takes_the_clients_size() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(TerminalSession(SHELL, MYSELF).run(agent, ""))
            await client.write(b"stty size\r")
            await seen(client, b"24 80")
            await client.send(size(132, 50))
            await client.write(b"stty size; exit\r")
            await seen(client, b"50 132")
            await session

    run(story())


def test_an_interrupt_reaches_what_runs_in_the_foreground_and_not_the_shell() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(TerminalSession(SHELL, MYSELF).run(agent, ""))
            await client.write(WAITS)
            await seen(client, b"ready")
            await client.write(b"\x03")
            await seen(client, b"caught")
            await client.write(b"echo still he''re; exit\r")
            await seen(client, b"still here")
            await session

    run(story())


def test_the_profile_is_typed_first() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(TerminalSession(SHELL, MYSELF, "GREETING=hello").run(agent, ""))
            await client.write(b"echo $GREETING you; exit\r")
            await seen(client, b"hello you")
            await session

    run(story())


def test_a_command_that_awaits_the_size_begins_with_it() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            await client.send(size(77, 33))
            session = TerminalSession((*SHELL, "-c", "stty size"), MYSELF, awaits_size=True)
            await session.run(agent, "")
            await seen(client, b"33 77")

    run(story())


def test_a_client_that_tells_no_size_is_not_awaited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_SIZE_COMES_WITHIN_S", 0)

    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            await TerminalSession((*SHELL, "-c", "echo hi"), MYSELF, awaits_size=True).run(agent, "")
            await seen(client, b"hi")

    run(story())


def test_a_size_that_cannot_be_read_disturbs_nothing() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(TerminalSession(SHELL, MYSELF).run(agent, ""))
            await client.send(Message(PayloadType.SIZE, b'{"cols":"many"}'))
            await client.write(b"stty size; exit\r")
            await seen(client, b"24 80")
            await session

    run(story())


def test_every_line_arrives_once_and_in_order() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(TerminalSession(("seq", "1", "20000"), MYSELF).run(agent, ""))
            lines = await seen(client, b"\n20000\r\n")
            await session
            assert lines.split() == [b"%d" % number for number in range(1, 20001)]

    run(story())


def test_the_services_end_ends_the_shell_and_its_jobs() -> None:
    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (client, agent):
            session = asyncio.create_task(TerminalSession(SHELL, MYSELF).run(agent, ""))
            await client.write(b"trap '' HUP; sleep 1000 & echo job=$!.en''d\r")
            told = re.search(rb"job=(\d+)\.end", await seen(client, b".end"))
            await relay.close("agent")
            await session
            assert told is not None
            assert not alive(int(told[1]))

    run(story())
