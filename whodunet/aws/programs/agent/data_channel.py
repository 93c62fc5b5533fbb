"""How the agent gets to a session's data channel, at first and after each cut."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from whodunet.aws.programs.agent.cloud_calls import CloudCalls
from whodunet.aws.programs.channel_socket import CannotConnect, SessionLost
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.signed_http import CallFailed
from whodunet.aws.programs.web_socket import Socket
from whodunet.aws.ssm import create_channel
from whodunet.aws.ssm.frames import MessageType, serialise
from whodunet.aws.ssm.payloads import AgentSessionState, OpenAgentChannel, SessionState, control_frame

_OVER: Final = "Session is already terminated"  # the service's words; amazon-ssm-agent gives up on them, too


class DataChannelDial:
    """Attempts at one session's data channel; each needs a token of its own."""

    def __init__(self, service: CloudCalls, session_id: str) -> None:
        """Attempts nothing yet."""
        self._service, self._session_id = service, session_id
        self._connected = False

    async def __call__(self) -> Socket:
        """A socket on which the session is open; raises SessionLost once the service knows it as over."""
        try:
            socket = await self._service.open_channel(create_channel.data_channel(self._session_id), self._opening)
        except CallFailed as failure:
            if _OVER in str(failure):
                raise SessionLost(str(failure)) from failure
            raise CannotConnect(str(failure)) from failure
        if not self._connected:
            state = AgentSessionState(session_state=SessionState.CONNECTED, session_id=self._session_id)
            await socket.send(
                serialise(control_frame(MessageType.AGENT_SESSION_STATE, state.to_payload(), uuid4, now()))
            )
            self._connected = True
        return socket

    def _opening(self, token: str) -> OpenAgentChannel:
        instance_id = self._service.instance.instance_id
        return OpenAgentChannel(request_id=str(uuid4()), token_value=token, client_instance_id=instance_id)
