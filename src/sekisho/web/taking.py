"""Taking the body of a request: never from strangers more than a form of theirs needs, and never for longer than due."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sekisho.language import Text
from sekisho.web.asked import Asked

_TOO_LARGE = Text(ja="送られた内容が大きすぎる", en="what was sent is too large")
_TOO_SLOW = Text(ja="送られるのが遅すぎる", en="what was sent came too slowly")
_AGAIN = Text(ja="もう一度送る。写真は小さくする", en="send it again, with smaller photos")
_LONGEST_LENGTH = 15
# A phone with one bar still sends 64 KiB a second; who sends a form octet by octet only holds a place.
_GRACE_S, _OCTETS_PER_S = 20.0, 65_536
# So long a refused browser may go on sending: it reads no answer before it is through, or is cut.
_SPILL_S = 5.0


def seconds(octets: int) -> float:
    """Return how long a body of so many octets may take: a grace, and a least speed beyond it."""
    return _GRACE_S + octets / _OCTETS_PER_S


async def take(asked: Asked, limit: int) -> Response | None:
    """Take what was sent into ``asked``; return a refusal when it is too large, too slow, or doesn't say its length."""
    request = asked.request
    length = request.headers.get("content-length", "0")
    plain = length.isascii() and length.isdecimal() and len(length) <= _LONGEST_LENGTH
    if "transfer-encoding" in request.headers or not plain or int(length) > limit:
        return await spilled(asked, asked.problem(413, _TOO_LARGE))
    try:
        async with asyncio.timeout(seconds(int(length))):
            await _read(asked, limit)
    except TimeoutError:
        return _closing(asked.problem(408, _TOO_SLOW, _AGAIN))
    return None


async def spilled(asked: Asked, answer: Response) -> Response:
    """Return a refusal, after what is sent with the request was thrown away piece by piece.

    Who is still sending then loses the connection.
    """
    request = asked.request
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return answer
    with suppress(TimeoutError, ClientDisconnect, HTTPException):
        async with asyncio.timeout(_SPILL_S):
            async for _ in request.stream():
                pass
            return answer
    return _closing(answer)


def _closing(answer: Response) -> Response:
    answer.headers["connection"] = "close"
    return answer


async def _read(asked: Asked, limit: int) -> None:
    if asked.path.startswith("/api/"):
        asked.body = await asked.request.body()
        return
    async with asked.request.form(max_files=8, max_fields=200, max_part_size=limit) as form:
        sent = form.multi_items()
        asked.form = {name: value for name, value in sent if isinstance(value, str)}
        files = [(name, one) for name, one in sent if not isinstance(one, str)]
        asked.files = tuple([(name, one.filename or "", await one.read()) for name, one in files])
