"""What the demo terminals share as processes: arguments, the ready line, the end at SIGTERM."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def common(parser: argparse.ArgumentParser, web_port: int, telnet_port: int) -> None:
    """Add the arguments that every demo terminal takes, and hold its end signals back for `ready`."""
    # Before any thread starts: threads inherit the mask, and a signal to one of them would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    parser.add_argument("--state", type=Path, required=True, help="the terminal's disk")
    parser.add_argument("--lan", default="127.0.0.1", help="address of the LAN side")
    parser.add_argument("--wan", default="", help="address of the line side")
    parser.add_argument("--web-port", type=int, default=web_port)
    parser.add_argument("--telnet-port", type=int, default=telnet_port)


def ready(name: str, options: argparse.Namespace, version: str) -> None:
    """Print the one JSON line that says "ready", then sleep until SIGTERM or SIGINT.

    All servers run in daemon threads, so returning from here ends the process.
    """
    ports = {key: value for key, value in vars(options).items() if key.endswith("_port")}
    line = {"ready": True, "terminal": name, "lan": options.lan, "wan": options.wan, "version": version}
    print(json.dumps(line | ports), flush=True)
    signal.sigwait(SIGNALS)
