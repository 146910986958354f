"""HTTP/1.x as devices really speak it (RFC 9112, and less): tolerant, bounded, without sockets.

`build` makes the bytes of a request. `ReplyReader` is fed whatever arrives and says when the reply is
whole. It takes HTTP/0.9 bodies, status lines such as ``HTTP/1.1 200`` or ``200 Ok``, bare line feeds,
folded or nameless headers, broken chunks and lying lengths: what was wrong is `Reply.fault`, not an error.
"""

from __future__ import annotations

import re
import zlib

import msgspec

from sekisho.errors import PeerFailure

HEAD_BYTES = 64 * 1024
HEAD_LINES = 512
INTERIM_REPLIES = 8
CHUNK_LINE_BYTES = 4096


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request. ``headers`` replace the defaults (Host, Connection: close, User-Agent) of that name."""

    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reply: status 0 for HTTP/0.9 (no status line). ``body`` is de-chunked and unpacked.

    ``cut`` when the body went beyond the bound and the rest was dropped. ``fault`` says what the peer did
    wrong although there is a reply: ``short`` (less than Content-Length), ``chunk`` (broken or unfinished
    chunks), ``coding`` (body not packed as said; left as it came), ``reset``, ``timed-out`` (went silent
    before the announced end), ``chatter`` (bytes after the end). Empty when nothing was wrong. ``path`` is
    what was asked for, when the sender of the request noted it.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool = False
    seconds: float = 0.0
    transcript: str = ""
    fault: str = ""
    path: str = ""

    def header(self, name: str) -> str:
        """Return the first header called ``name`` (any case), or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def every(self, name: str) -> tuple[str, ...]:
        """Return all headers called ``name`` (any case), such as Set-Cookie."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    @property
    def text(self) -> str:
        """The body as text: UTF-8, or else cp932 when it says so, or else Latin-1; never an error."""
        declared = self.header("content-type").lower()
        if "shift_jis" in declared or "windows-31j" in declared:
            return self.body.decode("cp932", "replace")
        if "euc-jp" in declared:
            return self.body.decode("euc_jp", "replace")
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            return self.body.decode("latin-1")


_UNSAFE = re.compile(rb"[\x00-\x20\x7f-\xff]")
_STATUS = re.compile(r"\s*(?:HTTP|ICY)\s*/?\s*[\d.]*\s+(\d{3})(?!\d)\s*(.*)", re.IGNORECASE)
_BARE_STATUS = re.compile(r"(\d{3}) +([A-Za-z][\w .'-]*)$")
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n")
_HEX = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?$")
_BODILESS = frozenset({204, 304})
_INTERIM = frozenset({100, *range(102, 200)})  # 101 is final: the peer speaks something else from there on


def host_header(address: str, port: int, *, tls: bool) -> str:
    """Return the Host value for ``address`` and ``port`` (RFC 9112 3.2): IPv6 in brackets, default port left out."""
    name = f"[{address.partition('%')[0]}]" if ":" in address else address
    return name if port == (443 if tls else 80) else f"{name}:{port}"


def build(request: Request, host: str) -> bytes:
    """Return the bytes of ``request`` for the Host value ``host``.

    Spaces, controls and non-ASCII of the path are percent-encoded, and line ends are taken out of headers,
    so a description can't smuggle a second request in. A body always has its Content-Length.
    """
    headers = {
        "host": ("Host", host),
        "connection": ("Connection", "close"),
        "user-agent": ("User-Agent", "Sekisho"),
        "accept": ("Accept", "*/*"),
        "accept-encoding": ("Accept-Encoding", "identity"),
    }
    if request.body or request.method.upper() in {"POST", "PUT", "PATCH"}:
        headers["content-length"] = ("Content-Length", str(len(request.body)))
    extra = [(_plain(name), _plain(value)) for name, value in request.headers]
    for name, _ in extra:
        headers.pop(name.lower(), None)
    lines = [f"{name}: {value}" for name, value in (*headers.values(), *extra)]
    path = _UNSAFE.sub(lambda found: b"%%%02X" % found.group()[0], request.path.encode()) or b"/"
    start = b"%s %s HTTP/1.1\r\n" % (_plain(request.method).encode("ascii", "replace"), path)
    return start + "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + request.body


def _plain(text: str) -> str:
    return " ".join(text.splitlines()).replace("\0", "").strip()


class _Unpacker:
    """Undoes gzip and deflate as the bytes come, never beyond ``limit`` bytes."""

    def __init__(self, coding: str, limit: int) -> None:
        self.limit = limit
        self.body = bytearray()
        self.cut = False
        self.broken = False
        self._raw = bytearray()
        self._coding = coding
        self._engine = {"gzip": zlib.decompressobj(31), "deflate": zlib.decompressobj(15)}.get(coding)

    def feed(self, data: bytes) -> None:
        """Take ``data`` of the body; past the limit nothing is kept."""
        room = self.limit - len(self.body)
        if self._engine is None or self.broken:
            self.cut = self.cut or len(data) > room
            self.body += data[:room]
            return
        if len(self._raw) < self.limit:
            self._raw += data[: self.limit - len(self._raw)]
        try:
            # One byte more than fits tells a body that ends at the limit from one that goes beyond.
            self.body += self._engine.decompress(data, room + 1)
        except zlib.error:
            self._refuse()
        if len(self.body) > self.limit:
            del self.body[self.limit :]
            self.cut = True

    def _refuse(self) -> None:
        """Try raw deflate (RFC 1951), which some servers send as "deflate"; else keep the bytes as they came."""
        if self._coding == "deflate":
            try:
                engine = zlib.decompressobj(-15)
                self.body = bytearray(engine.decompress(bytes(self._raw), self.limit + 1))
            except zlib.error:
                pass
            else:
                self._engine, self._coding = engine, "deflate-raw"
                return
        self.broken = True
        self.body = bytearray(self._raw)


class ReplyReader:
    """Reads one reply, piece by piece. Memory is bounded by the head's bounds and twice ``limit``."""

    def __init__(self, method: str = "GET", limit: int = 4 * 1024 * 1024) -> None:
        self._head_only = method.upper() == "HEAD"
        self._limit = limit
        self._pending = bytearray()
        self._step = self._read_head
        self._interim = 0
        self._status = 0
        self._reason = ""
        self._headers: list[tuple[str, str]] = []
        self._body = _Unpacker("", limit)
        self._left = 0
        self._any_chunk = False
        self._fault = ""
        self.done = False

    @property
    def headed(self) -> bool:
        """Whether the head has been read, so that `finish` will give a reply."""
        return self._step != self._read_head

    @property
    def length(self) -> int:
        """Bytes of the (unpacked) body so far."""
        return len(self._body.body)

    def feed(self, data: bytes) -> bool:
        """Take ``data``; return whether the reply is whole (or cut at the bound).

        Raises:
            PeerFailure: ``too-large`` when the head has no end, ``malformed`` when only interim replies come.
        """
        if self.done:
            return True
        self._pending += data
        self._work()
        return self.done

    def _work(self) -> None:
        while not self.done and self._step():
            pass
        if self._body.cut:
            self.done = True
        elif self.done and self._pending.strip():
            self._fault = self._fault or "chatter"
        if self.done:
            self._pending.clear()

    def finish(self, how: str = "") -> Reply:
        """Return the reply as far as it came. ``how`` is empty for an orderly end, else ``reset`` or ``timed-out``.

        Raises:
            PeerFailure: ``closed`` (or ``how``) when not even a head came.
        """
        if not self.headed:
            if not self._pending.strip() or how:
                raise PeerFailure(how or "closed", "no reply" if not self._pending else "within the head")
            self._close_head(bytes(self._pending), b"")
            self._work()
        if not self.done and not self._fault:
            self._fault = how or {self._read_sized: "short", self._read_chunks: "chunk"}.get(self._step, "")
        return Reply(
            status=self._status,
            reason=self._reason,
            headers=tuple(self._headers),
            body=bytes(self._body.body),
            cut=self._body.cut,
            fault=self._fault or ("coding" if self._body.broken else ""),
        )

    def _read_head(self) -> bool:
        while self._pending[:1].isspace():
            del self._pending[0]
        if not self._pending:
            return False
        start = bytes(self._pending[:5]).upper()
        known = b"HTTP/".startswith(start) or start[:4] in {b"HTTP", b"ICY "} or start[:3].isdigit()
        if not known and len(start) >= len(b"HTTP"):
            self._begin_old(bytes(self._pending))
            return True
        found = _BLANK.search(self._pending)
        if found is None:
            if len(self._pending) > HEAD_BYTES:
                raise PeerFailure("too-large", f"a head of more than {HEAD_BYTES} bytes")
            return False
        if found.end() > HEAD_BYTES:
            raise PeerFailure("too-large", f"a head of more than {HEAD_BYTES} bytes")
        self._close_head(bytes(self._pending[: found.start()]), bytes(self._pending[found.end() :]))
        return True

    def _begin_old(self, everything: bytes) -> None:
        """HTTP/0.9: no status line, all of it is body."""
        self._pending = bytearray(everything)
        self._step = self._read_rest

    def _close_head(self, head: bytes, rest: bytes) -> None:
        lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
        status = _STATUS.match(lines[0])
        if status is None and len(lines) > 1 and ":" in lines[1].partition("<")[0]:
            status = _BARE_STATUS.match(lines[0].strip())
        if status is None:
            self._begin_old(head + (b"\r\n\r\n" + rest if rest else b""))
            return
        if len(lines) > HEAD_LINES:
            raise PeerFailure("too-large", f"more than {HEAD_LINES} header lines")
        self._status, self._reason = int(status[1]), status[2].strip()
        self._headers = _headers(lines[1:])
        self._pending = bytearray(rest)
        if self._status in _INTERIM:
            self._interim += 1
            if self._interim > INTERIM_REPLIES:
                raise PeerFailure("malformed", "only interim replies")
            return
        self._begin_body()

    def _begin_body(self) -> None:
        coding, transfer, length = "", "", ""
        for name, value in self._headers:
            lowered = name.lower()
            if lowered == "content-encoding":
                coding = value.strip().lower().removeprefix("x-")
            elif lowered == "transfer-encoding":
                transfer = value.lower()
            elif lowered == "content-length" and not length:
                length = value.split(",")[0].strip()
        self._body = _Unpacker(coding, self._limit)
        if self._head_only or self._status in _BODILESS:
            self._pending.clear()
            self._step = self._read_rest
            self.done = True
        elif "chunked" in transfer:
            self._step = self._read_chunks
        elif length.isascii() and length.isdigit():
            self._left = int(length[:18])
            self._step = self._read_sized
        else:
            self._step = self._read_rest

    def _read_rest(self) -> bool:
        self._body.feed(bytes(self._pending))
        self._pending.clear()
        return False

    def _read_sized(self) -> bool:
        piece = bytes(self._pending[: self._left])
        del self._pending[: len(piece)]
        self._left -= len(piece)
        self._body.feed(piece)
        self.done = self._left == 0
        return False

    def _read_chunks(self) -> bool:
        if self._left:
            piece = bytes(self._pending[: self._left])
            del self._pending[: len(piece)]
            self._left -= len(piece)
            self._body.feed(piece)
            return self._left == 0 and bool(self._pending) and not self._body.cut
        end = self._pending.find(b"\n")
        if end < 0:
            return len(self._pending) > CHUNK_LINE_BYTES and self._break_chunks()
        line = bytes(self._pending[:end]).strip()
        if not line and self._any_chunk:
            del self._pending[: end + 1]
            return True
        size = _HEX.match(line)
        if size is None:
            return self._break_chunks()
        del self._pending[: end + 1]
        self._any_chunk = True
        self._left = int(size[1], 16)
        if not self._left:
            self._pending.clear()  # trailers carry nothing that we use
            self.done = True
        return not self.done

    def _break_chunks(self) -> bool:
        """No chunk size where one should be: take the rest as it comes, and say so."""
        self._fault = "chunk"
        self._step = self._read_rest
        return True


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and found:
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip():
            found.append((name.strip(), value.strip()))
    return found
