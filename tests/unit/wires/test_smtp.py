"""The wire to a mail server: certainly taken, certainly not, or nobody knows; TLS that can't be stripped."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fakes.mail_server import MailServer
from sekisho.errors import DescriptionError
from sekisho.model.notifying import Security, Smtp
from sekisho.wires.smtp import SmtpCarrier

MAIL = b"Message-ID: <1@isp.example>\r\nSubject: x\r\n\r\nwords\r\n.\r\n..two dots\r\n"


def carrier(port: int, **more) -> SmtpCarrier:
    chosen = {"security": Security.NONE, "timeout": 2.0} | more
    return SmtpCarrier(Smtp(host="127.0.0.1", port=port, **chosen), "bounces@isp.example")


class Script:
    """A server that says what it is told, line by line; ``None`` cuts the line, "" says nothing at all."""

    def __init__(self, replies: list[str | None], data: list[str | None]) -> None:
        self.replies, self.data = replies, data
        self.heard: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return
        connection.settimeout(10)
        with connection, connection.makefile("rb") as lines:
            for reply in [*self.replies, *self.data]:
                if reply is None:
                    connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
                    )
                    return
                if not reply:
                    self.over.wait(10)
                    return
                connection.sendall(reply.encode() + b"\r\n")
                for line in lines:
                    self.heard.append(line)
                    if not reply.startswith("354") or line == b".\r\n":
                        break

    def stop(self) -> None:
        self.over.set()
        self.socket.close()
        self.thread.join(15)


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    made: list[Script] = []

    def start(replies: list[str | None], data: list[str | None]) -> Script:
        made.append(Script(replies, data))
        return made[-1]

    yield start
    for one in made:
        one.stop()


OK = ["220 mx", "250 mx", "250 sender ok", "250 recipient ok"]


@pytest.mark.parametrize(
    ("replies", "data", "state"),
    [
        (OK, ["354 go", "250 taken"], "accepted"),
        (OK, ["354 go", "451 full"], "deferred"),
        (OK, ["354 go", "554 spam"], "refused"),
        # From here on the octets were on their way: nobody knows.
        (OK, ["354 go", None], "unknown"),
        (OK, ["354 go", ""], "unknown"),
        (OK, ["354 go", "gibberish"], "unknown"),
        (OK, ["354 go", "354 go"], "unknown"),
        # Before, the server has nothing.
        (OK, ["421 closing"], "deferred"),
        (OK, [None], "deferred"),
        (OK, ["550 no data please"], "refused"),
        (OK[:3], ["550 5.1.1 unknown"], "refused"),
        (OK[:3], ["450 greylisted"], "deferred"),
        (OK[:2], ["553 sender refused"], "refused"),
        (["554 go away"], [], "unreachable"),
        ([""], [], "unreachable"),
        ([None], [], "unreachable"),
    ],
)
def test_what_became_of_it(script: Callable[..., Script], replies: list, data: list, state: str) -> None:
    server = script(list(replies), list(data))
    with carrier(server.port) as wire:
        got = wire.deliver(MAIL, "taro@customer.example", "N1")
    assert got.state == state, got
    if state == "unknown":
        assert b"words\r\n" in server.heard


@pytest.mark.parametrize(
    ("replies", "data"), [(OK, ["354 go", "xx yy"]), (["xx yy"], []), (OK[:2], ["xx yy"])]
)
def test_an_answer_that_is_none_is_shown_as_it_came(
    script: Callable[..., Script], replies: list, data: list
) -> None:
    server = script(list(replies), list(data))
    with carrier(server.port) as wire:
        got = wire.deliver(MAIL, "taro@customer.example", "N1")
    assert got.detail == "no answer of SMTP: 'xx yy'"


@pytest.mark.parametrize("tired", ["421 4.4.2 enough of this connection", None])
def test_a_tired_server_is_asked_once_more(script: Callable[..., Script], tired: str | None) -> None:
    first = script(list(OK), ["354 go", "250 taken", tired])
    second = script(list(OK), ["354 go", "250 taken"])
    with carrier(first.port) as wire:
        assert wire.deliver(MAIL, "taro@customer.example", "N1").state == "accepted"
        wire._settings = Smtp(host="127.0.0.1", port=second.port, security=Security.NONE, timeout=2)
        assert wire.deliver(MAIL, "taro@customer.example", "N2").state == "accepted"
    assert first.heard.count(b"words\r\n") == second.heard.count(b"words\r\n") == 1


def test_after_the_octets_nothing_is_tried_again(script: Callable[..., Script]) -> None:
    server = script(list(OK), ["354 go", "250 taken", "250 ok", "250 ok", "354 go", "421 closing"])
    with carrier(server.port) as wire:
        assert wire.deliver(MAIL, "taro@customer.example", "N1").state == "accepted"
        assert wire.deliver(MAIL, "taro@customer.example", "N2").state == "deferred"
    assert server.heard.count(b"words\r\n") == 2


def test_dots_arrive_as_they_were(script: Callable[..., Script]) -> None:
    server = script(list(OK), ["354 go", "250 taken"])
    with carrier(server.port) as wire:
        wire.deliver(MAIL, "taro@customer.example", "N1")
    assert server.heard[server.heard.index(b"words\r\n") :][:4] == [
        b"words\r\n",
        b"..\r\n",
        b"...two dots\r\n",
        b".\r\n",
    ]


def test_receipts_are_asked_for_when_offered(script: Callable[..., Script]) -> None:
    server = script(["220 mx", "250-mx\r\n250 DSN", "250 ok", "250 ok"], ["354 go", "250 taken"])
    with carrier(server.port) as wire:
        wire.deliver(MAIL, "taro@customer.example", "N1")
    said = b"".join(server.heard)
    assert b"MAIL FROM:<bounces@isp.example> RET=HDRS ENVID=N1" in said.replace(b"mail", b"MAIL")
    assert b"NOTIFY=SUCCESS,FAILURE,DELAY" in said


def test_starttls_is_never_done_without(script: Callable[..., Script]) -> None:
    """A server (or somebody between) that doesn't offer STARTTLS gets no message."""
    server = script(["220 mx", "250 mx", "250 bye"], [])
    with carrier(server.port, security=Security.STARTTLS) as wire:
        assert wire.deliver(MAIL, "taro@customer.example", "N1").state == "unreachable"
    assert not any(line.lower().startswith((b"mail", b"data")) for line in server.heard)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, both = tmp_path / "ca.pem", tmp_path / "both.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(private + authority.read_bytes())
    return authority, both


