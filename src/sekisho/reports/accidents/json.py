"""A draft for programs."""

from __future__ import annotations

import msgspec

from sekisho.model.draft import Draft


def json(draft: Draft) -> bytes:
    """Return the whole draft as one JSON document."""
    plain = msgspec.json.encode(draft, order="sorted")
    return msgspec.json.format(plain, indent=2) + b"\n"
