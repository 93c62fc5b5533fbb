"""The symptoms: what came of a probe, in a user's words."""

from __future__ import annotations

from enum import StrEnum


class Symptom(StrEnum):
    """One word for what a person saw, whatever program said it."""

    CONNECTED = "connected"  # the connection stood and the program got what it came for
    REFUSED = "refused"  # ECONNREFUSED
    TIMED_OUT = "timed out"  # nothing came in time, before the connection stood
    RESET = "reset"  # the connection stood, then ECONNRESET
    CLOSED = "closed"  # the other side closed before the program got anything useful
    UNREACHABLE = "unreachable"  # EHOSTUNREACH, ENETUNREACH, and a local route that forbids: EACCES, EINVAL, EPERM
    STALLED = "stalled"  # the connection stood, then nothing more came
    PROTOCOL_ERROR = "protocol error"  # the connection stood, and what came was corrupt, or not a protocol both speak
    NAME_NOT_FOUND = "name not found"  # the name does not exist
    NO_RESOLVER = "no resolver"  # no answer about the name
    NOT_RESOLVED = "name not resolved"  # no address, and the program does not say which of the two above it was
    DENIED = "denied"  # reached, and refused by authentication or authorisation
    NOT_TRUSTED = "not trusted"  # reached, and its certificate is signed by nobody whom the program trusts
    NOT_CONNECTED = "not connected"  # a service was reached, and what it should connect to is not there
    NO_PROXY = "no proxy"  # the proxy that the program was told to use was not reached, and it does not say why
    PROGRAM_MISSING = "program missing"  # the program ran, and lacks another one that it needs
    COULD_NOT_MEASURE = "could not measure"  # no claim about the network can be made from this
    UNKNOWN = "unknown"  # it ran, and what it said fits none of the above
