"""Run on the lab's client: times a session, and the commands that it is compared with. Prints JSON.

session_client.py prompt RUNS        seconds until the first prompt; `aws --version`; `aws sts get-caller-identity`
session_client.py echo COUNT         milliseconds from a typed letter to its echo
session_client.py download MIB       Mbit/s through a port forward of port 8000
"""

import json
import os
import pty
import socket
import subprocess
import sys
import time

TARGET = "i-0abcd1234efgh5678"
START = ["aws", "ssm", "start-session", "--target", TARGET]
LOCAL_PORT = 18000


def open_shell() -> tuple[int, int, float]:
    """A session in a terminal of its own: process, terminal, seconds until its prompt."""
    started = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(START[0], START)
    read_until(terminal, b"$ ")
    return child, terminal, time.monotonic() - started


def read_until(terminal: int, end: bytes) -> None:
    """Reads until the terminal has shown `end`."""
    shown = b""
    while end not in shown:
        shown += os.read(terminal, 65536)


def close_shell(child: int, terminal: int) -> None:
    """Leaves it."""
    os.write(terminal, b"exit\n")
    read_until(terminal, b"Exiting session")
    os.waitpid(child, 0)
    os.close(terminal)


def timed(*command: str) -> float:
    """Seconds that a command takes."""
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def prompt(runs: int) -> list[dict[str, float]]:
    """One set of figures a turn."""
    figures = []
    for _ in range(runs):
        version, identity = timed("aws", "--version"), timed("aws", "sts", "get-caller-identity")
        child, terminal, prompt_s = open_shell()
        close_shell(child, terminal)
        figures.append({"version_s": version, "identity_s": identity, "prompt_s": prompt_s})
    return figures


def echo(count: int) -> list[float]:
    """Each letter is typed when the one before has come back."""
    child, terminal, _ = open_shell()
    times = []
    for number in range(count):
        letter = b"abcdefghij"[number % 10 : number % 10 + 1]
        started = time.monotonic()
        os.write(terminal, letter)
        read_until(terminal, letter)
        times.append((time.monotonic() - started) * 1000)
    os.write(terminal, b"\n")
    close_shell(child, terminal)
    return times


def download(mebibytes: int) -> float:
    """One connection, from the first byte to the last."""
    parameters = json.dumps({"portNumber": ["8000"], "localPortNumber": [str(LOCAL_PORT)]})
    document = ["--document-name", "AWS-StartPortForwardingSession", "--parameters", parameters]
    forward = subprocess.Popen([*START, *document], stdout=subprocess.PIPE, start_new_session=True)
    assert forward.stdout is not None
    while b"Waiting for connections" not in forward.stdout.readline():
        pass
    with socket.create_connection(("localhost", LOCAL_PORT)) as connection:
        received, started = len(connection.recv(1)), time.monotonic()
        while chunk := connection.recv(1 << 16):
            received += len(chunk)
        took_s = time.monotonic() - started
    os.killpg(forward.pid, 2)
    forward.communicate()
    assert received == mebibytes << 20, received
    return received * 8 / 1e6 / took_s


kind, number = sys.argv[1], int(sys.argv[2])
print(json.dumps({"prompt": prompt, "echo": echo, "download": download}[kind](number)))
