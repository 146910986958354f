"""A provider of OpenID Connect that others wrote (oidc-provider-mock, on Authlib's server), as a process of its own."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import closing

_PATIENCE_S = 30
_RUN = "from oidc_provider_mock.__main__ import run; run()"


class OpenIdServer:
    """One provider with the people that are given, by subject and claims."""

    def __init__(self, *people: dict[str, object], port: int = 0) -> None:
        if not port:
            with closing(socket.create_server(("127.0.0.1", 0))) as free:
                port = free.getsockname()[1]
        self.port, self.issuer = port, f"http://127.0.0.1:{port}"
        words = [word for one in people for word in ("--user-claims", json.dumps(one))]
        self._command = [
            sys.executable, "-W", "ignore", "-c", _RUN, "--port", str(port), "--require-nonce", *words
        ]  # fmt: skip
        self._begin()

    def _begin(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5):
                    return
            except OSError:
                assert self._process.poll() is None, "the provider ended"
                assert time.monotonic() < until
                time.sleep(0.05)

    def sign_in(self, address: str, subject: str, **form: str) -> str:
        """Be a browser that signs in as somebody; return the address that the provider sends it back to."""
        body = urllib.parse.urlencode({"sub": subject, **form})
        parts = urllib.parse.urlsplit(address)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)) as wire:
            media = {"Content-Type": "application/x-www-form-urlencoded"}
            wire.request("POST", f"{parts.path}?{parts.query}", body, media)
            answer = wire.getresponse()
            said = answer.read()
            assert answer.status in (302, 303), said
            return str(answer.headers["location"])

    def again(self) -> None:
        """End it and begin it anew, at the same place and with other keys."""
        self.end()
        self._begin()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
