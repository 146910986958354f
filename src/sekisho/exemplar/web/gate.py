"""The gate: every request passes here, and what is not allowed by name is denied.

A route states the least stage of its callers; the default is OWNER, so a forgotten word closes a door
instead of opening one. In the factory state the label's code leads to the stage FIRST_USE, which opens
the change of the password and nothing else, whatever the address, by page or by API.

Against other sites' pages in the owner's browser (CSRF, DNS rebinding): the session cookie is
SameSite=Strict, `Host` must be one of this terminal's own names, and a request that changes something must
not say (`Origin`, `Sec-Fetch-Site`) that it comes from elsewhere. A caller that is no browser sends
neither; no other site can steer it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from sekisho.exemplar.access.caller import Refused
from sekisho.exemplar.access.passkey import PasskeyError
from sekisho.exemplar.access.sessions import Stage
from sekisho.exemplar.settings import SettingError
from sekisho.exemplar.software.image import ImageError
from sekisho.exemplar.terminal import Terminal
from sekisho.exemplar.web.messages import BadRequestError, Request, Response, as_json, see_other

BODY: Final = 16 * 1024
_SAFE: Final = frozenset({"GET", "HEAD"})
Handler = Callable[[Terminal, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked for. `body` is the most bytes that are read for it."""

    method: str
    path: str
    handler: Handler
    # duty: JP20-1 JP25-2a deny by default: a route without a stage belongs to the owner alone
    stage: Stage = Stage.OWNER
    body: int = BODY


@dataclass
class Gate:
    """The routes of one terminal; `hosts` are the names and addresses under which it is called."""

    terminal: Terminal
    routes: Iterable[Route]
    hosts: frozenset[str]

    def __post_init__(self) -> None:
        self._table: Mapping[tuple[str, str], Route] = {(one.method, one.path): one for one in self.routes}

    def admit(self, request: Request) -> Response | int:
        """Judge the head: refuse at once, or return how many bytes of body will be read."""
        if not self._host_is_ours(request):
            return _error(request, HTTPStatus.MISDIRECTED_REQUEST, "unknown-host")
        if request.method not in _SAFE and _comes_from_elsewhere(request):
            return _error(request, HTTPStatus.FORBIDDEN, "cross-site")
        route = self._route(request)
        stage = self.terminal.sessions.stage(request.caller.session)
        if route is not None and route.stage <= stage:
            return route.body
        return self._refuse(request, stage)

    async def answer(self, request: Request) -> Response:
        """Answer a request whose head was admitted; the stage is looked at again, time has passed."""
        admitted = self.admit(request)
        route = self._route(request)
        if isinstance(admitted, Response) or route is None:
            return (
                admitted
                if isinstance(admitted, Response)
                else _error(request, HTTPStatus.NOT_FOUND, "not-found")
            )
        try:
            return await route.handler(self.terminal, request)
        except BadRequestError as error:
            return as_json({"error": error.reason}, error.status)
        except Refused as error:
            return refusal(error)
        except (PasskeyError, ImageError, SettingError) as error:
            return as_json(
                {"error": type(error).__name__, "reason": str(error.args[0]), "rule": str(error.args[-1])},
                HTTPStatus.UNPROCESSABLE_ENTITY,
            )

    def _route(self, request: Request) -> Route | None:
        method = "GET" if request.method == "HEAD" else request.method
        return self._table.get((method, request.path))

    def _refuse(self, request: Request, stage: Stage) -> Response:
        # duty: JP20-1 unknown paths and guarded paths look the same to a stranger
        if stage is Stage.ANYONE:
            if _is_api(request):
                return as_json({"error": "sign-in-required"}, HTTPStatus.UNAUTHORIZED)
            return see_other("/login")
        # duty: JP25-2a before the password is changed every path leads to its change, and an API call nowhere
        if stage is Stage.FIRST_USE:
            if _is_api(request):
                return as_json({"error": "password-change-required"}, HTTPStatus.FORBIDDEN)
            return see_other("/first-use")
        allowed = sorted(method for method, path in self._table if path == request.path)
        if allowed:
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(allowed)})
        return _error(request, HTTPStatus.NOT_FOUND, "not-found")

    def _host_is_ours(self, request: Request) -> bool:
        host = request.headers.get("host", "").lower()
        name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        return name in self.hosts


def refusal(error: Refused) -> Response:
    """Translate a refusal for an API caller."""
    status = {
        "wrong": HTTPStatus.UNAUTHORIZED,
        "wait": HTTPStatus.TOO_MANY_REQUESTS,
        "busy": HTTPStatus.SERVICE_UNAVAILABLE,
        "weak": HTTPStatus.UNPROCESSABLE_ENTITY,
        "unknown": HTTPStatus.NOT_FOUND,
    }.get(error.reason, HTTPStatus.CONFLICT)
    said: dict[str, object] = {"error": error.reason}
    if error.faults:
        said["faults"] = list(error.faults)
    headers = {"Retry-After": str(error.wait)} if error.wait else {}
    return as_json(said, status, headers=headers)


def _is_api(request: Request) -> bool:
    return request.path.startswith("/api/")


def _comes_from_elsewhere(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    return (
        origin is not None and origin.partition("://")[2].lower() != request.headers.get("host", "").lower()
    )


def _error(request: Request, status: HTTPStatus, reason: str) -> Response:
    return (
        as_json({"error": reason}, status) if _is_api(request) else Response(status, reason.encode() + b"\n")
    )
