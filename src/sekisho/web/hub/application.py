"""The hub as an ASGI application: the doors in order (host, rate, token, size), then TAXII, feeds and a member's own.

Who shows no token is asked for one before a single octet of what he sends is read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from threading import Lock
from urllib.parse import parse_qs, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from sekisho.errors import SekishoError, StoreError
from sekisho.exchange.feeds import FORMS, event, hashes, manifest
from sekisho.exchange.feeds.misp import event_uuid
from sekisho.exchange.taxii import Answer, Caller, Request
from sekisho.exchange.taxii.messages import Refusal
from sekisho.model.corroboration import Use
from sekisho.model.membership import MemberRole
from sekisho.model.standing_words import sentence
from sekisho.web.connections import CLIENT
from sekisho.web.doors import Headers, Rate, known_host, source_of
from sekisho.web.hub import counts, makers
from sekisho.web.hub.description import described
from sekisho.web.hub.public import members_page
from sekisho.web.taking import seconds
from sekisho.wiring.hub import HubDesk
from sekisho.workflows.hub import ACCESS_SECONDS, Bearer, access, bearer, certified

_USED_EVERY = 60_000
_NO_BODY = 400
_RETRY = {"Retry-After": "5"}
_GRADES = {"block": (Use.BLOCK.value,), "watch": (Use.WATCH.value, Use.BLOCK.value)}
_JSON = "application/json"


@dataclass(slots=True)
class Door:
    """What a hub's application needs.

    :ivar hosts: names by which it is reached; ``proxies`` are believed about who asks
    :ivar body_seconds: how long a body may take; 0: by its length
    :ivar most_uploads: bodies of one member that are taken at the same time; ``uploads`` counts them
    :ivar sources: bucket of requests for each address; ``members`` for each member
    """

    desk: HubDesk
    hosts: frozenset[str]
    secure: bool
    proxies: frozenset[str] = frozenset()
    sources: Rate = field(default_factory=lambda: Rate(50, 400))
    members: Rate = field(default_factory=lambda: Rate(100, 1000))
    used: dict[str, int] = field(default_factory=dict)
    body_seconds: float = 0.0
    most_uploads: int = 4
    uploads: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


def application(door: Door) -> Starlette:
    """Return the application; every address goes through the same doors, also one that no pattern of a route matches."""
    sheet = StaticFiles(directory=str(files("sekisho.web") / "static"))
    made = Starlette(routes=[Mount("/static", sheet)])
    nothing = made.router.default

    async def entered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await nothing(scope, receive, send)
            return
        answer = await _entered(door, HttpRequest(scope, receive))
        await answer(scope, receive, send)

    # A route's pattern ends at a line feed, and knows the usual methods alone.
    made.router.default = entered
    made.add_middleware(Headers, secure=door.secure)
    return made


async def _entered(door: Door, request: HttpRequest) -> Response:
    if not known_host(request, door.hosts):
        return _plain(Refusal(421).answer())
    now = door.desk.books.now()
    if not _allowed(door, door.sources, source_of(request, door.proxies), now):
        return _plain(Refusal(429, headers=_RETRY).answer())
    try:
        return await _let_in(door, request, now)
    except Refusal as refusal:
        return _plain(refusal.answer())
    except ClientDisconnect:  # who goes away is told nothing, and it is no fault
        return Response(status_code=400)
    except StoreError as error:
        print(f"hub: {error.what.en}: {error.where}", file=sys.stderr)  # noqa: T201 - the server's log
        return _plain(Refusal(503, headers=_RETRY).answer())
    except Exception:  # noqa: BLE001 - the last net: a member must never see a trace, and the log must
        mark = secrets.token_hex(4)
        print(f"hub: {mark} {request.method}", file=sys.stderr)  # noqa: T201 - the server's log
        traceback.print_exc()
        return Response(f'{{"title":"internal fault {mark}"}}', 500, media_type=_JSON)


async def _let_in(door: Door, request: HttpRequest, now: int) -> Response:
    """Answer who shows a token; a body is read for POST alone."""
    shown = await run_in_threadpool(_bearer, door, request, now)
    if shown is None and _path(request) in {"/", "/healthz"}:
        return await run_in_threadpool(_public, door, request)
    if shown is None:
        return _plain(door.desk.taxii.answer(_asked(door, request, b""), None))
    if not _allowed(door, door.members, shown.member.id, now):
        return _plain(Refusal(429, headers=_RETRY).answer())
    if request.method != "POST":
        return _plain(await run_in_threadpool(_answer, door, request, shown, b""))
    return _plain(await _posted(door, request, shown))


async def _posted(door: Door, request: HttpRequest, shown: Bearer) -> Answer:
    """Take a body from who may send one here, in time; then ask again who sent it, because that took its time."""
    refused = await run_in_threadpool(_unread, door, request, shown)
    if refused is not None:
        return refused
    name = shown.member.id
    if door.uploads.get(name, 0) >= door.most_uploads:
        raise Refusal(429, "too many requests at the same time", headers=_RETRY)
    door.uploads[name] = door.uploads.get(name, 0) + 1
    try:
        most = door.desk.limits.octets
        async with asyncio.timeout(door.body_seconds or seconds(_length(request, most))):
            body = await _body(request, most)
        again = await run_in_threadpool(_bearer, door, request, door.desk.books.now())
        if again is None:
            return door.desk.taxii.answer(_asked(door, request, b""), None)
        return await run_in_threadpool(_answer, door, request, again, body)
    except TimeoutError:
        raise Refusal(408, "what was sent came too slowly", headers={"Connection": "close"}) from None
    finally:
        door.uploads[name] -= 1
        if not door.uploads[name]:
            del door.uploads[name]


def _unread(door: Door, request: HttpRequest, shown: Bearer) -> Answer | None:
    """Return the refusal that holds whatever is sent: no such place, no right, no such form. None when it must be read."""
    if _path(request) == "/oauth2/token":
        return None
    posts = makers.POSTS | counts.POSTS
    if _path(request) in posts:
        return makers.refused(posts[_path(request)], shown)
    found = door.desk.taxii.answer(_asked(door, request, b""), Caller(shown.member.id, shown.rights))
    return None if found.status == _NO_BODY else found


def _allowed(door: Door, rate: Rate, who: str, now: int) -> bool:
    with door.lock:
        return rate.allows(who, now)


async def _body(request: HttpRequest, most: int) -> bytes:
    """Return what was sent, piece by piece, and never more than was announced as the most.

    :raises Refusal: 413, before anything is read when the length says so
    """
    _length(request, most)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise Refusal(413, f"at most {most} octets")
        pieces.append(piece)
    return b"".join(pieces)


def _length(request: HttpRequest, most: int) -> int:
    """Return how much will be sent: as announced, or the most. :raises Refusal: it is no number, or too large."""
    length = request.headers.get("content-length", str(most))
    if not length.isascii() or not length.isdecimal():
        raise Refusal(400, "Content-Length is no number")
    if int(length) > most:
        raise Refusal(413, f"at most {most} octets")
    return int(length)


def _bearer(door: Door, request: HttpRequest, now: int) -> Bearer | None:
    """Return who asks: by a token, as Bearer or as the password of Basic, else by the connection's certificate.

    Basic, because every TAXII client can send it. Who shows both must be the same member by both.
    """
    shown = str(request.scope.get("state", {}).get(CLIENT, ""))
    by_certificate = certified(door.desk.books, shown) if shown else None
    if "authorization" not in request.headers:
        return _noted(door, by_certificate, now)
    found = _by_token(door, request)
    if shown and (by_certificate is None or found is None or by_certificate.member.id != found.member.id):
        return None
    return _noted(door, found, now)


def _by_token(door: Door, request: HttpRequest) -> Bearer | None:
    told = request.headers.get("authorization", "")
    kind, _, rest = told.partition(" ")
    token, name = rest.strip(), ""
    if kind.lower() == "basic":
        try:
            name, _, token = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
    elif kind.lower() != "bearer":
        return None
    found = bearer(door.desk.books, token)
    return None if found is None or (name and name != found.member.id) else found


def _noted(door: Door, found: Bearer | None, now: int) -> Bearer | None:
    """Write now and then that a token or a certificate was used."""
    if found is None:
        return None
    if now - door.used.get(found.token.id, 0) >= _USED_EVERY:
        door.used[found.token.id] = now
        door.desk.books.tokens.used(found.token.id, now)
    return found


def _path(request: HttpRequest) -> str:
    """Return the path as it was sent: one that is put together with a host and taken apart again loses line feeds."""
    return str(request.scope["path"])


def _asked(door: Door, request: HttpRequest, body: bytes) -> Request:
    return Request(
        request.method,
        _path(request),
        request.scope["query_string"].decode("latin-1"),
        dict(request.headers),
        body,
        _origin(door, request),
    )


def _origin(door: Door, request: HttpRequest) -> str:
    """Return where it was reached, by the name in the request, which is one of its own; a proxy may have put its own."""
    if door.proxies:
        return ""
    host = urlsplit(f"//{request.headers['host']}")
    name = f"[{host.hostname}]" if ":" in (host.hostname or "") else host.hostname
    try:
        port = f":{host.port}" if host.port else ""
    except ValueError:  # no port has such a number
        return ""
    return f"{'https' if door.secure else 'http'}://{name}{port}"


def _answer(door: Door, request: HttpRequest, shown: Bearer, body: bytes) -> Answer:
    elsewhere = shown.member.role is MemberRole.PARTNER
    if elsewhere and _path(request).lstrip("/").split("/")[0] in {
        "feed",
        "me",
        "advisories",
        "models",
        "counts",
    }:
        raise Refusal(404)  # a hub elsewhere has a list of its own, without what came from it
    known = makers.answer(
        door.desk.books, request.method, _path(request), dict(request.query_params), shown, body
    )
    known = known or counts.answer(door.desk.books, request.method, _path(request), shown, body)
    if known is not None:
        return known
    match _path(request).split("/")[1:]:
        case ["feed", *rest] if request.method in {"GET", "HEAD"}:
            return _feed(door, request, shown, rest)
        case ["me", what] if request.method == "GET":
            return _own(door, shown, what, request.query_params.get("after", ""))
        case ["oauth2", "token"] if request.method == "POST":
            return _access(door, shown, body)
        case ["" | "healthz"]:
            return Answer(204)
        case ["openapi.json"] if request.method == "GET":
            return _json(described())
    return door.desk.taxii.answer(_asked(door, request, body), Caller(shown.member.id, shown.rights))


def _feed(door: Door, request: HttpRequest, shown: Bearer, rest: list[str]) -> Answer:
    """Answer with the list in a form; unchanged since the caller's own copy it is a 304 without a body."""
    match rest:
        case [name] if name.partition(".")[0] in _GRADES and name.partition(".")[2] in FORMS:
            grade, _, form = name.partition(".")
            found = door.desk.feed(shown.rights, _GRADES[grade])
            if found is None:
                raise Refusal(404)
            text, media = FORMS[form].write(*found), FORMS[form].media
        case ["misp", name]:
            found = door.desk.feed(shown.rights, _GRADES["watch"])
            identity = door.desk.books.identity
            if found is None:
                raise Refusal(404)
            parts: Mapping[str, Callable[[], str]] = {
                "manifest.json": lambda: manifest(found[0], identity).decode(),
                f"{event_uuid(identity)}.json": lambda: event(found[0], identity, found[1]).decode(),
                "hashes.csv": lambda: hashes(identity, found[1]),
            }
            if name not in parts:
                raise Refusal(404)
            text, media = parts[name](), _JSON if name.endswith("json") else "text/csv"
        case _:
            raise Refusal(404)
    octets = text.encode()
    tag = f'"{hashlib.sha256(octets).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Content-Type": media}
    if tag in request.headers.get("if-none-match", ""):
        return Answer(304, headers)
    return Answer(200, headers, octets)


