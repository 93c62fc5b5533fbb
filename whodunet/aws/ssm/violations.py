"""What a peer can do wrong, under one base, so that an edge catches one thing and goes on."""

from __future__ import annotations


class ProtocolViolation(Exception):
    """A peer sent what the protocol does not allow; the message says what is wrong with it."""


class MalformedFrame(ProtocolViolation):
    """The bytes are no AgentMessage frame, or the fields make none; the message says which field is wrong."""


class MalformedPayload(ProtocolViolation):
    """The payload of a frame is not what its type calls for; the message names the key and what is wrong with it."""


class InvalidParameters(ProtocolViolation):
    """The parameters of a session do not fit its document; the message names the parameter."""
