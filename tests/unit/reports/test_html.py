"""The HTML report: one file, nothing runs, nothing is loaded, everything reachable, both languages."""

import itertools
import json
import re

import msgspec
import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from fakes.documents import LABEL_CODE, TELNET, TERMINAL, document
from sekisho.language import Language
from sekisho.reports.html import RENDERER, embedded


def page(language=Language.JA, **changes):
    return RENDERER.render(document(language, **changes)).decode()


@pytest.fixture(params=list(Language), scope="module")
def made(request):
    text = page(request.param)
    return request.param, text, HTMLParser(text)


def test_one_file_that_loads_and_runs_nothing(made):
    _, text, tree = made
    scripts = tree.css("script")
    assert [one.attributes["type"] for one in scripts] == ["application/json"]
    assert not tree.css("link, img, iframe, object, embed, base, form, video, audio")
    for node in tree.css("*"):
        assert not [name for name in node.attributes if name.startswith("on") or name == "src"]
        assert (node.attributes.get("href") or "#").startswith("#")
    assert "default-src 'none'" in text
    css = tree.css_first("style").text()
    assert "url(" not in css
    assert "@import" not in css


def test_hostile_device_text_is_text(made):
    _, text, tree = made
    assert "<script>alert" not in text
    assert not tree.css("b")
    assert "alert(1)" in tree.body.text()
    assert not set(text) & set("\u202e\u2066\u200b\x1b\x07\x00")
    assert "\\u{202E}gnp" in tree.body.text()
    assert "{{7*7}}" in tree.body.text()


def test_hostile_description_is_text():
    hostile = "</title></style></script><img src=x onerror=alert(1)>\u202e"
    terminal = msgspec.structs.replace(TERMINAL, maker=hostile, model=hostile, kind=hostile)
    tree = HTMLParser(page(terminal=terminal, chain_head=hostile, provenance={"person": hostile}))
    assert not tree.css("img")
    assert len(tree.css("script")) == 1


def test_every_link_has_its_target_and_no_identifier_comes_twice(made):
    _, _, tree = made
    identifiers = [one.attributes["id"] for one in tree.css("[id]")]
    assert len(identifiers) == len(set(identifiers))
    targets = [one.attributes["href"][1:] for one in tree.css("a[href]")]
    assert len(targets) > 50
    assert set(targets) <= set(identifiers)


def test_structure_for_screen_readers(made):
    language, _, tree = made
    assert tree.css_first("html").attributes["lang"] == language.value
    assert len(tree.css("h1")) == 1
    assert len(tree.css("main")) == 1
    assert tree.css_first("nav").attributes["aria-label"]
    levels = [int(one.tag[1]) for one in tree.body.traverse() if re.fullmatch(r"h[1-6]", one.tag or "")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(one.attributes.get("scope") for one in tree.css("th"))
    assert not tree.css("i, em:not([class])")
    assert not [
        one for one in tree.css("section") if not {"aria-label", "aria-labelledby"} & set(one.attributes)
    ]


def test_japanese_words_of_the_english_page_are_marked_as_japanese():
    tree = HTMLParser(page(Language.EN))
    spans = [one.text() for one in tree.css("span[lang=ja]")]
    assert "認定" in spans
    for span in tree.css("span[lang=ja]"):
        span.decompose()
    for node in tree.css("script, style, title, meta"):
        node.decompose()
    assert not re.search(r"[\u3041-\u30ff\u4e00-\u9fff]", tree.body.text())


def test_verdicts_are_colour_icon_and_word(made):
    language, _, tree = made
    marks = tree.css(".mark:not(.absent)")
    assert len(marks) > 30
    for one in marks:
        assert one.css_first("svg")
        assert one.text(strip=True)
    shown = {one.attributes["class"].split()[1] for one in marks}
    assert shown == {"pass", "fail", "inconclusive", "not-applicable", "none"}
    assert ("未実施" if language is Language.JA else "Not run") in tree.css_first(".mark.none").text()


def _luminance(colour):
    if len(colour) == 4:
        colour = "#" + "".join(one * 2 for one in colour[1:])
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_every_theme_is_aa():
    css = HTMLParser(page()).css_first("style").text()
    themes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(themes) == 5
    for theme in themes:
        for name in ("pass", "fail", "inconclusive", "not-applicable", "none"):
            assert _contrast(theme[name], theme[f"{name}-soft"]) >= 4.5, (name, theme)
            assert _contrast(theme[name], theme["paper"]) >= 4.5, (name, theme)
        for name in ("ink", "faint", "accent"):
            for ground in ("paper", "ground"):
                assert _contrast(theme[name], theme[ground]) >= 4.5, (name, ground, theme)


def test_the_result_is_inside_and_can_be_read_back(made):
    _, text, tree = made
    inside = json.loads(tree.css_first("script").text())
    assert inside["schema"] == "sekisho-result/1"
    assert [one["id"] for one in inside["standards"]] == ["jp-2020", "jp-2025-report", "jc-star-1"]
    assert LABEL_CODE not in text


def test_embedded_json_cannot_end_its_element():
    text = str(embedded({"x": "</script><!--\u2028&"}))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"x": "</script><!--\u2028&"}


def test_what_the_law_asks_of_a_reader_is_there():
    text = HTMLParser(page()).body.text()
    for wanted in (
        "認定」ではない",
        "まだ法令ではない",
        "未記入",
        "tcp/9100",
        "sekisho verify",
        "T26-0042",
        TELNET,
        "管理 太郎",
        "電源遮断器",
    ):
        assert wanted in text


def test_same_document_same_bytes():
    assert page() == page()


def test_an_empty_document_is_still_a_report():
    whole = document()
    empty = msgspec.structs.replace(whole.assessment, judged=(), facts=(), attempts={})
    tree = HTMLParser(
        page(assessment=empty, evidence=(), transcripts={}, catalogues=(), previous=None, provenance={})
    )
    assert not tree.css("section .mark.pass")
    assert tree.css_first("h1")
