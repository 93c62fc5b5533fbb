"""Where a packet came from and where it ended, in words that fit the comment of a packet."""

from __future__ import annotations

from whodunet.evidence.provenance import Provenance


def comment(provenance: Provenance | None) -> str:
    """One line: who really sent it, genuine or spoofed, and where it ended."""
    if provenance is None:
        return "neither IP nor ARP: not followed"
    return "; ".join([_sent(provenance), *_translated(provenance), _ended(provenance)])


def _sent(provenance: Provenance) -> str:
    if provenance.sender is None:
        return "sender unknown: first seen at an interface that is not the topology's"
    if provenance.in_name_of is None:
        return f"genuine, sent by {provenance.sender}"
    return f"spoofed, sent by {provenance.sender} in the name of {provenance.in_name_of}"


def _translated(provenance: Provenance) -> list[str]:
    return [f"addresses changed by {', '.join(provenance.translated_by)}"] if provenance.translated_by else []


def _ended(provenance: Provenance) -> str:
    at = provenance.at or "an interface that is not the topology's"
    match provenance.ending:
        case "arrived":
            return f"reached {at}"
        case "taken over":
            return f"taken over by {at} in its destination's name"
        case "on its link":
            return "for several on its link"
        case "nowhere":
            return f"last seen at {at}: nobody has its destination's address"
        case "unsettled":
            return f"last seen at {at}, still on its way when recording ended"
        case "dropped":
            beyond = provenance.lost_on_the_way_to
            return f"dropped at {at}" if beyond is None else f"dropped between {at} and {beyond}"
