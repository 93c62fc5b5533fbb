"""An Instance Connect Endpoint: tunnels to instances, opened from its own interface in the VPC.

Whatever is wrong is answered over HTTP, before the upgrade: AWS CLI 2.23 hangs where it gets no answer at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from whodunet.aws.account.account import Account
from whodunet.aws.instance_connect.tunnel import Inflow, InvalidTunnel, TunnelRequest, TunnelViolation
from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.control_plane.api_errors import INVALID_TUNNEL, ApiError
from whodunet.aws.programs.control_plane.gate import Gate, Permission, Visit, circumstances, signed_request
from whodunet.aws.programs.control_plane.presigned import in_headers, parameters_of
from whodunet.aws.programs.serving import log

_SERVICE: Final = "ec2-instance-connect"
_OPERATION: Final = "OpenTunnel"
_CONNECT_WITHIN_S: Final = 4.0  # SYNs are sent at 0, 1 and 3 s
_CHUNK_BYTES: Final = 1 << 16
_NORMAL_CLOSURE: Final = 1000
_UNSUPPORTED: Final = 1003


class Tunnels:
    """Those of one endpoint."""

    def __init__(
        self,
        gate: Gate,
        account: Account,
        endpoint_id: str,
        vpc: Sequence[IPv4Network | IPv6Network],
        clock: Callable[[], float],
    ) -> None:
        """`vpc` has the addresses that a tunnel may lead to; `clock` tells seconds since the epoch."""
        self._gate = gate
        self._account = account
        self._endpoint_id = endpoint_id
        self._vpc = vpc
        self._clock = clock

    async def open(self, websocket: WebSocket) -> None:
        """Opens a tunnel for somebody who may, and carries it to its end; refuses it otherwise."""
        visit = Visit(_SERVICE, _OPERATION, signed_request(websocket))
        try:
            asked = self._admitted(visit)
        except ApiError as refused:
            self._gate.record(visit, refused=refused)
            with suppress(WebSocketDisconnect):
                await websocket.send_denial_response(_failure(refused))
            return
        self._gate.record(visit)
        with suppress(WebSocketDisconnect):
            await websocket.accept()
            await websocket.close(await self._carry(websocket, asked))

    async def not_upgraded(self, request: Request) -> Response:
        """Answers who asks without a WebSocket."""
        return _failure(ApiError(INVALID_TUNNEL, "A tunnel is opened by a WebSocket upgrade request."))

    def _admitted(self, visit: Visit) -> TunnelRequest:
        """What is asked for, once it is certain that its caller may have it; raises ApiError."""
        given = parameters_of(visit.signed)
        visit.request = {name: value for name, value in given.items() if not name.lower().startswith("x-amz-")}
        visit.signed = in_headers(visit.signed)
        caller = self._gate.authenticate(visit)
        try:
            asked = TunnelRequest.of(given)
        except InvalidTunnel as invalid:
            raise ApiError(INVALID_TUNNEL, str(invalid)) from invalid
        visit.request = asked.parameters()
        if asked.endpoint_id != self._endpoint_id:
            raise ApiError(INVALID_TUNNEL, "The specified InstanceConnectEndpointId is not that of this endpoint.")
        needed = Permission("ec2-instance-connect:OpenTunnel", self._account.connect_endpoint_arn(asked.endpoint_id))
        self._gate.authorise(caller, [needed], {**asked.context(), **circumstances(visit, self._clock())})
        if not any(asked.private_address in network for network in self._vpc):
            raise ApiError(INVALID_TUNNEL, "The specified PrivateIpAddress is not in the VPC of the endpoint.")
        return asked

    async def _carry(self, websocket: WebSocket, asked: TunnelRequest) -> int:
        """Carries the bytes of both sides until one of them ends, or the time is over; the code to close with."""
        place = f"port {asked.remote_port} of {asked.private_address}"
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                reader, writer = await asyncio.open_connection(str(asked.private_address), asked.remote_port)
        except (OSError, TimeoutError) as failure:
            log.info("tunnel to %s: %s", place, failure or "no answer")
            return _NORMAL_CLOSURE
        inflow = Inflow()
        try:
            async with asyncio.timeout(asked.max_duration_s):
                await first_of(_inwards(websocket, writer, inflow), _outwards(reader, websocket, inflow))
        except TimeoutError:
            log.info("tunnel to %s: its %d s are over", place, asked.max_duration_s)
        except TunnelViolation as violation:
            log.info("tunnel to %s: %s", place, violation)
            return _UNSUPPORTED
        except OSError as failure:
            log.info("tunnel to %s: %s", place, failure)
        finally:
            writer.close()
        return _NORMAL_CLOSURE


async def _inwards(websocket: WebSocket, writer: asyncio.StreamWriter, inflow: Inflow) -> None:
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        content = message.get("bytes")
        writer.write(inflow.take(message["text"] if content is None else content))
        await writer.drain()
    raise WebSocketDisconnect


async def _outwards(reader: asyncio.StreamReader, websocket: WebSocket, inflow: Inflow) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        inflow.answered()
        await websocket.send_bytes(chunk)


def _failure(error: ApiError) -> Response:
    """The body in the form that the service was seen to use. Source: a public report of a refused RemotePort."""
    code = error.kind.query_code or error.kind.json_code
    return JSONResponse({"ErrorCode": code, "Message": error.message}, error.kind.xml_status)
