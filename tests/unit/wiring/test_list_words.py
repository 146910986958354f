"""Each id that lists are told by has words in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sekisho
from sekisho.catalogues.popular_services import popular_services
from sekisho.exchange.lists import entries
from sekisho.wiring.list_words import LEFT_OUT, TRIES, left_out_words, try_words

EXCHANGE = Path(sekisho.__file__).parent / "exchange"


def written(pattern: str, *files: Path) -> set[str]:
    return {found for file in files for found in re.findall(pattern, file.read_text(encoding="utf-8"))}


def test_each_reason_why_an_entry_is_left_out_has_words() -> None:
    forms = sorted((EXCHANGE / "lists").glob("*.py"))
    ids = written(r'reject\((?:"\w+"|[^",\n]+), "([a-z-]+)"', *forms)
    ids |= written(r'(?:ValueError|_FaultError)\("([a-z-]+)"', *forms)
    ids |= written(r'else "([a-z]+(?:-[a-z]+)+)"\)', *forms)
    ids |= set(entries._SPECIAL.values()) | {"reserved", "too-short", "own-network"}
    ids |= {one.kind for one in popular_services()}
    assert {
        "bad-json",
        "not-for-detection",
        "several-at-once",
        "bad-uuid",
        "negation",
        "revoked",
        "missing-event",
    } <= ids
    assert ids - LEFT_OUT.keys() == set()


def test_each_reason_why_a_list_did_not_come_has_words() -> None:
    files = [
        EXCHANGE / name
        for name in ("bounded_http.py", "taxii_client.py", "taxii_discovery.py", "misp_client.py")
    ]
    ids = written(r'PeerFailure\(\s*"([a-z-]+)"', *files)
    assert {"timed-out", "no-feed", "too-large"} <= ids
    assert ids - TRIES.keys() == set()


def test_words_are_of_both_languages() -> None:
    for one in (*LEFT_OUT.values(), *TRIES.values()):
        assert one.en.isprintable()
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", one.ja), one


@pytest.mark.parametrize(
    ("reason", "en"), [("status-418", "the server answered HTTP 418"), ("of-a-stranger", "of-a-stranger")]
)
def test_what_has_no_words_stays_as_it_is(reason: str, en: str) -> None:
    assert try_words(reason).en == en


def test_reasons_are_counted() -> None:
    said = left_out_words({"private": 1200, "bad-port": 1})
    assert said.en == "private addresses × 1,200, unreadable ports × 1"
    assert said.ja == "私設アドレス × 1,200、ポートが読めない × 1"
