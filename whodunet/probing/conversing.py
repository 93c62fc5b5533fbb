"""Talks to a destination: a whole connection, TLS over it, a payload, and how it ends."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

from whodunet.diagnosis.probes import ConversationResult, Converse
from whodunet.probing.certificates import described
from whodunet.probing.segments import ADDRESS_FAMILIES, family_of
from whodunet.probing.socket_options import name_of, reset_when_closed, segments_sent, unacknowledged_bytes

_MORE_S: Final = 0.3  # after the first that came, for the rest of it, or for the end
_MORE_ROUND_TRIPS: Final = 2.5  # the same where the destination is far away
_MOST_BYTES: Final = 1 << 16
_Outcome = Literal["connected", "reset", "closed", "silent"]


@dataclass(frozen=True)
class Spoken:
    """A conversation that has ended, and what of it shows in packets."""

    result: ConversationResult
    source_port: int = 0  # 0: it never had one
    packets_sent: int = 0


def converse(asked: Converse) -> tuple[Spoken, ...]:
    """Connects and talks; how far that came is the first result, whatever went wrong.

    Returns:
        A second conversation where the certificate was not trusted: only there it could be read.
    """
    if asked.tls_name is None:
        return (_Conversation(asked, None).hold(),)
    first = _Conversation(asked, ssl.create_default_context()).hold()
    if "untrusted" not in first.result.tls:
        return (first,)
    second = _Conversation(replace(asked, payload=b"", source_port=None), _trusting_anybody()).hold()
    told = {**second.result.tls, **{key: said for key, said in first.result.tls.items() if key != "untrusted"}}
    return replace(first, result=replace(first.result, tls=told)), second


class _Conversation:
    def __init__(self, asked: Converse, trust: ssl.SSLContext | None) -> None:
        self._asked, self._trust = asked, trust
        self._connection = socket.socket(ADDRESS_FAMILIES[family_of(asked.address)], socket.SOCK_STREAM)
        self._began = self._last_sent_at = time.monotonic()
        self._connect_ms: float | None = None
        self._received = b""
        self._tls: dict[str, str] = {}

    def hold(self) -> Spoken:
        """All of it, from the first packet to the last."""
        try:
            result = self._connect() or self._talk()
            spoken = Spoken(result, self._port(), segments_sent(self._connection) + (result.connect_ms is not None))
            with suppress(OSError):  # the other side has broken it off
                reset_when_closed(self._connection)
        finally:
            self._connection.close()  # TLS has put another in the place of the first
        return spoken

    def _connect(self) -> ConversationResult | None:
        """None when it stands.

        Raises:
            OSError: when it may not come from the port that it should come from.
        """
        self._connection.settimeout(self._asked.listen_s)
        if self._asked.source_port is not None:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._connection.bind(("", self._asked.source_port))
        try:
            self._connection.connect((self._asked.address, self._asked.port))
        except TimeoutError as error:
            kind = "ETIMEDOUT" if error.errno else None  # the kernel's own is sooner than asked for
            return ConversationResult("timed out", None, error=kind)
        except ConnectionRefusedError as error:
            return ConversationResult("refused", None, error=name_of(error))
        except ConnectionResetError as error:
            return ConversationResult("reset", None, error=name_of(error))
        except OSError as error:
            return ConversationResult("unreachable", None, error=name_of(error))
        self._last_sent_at = time.monotonic()
        self._connect_ms = (self._last_sent_at - self._began) * 1000
        return None

    def _talk(self) -> ConversationResult:
        error: str | None = None
        ended_at: float | None = None
        outcome: _Outcome
        try:
            stream = self._connection if self._trust is None else self._secured(self._trust)
            if self._asked.payload:
                stream.sendall(self._asked.payload)
                self._last_sent_at = time.monotonic()
            outcome = self._listen(stream)
        except ssl.SSLCertVerificationError as problem:
            outcome, self._tls["error"], self._tls["untrusted"] = "connected", problem.verify_message, "yes"
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            outcome = "closed"
        except ssl.SSLError as problem:
            outcome, self._tls["error"] = "connected", problem.reason or str(problem)
        except TimeoutError:
            outcome = "silent"
        except OSError as problem:  # ECONNRESET, EPIPE
            outcome, error = "reset", name_of(problem)
        if outcome != "silent":
            ended_at = time.monotonic()
        ended_after_ms = None if ended_at is None else (ended_at - self._last_sent_at) * 1000
        unacknowledged = unacknowledged_bytes(self._connection)
        return ConversationResult(
            outcome, self._connect_ms, self._received, ended_after_ms, unacknowledged, error, self._tls
        )

    def _secured(self, trust: ssl.SSLContext) -> ssl.SSLSocket:
        """The connection with TLS over it.

        Raises:
            OSError: ssl.SSLError among them, when there is none.
        """
        stream = trust.wrap_socket(
            self._connection, server_hostname=self._asked.tls_name, do_handshake_on_connect=False
        )
        self._connection = stream
        stream.do_handshake()
        certificate = stream.getpeercert(binary_form=True)
        self._tls |= {"version": stream.version() or ""}
        self._tls |= described(certificate) if certificate else {}
        return stream

    def _listen(self, stream: socket.socket) -> _Outcome:
        """What comes, until enough has come.

        Raises:
            OSError: when the other side breaks it off.
        """
        soon_s = max(_MORE_S, _MORE_ROUND_TRIPS * (self._connect_ms or 0.0) / 1000)
        stands_for_itself = self._trust is not None and not self._asked.payload
        until = time.monotonic() + (soon_s if stands_for_itself else self._asked.listen_s)
        while (left := until - time.monotonic()) > 0 and len(self._received) < _MOST_BYTES:
            stream.settimeout(left)
            try:
                more = stream.recv(_MOST_BYTES)
            except TimeoutError:
                break
            if not more:
                return "closed"
            until = until if self._received else min(until, time.monotonic() + soon_s)
            self._received += more
        return "connected" if self._received or stands_for_itself else "silent"

    def _port(self) -> int:
        with suppress(OSError):
            return int(self._connection.getsockname()[1])
        return 0


def _trusting_anybody() -> ssl.SSLContext:
    """To read a certificate that is not trusted; nothing is said or believed over it."""
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return trust
