"""The hijackable router "Donki DK-500": what Mirai hopes to find. Every flaw below is planted.

    python -m sekisho.demo.hijackable --state DIR --lan 127.0.0.1 [--wan 127.0.0.2] …

| what | how it is here |
|---|---|
| telnet | open, undeclared as unneeded, `root:xc3511` (a pair of Mirai's list); wrong tries are never slowed |
| web | `admin:admin` in every unit; nobody asks for a change; a guarded page answers 200 with the login page |
| settings | `/cgi-bin/set` writes and `/cgi-bin/get` reads without any login |
| saving | memory now, disk five seconds later without fsync: a power cut in between loses the setting |
| firmware | installs whatever has a right CRC-32: changed, foreign or older |
| UPnP | SSDP answers; AddPortMapping is accepted from anybody |
| line side | telnet, web and the backdoor listen on the WAN address too |
| backdoor | a root shell without a code on a port that no manual names |

`kill -9` is the power cord: the same `--state` boots again with what had reached the disk.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sekisho.demo import ssdp, telnet, web
from sekisho.demo.firmware import HIJACKABLE
from sekisho.demo.process import common, ready
from sekisho.demo.web import Asked, Said, page

VIRTUES: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "settings_guarded_on_every_path": False,
        "preset_code_unique_per_unit": False,
        "preset_code_derivable_from_public_data": True,
        "change_prompted_at_first_use": False,
        "change_forced_at_first_use": False,
        "first_use_bypass_exists": True,
        "same_password_refused": False,
        "weak_password_refused": False,
        "passkey": False,
        "login_delay": False,
        "login_lock": False,
        "throttle_holds_in_parallel": False,
        "throttle_holds_across_sources": False,
        "throttle_holds_over_reboot": False,
        "owner_can_be_locked_out": False,
        "update_works": True,
        "update_authenticity_checked": False,
        "update_integrity_checked": False,
        "downgrade_refused": False,
        "newest_version_on_device": False,
        "newest_version_on_web": False,
        "settings_kept_over_power_cut": False,
        "version_kept_over_power_cut": True,
        "telnet": True,
        "ssdp": True,
        "undeclared_port": True,
        "wan_listener": True,
    }
)
FLAWS: Final = (
    "telnet with a code of Mirai's list",
    "the same code in every unit",
    "no change of the code is asked",
    "settings writable without login",
    "no brake on guessing",
    "firmware not authenticated, downgrade accepted",
    "no way to see the newest version",
    "settings lost for five seconds after saving",
    "UPnP maps ports for anybody",
    "undeclared backdoor port",
    "everything listens on the line side",
)
TELNET_CODE: Final = ("root", "xc3511")
WEB_CODE: Final = ("admin", "admin")
LAZY_SECONDS: Final = 5.0
FACTORY: Final = {
    "dns_server": "192.0.2.53",
    "hostname": "DK-500",
    "wan_mode": "dhcp",
    "password": WEB_CODE[1],
    "version": "1.0.0",
}


class Router:
    """The router's state, written lazily on purpose."""

    def __init__(self, state: Path) -> None:
        self._file = state / "nvram.json"
        state.mkdir(parents=True, exist_ok=True)
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.values: dict[str, str] = {**FACTORY, **kept}
        self.sessions = web.Sessions()
        self._lock = threading.Lock()

    def put(self, changes: Mapping[str, str], delay: float = LAZY_SECONDS) -> None:
        """Change values in memory; the disk follows `delay` seconds later."""
        self.values.update({name: text for name, text in changes.items() if name in FACTORY})
        timer = threading.Timer(delay, self._flush)
        timer.daemon = True
        timer.start()

    def install(self, image: bytes) -> bool:
        """Flash an image: a right checksum is all that is asked."""
        version = HIJACKABLE.version(image)
        if version is None:
            return False
        self.values["version"] = version
        self._flush(only={"version": version})
        return True

    def _flush(self, only: Mapping[str, str] | None = None) -> None:
        with self._lock:
            kept = json.loads(self._file.read_text()) if self._file.exists() else {}
            beside = self._file.with_suffix(".tmp")
            beside.write_text(json.dumps({**kept, **(self.values if only is None else only)}))
            beside.replace(self._file)

    # --- the web pages ----------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        """Answer one request to the web administration."""
        if asked.path == "/cgi-bin/get":
            public = {name: self.values[name] for name in ("dns_server", "hostname", "wan_mode")}
            return Said(json.dumps(public), kind="application/json")
        if asked.path == "/cgi-bin/set":
            self.put(
                {name: text for name, text in asked.values.items() if name not in {"password", "version"}}
            )
            return Said("OK\n", kind="text/plain")
        if asked.path == "/login" and asked.method == "POST":
            if (asked.values.get("user"), asked.values.get("password")) == (
                WEB_CODE[0],
                self.values["password"],
            ):
                return Said("", 302, location="/status", session=self.sessions.begin())
            return Said(self._login("Wrong user name or password."))
        if asked.session not in self.sessions:
            return Said(self._login())
        return self._inside(asked)

    def _inside(self, asked: Asked) -> Said:
        if asked.path == "/logout":
            self.sessions.end(asked.session)
            return Said("", 302, location="/")
        if asked.path == "/settings":
            if asked.method == "POST":
                self.put({name: text for name, text in asked.values.items() if name != "version"})
            return Said(self._settings(asked.method == "POST"))
        if asked.path == "/upgrade" and asked.method == "POST":
            worked = self.install(asked.file())
            return Said(page("Upgrade", "<p>Upgrade finished.</p>" if worked else "<p>Checksum error.</p>"))
        if asked.path == "/password" and asked.method == "POST":
            self.put({"password": asked.values.get("new", "")})
            return Said(page("Password", "<p>Password saved.</p>"))
        return Said(self._status())

    @staticmethod
    def _login(note: str = "") -> str:
        return page(
            "DK-500 login",
            f'<p class="error">{note}</p><form method="post" action="/login"><label>User <input name="user"></label>'
            '<label>Password <input type="password" name="password"></label><button>Login</button></form>',
        )

    def _status(self) -> str:
        return page(
            "DK-500 status",
            f'<p>Signed in as <b id="user">admin</b></p><p>Firmware version: <b id="version">{self.values["version"]}</b></p>'
            '<p><a href="/settings">Settings</a> <a href="/logout">Logout</a></p><form method="post" action="/upgrade" '
            'enctype="multipart/form-data"><input type="file" name="firmware"><button>Upgrade</button></form>'
            '<form method="post" action="/password"><label>New password <input type="password" name="new"></label>'
            "<button>Change</button></form>",
        )

    def _settings(self, saved: bool) -> str:
        rows = "".join(
            f'<label>{name} <input name="{name}" value="{escape(self.values[name])}"></label>'
            for name in ("dns_server", "hostname", "wan_mode")
        )
        note = "<p>Saved.</p>" if saved else ""
        return page(
            "DK-500 settings",
            f'{note}<form method="post" action="/settings">{rows}<button>Save</button></form>',
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the router until SIGTERM."""
    parser = argparse.ArgumentParser(prog="sekisho.demo.hijackable")
    common(parser, web_port=8081, telnet_port=2323)
    parser.add_argument("--upnp-port", type=int, default=5000)
    parser.add_argument("--ssdp-port", type=int, default=1900)
    parser.add_argument("--backdoor-port", type=int, default=32764)
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    router = Router(options.state)
    sides = tuple(dict.fromkeys(one for one in (options.lan, options.wan) if one))
    mappings: list[dict[str, str]] = []
    web.serve(router.answer, sides, options.web_port, "DonkiHTTPD/1.0")
    telnet.serve(lambda user, password: (user, password) == TELNET_CODE, sides, options.telnet_port, "DK-500")
    telnet.serve(None, sides, options.backdoor_port, "DK-500")
    web.serve(ssdp.control(mappings), (options.lan,), options.upnp_port, "DonkiIGD/1.0")
    ssdp.serve(options.lan, options.ssdp_port, f"http://{options.lan}:{options.upnp_port}/rootDesc.xml")
    ready("hijackable", options, version=router.values["version"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
