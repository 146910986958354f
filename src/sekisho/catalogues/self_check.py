"""The lists of self-checks, as data."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache
from importlib.resources import files

import msgspec

from sekisho.model.self_check import CheckList


@cache
def check_lists() -> tuple[CheckList, ...]:
    """Return every list."""
    text = files("sekisho.catalogues").joinpath("self_check.toml").read_text(encoding="utf-8")
    plain = unicodedata.normalize("NFKC", text)  # as answers are, whoever types them
    return msgspec.convert(tomllib.loads(plain)["lists"], tuple[CheckList, ...])
