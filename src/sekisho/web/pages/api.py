"""The API's door: its operations, and what they are, in OpenAPI."""

from __future__ import annotations

from functools import cache

import msgspec
from starlette.responses import Response

from sekisho import __version__
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web.api import (
    accident_acts,
    accident_answers,
    accidents,
    case_acts,
    casework,
    duties,
    figures,
    judging,
    keeping,
    learning,
    reminding,
    running,
    sharing,
    watching,
)
from sekisho.web.asked import Asked
from sekisho.web.operations import description
from sekisho.web.page import Page, Route

OPERATIONS = (
    *figures.OPERATIONS,
    *accidents.OPERATIONS,
    *accident_acts.OPERATIONS,
    *accident_answers.OPERATIONS,
    *watching.OPERATIONS,
    *casework.OPERATIONS,
    *duties.OPERATIONS,
    *learning.OPERATIONS,
    *reminding.OPERATIONS,
    *case_acts.OPERATIONS,
    *keeping.OPERATIONS,
    *judging.OPERATIONS,
    *running.OPERATIONS,
    *sharing.OPERATIONS,
)


@cache
def _described() -> bytes:
    return msgspec.json.encode(description(OPERATIONS, __version__))


def _openapi(_asked: Asked) -> Response:
    return Response(_described(), media_type="application/json")


PAGE = Page(
    "api",
    Text(ja="API", en="API"),
    (
        Route("GET", "/api/v1/openapi.json", _openapi, Permission.OPEN),
        *(one.route() for one in OPERATIONS),
    ),
)
