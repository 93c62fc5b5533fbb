from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aws.programs.agent.programs import MYSELF, messages, seen
from tests.unit.aws.programs.memory_sockets import Relay, both_ends, run
from whodunet.aws.programs.agent.commands import CommandSession, words_of
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.properties import LinuxCommand


def test_both_outputs_are_one_and_nothing_else_is_said() -> None:
    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (client, agent):
            command = LinuxCommand(commands="sh -c 'echo out; echo err >&2; exit 3'")
            await CommandSession(command, MYSELF).run(agent, "")
            assert await seen(client, b"err\n") == b"out\nerr\n"
            assert agent.channel.settled or await agent.settle(1)

    run(story())


def test_outputs_apart_have_their_prefixes_and_the_exit_status_is_last() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            command = LinuxCommand(
                commands="sh -c 'echo out; echo err >&2; exit 3'",
                separate_output_stream=True,
                std_out_separator_prefix="OUT:",
                std_err_separator_prefix="ERR:",
            )
            await CommandSession(command, MYSELF).run(agent, "")
            *outputs, last = await messages(client, 3)
            assert set(outputs) == {
                Message(PayloadType.OUTPUT, b"OUT:out\n"),
                Message(PayloadType.STDERR, b"ERR:err\n"),
            }
            assert last == Message(PayloadType.EXIT_CODE, b"EXIT_CODE: 3")

    run(story())


def test_a_command_has_no_terminal_and_no_input() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            await CommandSession(LinuxCommand(commands="sh -c 'tty; cat; echo end'"), MYSELF).run(agent, "")
            assert await seen(client, b"end") == b"not a tty\nend\n"

    run(story())


@pytest.mark.parametrize("key", [b"\x03", b"\x1c"])
def test_control_keys_are_signals(key: bytes) -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            waits = "trap 'echo caught; exit' INT QUIT; echo ready; while :; do sleep 0.01; done"
            session = CommandSession(LinuxCommand(commands=f'sh -c "{waits}"'), MYSELF)
            running = asyncio.create_task(session.run(agent, ""))
            await seen(client, b"ready")
            await client.write(b"ignored" + key)
            await seen(client, b"caught")
            await running

    run(story())


def test_a_command_without_an_end_fails_the_session() -> None:
    with pytest.raises(SessionFailed, match="Unable to start command: Failed to parse commands input: No closing"):
        words_of("'unbalanced")


@pytest.mark.parametrize(("command", "program"), [("no-such-program --help", "no-such-program"), ("''", "")])
def test_a_program_that_is_not_there_is_what_the_session_prints(command: str, program: str) -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            await CommandSession(LinuxCommand(commands=command, separate_output_stream=True), MYSELF).run(agent, "")
            status, said = await messages(client, 2)
            assert status == Message(PayloadType.EXIT_CODE, b"EXIT_CODE: 1")
            assert said.payload_type == PayloadType.STDERR
            assert said.payload.decode() == f'exec: "{program}": executable file not found in $PATH'

    run(story())


@given(st.text(alphabet=st.sampled_from("ab'\"\\ $;|\n\0"), max_size=30).filter(str.strip))
def test_whatever_the_command_is_it_has_words_or_fails(command: str) -> None:
    with suppress(SessionFailed):
        assert words_of(command)
