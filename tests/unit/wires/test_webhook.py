"""The wire to a webhook: one signed POST, no redirects, and an outcome for everything."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from sekisho.errors import DescriptionError
from sekisho.model.notifying import Webhook
from sekisho.reports.notices.webhook import SIGNATURE, genuine, headers
from sekisho.wires.webhook import WebhookCarrier

KEY = b"k" * 32


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers with the status in the path; keeps what came."""

    got: list[tuple[str, dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, dict(self.headers), payload))
        status = self.path.strip("/")
        if status == "cut":
            self.close_connection = True
            self.connection.close()
            return
        if status == "hang":
            self.server.over.wait(10)
            return
        self.send_response(int(status))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        pass

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()


@pytest.fixture
def port() -> Iterator[int]:
    Receiver.got = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.over = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "state"),
    [("200", "accepted"), ("204", "accepted"), ("302", "refused"), ("401", "refused"), ("429", "deferred"), ("503", "deferred"), ("500", "unknown"), ("cut", "unknown"), ("hang", "unknown")],
)  # fmt: skip
def test_what_became_of_it(port: int, path: str, state: str) -> None:
    settings = Webhook(url=f"http://127.0.0.1:{port}/{path}", timeout=1)
    wire = WebhookCarrier(settings, lambda payload, identifier: headers(payload, identifier, KEY, 1000))
    assert wire.deliver(b'{"a":1}', "", "N1").state == state
    assert len(Receiver.got) == 1, "a redirect is not followed, nothing is tried twice"
    _, sent, payload = Receiver.got[0]
    assert payload == b'{"a":1}'
    assert sent["Idempotency-Key"] == "N1"
    assert genuine(payload, sent[SIGNATURE], KEY, 1000)


def test_nobody_there() -> None:
    wire = WebhookCarrier(Webhook(url="http://127.0.0.1:1/x", timeout=1), lambda *_: {})
    assert wire.deliver(b"{}", "", "N1").state == "unreachable"


@pytest.mark.parametrize("url", ["", "http://crm.example/x", "ftp://127.0.0.1/", "https://", "https://a:b@crm.example/", "https://crm.example:x/"])  # fmt: skip
def test_https_only(url: str) -> None:
    with pytest.raises(DescriptionError):
        WebhookCarrier(Webhook(url=url), lambda *_: {})
    WebhookCarrier(Webhook(url="https://crm.example/hook"), lambda *_: {})
