"""The console as an ASGI application: its pages behind the doors, its files, its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.resources import files
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.routing import Route as Path_
from starlette.staticfiles import StaticFiles

from sekisho.errors import (
    AuthorisationError,
    ConflictError,
    DescriptionError,
    EvidenceError,
    PurposeError,
    SekishoError,
    StoreError,
)
from sekisho.language import Language, Text
from sekisho.model.account import Permission
from sekisho.stores.database import statements
from sekisho.web.asked import Asked
from sekisho.web.doors import Headers, known_host, same_origin, scheme_of, source_of
from sekisho.web.office import Office
from sekisho.web.page import Route
from sekisho.web.recording import NOBODY, Recorded, fault, trace_of
from sekisho.web.taking import spilled, take
from sekisho.workflows import sign_in

_STATUS = {
    AuthorisationError: 403,
    PurposeError: 403,
    ConflictError: 409,
    EvidenceError: 409,
    DescriptionError: 400,
    StoreError: 503,
}
# Where somebody proves who they are.
_PROVING = ("/sign-in", "/set-up/", "/account/confirm")
_REFUSED = 400
_TOO_MANY = Text(ja="要求が多すぎる", en="too many requests")
_ELSEWHERE = Text(ja="この画面の外からの操作は受けない", en="this did not come from a page of this console")
_NOT_ALLOWED = Text(ja="この操作の権限がない", en="your role does not allow this")
# A program with a token can't prove anew who is there.
_IN_PERSON = Text(ja="トークンではできない操作", en="this isn't done with a token")
_BY_BROWSER = Text(ja="ブラウザーでサインインして行う", en="sign in with a browser and do it there")
_NO_SUCH = Text(ja="その頁はない", en="there is no such page")
_BROKEN = Text(ja="内部の誤り。この操作は完了していない", en="an internal fault: this was not completed")
_HOST = Text(ja="この名前では応じない", en="this console does not answer to that name")


def application(office: Office) -> Starlette:
    """Return the application; every route of every page is behind the doors."""
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=str(files("sekisho.web") / "static")), name="static")
    ]
    routes += [
        Path_(path, _endpoint(office, tuple(here)), methods=sorted({one.method for one in here}))
        for path, here in _by_path(one for page in office.pages for one in page.routes)
    ]

    async def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        asked = _asked(office, request)
        # What no route takes came past no door yet: an odd method, an address with a line feed.
        shut = (
            None if trace_of(request.scope).route != NOBODY else await run_in_threadpool(_outer_doors, asked)
        )
        if shut is not None:
            return shut
        answer = await run_in_threadpool(asked.problem, status, _NO_SUCH, None, request.url.path)
        answer.headers.update(
            getattr(error, "headers", None) or {}
        )  # 405 says which methods there are (RFC 9110)
        return answer

    largest = max((one.opens for page in office.pages for one in page.routes), default=0)
    made = Starlette(
        routes=routes,
        exception_handlers={404: unknown, 405: unknown, 400: unknown, 413: unknown},
        max_body_size=largest,
    )
    made.add_middleware(Headers, secure=office.secure)
    made.add_middleware(
        Recorded, measures=office.measures, leaving=office.leaving, log=office.log, key=office.gate.key
    )
    return made


def _by_path(routes: Iterable[Route]) -> Sequence[tuple[str, list[Route]]]:
    found: dict[str, list[Route]] = {}
    for one in routes:
        found.setdefault(one.path, []).append(one)
    # A path without a parameter must be tried before one with.
    return sorted(found.items(), key=lambda item: (item[0].count("{"), item[0]))


def _endpoint(office: Office, routes: tuple[Route, ...]) -> Callable[[Request], object]:
    by_method = {one.method: one for one in routes}

    async def endpoint(request: Request) -> Response:
        route = by_method.get(request.method) or by_method["GET"]
        trace_of(request.scope).route = route.path
        asked = _asked(office, request)
        shut = _outer_doors(asked)
        if shut is not None:
            return shut
        # Who may not do it is told so before anything of what they send is kept.
        admit: Callable[[], Response | None] = partial(_admit, asked, route)
        if request.method == "POST" and route.permission is not Permission.OPEN:
            shut = await run_in_threadpool(_guarded, asked, route, admit)
            if shut is not None:
                return await spilled(asked, shut)
            admit = _nothing
        if request.method == "POST":
            shut = await take(asked, route.opens)
            if shut is not None:
                return shut
        answer = await run_in_threadpool(_guarded, asked, route, lambda: admit() or route.handler(asked))
        return answer or Response(status_code=500)

    return endpoint


def _asked(office: Office, request: Request) -> Asked:
    spoken = request.cookies.get("lang") or request.headers.get("accept-language", "")
    return Asked(
        request=request,
        office=office,
        language=Language.EN if spoken.lower().startswith("en") else Language.JA,
        theme=theme
        if (theme := request.cookies.get("theme", "")) in ("light", "dark", "contrast")
        else "auto",
        zone=office.zone,
        now=office.now(),
        source=source_of(request, office.proxies),
    )


def _outer_doors(asked: Asked) -> Response | None:
    """Return a refusal of what is refused to everybody, None when the way is free."""
    office, request = asked.office, asked.request
    if not known_host(request, office.hosts):
        return asked.problem(421, _HOST, where=request.headers.get("host", ""))
    if not office.rate.allows(asked.source, asked.now):
        office.measures.count("sekisho_rate_limited_total")
        answer = asked.problem(429, _TOO_MANY)
        answer.headers["retry-after"] = "5"
        return answer
    bearer = request.headers.get("authorization", "").startswith("Bearer ")
    if not bearer and not same_origin(request, scheme_of(request, office.proxies)):
        if asked.path.startswith("/api/"):
            return _no_token(asked)
        return asked.problem(403, _ELSEWHERE, where=request.headers.get("origin", ""))
    return None


def _no_token(asked: Asked) -> Response:
    answer = asked.problem(401, Text(ja="トークンが要る", en="a token is needed"))
    answer.headers["www-authenticate"] = "Bearer"
    return answer


def _nothing() -> None:
    return None


def _admit(asked: Asked, route: Route) -> Response | None:
    """Find who asks; return where they must go first or why not, None when they may."""
    if not route.bare:
        _who(asked)
        trace_of(asked.request.scope).account = asked.who.id if asked.who else ""
    return _inner_doors(asked, route)


def _guarded(asked: Asked, route: Route, do: Callable[[], Response | None]) -> Response | None:
    """Do a part of the answering within the net for errors; None when nothing is answered yet."""
    trace, before, measures = trace_of(asked.request.scope), statements.asked(), asked.office.measures
    try:
        answer = do()
    except SekishoError as error:
        if isinstance(error, StoreError) and not isinstance(error, ConflictError | DescriptionError):
            measures.count("sekisho_store_errors_total", route=route.path)
        status = next((code for kind, code in _STATUS.items() if issubclass(type(error), kind)), 500)
        answer = asked.problem(status, error.what, error.todo, error.where)
    except Exception:  # noqa: BLE001 - the last net: a page must never show a trace, and the log must
        fault(asked.office.log, trace.id, asked.request.method)
        measures.count("sekisho_internal_errors_total", route=route.path)
        answer = asked.problem(500, _BROKEN, Text(ja=f"記録番号 {trace.id}", en=f"trace {trace.id}"))
    trace.statements += statements.asked() - before
    if answer is None:
        return None
    if route.method == "POST" and route.path.startswith(_PROVING) and answer.status_code >= _REFUSED:
        measures.count("sekisho_sign_in_refusals_total", status=answer.status_code)
    for name, value, seconds in asked.cookies:
        answer.set_cookie(
            name, value, max_age=seconds, path="/", secure=asked.office.secure, httponly=True, samesite="lax"
        )
    return answer


def _who(asked: Asked) -> None:
    """Find who asks: by an API token, or by the session's cookie."""
    gate, request = asked.office.gate, asked.request
    bearer = request.headers.get("authorization", "")
    if bearer.startswith("Bearer "):
        known = sign_in.whose_token(gate, bearer.removeprefix("Bearer ").strip(), asked.now)
        if known:
            asked.who, asked.permissions = known
        return
    token = request.cookies.get(asked.office.cookie, "")
    found = sign_in.whoami(gate, token, asked.now) if token else None
    if found:
        asked.who, asked.session = found
        asked.permissions = asked.who.permissions
        if "lang" not in request.cookies:
            asked.language = asked.who.language


def _inner_doors(asked: Asked, route: Route) -> Response | None:
    """Return where a request must go first, None when it may do what it asks for."""
    if asked.may(route.permission):
        if route.fresh and asked.session is None:
            return asked.problem(403, _IN_PERSON, _BY_BROWSER)
        again = route.fresh and asked.session and not sign_in.recently_authenticated(
            asked.office.gate, asked.session, asked.now
        )  # fmt: skip
        where = asked.link() if route.method == "GET" else "/"
        return asked.see_other(f"/account/confirm?{urlencode({'next': where})}") if again else None
    if asked.who is None:
        if asked.path.startswith("/api/") or asked.path == "/metrics":
            return _no_token(asked)
        if asked.request.method != "GET":
            return asked.problem(401, Text(ja="サインインが切れた", en="you are signed out"))
        return asked.see_other(f"/sign-in?{urlencode({'next': asked.link()})}")
    if asked.who.must_change and asked.session:
        return asked.see_other("/account/password")
    return asked.problem(403, _NOT_ALLOWED)