def _own(door: Door, shown: Bearer, what: str, after: str) -> Answer:
    """Answer with what a member has here itself: its reports with what became of them, its part of the ledger."""
    books = door.desk.books
    if what == "reports.json":
        mine = books.reports.of(shown.member.id, after)
        standing = door.desk.seen([one.key for one in mine], shown.member.id, shown.rights)
        now = books.now()
        rows = []
        for one in mine:
            there = standing.get(one.key)
            said = sentence(there, now, k=books.rules.k) if there else None
            rows.append(
                {
                    "key": one.key, "first": one.first, "last": one.last, "sightings": one.sightings,
                    "state": there.state.value if there else "", "reason": there.reason if there else "",
                    "ja": said.ja if said else "", "en": said.en if said else "",
                }
            )  # fmt: skip
        return _json({"reports": rows})
    if what == "ledger.json":
        if not door.desk.delivered(shown.rights):
            raise Refusal(403)
        entries = [
            msgspec.structs.replace(one, supplier="")
            for one in books.ledger.entries(carrier=shown.member.id, after=after)
        ]
        books.audit.append(
            shown.member.id,
            "member",
            "read-ledger",
            "ledger",
            at=books.now(),
            details={"entries": len(entries)},
        )
        # As for the objects: the record comes first, then the receipt for what is shown.
        unread = [one.id for one in entries if not one.receipt and one.log_items]
        books.ledger.receipt(unread, shown.member.id, books.now())
        return _json({"ledger": entries})
    if what == "counts.json":
        families = door.desk.counts(shown.rights)
        if families is None:
            raise Refusal(403)
        return _json({"families": families})
    raise Refusal(404)


