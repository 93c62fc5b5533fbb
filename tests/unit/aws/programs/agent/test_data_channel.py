from __future__ import annotations

import pytest

from tests.unit.aws.programs.agent.services import MemoryService
from tests.unit.aws.programs.memory_sockets import run
from whodunet.aws.programs.agent.data_channel import DataChannelDial
from whodunet.aws.programs.channel_socket import CannotConnect, SessionLost
from whodunet.aws.programs.signed_http import ServiceError, Unreachable
from whodunet.aws.ssm.frames import MessageType, parse
from whodunet.aws.ssm.payloads import AgentSessionState, OpenAgentChannel, SessionState


def test_a_channel_is_opened_with_its_token_and_the_first_tells_the_state() -> None:
    async def story() -> None:
        service = MemoryService()
        await DataChannelDial(service, "ann-0abc")()
        path, opening, far = service.opened.get_nowait()
        assert path == "/v1/data-channel/ann-0abc?role=publish_subscribe"
        assert isinstance(opening, OpenAgentChannel)
        assert (opening.token_value, opening.client_instance_id) == ("sesame", "i-1")
        told = parse(await far.recv())
        assert told.message_type == MessageType.AGENT_SESSION_STATE
        assert AgentSessionState.from_payload(told.payload).session_state == SessionState.CONNECTED

    run(story())


def test_the_state_is_told_once() -> None:
    async def story() -> None:
        service = MemoryService()
        dial = DataChannelDial(service, "ann-0abc")
        for _ in range(2):
            socket = await dial()
            await socket.close()
        _, _, first = service.opened.get_nowait()
        _, _, second = service.opened.get_nowait()
        assert (first.unread, second.unread) == (1, 0)

    run(story())


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (ServiceError("BadRequest", "Session is already terminated"), SessionLost),
        (ServiceError("AccessDeniedException", "no"), CannotConnect),
        (Unreachable("ssmmessages: connect timed out"), CannotConnect),
    ],
)
def test_only_a_session_that_is_over_is_lost(failure: Exception, raised: type[Exception]) -> None:
    async def story() -> None:
        service = MemoryService()
        service.failures.append(failure)  # type: ignore[arg-type]
        with pytest.raises(raised, match=str(failure)):
            await DataChannelDial(service, "ann-0abc")()

    run(story())
