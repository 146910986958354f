"""The page of healing: every step leads to its cases, nothing hostile gets through, words say what was and wasn't seen."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import msgspec
import pytest
from selectolax.lexbor import LexborHTMLParser

from sekisho.language import Language
from sekisho.model.survival import Course, Curve, curve, log_rank
from sekisho.reports.healing import Healing, as_json, page, summary
from sekisho.reports.healing_plot import DASHES, MOST_CURVES, NARROW, WIDE, plot

NOW = 1_795_000_000_000
HOSTILE = '<script>alert(1)</script>"&\u202egnp'


def courses(group: str, days: list[int], healed: int) -> tuple[Course, ...]:
    return tuple(Course(f"C{group}{n}", day, n < healed) for n, day in enumerate(days))


def found(by: str = "family", **groups: tuple[Course, ...]) -> Healing:
    every = tuple(curve(name, some) for name, some in groups.items())
    compared = log_rank(every, 10) if len(every) > 1 else None
    return Healing(by, by == "channel", NOW, every, groups, compared, left_out=2)


LONG = courses("a", list(range(1, 41)), 30)
SHORT = courses("b", [1, 1, 2, 3, 90], 3)


@pytest.mark.parametrize("language", list(Language))
def test_every_step_leads_to_a_row_that_names_its_cases(language: Language) -> None:
    tree = LexborHTMLParser(page(found(mirai=LONG, mozi=SHORT), language))
    targets = {(one.attributes["href"] or "")[1:] for one in tree.css("svg.plot a")}
    rows = {one.attributes["id"]: one for one in tree.css("tr[id]")}
    assert targets
    assert targets <= set(rows)
    assert [one.text() for one in rows["s1-1"].css("code")] == ["Cb0", "Cb1"]
    assert {one for row in rows.values() for one in (c.text() for c in row.css("code"))} == {
        one.case for one in (*LONG, *SHORT) if one.healed
    }
    assert (tree.css_first("html").attributes["lang"]) == language.value
    assert not tree.css("script, link, img, iframe")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_drawing_is_well_formed_and_inside_its_frame(size) -> None:
    drawn = plot([curve(HOSTILE, LONG), curve("mozi", SHORT)], size, Language.EN, HOSTILE)
    tree = ET.fromstring(drawn)
    assert "script" not in {one.tag for one in tree.iter()}
    numbers = [
        (float(x), float(y))
        for one in tree.iter("path")
        for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", one.attrib["d"])
    ]
    assert numbers
    assert all(0 <= x <= size.width and 0 <= y <= size.height for x, y in numbers)
    dashes = [
        one.attrib.get("stroke-dasharray", "") for one in tree.iter("path") if "line" in one.attrib["class"]
    ]
    assert len(dashes) == len(set(dashes)) == 2
    levels = [float(one.attrib["cy"]) for one in tree.iter("circle") if one.attrib["class"] == "dot g0"]
    assert levels == sorted(levels)


def test_more_groups_than_patterns_stand_in_the_table_only() -> None:
    groups = {f"family{n}": courses(str(n), [1, 2, 3 + n], 2) for n in range(MOST_CURVES + 3)}
    tree = LexborHTMLParser(page(found(**groups), Language.JA))
    assert len(tree.css("svg.wide path.line")) == MOST_CURVES == len(DASHES) == len(set(DASHES))
    assert len(tree.css("table.groups tbody tr")) == MOST_CURVES + 3


def test_hostile_names_are_shown_and_do_nothing() -> None:
    text = page(found(**{HOSTILE: LONG, "": SHORT}), Language.EN)
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "(not known)" in text


def test_small_groups_and_undecided_tests_are_said() -> None:
    said = " ".join(summary(found("channel", letter=LONG, email=SHORT), Language.EN))
    assert "don't rely on this test" in said
    assert "not assigned at random" in said
    alike = " ".join(summary(found(one=LONG, two=LONG), Language.EN))
    assert "could be shown" in alike
    assert "that doesn't show that there is none" in alike
    none = " ".join(summary(found(one=courses("x", [3, 4], 0), two=SHORT), Language.JA))
    assert "未到達" in none
    assert "頼れない" in none


def test_nothing_to_count_is_said_and_draws_nothing() -> None:
    text = page(found(), Language.JA)
    assert "数えられる事案がまだない" in text
    assert "<svg" not in text


def test_json_holds_what_the_page_says() -> None:
    made = msgspec.json.decode(msgspec.json.encode(as_json(found(mirai=LONG, mozi=SHORT), Language.EN)))
    assert msgspec.convert(made["curves"][0], Curve) == curve("mirai", LONG)
    assert made["origin"] == "first-detection"
    assert made["left_out"] == 2
    assert len(made["courses"]["mozi"]) == 5
