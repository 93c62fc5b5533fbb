"""What the settings of the resolver say, and what one name server does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.rrset
import pytest

from whodunet.diagnosis.probes import ResolveName
from whodunet.probing import names
from whodunet.probing.names import ResolverSettings, addresses_in_hosts, ask_server, read_settings, resolve

ASKED = ResolveName("instance.cloud.example", "ipv4")
HERE = "127.0.0.1"


@contextmanager
def server(answer: Callable[[dns.message.Message], bytes | None]) -> Iterator[int]:
    """A name server on this machine, for one question; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind((HERE, 0))
        serving.settimeout(5)

        def serve() -> None:
            query, client = serving.recvfrom(4096)
            said = answer(dns.message.from_wire(query))
            if said is not None:
                serving.sendto(said, client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield serving.getsockname()[1]
        thread.join()


def response(query: dns.message.Message, rcode: dns.rcode.Rcode, *addresses: str) -> bytes:
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    if addresses:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *addresses))
    return reply.to_wire()


def test_settings_are_read_as_the_resolver_does() -> None:
    text = "# nameserver 1.1.1.1\nsearch old.example\nnameserver 10.9.0.53\nnameserver\nsearch a.example b.example\n"
    assert read_settings(text) == ResolverSettings(("10.9.0.53",), ("a.example", "b.example"))
    many = "".join(f"nameserver 10.0.0.{number}\n" for number in range(1, 6))
    assert read_settings(many).servers == ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def test_a_hosts_file_gives_a_name_all_its_addresses_whatever_its_case() -> None:
    text = "10.0.0.9 Instance.cloud.example instance # instance.cloud.example is elsewhere\n::9 instance\n127.0.0.1\n"
    assert addresses_in_hosts(text, "instance.Cloud.example.") == {"10.0.0.9"}
    assert addresses_in_hosts(text, "instance") == {"10.0.0.9", "::9"}
    assert addresses_in_hosts(text, "elsewhere") == frozenset()


def test_an_address_is_no_name_and_nobody_is_asked() -> None:
    assert resolve(ResolveName("10.0.1.10", "ipv4")).addresses == ("10.0.1.10",)
    assert resolve(ResolveName("10.0.1.10", "ipv6")).addresses == ()


def test_a_server_that_knows_the_name_says_its_addresses() -> None:
    with server(lambda query: response(query, dns.rcode.NOERROR, "10.0.1.10", "10.0.1.11")) as port:
        answer = ask_server(HERE, ASKED, port)
    assert (answer.outcome, answer.rcode) == ("answered", 0)
    assert set(answer.addresses) == {"10.0.1.10", "10.0.1.11"}


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_server_that_does_not_answer_the_question_is_told_by_its_code(rcode: dns.rcode.Rcode) -> None:
    with server(lambda query: response(query, rcode)) as port:
        answer = ask_server(HERE, ASKED, port)
    assert (answer.outcome, answer.rcode, answer.addresses) == ("answered", int(rcode), ())


@pytest.mark.parametrize("said", [b"", b"no DNS at all", dns.message.make_query("x.example", "A").to_wire()])
def test_what_is_no_answer_to_the_question_counts_as_none(said: bytes) -> None:
    with server(lambda _: said) as port:
        assert ask_server(HERE, ASKED, port).outcome == "silent"


def test_a_server_that_says_nothing_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_SERVER_S", 0.01)
    with server(lambda _: None) as port:
        assert ask_server(HERE, ASKED, port).outcome == "silent"


def test_a_port_at_which_no_server_listens_refuses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind((HERE, 0))
        port = bound.getsockname()[1]
    assert ask_server(HERE, ASKED, port).outcome == "refused"


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example"])
def test_a_name_that_cannot_be_asked_for_is_no_traceback(name: str) -> None:
    assert ask_server(HERE, ResolveName(name, "ipv4"), 9).outcome == "silent"
