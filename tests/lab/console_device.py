"""The console as a device of the lab: ``sekisho serve`` with TLS on the LAN side, its power cord and its reset button.

    python -m tests.lab.console_device FOLDER cut|restore|reset|link|people|install [FILE]

``FOLDER/console.json`` says how it is started. Cutting is ``kill -9`` of exactly that process, and of an installation
that is under way: what a server loses with its host it loses here as well, except what its disk had promised to keep.
Installing is what its manual says: ``sekisho update install`` with the maker's key, then a restart of the service.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
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
        environment = {**os.environ, "PYTHONPATH": str(self.program / "current")}
        with out.open("wb") as told, (self.folder / "serve.err").open("ab") as err:
            process = subprocess.Popen(
                command,
                stdout=told,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )
        self._kept.write_text(json.dumps({"network": self.network.name}))
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

    @property
    def program(self) -> Path:
        """Where installed releases lie."""
        return self.folder / "program"

    def install(self, image: str) -> int:
        """Install a release and start the service anew, unless it is refused."""
        (self.folder / "installing").write_text(str(os.getpid()))
        command = [sys.executable, "-m", "sekisho", "update", "install", image,
                   "--into", str(self.program), "--key", str(self.folder / "maker.pem")]  # fmt: skip
        done = subprocess.run(command, check=False, timeout=50)
        if done.returncode == 0:
            self._end(signal.SIGTERM)
            self.start()
        (self.folder / "installing").unlink()
        return done.returncode

    def cut(self) -> None:
        """Pull the plug."""
        with contextlib.suppress(OSError, ValueError):  # mostly nothing is being installed
            os.killpg(int((self.folder / "installing").read_text()), signal.SIGKILL)
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        """End every process that serves this folder: a start that was cut may not be written down yet."""
        mine = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._serves(pid)]
        for pid in mine:
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                continue
        while any(_alive(pid) for pid in mine):
            time.sleep(0.02)
        for pid in mine:
            with contextlib.suppress(ChildProcessError):  # most are started by the cord's own command
                os.waitpid(pid, os.WNOHANG)

    def _serves(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"serve" in words and str(self.folder / "data").encode() in words

    def reset(self) -> None:
        """Bring it back to how it comes: its data are gone, and nobody has an account."""
        self.cut()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()

    @property
    def link(self) -> str:
        """The one-time link that it printed when it was started."""
        told = json.loads((self.folder / "serve.out").read_text().partition("\n")[0])
        return str(told["set_up"])

    def people(self) -> str:
        """Make the guest's account as the owner does, and set it up as the guest does; return the guest's id."""
        owner, guest = Visitor(self.network), Visitor(self.network)
        owner.post("/sign-in", name=OWNER, password=OWNER_CODE)
        page = owner.post("/people", name=GUEST, role="viewer", language="ja")
        invited = re.search(r"/set-up/[A-Za-z0-9_-]+", page)
        assert invited
        guest.post(invited[0], name=GUEST, password=GUEST_CODE, again=GUEST_CODE)
        found = re.search(
            rf'scope="row"[^>]*>{GUEST} .*?name="id" value="([^"]+)"', owner.get("/people"), re.DOTALL
        )
        assert found
        return found[1]

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
    elif word == "restore":
        device.start()
    elif word == "reset":
        device.reset()
    elif word == "install":
        return device.install(argv[2])
    elif word == "link":
        print(device.link)
    else:
        print(f"guest={device.people()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
