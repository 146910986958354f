"""The console as a device of the lab: ``sekisho serve`` with TLS on the LAN side, its power cord and its reset button.

    python -m tests.lab.console_device FOLDER cut|restore

``FOLDER/console.json`` says how it is started. Cutting is ``kill -9`` of exactly that process: what a server loses with
its host it loses here as well, except what its disk had promised to keep.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from .network import LAN4, WAN4, Network

PORT = 8443
ORIGIN = f"https://{LAN4}:{PORT}"
OWNER, OWNER_CODE = "関守", "雨の日の関所は静かである"
GUEST, GUEST_CODE = "客人", "山の向こうに月が見える夜"
_UP_S = 40.0


@dataclass(frozen=True)
class ConsoleDevice:
    """One console in a folder of its own, in the device's namespace of a network."""

    folder: Path
    network: Network

    @property
    def _kept(self) -> Path:
        return self.folder / "console.json"

    def start(self) -> dict[str, str]:
        """Start it; return what it prints: ``url`` and, the first time, ``set_up``."""
        command = ["ip", "netns", "exec", self.network.device, sys.executable, "-m", "sekisho", "serve", "--data",
                   str(self.folder / "data"), "--address", LAN4, "--port", str(PORT), "--tls", "--json"]  # fmt: skip
        out = self.folder / "serve.out"
        with out.open("wb") as told, (self.folder / "serve.err").open("ab") as err:
            process = subprocess.Popen(
                command, stdout=told, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._kept.write_text(json.dumps({"pid": process.pid, "network": self.network.name}))
        until = time.monotonic() + _UP_S
        while time.monotonic() < until:
            line, whole, _ = out.read_text().partition("\n")
            if whole:
                process.returncode = 0  # not ours any more: the cord ends it
                return dict(json.loads(line))
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError((self.folder / "serve.err").read_text()[-2000:])

    def cut(self) -> None:
        """Pull the plug."""
        pid = json.loads(self._kept.read_text())["pid"]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        while _alive(pid):
            time.sleep(0.02)

    def address(self) -> None:
        """Give the device's two ports their addresses."""
        for port, address in (("lan", LAN4), ("wan", WAN4)):
            for words in (
                f"address add {address}/24 dev {port}",
                f"link set {port} up",
                "link set lo up",
            ):
                subprocess.run(["ip", "-n", self.network.device, *words.split()], check=True, timeout=30)


class Visitor:
    """A browser in the tester's namespace, as far as a first user needs one."""

    def __init__(self, network: Network) -> None:
        self._network, self._cookie = network, ""

    def post(self, path: str, **form: str) -> str:
        """Send a form; return the page."""
        return self._ask("POST", path, form)

    def get(self, path: str) -> str:
        """Read a page."""
        return self._ask("GET", path, {})

    def _ask(self, method: str, path: str, form: Mapping[str, str]) -> str:
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        headers = {"cookie": self._cookie, "origin": ORIGIN, "accept-language": "ja"}
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded"
        with self._network.inside():
            connection = http.client.HTTPSConnection(LAN4, PORT, timeout=30, context=unverified)
            connection.request(method, path, urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            body = answer.read().decode()
        cookies = [value.partition(";")[0] for name, value in answer.getheaders() if name == "set-cookie"]
        self._cookie = "; ".join(cookies) or self._cookie
        connection.close()
        assert answer.status in (200, 303), (method, path, answer.status, body[-500:])
        return body


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def main(argv: list[str]) -> int:
    """Act as the power cord."""
    folder, word = Path(argv[0]), argv[1]
    known = json.loads((folder / "console.json").read_text())
    device = ConsoleDevice(folder, Network(known["network"]))
    if word == "cut":
        device.cut()
    else:
        device.start()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
