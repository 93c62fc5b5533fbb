"""What somebody wants to know: why a connection to this host and port does not work, asked from where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Family

Speech = Literal["ssh", "http", "tls", "unknown"]

# Source: service names and port numbers (IANA), and the ports that people move these services to.
_SPOKEN_AT: Final[dict[int, Speech]] = {
    **dict.fromkeys((22, 222, 2022, 2222, 22022), "ssh"),
    **dict.fromkeys((80, 8000, 8080), "http"),
    **dict.fromkeys((443, 8443), "tls"),
}


@dataclass(frozen=True)
class Question:
    """One target, and what whoever carries the probes out can do."""

    host: str  # a name or an address, as the user typed it
    port: int
    family: Family | None = None  # None: whatever the host's addresses are, those of IPv4 first
    speaks: Speech | None = None  # None: what is usual at this port
    symptom: Symptom | None = None  # what the user's program said; None: not known
    is_privileged: bool = True  # False: no raw packets, so a SYN is a whole handshake where it is answered
    source_ports: tuple[int, ...] = ()  # free here, one for each trace whose packets have to take one path

    @property
    def speech(self) -> Speech:
        """What is to be spoken there."""
        return self.speaks or _SPOKEN_AT.get(self.port, "unknown")
