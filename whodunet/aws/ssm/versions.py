"""What agent and client conclude from each other's version."""

from __future__ import annotations

_FIRST_MUX_CLIENT = (1, 1, 70)
_LAST_BASIC_AGENT = (3, 0, 196, 0)
_LAST_AGENT_DEAF_TO_TERMINATE = (2, 3, 722, 0)
_LAST_AGENT_WITH_KEEPALIVE = (3, 1, 1511, 0)
_LAST_CLIENT_WITH_KEEPALIVE = (1, 2, 331, 0)
_MOST_CHARACTERS = 100  # what comes from the wire may be anything, and reading a number takes time


def multiplexes(agent_version: str, client_version: str) -> bool:
    """Whether a forward of type LocalPortForwarding carries smux, not one connection at a time."""
    return _numbers(agent_version) > _LAST_BASIC_AGENT and _numbers(client_version) >= _FIRST_MUX_CLIENT


def heeds_terminate_flag(agent_version: str) -> bool:
    """Whether the agent ends a Port session at the client's word; others have to be told by the service."""
    return _numbers(agent_version) > _LAST_AGENT_DEAF_TO_TERMINATE


def client_keeps_alive(agent_version: str) -> bool:
    """Whether the client has to send smux NOPs, because its agent is one that gives up an idle forward."""
    return _numbers(agent_version) <= _LAST_AGENT_WITH_KEEPALIVE


def agent_keeps_alive(client_version: str) -> bool:
    """Whether the agent sends smux NOPs and ends an idle forward that gets none."""
    return _numbers(client_version) <= _LAST_CLIENT_WITH_KEEPALIVE


def _numbers(version: str) -> tuple[int, ...]:
    """The version's numbers, most significant first; a part that is not a number counts as 0, so as an old program."""
    parts = version[:_MOST_CHARACTERS].split(".")
    return tuple(int(part) if part.isascii() and part.isdigit() else 0 for part in parts)
