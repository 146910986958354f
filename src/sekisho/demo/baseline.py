"""The baseline router "Nami NR-20": it just meets the law of 2020 and not a step more.

    python -m sekisho.demo.baseline --state DIR --lan 127.0.0.1 [--wan 127.0.0.2] …

| what | how it is here |
|---|---|
| access control | every settings path wants a login; nothing listens on the line side |
| first use | `admin:password` in every unit; after login a page asks for a change, and can be skipped |
| new password | anything that is not empty, the same one included |
| brake on guessing | none |
| firmware | a SHA-256 is checked before installing; no signature, older versions accepted |
| newest version | no means to confirm it |
| power cut | settings, password and version are written durably before "saved" is said |
| telnet | on the LAN, behind the same password; declared, though nobody needs it |

`kill -9` is the power cord.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sekisho.demo import telnet, web
from sekisho.demo.firmware import BASELINE
from sekisho.demo.process import common, ready
from sekisho.demo.web import Asked, Said, page

VIRTUES: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "settings_guarded_on_every_path": True,
        "preset_code_unique_per_unit": False,
        "preset_code_derivable_from_public_data": True,
        "change_prompted_at_first_use": True,
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
        "update_integrity_checked": True,
        "downgrade_refused": False,
        "newest_version_on_device": False,
        "newest_version_on_web": False,
        "settings_kept_over_power_cut": True,
        "version_kept_over_power_cut": True,
        "telnet": True,
        "ssdp": False,
        "undeclared_port": False,
        "wan_listener": False,
    }
)
FLAWS: Final = (
    "the same code in every unit (allowed in 2020: a change is prompted)",
    "the prompt to change the code can be skipped",
    "weak and unchanged codes accepted as the new one",
    "no brake on guessing",
    "firmware not authenticated, downgrade accepted",
    "no way to see the newest version",
    "telnet is offered without need",
)
CODE: Final = ("admin", "password")
SETTINGS: Final = ("dns_server", "hostname", "wan_mode")
FACTORY: Final = {
    "dns_server": "192.0.2.53",
    "hostname": "NR-20",
    "wan_mode": "dhcp",
    "password": CODE[1],
    "version": "1.0.0",
}


class Router:
    """The router's state; every change is durable before it is confirmed."""

    def __init__(self, state: Path) -> None:
        self._file = state / "config.json"
        state.mkdir(parents=True, exist_ok=True)
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.values: dict[str, str] = {**FACTORY, **kept}
        self.sessions = web.Sessions()
        self._lock = threading.Lock()

    def put(self, changes: Mapping[str, str]) -> None:
        """Change values and write them: beside, fsync, rename, fsync of the directory."""
        with self._lock:
            self.values = {**self.values, **{name: text for name, text in changes.items() if name in FACTORY}}
            beside = self._file.with_suffix(".new")
            with beside.open("w") as stream:
                json.dump(self.values, stream)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._file)
            directory = os.open(self._file.parent, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)

    def accepts(self, user: str, password: str) -> bool:
        """Tell whether a code is right: the one code for web and telnet."""
        return (user, password) == (CODE[0], self.values["password"])

    def answer(self, asked: Asked) -> Said:
        """Answer one request to the web administration."""
        if asked.path in {"/", "/login"} and asked.session not in self.sessions:
            if asked.method != "POST":
                return Said(self._login())
            if not self.accepts(asked.values.get("user", ""), asked.values.get("password", "")):
                return Said(
                    self._login("ユーザー名またはパスワードが違います / Wrong user name or password."), 401
                )
            first = self.values["password"] == CODE[1]
            return Said("", 302, location="/welcome" if first else "/status", session=self.sessions.begin())
        if asked.session not in self.sessions:
            return Said("", 302, location="/login")
        return self._inside(asked)

    def _inside(self, asked: Asked) -> Said:
        if asked.path == "/logout":
            self.sessions.end(asked.session)
            return Said("", 302, location="/login")
        if asked.path == "/welcome":
            return Said(self._welcome())
        if asked.path == "/password" and asked.method == "POST":
            if not asked.values.get("new"):
                return Said(self._welcome(), 422)
            self.put({"password": asked.values["new"]})
            return Said("", 302, location="/status")
        if asked.path == "/settings":
            if asked.method == "POST":
                self.put({name: text for name, text in asked.values.items() if name in SETTINGS})
            return Said(self._settings(asked.method == "POST"))
        if asked.path == "/update" and asked.method == "POST":
            return self._update(asked.file())
        if asked.path in {"/", "/status", "/update"}:
            return Said(self._status())
        return Said(page("404", "<p>Not found.</p>"), 404)

    def _update(self, image: bytes) -> Said:
        version = BASELINE.version(image)
        if version is None:
            return Said(page("更新 / Update", "<p>ファイルが壊れています / The file is damaged.</p>"), 422)
        self.put({"version": version})
        self.sessions.end_all()
        return Said(page("更新 / Update", "<p>更新しました。再起動します / Updated; restarting.</p>"))

    @staticmethod
    def _login(note: str = "") -> str:
        return page(
            "NR-20 ログイン / Login",
            f'<p class="error">{note}</p><form method="post" action="/login"><label>ユーザー名 / User <input name="user">'
            '</label><label>パスワード / Password <input type="password" name="password"></label>'
            "<button>ログイン / Login</button></form>",
            "ja",
        )

    @staticmethod
    def _welcome() -> str:
        return page(
            "初期パスワードを変更してください / Please change the initial password",
            "<p>安全のため、初期パスワードの変更をおすすめします。 / For your safety, please change the initial "
            'password.</p><form method="post" action="/password"><label>新しいパスワード / New password '
            '<input type="password" name="new"></label><button>変更する / Change</button></form>'
            '<p><a href="/status">あとで変更する / Skip for now</a></p>',
            "ja",
        )

    def _status(self) -> str:
        return page(
            "NR-20 状態 / Status",
            f'<p>ログイン中 / Signed in as <b id="user">admin</b></p><p>Version <b id="version">{self.values["version"]}'
            '</b></p><p><a href="/settings">設定 / Settings</a> <a href="/welcome">パスワード / Password</a> '
            '<a href="/logout">ログアウト / Logout</a></p><form method="post" action="/update" '
            'enctype="multipart/form-data"><input type="file" name="firmware"><button>更新 / Update</button></form>',
            "ja",
        )

    def _settings(self, saved: bool) -> str:
        rows = "".join(
            f'<label>{name} <input name="{name}" value="{escape(self.values[name])}"></label>'
            for name in SETTINGS
        )
        note = "<p>保存しました / Saved.</p>" if saved else ""
        form = f'{note}<form method="post" action="/settings">{rows}<button>保存 / Save</button></form>'
        return page("NR-20 設定 / Settings", form, "ja")


def main(arguments: list[str] | None = None) -> int:
    """Run the router until SIGTERM."""
    parser = argparse.ArgumentParser(prog="sekisho.demo.baseline")
    common(parser, web_port=8082, telnet_port=2423)
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    router = Router(options.state)
    web.serve(router.answer, (options.lan,), options.web_port, "NamiHTTPD/2.0")
    telnet.serve(router.accepts, (options.lan,), options.telnet_port, "NR-20")
    ready("baseline", options, version=router.values["version"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
