"""The web interface of a lab device: a router's login and settings pages, with the habits that its file asks for.

Runs on the device (Debian's Python, nothing else) with /data/web.json; knows nothing of the product under test.
Where a Debian package has the habit (a delay per wrong Basic login, for one), the device runs that package instead.
"""

import hashlib
import hmac
import html
import itertools
import json
import os
import re
import secrets
import socket
import ssl
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

from storage import FACTORY_SETTINGS, SETTINGS, STATE, read_settings, save
from updater import install_image

LIMIT = 32 << 20
LOGINS = Path("/run/logins.log")  # gone with the power, like any log in memory
DEFAULTS = {
    "listen": [["::", 80]], "tls": False, "guarded": True, "user": "admin", "password": "admin",
    "force_change": False, "lock_after": 0, "lock_seconds": 0, "crash_on": 0, "always_200": False, "pages": 3,
    "unguarded": [], "save": "fsync", "update": "none", "no_downgrade": False, "public_version": True,
    "strict_codes": False, "lock_by": "account",
}  # fmt: skip


class Account:
    """The one account: kept salted and hashed, with a note whether its password is still the first one."""

    def __init__(self, config):
        self.path, self.config = STATE / "account.json", config
        if not self.path.exists():
            self.change(config["password"], first=True)
        self.record = json.loads(self.path.read_text())

    def change(self, password, *, first=False):
        salt = secrets.token_hex(8)
        self.record = {"salt": salt, "hash": self.digest(password, salt), "first": first}
        save(self.path, json.dumps(self.record), "fsync")

    def accepts(self, user, password):
        right = hmac.compare_digest(self.digest(password, self.record["salt"]), self.record["hash"])
        return right and user == self.config["user"]

    @property
    def must_change(self):
        return self.config["force_change"] and self.record["first"]

    @staticmethod
    def digest(password, salt):
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 5000).hex()


class Throttle:
    """Counts wrong tries over all connections and locks for a while: the account, or the source they came from."""

    def __init__(self, config):
        self.after, self.seconds, self.crash_on = (
            config["lock_after"],
            config["lock_seconds"],
            config["crash_on"],
        )
        self.lock, self.tries, self.by_source = threading.Lock(), 0, config["lock_by"] == "source"
        self.wrong, self.until = {}, {}

    def key(self, source):
        return source if self.by_source else ""

    def seconds_left(self, source):
        return max(0.0, self.until.get(self.key(source), 0.0) - time.monotonic())

    def attempt(self, user, check, source):
        """Run the check unless locked; return True, False, or None for "locked"."""
        key = self.key(source)
        with self.lock:
            self.tries += 1
            if self.crash_on and self.tries >= self.crash_on:
                note(user, "crash")
                os._exit(139)  # like a buffer overrun: no answer, no service
            if self.seconds_left(source):
                note(user, "locked")
                return None
            right = check()
            note(user, "right" if right else "wrong")
            self.wrong[key] = 0 if right else self.wrong.get(key, 0) + 1
            if self.after and self.wrong[key] >= self.after:
                self.until[key], self.wrong[key] = time.monotonic() + self.seconds, 0
            return right


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server_version, sys_version = "labhttpd/1", ""
    timeout = 30
    config = account = throttle = None
    sessions = set()

    def log_message(self, *_):
        """Keep quiet: a device's disk is small."""

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/version" and (self.config["public_version"] or self.allowed(path)):
            self.answer((STATE / "version").read_text().strip(), kind="text/plain")
        elif not self.allowed(path):
            self.refuse()
        elif path == "/password" or self.account.must_change:
            self.answer(page("Choose a new password", form("/password", "old", "new")))
        elif path == "/settings":
            self.answer(json.dumps(read_settings()), kind="application/json")
        elif path == "/":
            self.answer(
                page("Status", "".join(f"<a href='{name}'>{name}</a> " for name in self.page_names()))
            )
        elif path in self.page_names():
            fields = (
                f'<input name="{key}" value="{html.escape(value)}">' for key, value in read_settings().items()
            )
            self.answer(page(path, f'<form method="post">{"".join(fields)}<input type="submit"></form>'))
        else:
            self.answer(
                page("Not found"), HTTPStatus.OK if self.config["always_200"] else HTTPStatus.NOT_FOUND
            )

    def do_POST(self):
        path, body = urlsplit(self.path).path, self.body()
        fields = (
            {}
            if path == "/update"
            else {key: values[-1] for key, values in parse_qs(body.decode("latin-1")).items()}
        )
        if path == "/login":
            self.log_in(fields)
        elif not self.allowed(path):
            self.refuse()
        elif path == "/password":
            self.change_password(fields)
        elif self.account.must_change:
            self.answer(page("Choose a new password first"), HTTPStatus.FORBIDDEN)
        elif path == "/update" and self.config["update"] != "none":
            told = install_image(self.config, body)
            self.answer(told, kind="text/plain")
        elif path == "/settings" or path in self.page_names():
            self.change_settings(fields)
        else:
            self.answer(page("Not found"), HTTPStatus.NOT_FOUND)

    def log_in(self, fields):
        user, password = fields.get("username", ""), fields.get("password", "")
        right = self.throttle.attempt(
            user, lambda: self.account.accepts(user, password), self.client_address[0]
        )
        if right:
            token = secrets.token_hex(16)
            self.sessions.add(token)
            cookie = f"sid={token}; HttpOnly; SameSite=Strict" + ("; Secure" if self.config["tls"] else "")
            self.answer("", HTTPStatus.FOUND, {"Set-Cookie": cookie, "Location": "/"})
        elif right is None:
            wait = str(int(self.throttle.seconds_left(self.client_address[0])) + 1)
            self.answer(
                page("Locked", f"Try again in {wait} s."), HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": wait}
            )
        else:
            status = HTTPStatus.OK if self.config["always_200"] else HTTPStatus.UNAUTHORIZED
            self.answer(login_page("Wrong user name or password."), status)

    def change_password(self, fields):
        new, user = fields.get("new", ""), self.config["user"]
        if not self.throttle.attempt(
            user, lambda: self.account.accepts(user, fields.get("old", "")), self.client_address[0]
        ):
            self.answer(page("Wrong password"), HTTPStatus.FORBIDDEN)
        elif len(new) < 8 or new.lower() in (user, "password", self.config["password"].lower()):
            self.answer(page("Too simple: eight characters or more"), HTTPStatus.BAD_REQUEST)
        elif self.config["strict_codes"] and too_simple(new, user):
            self.answer(
                page("Too simple: three kinds of characters, no series, no name"), HTTPStatus.BAD_REQUEST
            )
        else:
            self.account.change(new)
            self.answer(page("Saved"))

    def change_settings(self, fields):
        wrong = [
            key
            for key, value in fields.items()
            if key not in FACTORY_SETTINGS or not re.fullmatch(r"[\w.:-]{1,64}", value)
        ]
        if wrong or not fields:
            self.answer(page("Not saved: " + html.escape(", ".join(wrong))), HTTPStatus.BAD_REQUEST)
            return
        for key, value in fields.items():
            save(SETTINGS / key, value, self.config["save"])
        self.answer(page("Saved"))

    def allowed(self, path):
        """Say whether this request may pass: no guard at all, a page left open, or a session."""
        sent = re.search(r"\bsid=([0-9a-f]{32})", self.headers.get("Cookie", ""))
        return (
            not self.config["guarded"]
            or path in self.config["unguarded"]
            or bool(sent and sent[1] in self.sessions)
        )

    def refuse(self):
        asked_for_it = self.command == "GET" and urlsplit(self.path).path == "/login"
        if self.config["always_200"] or asked_for_it:
            self.answer(login_page())
        elif self.command == "GET":
            self.answer("", HTTPStatus.FOUND, {"Location": "/login"})
        else:
            self.answer(login_page(), HTTPStatus.FORBIDDEN)

    def page_names(self):
        return [f"/setup/{number}.html" for number in range(1, self.config["pages"] + 1)]

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(min(length, LIMIT))

    def answer(self, text, status=HTTPStatus.OK, headers=None, kind="text/html"):
        content = text.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "X-Frame-Options": "DENY",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def note(user, came):
    """Write the device's own log of logins, one line each."""
    with LOGINS.open("a") as stream:
        stream.write(json.dumps({"at": time.time(), "user": user, "came": came}) + "\n")