def test_starttls_to_a_real_server(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    authority, both = certificate
    server = MailServer(tmp_path, both)
    try:
        with carrier(
            server.port, security=Security.STARTTLS, ca_file=str(authority), per_connection=3
        ) as wire:
            for number in range(5):
                assert wire.deliver(MAIL, "keep@customer.example", f"N{number}").state == "accepted"
        # An unknown authority, and plain text to a server that wants TLS: nothing is sent.
        with carrier(server.port, security=Security.STARTTLS) as wire:
            assert wire.deliver(MAIL, "taro@customer.example", "N").state == "unreachable"
        with carrier(server.port) as wire:
            assert wire.deliver(MAIL, "taro@customer.example", "N").state in {"refused", "deferred"}
        taken = server.taken()
    finally:
        server.stop()
    assert len(taken) == 5
    assert all(one["tls"] for one in taken)
    assert len({one["peer"] for one in taken}) == 2, "one connection is used for three messages"
    assert "\r\n.\r\n..two dots" in taken[0]["text"]


def test_no_plain_text_beyond_this_machine() -> None:
    for host in ("mx.example", "192.0.2.1", ""):
        with pytest.raises(DescriptionError):
            SmtpCarrier(Smtp(host=host, security=Security.NONE), "a@b.example")
    SmtpCarrier(Smtp(host="::1", security=Security.NONE), "a@b.example")
    SmtpCarrier(Smtp(host="mx.example"), "a@b.example")
