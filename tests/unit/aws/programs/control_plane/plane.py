"""A control plane without a network: requests are signed as programs sign them, WebSockets are queues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch
from uuid import UUID, uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from starlette.applications import Starlette
from starlette.types import Message

from whodunet.aws.account.seal import Credentials, Identity, Seal
from whodunet.aws.programs.control_plane.app import ControlPlane
from whodunet.aws.programs.control_plane.settings import ControlPlaneSettings
from whodunet.aws.ssm.frames import Frame, MessageType, Now, PayloadType, parse, serialise
from whodunet.aws.ssm.payloads import AgentTaskComplete, ChannelClosed, TaskStatus, control_frame

REGION, ACCOUNT = "eu-central-1", "123456789012"
INSTANCE = "i-0abcd1234efgh5678"
NOW_S = 1_800_000_000
KEY = bytes(32)
ADDRESS = "10.8.0.10"
DEVELOPER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "ssm:StartSession",
            "Resource": [
                f"arn:aws:ec2:*:*:instance/{INSTANCE}",
                "arn:aws:ec2:*:*:instance/i-0ffff000000000000",
                "arn:aws:ssm:*:*:document/AWS-Start*",
            ],
        },
        {
            "Effect": "Allow",
            "Action": ["ssm:TerminateSession", "ssm:ResumeSession"],
            "Resource": "arn:aws:ssm:*:*:session/${aws:username}-*",
        },
        {"Effect": "Allow", "Action": ["ssm:Describe*", "ssm:Get*", "ssm:List*"], "Resource": "*"},
    ],
}
SETTINGS: Mapping[str, Any] = {
    "region": REGION,
    "account_id": ACCOUNT,
    "listen": [["10.0.1.20", 443]],
    "certificate": "certificate.pem",
    "private_key": "private-key.pem",
    "seal_key": KEY.hex(),
    "roles": {
        "Developer": {"policies": [DEVELOPER]},
        "ReadOnly": {"policies": ["ReadOnlyAccess"]},
        "Admin": {
            "policies": ["AdministratorAccess"],
            "trust": {
                "Statement": {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Developer"},
                }
            },
        },
        "InstanceRole": {"policies": ["AmazonSSMManagedInstanceCore"]},
    },
    "instances": {INSTANCE: {"role": "InstanceRole"}},
}

Headers = Mapping[str, str]


class Clock:
    """Both clocks, which tests put forward."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def __call__(self) -> Now:
        return Now(1000 + self.passed_s, int((NOW_S + self.passed_s) * 1000))


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Headers
    text: str

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.text)

    @property
    def error(self) -> tuple[str, str]:
        """A JSON error's type and message."""
        return self.json["__type"], self.json["message"]


def host_of(service: str) -> str:
    """The name of a service."""
    return f"{service}.{REGION}.amazonaws.com"


def sign(
    keys: Credentials,
    service: str,
    method: str,
    path: str,
    body: bytes,
    headers: Headers,
    at_s: float,
    region: str = REGION,
) -> Headers:
    """The headers of a request, as an SDK sends them."""
    request = AWSRequest(method, f"https://{host_of(service)}{path}", data=body, headers=dict(headers))
    signer = SigV4Auth(Keys(keys.access_key_id, keys.secret_access_key, keys.session_token), service, region)
    with patch("botocore.auth.get_current_datetime", return_value=datetime.fromtimestamp(at_s, UTC)):
        signer.add_auth(request)
    return {"host": host_of(service), **{name.lower(): value for name, value in request.headers.items()}}


class Conversation:
    """A WebSocket, from the peer's side."""

    def __init__(self, app: Starlette, url: str, headers: Headers) -> None:
        path, _, query = url.partition("?")
        self._scope = scope("websocket", path, query, headers)
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._to_app.put_nowait({"type": "websocket.connect"})

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def _run(self) -> None:
        await self._app(self._scope, self._to_app.get, self._from_app.put)

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()
        await self._task

    async def next(self) -> Message:
        """The next thing that the service does."""
        return await self._from_app.get()

    async def frame(self) -> Frame:
        """The next frame that comes."""
        message = await self.next()
        assert message["type"] == "websocket.send", message
        return parse(message["bytes"])

    async def closing_text(self) -> str:
        """The text of channel_closed, which comes next, and then the close."""
        frame = await self.frame()
        assert frame.message_type == MessageType.CHANNEL_CLOSED
        assert (await self.next())["type"] == "websocket.close"
        return ChannelClosed.from_payload(frame.payload).output

    def text(self, content: Mapping[str, Any] | str) -> None:
        """Sends a text."""
        text = content if isinstance(content, str) else json.dumps(content)
        self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    def bytes(self, wire: bytes) -> None:
        """Sends a binary message."""
        self._to_app.put_nowait({"type": "websocket.receive", "bytes": wire})

    def hang_up(self) -> None:
        """Goes away."""
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})


