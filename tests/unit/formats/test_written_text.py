"""What people write is kept without signs that reorder what is read or begin a line of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sekisho.formats.written_text import one_line, readable, several_lines
from sekisho.model.incident import Service
from sekisho.model.learning import Countermeasure
from sekisho.model.timeline import About, Details, Fact, What


@pytest.mark.parametrize(
    ("text", "line", "lines"),
    [
        ("鈴木;,\r\nX:1", "鈴木;, X:1", "鈴木;,\nX:1"),
        ("a\u202eb\u2066c", "a\ufffdb\ufffdc", "a\ufffdb\ufffdc"),
        ("a\x00b\x1b[2J", "a\ufffdb\ufffd[2J", "a\ufffdb\ufffd[2J"),
        ("a\u2028b\x85c\vd", "a b c d", "a\ufffdb\ufffdc\ufffdd"),
        ("a\tb\rc", "a b c", "a\tb\nc"),
    ],
)
def test_lines(text: str, line: str, lines: str) -> None:
    assert (one_line(text), several_lines(text)) == (line, lines)


def test_names_as_they_are_written_in_japan_stay() -> None:
    for name in ("髙橋", "葛\U000e0100城", "𠮷野家", "Ünï", "①〒〜", "佐藤\u3000一郎\xa0様"):
        assert one_line(name) == several_lines(name) == name


def test_a_noun_and_what_it_holds() -> None:
    due = date(2026, 12, 1)
    measure = readable(Countermeasure("M1", "A1", "一\r\n二\u202e", "鈴木\nX:1", due))
    assert (measure.text, measure.owner, measure.due) == ("一\n二\ufffd", "鈴木 X:1", due)
    about = About(
        title="件\u202e名", report=Details(operator="社\n名", cause="一\n二"), subscribers={Service.DATA: 3}
    )
    now = readable(about)
    assert (now.title, now.report.operator, now.report.cause) == ("件\ufffd名", "社 名", "一\n二")
    assert now.subscribers == about.subscribers
    fact = Fact(datetime(2026, 11, 21, tzinfo=UTC), What.DOWN, area="東京\x00")
    assert readable((fact,)) == (Fact(fact.time, What.DOWN, area="東京\ufffd"),)
    assert readable(About()) == About()
