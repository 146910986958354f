"""RTSP/1.0 (RFC 2326): a request without a body, and the answer's status, headers and session description."""

from __future__ import annotations

import re

import msgspec

_STATUS = re.compile(rb"\ARTSP/\d\.\d (\d{3})")
_HEADERS = 100


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An RTSP answer; ``described`` when its body is a session description (SDP, RFC 8866)."""

    status: int
    server: str
    methods: tuple[str, ...]
    described: bool


def request(method: str, url: str, number: int) -> bytes:
    """Return a request; DESCRIBE asks for SDP."""
    accept = "Accept: application/sdp\r\n" if method == "DESCRIBE" else ""
    return f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: sekisho\r\n{accept}\r\n".encode()


def read_answer(data: bytes) -> Answer | None:
    """Return the answer in ``data``, or None when it is no RTSP."""
    status = _STATUS.match(data)
    if status is None:
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1 : 1 + _HEADERS]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip()[:300])
    methods = tuple(part.strip() for part in headers.get("public", "").split(",") if part.strip())
    described = body.lstrip().startswith(b"v=0")
    return Answer(int(status[1]), headers.get("server", ""), methods, described)
