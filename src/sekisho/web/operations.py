"""What an operation of the API is, how its words are read, and its description in OpenAPI 3.1.

Query and body are msgspec structs: what doesn't fit is refused with the place of the fault, before the handler runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.responses import Response

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web.page import Route

if TYPE_CHECKING:
    from sekisho.web.asked import Asked

T = TypeVar("T")
_JSON = "application/json"
_EXACT = 2**53  # beyond it a float no longer holds every whole number
_PART = re.compile(r"\{(\w+)\}")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters, or an empty body."""


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, where, and what to do, in the reader's language."""

    error: str
    where: str
    todo: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    :ivar name: its ``operationId``
    :ivar query: what the address may ask, ``body`` what is sent; both with defaults where a field may be left out
    :ivar answer: what comes back
    :ivar handler: gets the request, the query and the body; None from it is "there is no such thing" (404)
    :ivar others: further statuses that it may answer with, and when
    :ivar opens: how many octets a body may have
    """

    method: str
    path: str
    name: str
    summary: Text
    permission: Permission
    handler: Callable[[Asked, Any, Any], Any]
    answer: Any
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] | None = None
    others: tuple[int, ...] = ()
    opens: int = 65_536

    def route(self) -> Route:
        """Return it as a route behind the same doors as the pages."""
        return Route(self.method, self.path, self._answer, self.permission, opens=self.opens)

    def _answer(self, asked: Asked) -> Response:
        query = _query(asked, self.query)
        body = _body(asked, self.body) if self.body else None
        told = self.handler(asked, query, body)
        if told is None:
            return asked.problem(
                404, Text(ja="そのようなものはない", en="there is no such thing"), where=asked.path
            )
        return Response(msgspec.json.encode(told), media_type=_JSON)


def standing(act: Callable[[], T]) -> T:
    """Do what was asked for in due form: what is wrong then is how things stand (409), no fault of the request.

    :raises ConflictError: what would be a `DescriptionError`
    """
    try:
        return act()
    except DescriptionError as error:
        raise ConflictError(error.what, error.where, error.todo) from error


def _query(asked: Asked, kind: type[msgspec.Struct]) -> Any:
    lists = {one.name for one in msgspec.structs.fields(kind) if _is_list(one.type)}
    pairs = asked.request.query_params.multi_items()
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).append(value)
        elif name in given:
            raise DescriptionError(Text(ja="同じ項目が二度ある", en="given twice"), name[:60])
        else:
            given[name] = value
    try:
        return msgspec.convert(given, kind, strict=False)
    except (msgspec.ValidationError, OverflowError) as error:
        raise DescriptionError(
            Text(ja="問い合わせの項目に誤りがある", en="the query is wrong"), str(error)
        ) from error


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in (tuple, list)


def _body(asked: Asked, kind: type[msgspec.Struct]) -> Any:
    sent = asked.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != _JSON:
        raise DescriptionError(
            Text(ja="本文は JSON で送る", en="send the body as JSON"), sent[:60] or "content-type"
        )
    try:
        return msgspec.convert(_whole(msgspec.json.decode(asked.body)), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DescriptionError(Text(ja="本文に誤りがある", en="the body is wrong"), str(error)) from error


def _whole(told: Any) -> Any:
    """Return what JSON told with 3.0 as 3: they are the same number to JSON Schema (2020-12, 6.1.1)."""
    if isinstance(told, float):
        return int(told) if told.is_integer() and abs(told) < _EXACT else told
    if isinstance(told, dict):
        return {name: _whole(value) for name, value in told.items()}
    return [_whole(one) for one in told] if isinstance(told, list) else told


def description(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of all operations; the schemas are those that decode and encode."""
    kinds: list[Any] = [Problem]
    for one in operations:
        kinds += [one.answer, one.query, *([one.body] if one.body else [])]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    known = dict(zip(map(id, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, known, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sekisho", "version": version,
            "description": "Times are milliseconds of the Unix epoch. Lines are pseudonyms (L and hexadecimal digits).",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "sk_…"}},
        },
    }  # fmt: skip


def _described(one: Operation, known: Mapping[int, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    refusal = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    statuses = {
        400: "the query, body or path is wrong",
        429: "too many requests",
        503: "the store refuses for now",
    }
    if one.permission is not Permission.OPEN:
        statuses |= {401: "a token is needed", 403: "not allowed"}
    if one.body:
        statuses[413] = "the body is too large"
    statuses |= {
        code: {404: "no such thing", 409: "somebody else was faster, or it doesn't go with how things stand"}[
            code
        ]
        for code in one.others
    }
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary.en,
        "description": one.summary.ja,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
              for name in _PART.findall(one.path)),
            *_parameters(known[id(one.query)], components),
        ],
        "responses": {
            "200": {"description": "OK", "content": {_JSON: {"schema": known[id(one.answer)]}}},
            **{str(code): {"description": words, **refusal} for code, words in sorted(statuses.items())},
        },
    }  # fmt: skip
    if one.permission is not Permission.OPEN:
        told["security"] = [{"token": []}]
    if one.body:
        told["requestBody"] = {"required": True, "content": {_JSON: {"schema": known[id(one.body)]}}}
    return told


def _parameters(schema: Mapping[str, Any], components: Mapping[str, Any]) -> list[dict[str, Any]]:
    struct = components[schema["$ref"].rpartition("/")[2]]
    required = set(struct.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": of}
        for name, of in struct["properties"].items()
    ]
