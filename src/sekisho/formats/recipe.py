"""The small grammar of recipes: placeholders, JSON pointers (RFC 6901), patterns, and request bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MOST_TEXT = 1 << 20
MOST_VALUE = 64 * 1024
_PLACE = re.compile(r"\{([A-Za-z_][\w.-]*)\}")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_BOUNDARY = "----sekisho-7f9c2b41d06e"
_MISSING = object()


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request's content: ``query`` to append to the path, ``kind`` the Content-Type, the bytes."""

    query: str = ""
    kind: str = ""
    content: bytes = b""


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file to upload where a field says ``{file}``."""

    name: str
    content: bytes


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] | None = None) -> str:
    """Put ``values`` into the ``{name}`` places of ``text``, once; unknown names stay as they are."""

    def put(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            return match[0]
        return escape(value) if escape else value

    return _PLACE.sub(put, text)


def quote(text: str, *, safe: str = "", plus: bool = False) -> str:
    """Percent-encode ``text`` as UTF-8 (RFC 3986); ``plus`` writes a space as ``+`` (forms)."""
    kept = _UNRESERVED | frozenset(safe.encode())
    coded = "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
    return coded.replace("%20", "+") if plus else coded


def form_encode(fields: Mapping[str, str]) -> str:
    """Encode ``fields`` as application/x-www-form-urlencoded (HTML standard)."""
    return "&".join(f"{quote(name, plus=True)}={quote(value, plus=True)}" for name, value in fields.items())


def point(document: Any, pointer: str) -> Any:
    """Return what the JSON pointer shows, or None (RFC 6901; ``""`` is the whole document)."""
    here: Any = document
    for raw in pointer.split("/")[1:] if pointer else ():
        key = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict):
            here = here.get(key, _MISSING)
        elif isinstance(here, list) and re.fullmatch(r"0|[1-9]\d{0,6}", key) and int(key) < len(here):
            here = here[int(key)]
        else:
            return None
        if here is _MISSING:
            return None
    return here


def extract(text: str, pointer: str, pattern: str) -> str | None:
    """Read a value out of an answer: by JSON pointer, else by pattern, else all of it; None if not there."""
    if pointer:
        try:
            found = point(json.loads(text[:MOST_TEXT]), pointer)
        except (ValueError, RecursionError):
            return None
        if found is None:
            return None
        return (found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))[:MOST_VALUE]
    if pattern:
        match = re.search(pattern, text[:MOST_TEXT], re.DOTALL)
        if match is None:
            return None
        return ((match[1] or "") if match.re.groups else match[0])[:MOST_VALUE]
    return text[:MOST_VALUE]


def read_json(text: str) -> Any:
    """Return the JSON document in ``text``, or None when it is none."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text[:MOST_TEXT])
    except (ValueError, RecursionError):
        return None


def encode(
    encoding: str,
    fields: Mapping[str, str],
    values: Mapping[str, str],
    hidden: Mapping[str, str] | None = None,
    file: File | None = None,
) -> Body:
    """Build a request's content of ``fields`` (their places filled) and the page's ``hidden`` inputs.

    ``encoding``: form, query, json (a field name starting with ``/`` is a JSON pointer into nested
    objects), multipart, raw (the field ``body`` or the file; a JSON body has its values escaped).
    """
    if encoding == "raw":
        return _raw(fields, values, file)
    merged = {**(hidden or {}), **{name: fill(value, values) for name, value in fields.items()}}
    if encoding == "query":
        return Body(query=form_encode(merged))
    if encoding == "json":
        return Body("", "application/json", json.dumps(_nested(merged), ensure_ascii=False).encode())
    if encoding == "multipart":
        return Body("", f"multipart/form-data; boundary={_BOUNDARY}", _multipart(merged, file))
    return Body("", "application/x-www-form-urlencoded", form_encode(merged).encode("ascii"))


def _raw(fields: Mapping[str, str], values: Mapping[str, str], file: File | None) -> Body:
    text = fields.get("body", "{file}")
    if file is not None and text.strip() == "{file}":
        return Body("", fields.get("type", "application/octet-stream"), file.content)
    is_json = text.lstrip()[:1] in {"{", "["} and '"' in text
    escape = (lambda value: json.dumps(value, ensure_ascii=False)[1:-1]) if is_json else None
    kind = fields.get("type", "application/json" if is_json else "text/plain; charset=utf-8")
    return Body("", kind, fill(text, values, escape).encode())


def _nested(fields: Mapping[str, str]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for name, value in fields.items():
        here = whole
        keys = name.split("/")[1:] if name.startswith("/") else [name]
        for key in keys[:-1]:
            inner = here.setdefault(key, {})
            if not isinstance(inner, dict):
                inner = here[key] = {}
            here = inner
        here[keys[-1]] = value
    return whole


def _multipart(fields: Mapping[str, str], file: File | None) -> bytes:
    parts = bytearray()
    for name, value in fields.items():
        shown = name.replace('"', "%22")
        parts += f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{shown}"'.encode()
        if file is not None and value.strip() == "{file}":
            title = file.name.replace('"', "%22")
            parts += f'; filename="{title}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
            parts += file.content + b"\r\n"
        else:
            parts += b"\r\n\r\n" + value.encode() + b"\r\n"
    return bytes(parts) + f"--{_BOUNDARY}--\r\n".encode()
