"""HTTP requests and answers as values, and the three kinds of body that are understood."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from sekisho.exemplar.access.caller import Caller

SESSION, KNOWN, LANGUAGE = "sk_session", "sk_known", "sk_lang"


class BadRequestError(ValueError):
    """The request cannot be understood; `status` is the HTTP status to answer with."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case, the body is complete."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    source: str
    body: bytes = b""

    @property
    def cookies(self) -> dict[str, str]:
        """Return the cookies; a broken header counts as none."""
        try:
            return {name: one.value for name, one in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            return {}

    @property
    def caller(self) -> Caller:
        """Return who asks, as the terminal wants to know it."""
        cookies = self.cookies
        return Caller(self.source, cookies.get(SESSION), cookies.get(KNOWN))

    @property
    def content_type(self) -> str:
        """Return the media type without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def json(self) -> dict[str, Any]:
        """Read a JSON object; anything else raises BadRequestError."""
        if self.content_type != "application/json":
            raise BadRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "json-expected")
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(HTTPStatus.BAD_REQUEST, "not-json") from error
        if not isinstance(value, dict):
            raise BadRequestError(HTTPStatus.BAD_REQUEST, "not-an-object")
        return value

    def form(self) -> dict[str, str]:
        """Read an HTML form; the last of several values counts."""
        if self.content_type != "application/x-www-form-urlencoded":
            raise BadRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "form-expected")
        try:
            fields = parse_qs(self.body.decode(), keep_blank_values=True, max_num_fields=50)
        except ValueError as error:
            raise BadRequestError(HTTPStatus.BAD_REQUEST, "not-a-form") from error
        return {name: values[-1] for name, values in fields.items()}

    def file(self) -> bytes:
        """Return an uploaded file: the whole body, or the first file of a multipart form (RFC 7578)."""
        if self.content_type == "application/octet-stream":
            return self.body
        found = re.search(r'boundary="?([\w\'()+,./:=?-]{1,70})"?', self.headers.get("content-type", ""))
        if self.content_type != "multipart/form-data" or found is None:
            raise BadRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "file-expected")
        for part in (b"\r\n" + self.body).split(b"\r\n--" + found[1].encode())[1:]:
            head, _, content = part.partition(b"\r\n\r\n")
            if b"filename=" in head:
                return content
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "no-file")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `cookies` are complete Set-Cookie values."""

    status: HTTPStatus
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


def cookie(name: str, value: str, *, age: int | None = None) -> str:
    """Write a cookie that scripts cannot read and that other sites' pages cannot send."""
    # duty: JP20-1 another site's page cannot act with the owner's session
    lifetime = "" if age is None else f"; Max-Age={age}"
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{lifetime}"


def as_json(value: object, status: HTTPStatus = HTTPStatus.OK, **more: Any) -> Response:
    """Make a JSON answer; `more` goes to Response."""
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), "application/json", **more)


def see_other(path: str, cookies: tuple[str, ...] = ()) -> Response:
    """Send the browser to another page of this terminal."""
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": path}, cookies=cookies)