class Plane:
    """The control plane with one instance, and people with several roles."""

    def __init__(self, records: Path, **settings: Any) -> None:
        self.records = records
        self.clock = Clock()
        configured = ControlPlaneSettings.model_validate({**SETTINGS, "records": records, **settings})
        self.control_plane = ControlPlane(configured, self.clock)
        self.app = self.control_plane.application()
        self.ann = self.credentials("Developer", "ann@corp.example")
        self.agent = self.credentials("InstanceRole", INSTANCE)

    def credentials(self, role: str, session: str, lifetime_s: int = 3600) -> Credentials:
        """Of a role's session."""
        identity = Identity(ACCOUNT, role, session)
        return Seal(KEY).issue(identity, self.clock().epoch_s, lifetime_s, uuid4().bytes)

    @property
    def events(self) -> list[Any]:
        """The audit trail."""
        return [json.loads(line) for line in (self.records / "cloudtrail.jsonl").read_text().splitlines()]

    def transcript(self, session_id: str) -> tuple[Any, bytes]:
        """A session's transcript: the header, and what follows."""
        header, _, rest = (self.records / "transcripts" / f"{session_id}.log").read_bytes().partition(b"\n")
        return json.loads(header), rest

    async def ssm(self, operation: str, keys: Credentials | None = None, **parameters: Any) -> Answer:
        """A call of ssm."""
        return await self.json_call("ssm", f"AmazonSSM.{operation}", keys or self.ann, parameters)

    async def json_call(self, service: str, target: str, keys: Credentials, parameters: Mapping[str, Any]) -> Answer:
        """A call with a JSON body."""
        body = json.dumps(parameters).encode()
        headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
        return await self.post(service, "/", body, self.signed(keys, service, "POST", "/", body, headers))

    async def create_channel(self, path: str, keys: Credentials | None = None) -> Answer:
        """An agent's call for a channel."""
        body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": str(uuid4())}).encode()
        headers = self.signed(
            keys or self.agent, "ssmmessages", "POST", path, body, {"content-type": "application/json"}
        )
        return await self.post("ssmmessages", path, body, headers)

    def signed(
        self, keys: Credentials, service: str, method: str, path: str, body: bytes = b"", headers: Headers | None = None
    ) -> Headers:
        """Headers with a signature of now, each as another attempt."""
        attempt = {"amz-sdk-invocation-id": str(uuid4())}
        return sign(keys, service, method, path, body, {**attempt, **(headers or {})}, self.clock().epoch_s)

    async def post(
        self, service: str, path: str, body: bytes, headers: Headers, hung_up: asyncio.Event | None = None
    ) -> Answer:
        """Any POST; the caller hangs up when the event is set."""
        sent: list[Message] = []
        bodies = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if bodies:
                return bodies.pop()
            await (hung_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope("http", path, "", {"host": host_of(service), **headers}), receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], answered, sent[1]["body"].decode())

    def websocket(self, path: str, keys: Credentials | None = None) -> Conversation:
        """A WebSocket, signed if there are keys."""
        headers = {"host": host_of("ssmmessages")} if keys is None else self.signed(keys, "ssmmessages", "GET", path)
        return Conversation(self.app, path, headers)


def scope(kind: str, path: str, query: str, headers: Headers) -> dict[str, Any]:
    """An ASGI scope."""
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        **({"method": "POST"} if kind == "http" else {"subprotocols": []}),
        "scheme": "https" if kind == "http" else "wss",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": (ADDRESS, 40000),
        "server": ("10.0.1.20", 443),
        "extensions": {"websocket.http.response": {}},
    }


def token_of(answer: Answer) -> str:
    """The token in an answer to an agent."""
    assert answer.status == 201, answer
    return answer.text.partition("<TokenValue>")[2].partition("</TokenValue>")[0]


def opening(token: str, **more: str) -> dict[str, Any]:
    """A channel's first text; it has the keys of all three kinds."""
    return {
        "MessageSchemaVersion": "1.0",
        "RequestId": "request",
        "TokenValue": token,
        "ClientId": "client",
        "ClientVersion": "1.2.677.0",
        "ClientInstanceId": INSTANCE,
        "AgentVersion": "3.3.0.0",
        "PlatformType": "linux",
        **more,
    }


async def agent_online(plane: Plane) -> Conversation:
    """An instance's control channel, opened; the caller enters and leaves it."""
    path = f"/v1/control-channel/{INSTANCE}"
    control = plane.websocket(path, plane.agent)
    control.text(opening(token_of(await plane.create_channel(path))))
    return control


async def agent_channel(plane: Plane, session_id: str) -> Conversation:
    """An agent's data channel, opened; the caller enters and leaves it."""
    path = f"/v1/data-channel/{session_id}"
    channel = plane.websocket(path, plane.agent)
    channel.text(opening(token_of(await plane.create_channel(path))))
    return channel


def client_channel(plane: Plane, session_id: str, token: str) -> Conversation:
    """A client's data channel, opened with a token; the caller enters and leaves it."""
    channel = plane.websocket(f"/v1/data-channel/{session_id}")
    channel.text(opening(token))
    return channel


def output(sequence: int, payload: bytes) -> bytes:
    """A message of the agent."""
    kind = MessageType.OUTPUT_STREAM_DATA
    return serialise(Frame(kind, UUID(int=7), 1, payload, sequence, payload_type=PayloadType.OUTPUT))


def typed(sequence: int, payload: bytes) -> bytes:
    """A message of the client."""
    kind = MessageType.INPUT_STREAM_DATA
    return serialise(Frame(kind, UUID(int=8), 1, payload, sequence, payload_type=PayloadType.OUTPUT))


def complete(plane: Plane, session_id: str, text: str) -> bytes:
    """An agent's report that a session is over."""
    payload = AgentTaskComplete(
        task_id=session_id, final_task_status=TaskStatus.SUCCESS, instance_id=INSTANCE, output=text
    )
    kind = MessageType.AGENT_TASK_COMPLETE
    return serialise(control_frame(kind, payload.to_payload(), lambda: UUID(int=5), plane.clock()))


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a story to its end; one that hangs fails."""

    async def guarded() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(guarded())