def _access(door: Door, shown: Bearer, body: bytes) -> Answer:
    """Answer the client credentials grant (RFC 6749, section 4.4): the client has shown its token as its secret."""
    given = parse_qs(body[:1_000].decode("utf-8", "replace"))
    if shown.brief:
        return msgspec.structs.replace(_json({"error": "invalid_client"}), status=401)
    if given.get("grant_type") != ["client_credentials"]:
        return msgspec.structs.replace(_json({"error": "unsupported_grant_type"}), status=400)
    made = access(door.desk.books, shown)
    return _json({"access_token": made, "token_type": "Bearer", "expires_in": ACCESS_SECONDS})


def _json(told: object) -> Answer:
    return Answer(200, {"Content-Type": _JSON, "Cache-Control": "no-store"}, msgspec.json.encode(told))


def _public(door: Door, request: HttpRequest) -> Response:
    if _path(request) == "/healthz":
        try:
            door.desk.books.collections.collections()
        except SekishoError:
            return Response('{"status":"down"}', 503, media_type=_JSON)
        return Response('{"status":"ok"}', media_type=_JSON)
    page = members_page(
        door.desk.settings.title, door.desk.settings.contact, door.desk.books.members.members()
    )
    return Response(page, media_type="text/html")


def _plain(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))
