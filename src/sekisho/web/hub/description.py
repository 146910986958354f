"""The hub's interface described in OpenAPI 3.1: TAXII 2.1, the feeds, a member's own, and what makers and carriers send.

Served to members at ``/openapi.json``. What a member may not do is answered with 403 or 404 whoever asks.
"""

from __future__ import annotations

from typing import Any

from sekisho import __version__
from sekisho.exchange.feeds import FORMS

_TAXII = "application/taxii+json;version=2.1"
_JSON = "application/json"
_ERRORS = {
    400: "the request can't be understood", 401: "no token", 403: "not allowed", 404: "not there, or not for you",
    405: "not done here", 406: "no answer in that form", 408: "too slow", 409: "contradicts what was sent before",
    413: "too large", 415: "not taken in this form", 422: "readable, but nothing that can be taken", 429: "too many requests",
    503: "not now",
}  # fmt: skip
_MALFORMED = 400
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_MOMENT = {"type": "string", "format": "date-time"}
_FILTERS = (
    "added_after",
    "limit",
    "next",
    "match[id]",
    "match[type]",
    "match[version]",
    "match[spec_version]",
)
_OBJECT = {
    "type": "object", "required": ["type", "id"],
    "properties": {"type": _TEXT, "id": _TEXT, "spec_version": {"const": "2.1"}, "created": _MOMENT, "modified": _MOMENT},
}  # fmt: skip


def _named(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of an object with some properties that are always there, and some that may be."""
    return {"type": "object", "required": list(required), "properties": required | more}


def _rows(name: str, schema: Any, *, always: bool = False) -> dict[str, Any]:
    rows = {name: {"type": "array", "items": schema}}
    return _named(rows) if always else _named({}, **rows)


_COLLECTION = _named(
    {"id": _TEXT, "title": _TEXT, "can_read": {"type": "boolean"}, "can_write": {"type": "boolean"}},
    description=_TEXT, alias=_TEXT, media_types={"type": "array", "items": _TEXT},
)  # fmt: skip
_STATUS = _named(
    {"id": _TEXT, "status": {"enum": ["complete", "pending"]}, "total_count": _NUMBER, "success_count": _NUMBER,
     "failure_count": _NUMBER, "pending_count": _NUMBER},
)  # fmt: skip
_ENVELOPE = _named(
    {}, more={"type": "boolean"}, next=_TEXT, objects={"type": "array", "items": {"type": "object"}}
)
_MANIFEST = _named({}, more={"type": "boolean"}, next=_TEXT, objects={"type": "array", "items": _named(
    {"id": _TEXT, "date_added": _MOMENT, "version": _TEXT})})  # fmt: skip
_VERSIONS = _named({}, more={"type": "boolean"}, next=_TEXT, versions={"type": "array", "items": _TEXT})
_SEEN = {**_named(
    {"vendor": _TEXT, "model": _TEXT, "finding": _TEXT, "devices": {"type": "integer", "minimum": 1}},
    firmware=_TEXT, ports={"type": "array", "items": _TEXT}, cves={"type": "array", "items": _TEXT},
), "additionalProperties": False}  # fmt: skip
_TALLY = {**_named(
    {"indicator": _TEXT, "day": {"type": "string", "format": "date"}, "lines": {"type": "integer", "minimum": 1}},
), "additionalProperties": False}  # fmt: skip
_ROOT = "/sharing/collections/{collection}"


def described() -> dict[str, Any]:
    """Return the description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sekisho hub", "version": __version__},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _named({"title": _TEXT, "description": _TEXT, "http_status": _TEXT})},
        },
        "security": [{"token": []}],
        "paths": _taxii() | _own() | _makers() | _feeds(),
    }


def _taxii() -> dict[str, Any]:
    filters = tuple(_query(name) for name in _FILTERS)
    page = tuple(
        _query(name) for name in ("added_after", "limit", "next", "match[version]", "match[spec_version]")
    )
    history = tuple(_query(name) for name in ("added_after", "limit", "next", "match[spec_version]"))
    sent = {"required": True, "content": {_TAXII: {"schema": _rows("objects", _OBJECT, always=True)}}}
    return {
        "/taxii2/": {"get": _asked(_named({"title": _TEXT}))},
        "/sharing/": {"get": _asked(_named({"title": _TEXT, "versions": {"type": "array"}, "max_content_length": _NUMBER}))},
        "/sharing/collections/": {"get": _asked(_rows("collections", _COLLECTION))},
        f"{_ROOT}/": {"get": _asked(_COLLECTION, _path("collection"))},
        f"{_ROOT}/manifest/": {"get": _asked(_MANIFEST, _path("collection"), *filters)},
        f"{_ROOT}/objects/": {
            "get": _asked(_ENVELOPE, _path("collection"), *filters),
            "post": _asked(_STATUS, _path("collection"), good=202) | {"requestBody": sent},
        },
        f"{_ROOT}/objects/{{object}}/": {
            "get": _asked(_ENVELOPE, _path("collection"), _path("object"), *page),
            "delete": _asked({}, _path("collection"), _path("object"), *(_query(name) for name in _FILTERS[-2:])),
        },
        f"{_ROOT}/objects/{{object}}/versions/": {
            "get": _asked(_VERSIONS, _path("collection"), _path("object"), *history)
        },
        "/sharing/status/{status}/": {"get": _asked(_STATUS, _path("status"))},
    }  # fmt: skip


