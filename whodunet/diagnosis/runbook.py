"""What the user does now: the basic checks first, then whoever has to change something."""

from __future__ import annotations

from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.seen import Seen
from whodunet.diagnosis.verdict import Party
from whodunet.evidence.symptom import Symptom

_CAPTURE: Final = "Keep the proof: `tcpdump -ni {interface} -w proof.pcap host {address}` while you connect once."
_ANOTHER_PORT: Final = (
    "Try another port of the same host: `nc -vz -w 3 {address} 443`; another answer there means a rule for port {port}."
)
_OTHER_NETWORK: Final = (
    "Try from another network, off the VPN if you are on one: if it works there, the network that you left stands in "
    "the way."
)
_MANAGED: Final = (
    "To work on a cloud instance no open port is needed: `aws ssm start-session --target INSTANCE-ID` goes over port "
    "443; the instance needs the policy AmazonSSMManagedInstanceCore and a way to the Systems Manager endpoints."
)
_FLOW_LOGS: Final = (
    "Have the flow logs of the instance's interface looked at: REJECT is a security group or network ACL, ACCEPT the "
    "host itself, no line means that your packet never came."
)
_ASK_BOX: Final = (
    "Ask whoever runs {box} for its rule about port {port} to {address}, and show the capture: its owner has to act, "
    "not the host's."
)
_ON_HOST: Final = (
    "On the host (its console, or Session Manager): `ss -ltnp`, `nft list ruleset`, `tcpdump -ni any port {port}`."
)
_LOCAL: Final = "On this machine as root: `nft list ruleset`, `ip route get {address}`, `ss -ltnp`."
_NAMES: Final = "Ask each name server by hand: `dig @SERVER {host}`, and compare with `getent ahosts {host}`."
_CONFIGURED: Final = "Read what your program is told: `ssh -G {host}`, `env | grep -i proxy`, `/etc/hosts`."
_REPEAT: Final = "Repeat it ten times: `for try in $(seq 10); do nc -vz -w 2 {address} {port}; done`."
_SERVICE_LOG: Final = (
    "Read the service's log at this minute on the host; `nc -v {address} {port}` shows its first words."
)
_LINK: Final = "Look at the link: `ip -br link`, `ip -br addr`, `ip neigh`."


def next_steps(conclusion: Conclusion, seen: Seen) -> tuple[str, ...]:
    """The steps that fit a conclusion, in their order; empty where nothing is wrong."""
    parties = conclusion.suspects.parties
    if parties == {Party.NOBODY}:
        return ()
    is_between = bool(parties & {Party.FIRST_HOP, Party.PATH})
    is_far = bool(parties & {Party.CLOUD_EDGE, Party.DESTINATION})
    is_ssh = seen.question.speech == "ssh"
    has_packets = conclusion.hops is None or conclusion.hops.farthest > 0
    chosen = (
        (_CONFIGURED, Party.CONFIGURATION in parties or Party.PROXY in parties),
        (_NAMES, Party.RESOLVER in parties),
        (_LOCAL, Party.THIS_MACHINE in parties),
        (_LINK, Party.LOCAL_NETWORK in parties),
        (_REPEAT, "random-loss" in conclusion.suspects.causes),
        (_CAPTURE, (is_between or is_far) and has_packets),
        (_ANOTHER_PORT, is_between and conclusion.symptom in (Symptom.REFUSED, Symptom.TIMED_OUT, Symptom.UNREACHABLE)),
        (_OTHER_NETWORK, is_between),
        (_ASK_BOX, is_between),
        (_FLOW_LOGS, is_far or is_between),
        (_ON_HOST, Party.DESTINATION in parties),
        (_SERVICE_LOG, Party.SERVICE in parties),
        (_MANAGED, is_ssh and (is_between or Party.CLOUD_EDGE in parties)),
    )
    words = {
        "host": seen.question.host,
        "address": seen.address,
        "port": seen.port,
        "interface": (seen.way_out and seen.way_out.interface) or "any",
        "box": conclusion.box or "the box in between",
    }
    return tuple(step.format(**words) for step, is_fit in chosen if is_fit)
