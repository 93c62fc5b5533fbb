from __future__ import annotations

import asyncio
from threading import Event

import pytest

from whodunet.aws.programs.awaiting import cancelled, first_of, in_thread


def test_the_first_to_end_ends_the_others() -> None:
    ended: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("for ever")

    async def story() -> None:
        await first_of(for_ever(), asyncio.sleep(0), for_ever())

    asyncio.run(story())
    assert ended == ["for ever", "for ever"]


def test_what_the_first_raises_is_raised() -> None:
    async def fails() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        asyncio.run(first_of(fails(), asyncio.sleep(60)))


def test_how_a_cancelled_task_ends_is_nobodys_matter() -> None:
    async def story() -> None:
        async def fails() -> None:
            raise OSError("broken")

        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        await cancelled(task, asyncio.create_task(asyncio.sleep(60)))

    asyncio.run(story())


def test_a_blocking_call_gives_its_answer_or_its_error() -> None:
    def fails() -> None:
        raise OSError("broken")

    assert asyncio.run(in_thread(lambda: 7)) == 7
    with pytest.raises(OSError, match="broken"):
        asyncio.run(in_thread(fails))


def test_a_call_that_is_not_awaited_any_longer_disturbs_nobody() -> None:
    go_on = Event()

    async def story() -> None:
        call = asyncio.create_task(in_thread(go_on.wait))
        await asyncio.sleep(0)
        await cancelled(call)

    asyncio.run(story())
    go_on.set()
