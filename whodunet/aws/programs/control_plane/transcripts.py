"""The sessions' transcripts as files: a line that says whose it is, and what the agent said."""

from __future__ import annotations

import json
import os
from pathlib import Path

from whodunet.aws.account.timestamps import utc_text
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.frames import Frame
from whodunet.aws.ssm.session import Order
from whodunet.aws.ssm.transcript import Counted, OrderedMessages

_MODE = 0o600


class Transcript:
    """One session's; of a port session, whose bytes are for programs, only how many there were."""

    def __init__(self, directory: Path, order: Order) -> None:
        """Begins the file; raises OSError."""
        path = directory / f"{order.session_id}.log"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        self._verbatim = order.document.session_type is not SessionType.PORT
        self._heard = {peer: Counted(OrderedMessages()) for peer in Peer}
        self._write_line(_header(order))

    def hear(self, peer: Peer, frame: Frame) -> None:
        """A stream message has passed, perhaps not for the first time."""
        told = self._heard[peer].add(frame)
        if told and self._verbatim and peer is Peer.AGENT:
            os.write(self._descriptor, told)

    @property
    def byte_counts(self) -> dict[str, int]:
        """How much each side said."""
        return {f"bytesFrom{peer.value.title()}": heard.output_bytes for peer, heard in self._heard.items()}

    def close(self) -> None:
        """Ends the file."""
        if not self._verbatim:
            self._write_line(dict(self.byte_counts))
        os.close(self._descriptor)

    def _write_line(self, content: dict[str, str] | dict[str, int]) -> None:
        os.write(self._descriptor, json.dumps(content).encode() + b"\n")


def _header(order: Order) -> dict[str, str]:
    return {
        "sessionId": order.session_id,
        "owner": order.owner.arn,
        "target": order.target,
        "documentName": order.document_name,
        "startTime": utc_text(order.started_at_s),
        "sourceIPAddress": order.source_ip,
        "reason": order.reason,
    }
