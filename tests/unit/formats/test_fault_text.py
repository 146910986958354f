"""Faults of settings files in words."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sekisho.formats.fault_text import fault_text
from sekisho.model.watching import Watching


@pytest.mark.parametrize(
    ("text", "ja", "en"),
    [
        ("colour = 1", "知らない項目「colour」", "unknown name 'colour'"),
        ("[containment]\ncolour = 1", "知らない項目「colour」（containment）", "unknown name 'colour' (containment)"),
        ('[people]\na = "king"', "「king」という値は取れない（people[...]）", "'king' is not a possible value (people[...])"),
        ('shards = "x"', "int のはずが str になっている（shards）", "expected int, got str (shards)"),
    ],
)  # fmt: skip
def test_what_msgspec_says(text: str, ja: str, en: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(tomllib.loads(text), Watching)
    said = fault_text(caught.value)
    assert (said.ja, said.en) == (ja, en)


def _broken(act: Callable[[], Any]) -> Exception:
    try:
        act()
    except ValueError as error:
        return error
    raise AssertionError("nothing was wrong")


def test_other_faults() -> None:
    assert fault_text(_broken(lambda: tomllib.loads("a = 1\nb = = 2"))).ja.startswith(
        "TOMLの書き方が違う：2 行目 5 字目"
    )
    assert fault_text(_broken(b"\x82\xa0".decode)).ja.startswith("UTF-8でない")
    said = fault_text(ValueError("something { else }"))
    assert (said.ja, said.en) == ("誤り：something { else }", "something { else }")
