"""Run the terminal, or act as its maker.

`python -m sekisho.exemplar --state DIR --lan ADDRESS --port N` runs one unit and prints one JSON line
when it is ready; SIGTERM ends it, and `kill -9` is its power cord. The sub-commands `factory`, `keygen`,
`sign` and `publish` are the maker's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from sekisho.exemplar.software import maker
from sekisho.exemplar.storage import PosixDisk
from sekisho.exemplar.terminal import Terminal
from sekisho.exemplar.web import api, pages
from sekisho.exemplar.web.gate import Gate
from sekisho.exemplar.web.server import Server

DAY = 24 * 3600.0


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sekisho.exemplar", description=__doc__)
    commands = parser.add_subparsers(dest="maker_command", title="the maker's commands")
    parser.add_argument("--state", type=Path, help="the unit's medium: a directory made by `factory`")
    parser.add_argument("--lan", default="127.0.0.1", help="the one address on which the web page listens")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--wan", help="the line-side address; named so that it can be checked: nothing listens there"
    )
    parser.add_argument("--rp-id", default="localhost", help="the name for which passkeys are made")
    parser.add_argument("--update-url", help="where the maker publishes the newest version")
    parser.add_argument(
        "--lock-seconds", type=float, default=900.0, help="the lock after ten wrong tries in a row"
    )
    parser.add_argument(
        "--refill-seconds", type=float, default=60.0, help="one more try for all strangers together"
    )
    parser.add_argument("--reset", action="store_true", help="the reset button was held while the power came")

    one = commands.add_parser("keygen", help="make the maker's signing key")
    one.add_argument("--key", type=Path, required=True)
    one.add_argument("--public", type=Path, required=True)
    one = commands.add_parser("sign", help="build a signed image")
    for name in ("--key", "--payload", "--out"):
        one.add_argument(name, type=Path, required=True)
    one.add_argument("--version", required=True)
    one.add_argument("--model", default=maker.MODEL)
    one = commands.add_parser("publish", help="build the newest-version document")
    for name in ("--key", "--image", "--out"):
        one.add_argument(name, type=Path, required=True)
    one.add_argument("--version", required=True)
    one.add_argument("--page", default="", help="where people read about the version")
    one = commands.add_parser("factory", help="make one unit and print its label as JSON")
    for name in ("--state", "--trust", "--image"):
        one.add_argument(name, type=Path, required=True)
    one.add_argument("--serial", required=True)
    one.add_argument("--mac", default="")
    one.add_argument("--ssid", default="")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> None:
    """Run one unit until SIGTERM or SIGINT."""
    port = options.port
    names = {options.lan.lower(), options.rp_id.lower(), "localhost"}
    terminal = Terminal(
        PosixDisk(options.state),
        rp_id=options.rp_id,
        origins=(f"http://{options.rp_id}:{port}", f"https://{options.rp_id}"),
        update_url=options.update_url,
        lock=options.lock_seconds,
        refill=options.refill_seconds,
    )
    if options.reset:
        terminal.press_reset_button()
    gate = Gate(terminal, (*pages.ROUTES, *api.ROUTES), frozenset(names))
    # duty: JP25-5 JP20-1 one listener, on the LAN address; on the line side (`--wan`) there is none
    server = await Server(gate.admit, gate.answer).serve(options.lan, port)

    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    ready = {"ready": True, "web": f"http://{options.lan}:{port}/", **terminal.software.status()}
    print(json.dumps(ready), flush=True)
    asking = asyncio.create_task(_ask_daily(terminal))
    async with server:
        await stop.wait()
    asking.cancel()
    terminal.close()


async def _ask_daily(terminal: Terminal) -> None:
    # duty: JP25-3a asked at every start and once a day, without the owner's doing
    while terminal.update_url:
        await terminal.software.ask_newest()
        await asyncio.sleep(DAY)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and do what it says; returns the exit code."""
    options = _arguments(sys.argv[1:] if arguments is None else arguments)
    if options.maker_command == "keygen":
        maker.keygen(options.key, options.public)
    elif options.maker_command == "sign":
        maker.sign(options.key, options.payload, options.version, options.out, options.model)
    elif options.maker_command == "publish":
        maker.announce(options.key, options.image, options.version, options.page, options.out)
    elif options.maker_command == "factory":
        given = (options.state, options.serial, options.trust, options.image, options.mac, options.ssid)
        print(json.dumps(maker.factory(*given)))
    elif options.state is None:
        print("--state is needed", file=sys.stderr)
        return 2
    else:
        asyncio.run(run(options))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
