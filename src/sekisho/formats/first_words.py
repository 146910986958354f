"""What the first bytes of a service say: which protocol it speaks, told by grammar and not by port number."""

from __future__ import annotations

import re

import msgspec

from sekisho.formats import adb, dns, mqtt, rtsp

_HTTP = re.compile(rb"\AHTTP/\d(?:\.\d)? +(\d{3})", re.IGNORECASE)
_TELNET = re.compile(rb"\xff[\xfb-\xfe][\x00-\x31]")
_LOGIN = re.compile(rb"(?:log ?in|user ?name|password|account)\s*[:>]\s*\Z", re.IGNORECASE)
_PROMPT = re.compile(rb"(?:\A|[\r\n])[^\r\n]{0,60}[#$>]\s*\Z")
_TITLE = re.compile(rb"<title[^>]*>([^<]{0,300})", re.IGNORECASE)
_TLS_ALERT, _TLS_HANDSHAKE = 0x15, 0x16
_GREETINGS = (
    (re.compile(rb"\ASSH-\d"), "ssh"),
    (re.compile(rb"\A220[ -][^\r\n]*(?:SMTP|mail)", re.IGNORECASE), "smtp"),
    (re.compile(rb"\A220[ -]"), "ftp"),
    (re.compile(rb"\A\+OK"), "pop3"),
    (re.compile(rb"\A\* (?:OK|PREAUTH)"), "imap"),
    (re.compile(rb"\ARFB \d{3}\.\d{3}\n"), "vnc"),
    (re.compile(rb"\A@RSYNCD:"), "rsync"),
)


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A protocol and what it says of itself; ``status``, ``challenge`` and ``title`` are HTTP's.

    ``prompt`` when it shows a shell's or a login's prompt. An empty ``protocol``: not known from this.
    """

    protocol: str
    product: str = ""
    status: int = 0
    challenge: str = ""
    title: str = ""
    prompt: str = ""


NOTHING = Words("")


def read_words(data: bytes) -> Words:
    """Return what bytes of a service say, whether they came unasked or in answer to whatever we said."""
    status = _HTTP.match(data)
    if status:
        return _http(data, int(status[1]))
    for pattern, protocol in _GREETINGS:
        if pattern.match(data):
            return Words(protocol, _line(data))
    answer = rtsp.read_answer(data)
    if answer:
        return Words("rtsp", answer.server, answer.status)
    if _TELNET.search(data[:256]):
        return Words("telnet", prompt=_prompt(data))
    binary = _binary(data)
    if binary.protocol:
        return binary
    if data.lstrip()[:9].lower().startswith((b"<html", b"<!doctype")):
        return Words("http", title=_title(data))
    if _prompt(data):
        # A login or shell prompt without option negotiation: some devices speak telnet's bare minimum.
        return Words("telnet", prompt=_prompt(data))
    return NOTHING


def _binary(data: bytes) -> Words:
    if len(data) >= 3 and data[0] in {_TLS_ALERT, _TLS_HANDSHAKE} and data[1] == 3:  # noqa: PLR2004
        return Words("tls")
    message = adb.read_message(data)
    if message:
        return Words("adb", message.banner)
    if mqtt.read_connack(data):
        return Words("mqtt")
    if len(data) > 14 and dns.read_response(data[2:]) and int.from_bytes(data[:2]) == len(data) - 2:  # noqa: PLR2004
        return Words("dns")
    return NOTHING


def shown(data: bytes, most: int = 200) -> str:
    """Return bytes as printable text for a report."""
    text = data[:most].decode("latin-1")
    return "".join(sign if sign.isprintable() else "·" for sign in text).strip("· ")


def _http(data: bytes, status: int) -> Words:
    head, _, body = data.partition(b"\r\n\r\n")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines()[1:100]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip()[:300])
    return Words("http", headers.get("server", ""), status, headers.get("www-authenticate", ""), _title(body))


def _title(body: bytes) -> str:
    found = _TITLE.search(body[:65_536])
    return " ".join(found[1].decode("utf-8", "replace").split())[:200] if found else ""


def _line(data: bytes) -> str:
    return shown(data.splitlines()[0] if data else b"")


def _prompt(data: bytes) -> str:
    tail = data[-200:]
    if _LOGIN.search(tail):
        return "login"
    return "shell" if _PROMPT.search(tail) else ""