def _own() -> dict[str, Any]:
    after = _query("after")
    grant = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": _named(
        {"grant_type": {"const": "client_credentials"}})}}}  # fmt: skip
    tallies = {"required": True, "content": {_JSON: {"schema": {
        **_rows("counts", _TALLY, always=True), "additionalProperties": False}}}}  # fmt: skip
    figures = _named(
        {
            "mine": {"type": "array"},
            "seen": {"type": "array"},
            "least_members": _NUMBER,
            "least_lines": _NUMBER,
        }
    )
    return {
        "/counts/": {
            "get": _plain(figures),
            "post": _plain(_named({"taken": _NUMBER, "unknown": _NUMBER})) | {"requestBody": tallies},
        },
        "/me/reports.json": {"get": _plain(_rows("reports", {"type": "object"}, always=True), after)},
        "/me/ledger.json": {"get": _plain(_rows("ledger", {"type": "object"}, always=True), after)},
        "/me/counts.json": {"get": _plain(_named({"families": {"type": "object"}}))},
        "/me/models.json": {"get": _plain({"type": "object"})},
        "/me/findings.json": {"get": _plain(_rows("findings", {"type": "object"}, always=True))},
        "/oauth2/token": {"post": _plain({"type": "object"}) | {"requestBody": grant}},
    }


def _makers() -> dict[str, Any]:
    reports = {"required": True, "content": {_JSON: {"schema": {
        **_rows("reports", _SEEN, always=True), "additionalProperties": False}}}}  # fmt: skip
    csaf = {"required": True, "content": {_JSON: {"schema": _named({"document": {"type": "object"}})}}}
    listed = tuple(_query(name) for name in ("vendor", "model", "all"))
    return {
        "/models/": {"post": _plain(_named({"taken": _NUMBER})) | {"requestBody": reports}},
        "/advisories/": {
            "get": _plain(_rows("advisories", {"type": "object"}, always=True), *listed),
            "post": _plain(_named({"advisory": {"type": "object"}})) | {"requestBody": csaf},
        },
        "/advisories/{advisory}.json": {
            "get": _plain(_named({"document": {"type": "object"}}), _path("advisory"))
        },
    }


def _feeds() -> dict[str, Any]:
    names = [f"{grade}.{form}" for grade in ("watch", "block") for form in FORMS]
    media = sorted({one.media.partition(";")[0] for one in FORMS.values()})
    good = {"description": "the list", "content": {name: {} for name in media}}
    feed = {"security": [{"token": []}], "parameters": [{**_path("feed"), "schema": {"enum": names}}],
            "responses": {"200": good, "304": {"description": "unchanged"}} | _errors()}  # fmt: skip
    return {
        "/feed/{feed}": {"get": feed},
        "/feed/misp/manifest.json": {"get": _plain({"type": "object"})},
    }


def _asked(schema: dict[str, Any], *parameters: dict[str, Any], good: int = 200) -> dict[str, Any]:
    """Return an operation of TAXII."""
    content = {"content": {_TAXII: {"schema": schema}}} if schema else {}
    told = {str(good): {"description": "as TAXII 2.1 says", **content}}
    return {"parameters": list(parameters), "responses": told | _errors()}


def _plain(schema: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    told = {"200": {"description": "done", "content": {_JSON: {"schema": schema}}}}
    return {"parameters": list(parameters), "responses": told | _errors()}


def _errors() -> dict[str, Any]:
    message = {
        _TAXII: {"schema": {"$ref": "#/components/schemas/Error"}},
        _JSON: {"schema": {"type": "object"}},
    }
    # What isn't even HTTP is refused before the hub sees it.
    bare: dict[str, Any] = {"text/plain": {}}
    return {
        str(status): {"description": said, "content": message | (bare if status == _MALFORMED else {})}
        for status, said in _ERRORS.items()
    }


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[^/]+$"}}


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}