def page(title, content=""):
    return f"<!doctype html><html><head><title>{html.escape(title)}</title></head><body><h1>{html.escape(title)}</h1>{content}</body></html>"


def form(target, *names):
    fields = "".join(
        f'<input name="{name}" type="{"text" if name == "username" else "password"}">' for name in names
    )
    return f'<form method="post" action="{target}">{fields}<input type="submit"></form>'


def too_simple(code, user):
    """Say whether a code has fewer than three kinds of characters, four in a row, or the user's name in it."""
    kinds = sum(bool(re.search(kind, code)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
    steps = [ord(right) - ord(left) for left, right in itertools.pairwise(code)]
    series = any(steps[at : at + 3] in ([0] * 3, [1] * 3, [-1] * 3) for at in range(len(steps)))
    return kinds < 3 or series or user in code.lower()


def login_page(note=""):
    return page("Log in", f"<p>{note}</p>" + form("/login", "username", "password"))


class Server(ThreadingHTTPServer):
    """One listening socket; "::" hears IPv4 as well."""

    daemon_threads = True
    request_queue_size = 64
    tls = None

    def __init__(self, address, port):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Handler)

    def server_bind(self):
        # HTTPServer's own asks the name service for the address's name: ten seconds on a device without one.
        TCPServer.server_bind(self)

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread: a silent client must not stop the others.
        request.settimeout(30)
        super().finish_request(
            self.tls.wrap_socket(request, server_side=True) if self.tls else request, client_address
        )

    def handle_error(self, request, client_address):
        """A peer that goes away is no news."""


def main():
    config = DEFAULTS | json.loads(Path("/data/web.json").read_text())
    STATE.mkdir(exist_ok=True)
    Handler.config, Handler.account, Handler.throttle = config, Account(config), Throttle(config)
    if config["tls"]:
        Server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        Server.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        Server.tls.load_cert_chain("/data/etc/tls.pem")
    servers = [Server(address, port) for address, port in config["listen"]]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
