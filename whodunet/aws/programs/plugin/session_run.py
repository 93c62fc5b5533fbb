"""The process: standard streams, signals, exit status."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final

from whodunet.aws.programs.plugin.invocation import InvalidArguments, Invocation, read_invocation
from whodunet.aws.programs.trust import tls_context

if TYPE_CHECKING:
    from whodunet.aws.programs.plugin.client import SessionClient

INVALID_ARGUMENTS: Final = 1
_STANDARD_DESCRIPTORS: Final = (0, 1, 2)


def run(arguments: Sequence[str]) -> int:
    """Joins the session that the arguments are about; returns only if there is none."""
    _open_standard_descriptors()
    try:
        invocation = read_invocation(arguments, os.environ)
    except InvalidArguments as wrong:
        print(f"session-manager-plugin: {wrong}", file=sys.stderr)
        return INVALID_ARGUMENTS
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # else it warns of a lost connection amid the session's output
    status = asyncio.new_event_loop().run_until_complete(_join(invocation))
    os._exit(status)  # without waiting for threads: one may still ask a name server that does not answer


async def _join(invocation: Invocation) -> int:
    reading = Thread(target=_read_certificates, daemon=True)  # meanwhile: it takes as long as a part of the program
    reading.start()
    from whodunet.aws.programs.plugin.client import SessionClient
    from whodunet.aws.programs.plugin.dialling import Dialler
    from whodunet.aws.programs.plugin.kinds import Streams
    from whodunet.aws.programs.plugin.session_calls import SessionService
    from whodunet.aws.programs.plugin.standard_streams import Input, Output

    reading.join()
    service = SessionService(invocation)
    dial = Dialler(invocation, service)
    streams = Streams(Input(0), Output(1), Output(2))
    client = SessionClient(invocation.session_id, dial, service, streams, quiet=invocation.carries_ssh)
    _pass_signals(client)
    return await client.run()


def _pass_signals(client: SessionClient) -> None:
    from whodunet.aws.programs.plugin.local_terminal import KEYBOARD_SIGNALS

    loop = asyncio.get_running_loop()
    for number, key in KEYBOARD_SIGNALS.items():  # ignored so far: the AWS CLI leaves them to its plugin
        loop.add_signal_handler(number, client.interrupt, key)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, client.leave, 128 + number)


def _open_standard_descriptors() -> None:
    """Lets nothing else become 0, 1 or 2, where what is meant for the user would go into it."""
    for descriptor in _STANDARD_DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _read_certificates() -> None:
    with suppress(OSError):  # said when a connection needs them
        for directory in filter(None, os.environ.get("SSL_CERT_DIR", "").split(":")):
            tls_context().load_verify_locations(capath=directory)
        tls_context()
