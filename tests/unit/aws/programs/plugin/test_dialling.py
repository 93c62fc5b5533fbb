from __future__ import annotations

import json
import socket
import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.http11 import Response

from tests.unit.aws.programs.memory_sockets import MemorySocket
from tests.unit.aws.programs.plugin.stage import play
from whodunet.aws.programs.channel_socket import CannotConnect, SessionLost
from whodunet.aws.programs.plugin.dialling import Dialler, why
from whodunet.aws.programs.plugin.invocation import Invocation

INVOCATION = Invocation(
    "session-1", "wss://ssmmessages.example/v1/data-channel/session-1", "first token", "eu-central-1"
)


class Network:
    """Opens sockets, or fails to, and remembers what was sent first."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.greetings: list[dict[str, str]] = []

    async def open(self, url: str, headers: dict[str, str], first_text: str) -> MemorySocket:
        """One attempt."""
        assert url == INVOCATION.stream_url
        assert headers == {}
        if self._failures:
            raise self._failures.pop(0)
        self.greetings.append(json.loads(first_text))
        return MemorySocket()


class Resuming:
    """A service that gives out tokens."""

    def __init__(self) -> None:
        self.tokens = [f"token {number}" for number in range(2, 9)]

    async def resume(self) -> str:
        """The next token."""
        return self.tokens.pop(0)


def untrusted() -> ssl.SSLCertVerificationError:
    """What OpenSSL says of a certificate that nobody vouches for."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "unable to get local issuer certificate"
    return error


def test_the_first_text_opens_the_channel() -> None:
    async def story() -> None:
        network = Network()
        await Dialler(INVOCATION, Resuming(), network.open)()
        assert (
            network.greetings[0].items()
            >= {
                "MessageSchemaVersion": "1.0",
                "TokenValue": "first token",
                "ClientVersion": "1.2.764.0",
            }.items()
        )
        assert network.greetings[0].keys() >= {"RequestId", "ClientId"}

    play(story())


def test_after_a_loss_a_new_token_opens_the_channel_for_the_same_client() -> None:
    async def story() -> None:
        network = Network()
        dial = Dialler(INVOCATION, Resuming(), network.open)
        for _ in range(3):
            await dial()
        assert [greeting["TokenValue"] for greeting in network.greetings] == ["first token", "token 2", "token 3"]
        assert len({greeting["ClientId"] for greeting in network.greetings}) == 1

    play(story())


def test_five_retries_may_fail_before_the_first_socket_and_then_the_cause_is_said() -> None:
    async def story() -> None:
        dial = Dialler(INVOCATION, Resuming(), Network(*[ConnectionRefusedError()] * 6).open)
        for _ in range(5):
            with pytest.raises(CannotConnect):
                await dial()
        with pytest.raises(SessionLost, match=r"^cannot connect to ssmmessages\.example:443: connection refused$"):
            await dial()

    play(story())


def test_attempts_that_take_long_are_fewer() -> None:
    async def story() -> None:
        moments_s = iter([0.0, 10.0, 20.5])
        dial = Dialler(INVOCATION, Resuming(), Network(*[TimeoutError()] * 2).open, lambda: next(moments_s))
        with pytest.raises(CannotConnect):
            await dial()
        with pytest.raises(SessionLost, match=":443: timed out"):
            await dial()

    play(story())


def test_a_certificate_does_not_become_trusted_by_trying_again() -> None:
    async def story() -> None:
        with pytest.raises(SessionLost, match="certificate is not trusted: unable to get local issuer certificate"):
            await Dialler(INVOCATION, Resuming(), Network(untrusted()).open)()

    play(story())


def test_a_session_that_has_begun_is_worth_more_attempts() -> None:
    async def story() -> None:
        network = Network()
        resuming = Resuming()
        dial = Dialler(INVOCATION, resuming, network.open)
        await dial()
        network._failures = [TimeoutError(), untrusted(), *[ConnectionRefusedError()] * 5]
        for _ in range(7):
            with pytest.raises(CannotConnect):
                await dial()
        assert not resuming.tokens

    play(story())


def test_the_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", "http://ann:secret@proxy.example:3128")

    async def story() -> None:
        with pytest.raises(CannotConnect) as raised:
            await Dialler(INVOCATION, Resuming(), Network(ConnectionRefusedError()).open)()
        place = "ssmmessages.example:443 through the proxy proxy.example:3128"
        assert str(raised.value) == f"cannot connect to {place}: connection refused"

    play(story())


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "cannot be resolved: Name or service"),
        (TimeoutError(), "timed out"),
        (ConnectionRefusedError(111, "Connect call failed"), "connection refused"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
        (InvalidStatus(Response(403, "Forbidden", Headers())), "the answer was HTTP 403"),
        (ConnectionClosedError(None, None), "the connection was closed"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection was closed"),
        (OSError("Multiple exceptions: one, two"), "Multiple exceptions: one, two"),
        (OSError(), "OSError"),
        (untrusted(), "its certificate is not trusted: unable to get local issuer certificate"),
    ],
)
def test_the_words_lead_to_the_cause(failure: Exception, words: str) -> None:
    assert words in why(failure)


def test_certificates_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    assert why(FileNotFoundError(2, "No such file or directory")) == (
        "there is no file /nowhere/ca.pem with certificates to trust"
    )
