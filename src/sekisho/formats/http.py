"""HTTP/1.x as devices really speak it (RFC 9112, and less): tolerant, bounded, without sockets."""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request. ``headers`` replace the defaults (Host, Connection: close, User-Agent) of that name."""

    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reply: status 0 for HTTP/0.9 (no status line). ``body`` is de-chunked and unpacked.

    ``cut`` when the body went beyond the bound and the rest was dropped.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool = False
    seconds: float = 0.0
    transcript: str = ""

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
