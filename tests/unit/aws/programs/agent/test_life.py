from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.aws.programs.agent.services import INSTANCE, MemoryService
from tests.unit.aws.programs.memory_sockets import MemorySocket, run
from whodunet.aws.programs.agent import life
from whodunet.aws.programs.agent.instance import Metadata, OwnInstance
from whodunet.aws.programs.agent.life import Agent
from whodunet.aws.programs.agent.state_file import StateFile
from whodunet.aws.programs.signed_http import CallFailed, ServiceError, Unreachable
from whodunet.aws.ssm.back_off import BackOff


class KnownMetadata(Metadata):
    """A metadata service that fails first, if told so."""

    def __init__(self, *failures: CallFailed) -> None:
        super().__init__()
        self._failures = list(failures)

    def instance(self) -> OwnInstance:
        """Who this is."""
        if self._failures:
            raise self._failures.pop(0)
        return INSTANCE


class States(StateFile):
    """Remembers every state."""

    def __init__(self) -> None:
        super().__init__(None)
        self.told: list[str] = []
        self.changed = asyncio.Event()

    def tell(self, state: str) -> None:
        """A state."""
        self.told.append(state)
        self.changed.set()

    async def until(self, state: str) -> None:
        """Waits until it is this one."""
        while self.told[-1:] != [state]:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def living(
    service: MemoryService, metadata: Metadata, stop: asyncio.Event | None = None
) -> AsyncIterator[States]:
    """An agent's life; it waits for nothing between its attempts."""
    states = States()
    agent = Agent(metadata, states, service_of=lambda *_: service, back_off=BackOff(first_s=0))
    end = stop or asyncio.Event()
    task = asyncio.create_task(agent.run(end))
    yield states
    end.set()
    await task


async def service_end(service: MemoryService) -> MemorySocket:
    """The service's end of the next control channel."""
    _, _, far = await service.opened.get()
    return far


def test_it_comes_online_and_comes_back_when_it_was_cut_off() -> None:
    async def story() -> None:
        service = MemoryService()
        async with living(service, KnownMetadata()) as states:
            await states.until("online")
            assert service.calls == ["ssm.UpdateInstanceInformation"]
            far = await service_end(service)
            service.failures.append(Unreachable("ssm.eu-central-1.amazonaws.com: connect timed out"))
            far.cut()
            await service_end(service)
            await states.until("online")
            assert states.told[0] == "starting"
            assert states.told[2].startswith("offline: the control channel was closed")
            assert states.told[3:] == ["offline: ssm.eu-central-1.amazonaws.com: connect timed out", "online"]

    run(story())


@pytest.mark.parametrize(
    "failure",
    [
        ServiceError("AccessDeniedException", "not authorized to perform: ssm:UpdateInstanceInformation"),
        Unreachable("ssm.eu-central-1.amazonaws.com: Name or service not known"),
    ],
)
def test_an_attempt_that_fails_says_why(failure: CallFailed) -> None:
    async def story() -> None:
        service = MemoryService()
        service.failures.append(failure)
        async with living(service, KnownMetadata()) as states:
            await states.until("online")
            assert states.told == ["starting", f"offline: {failure}", "online"]

    run(story())


def test_an_instance_that_does_not_know_itself_yet_asks_again() -> None:
    async def story() -> None:
        failure = Unreachable("instance metadata: connect timed out")
        async with living(MemoryService(), KnownMetadata(failure)) as states:
            await states.until("online")
            assert states.told == ["starting", "offline: instance metadata: connect timed out", "online"]

    run(story())


def test_it_tells_about_itself_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "_UPDATE_EVERY_S", 0)

    async def story() -> None:
        service = MemoryService()
        async with living(service, KnownMetadata()) as states:
            await states.until("online")
            service.failures.append(Unreachable("gone for a moment"))
            while len(service.calls) < 3:
                await asyncio.sleep(0)
            assert states.told[-1] == "online"

    run(story())


def test_it_stops_before_it_was_ever_online() -> None:
    async def story() -> None:
        stop = asyncio.Event()
        stop.set()
        async with living(MemoryService(), KnownMetadata(), stop):
            pass

    run(story())
