"""The HTTP grammar on what devices really send: odd, broken, lying and endless."""

import gzip
import zlib

import pytest

from sekisho.errors import PeerFailure
from sekisho.formats.http import HEAD_BYTES, Reply, ReplyReader, Request, build, host_header


def read(data: bytes, *, method: str = "GET", limit: int = 10_000, step: int = 0, how: str = "") -> Reply:
    reader = ReplyReader(method, limit)
    size = step or len(data) or 1
    for start in range(0, len(data), size):
        if reader.feed(data[start : start + size]):
            break
    return reader.finish(how)


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(
    ("data", "status", "reason", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "OK", b"abc"),
        (b"HTTP/1.0 200 Ok\n\nabc", 200, "Ok", b"abc"),
        (b"HTTP/1.1 200\r\n\r\nabc", 200, "", b"abc"),
        (b"\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n", 404, "Not Found", b""),
        (b"200 Ok\r\nServer: x\r\n\r\nabc", 200, "Ok", b"abc"),
        (b"<html>old</html>", 0, "", b"<html>old</html>"),
        (b"<html>\r\n\r\nold</html>", 0, "", b"<html>\r\n\r\nold</html>"),
        (b"hi", 0, "", b"hi"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", 200, "OK", b"x"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            200,
            "OK",
            b"abcde",
        ),
    ],
)
def test_status_lines_and_bodies(step: int, data: bytes, status: int, reason: str, body: bytes) -> None:
    reply = read(data, step=step)
    assert (reply.status, reply.reason, reply.body, reply.fault) == (status, reason, body, "")


def test_headers_are_folded_and_nameless_lines_dropped() -> None:
    reply = read(
        b"HTTP/1.1 200 OK\r\nA: 1\r\n two\r\nnonsense\r\nSet-Cookie: a=b\r\nset-cookie : c=d\r\n\r\n"
    )
    assert reply.header("a") == "1 two"
    assert reply.every("Set-Cookie") == ("a=b", "c=d")
    assert len(reply.headers) == 3


@pytest.mark.parametrize(
    ("data", "fault", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "short", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "chatter", b"ab"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc", "", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\nabc", "chunk", b"no size\r\nabc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "chunk", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", "chunk", b"abczz\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip", "coding", b"not gzip"),
    ],
)
def test_what_a_peer_does_wrong_is_kept_as_a_fault(data: bytes, fault: str, body: bytes) -> None:
    for step in (0, 1):
        reply = read(data, step=step)
        assert reply.body == body
        if fault == "chatter" and step:
            continue  # read byte by byte, the reader was whole before the chatter came
        assert reply.fault == fault


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"page" * 50), zlib.compress(b"page" * 50), zlib.compress(b"page" * 50)[2:-4]],
    ids=["gzip", "zlib", "deflate"],
)
@pytest.mark.parametrize("step", [0, 1])
def test_packed_bodies(packed: bytes, step: int) -> None:
    coding = b"gzip" if packed[:2] == b"\x1f\x8b" else b"deflate"
    reply = read(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + coding + b"\r\n\r\n" + packed, step=step)
    assert (reply.body, reply.cut, reply.fault) == (b"page" * 50, False, "")


def test_a_gzip_bomb_is_cut_at_the_bound() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    reply = read(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb, limit=100_000, step=1024)
    assert len(reply.body) == 100_000
    assert reply.cut


def test_a_body_at_the_bound_is_whole_and_one_byte_more_is_cut() -> None:
    assert not read(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100, limit=100).cut
    over = read(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, limit=100)
    assert over.cut
    assert len(over.body) == 100


def test_an_endless_head_is_refused() -> None:
    with pytest.raises(PeerFailure) as caught:
        read(b"HTTP/1.1 200 OK\r\n" + b"X-Flood: y\r\n" * HEAD_BYTES, step=1000)
    assert caught.value.reason == "too-large"


def test_only_interim_replies_are_malformed() -> None:
    with pytest.raises(PeerFailure) as caught:
        read(b"HTTP/1.1 100 Continue\r\n\r\n" * 20)
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(("how", "reason"), [("", "closed"), ("reset", "reset"), ("timed-out", "timed-out")])
def test_no_reply_at_all_is_a_failure(how: str, reason: str) -> None:
    with pytest.raises(PeerFailure) as caught:
        read(b"", how=how)
    assert caught.value.reason == reason


def test_bodiless_replies() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", method="HEAD").fault == ""
    assert read(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").fault == ""


def test_build_replaces_defaults_and_lets_nothing_be_smuggled_in() -> None:
    sent = build(
        Request("POST", "/set me\r\nX: 1", (("host", "other"), ("X-Bad", "a\r\nEvil: 1")), b"a=1"), "10.0.0.1"
    ).decode()
    assert sent.startswith("POST /set%20me%0D%0AX:%201 HTTP/1.1\r\n")
    assert "host: other\r\n" in sent
    assert "Host: 10.0.0.1" not in sent
    assert "\r\nEvil" not in sent
    assert "Content-Length: 3\r\n" in sent
    assert sent.endswith("\r\n\r\na=1")


def test_host_header() -> None:
    assert host_header("192.0.2.1", 80, tls=False) == "192.0.2.1"
    assert host_header("192.0.2.1", 80, tls=True) == "192.0.2.1:80"
    assert host_header("fe80::1%eth0", 8443, tls=True) == "[fe80::1]:8443"
