"""Words for what was rejected, and where it stood."""

from __future__ import annotations

import pytest

from sekisho.cli import reason_words
from sekisho.cli.reason_words import place_word, rejected_word


def test_places_are_told_in_the_language_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reason_words, "_PLACES", {"block ": "ブロック ", "octet ": "オクテット "})
    assert place_word("block 0, octet 40") == "ブロック 0, オクテット 40"


@pytest.mark.parametrize("reason", ["block-torn", "packetDeltaCount", "record-length", "no-time-zone"])
def test_reasons_have_words(reason: str) -> None:
    assert rejected_word(reason) != reason
