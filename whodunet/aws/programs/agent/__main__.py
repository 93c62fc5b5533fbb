"""`python -P -m whodunet.aws.programs.agent [--state FILE]`: the agent, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from whodunet.aws.programs.agent.instance import Metadata
from whodunet.aws.programs.agent.life import Agent
from whodunet.aws.programs.agent.state_file import StateFile


def main() -> None:
    """Runs the agent."""
    parser = argparse.ArgumentParser(prog="whodunet.aws.programs.agent", description="The agent of an instance.")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to write whether the agent is online")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("whodunet").setLevel(logging.INFO)
    asyncio.run(_run(Agent(Metadata(), StateFile(arguments.state))))


async def _run(agent: Agent) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    await agent.run(stop)


if __name__ == "__main__":
    main()
