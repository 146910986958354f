"""What goes in and out of the server, and how it refuses (TAXII 2.1, section 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from sekisho.language import Text
from sekisho.model.sharing import Rights

TAXII = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"


class Request(msgspec.Struct, frozen=True):
    """A request as it came: the path is decoded, the query is not; names of headers are in small letters.

    :ivar origin: the scheme and host by which the server was reached, where that is sure; empty otherwise
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    origin: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What goes back."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Caller(msgspec.Struct, frozen=True):
    """Who asks, once that is known, and what he may do: collections that aren't named don't exist for him.

    One that is named without any right is announced to him, and what is in it doesn't exist.
    """

    name: str
    rights: Mapping[str, Rights] = {}


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An API root: its part of the address, its words, and its collections (None for all)."""

    name: str
    title: str
    description: str = ""
    collections: tuple[str, ...] | None = None


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the server says of itself. ``address`` is set before the roots' paths.

    Empty, it is the request's origin: some clients can't follow a path alone. Where that isn't known, paths stay paths.
    """

    title: str
    roots: tuple[Root, ...]
    description: str = ""
    contact: str = ""
    address: str = ""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds: octets and objects of a request and octets of one object; objects and octets of a page; values of a filter."""

    octets: int = 10 << 20
    objects: int = 10_000
    object_octets: int = 1 << 20
    page: int = 1_000
    page_octets: int = 8 << 20
    values: int = 100
    query: int = 8_192


_SAID = {
    400: Text(ja="要求の形が正しくない", en="The request can't be understood"),
    401: Text(ja="誰かを示す必要がある", en="Say who you are"),
    403: Text(ja="許されていない", en="Not allowed"),
    404: Text(ja="ない、または見ることができない", en="Not there, or not for you"),
    405: Text(ja="ここではできない操作", en="Not done here"),
    406: Text(ja="求める形では答えられない", en="No answer in the form asked for"),
    408: Text(ja="送られるのが遅すぎる", en="Too slow"),
    409: Text(ja="前に送られたものと食い違う", en="It contradicts what was sent before"),
    413: Text(ja="大きすぎる", en="Too large"),
    415: Text(ja="送られた形は受け取れない", en="Not taken in this form"),
    421: Text(ja="この名前では応じない", en="This server does not answer to that name"),
    429: Text(ja="要求が多すぎる", en="Too many requests"),
    503: Text(ja="いまは答えられない。少し待って、もう一度", en="Not now; come again"),
    422: Text(ja="読めたが、受け取れる中身ではない", en="Readable, but nothing that can be taken"),
}


class Refusal(Exception):
    """Ends a request with an error. ``what`` says more; it never says whether something exists."""

    def __init__(self, status: int, what: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.headers = headers or {}

    def answer(self) -> Answer:
        """Return it as an error message of TAXII."""
        said = _SAID[self.status]
        told = {
            "title": said.en,
            "description": f"{self.what or HTTPStatus(self.status).phrase} / {said.ja}",
            "http_status": str(self.status),
        }
        return answer(told, self.status, self.headers)


def answer(told: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a resource of TAXII."""
    return raw(msgspec.json.encode(told), status, headers)


def raw(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer whose body is written already."""
    return Answer(status, {"Content-Type": TAXII, "Content-Length": str(len(body)), **(headers or {})}, body)
