"""Finding the notice in text, HTML and PDF; broken files give nothing rather than an error."""

from __future__ import annotations

import pytest
import typst

from sekisho.formats.manual import find_passage, read_pages
from sekisho.probes.document_check.questions import WORDS

NOTICE = "本製品は電気通信事業者の回線（移動通信、固定通信、公衆無線ＬＡＮを含む）に直接接続できません。ルーターを介して接続してください。"
GROUPS = WORDS["manual-notice"]


def test_plain_text_in_each_encoding():
    for encoding in ("utf-8", "utf-8-sig", "cp932", "euc_jp"):
        found = find_passage(read_pages(("はじめに\n" * 50 + NOTICE).encode(encoding)), GROUPS)
        assert found is not None
        assert "ルーター" in found.words
        assert "直接接続" in found.text


def test_html_without_its_scripts():
    page = f"<html><head><script>直接接続 ルーター 公衆無線LAN</script></head><body><p>{NOTICE[:30]}<br>{NOTICE[30:]}</p></body></html>"
    assert find_passage(read_pages(page.encode()), GROUPS) is not None
    bare = "<html><body><script>直接接続できません ルーター 公衆無線LAN</script><p>説明</p></body></html>"
    assert find_passage(read_pages(bare.encode()), GROUPS) is None


def test_pdf_names_the_page():
    source = (
        "= Manual\n#pagebreak()\nThis device cannot be connected directly to carriers' lines; use a router."
    )
    content = typst.compile(source.encode(), format="pdf")
    found = find_passage(read_pages(content, "manual.pdf"), GROUPS)
    assert found is not None
    assert found.page == 2
    assert "connected directly" in found.text


def test_words_far_apart_are_no_passage():
    text = "ルーター" + "あ" * 1000 + "直接接続"
    assert find_passage(read_pages(text.encode()), GROUPS) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7\n",
        b"%PDF-1.4\n" + b"\x00\xff" * 5000,
        b"%PDF-1.7\ntrailer<</Root 1 0 R>>startxref\n9\n%%EOF",
    ],
)
def test_broken_files(content):
    assert find_passage(read_pages(content), GROUPS) is None


def test_a_huge_file_of_one_word_is_quick():
    assert find_passage(read_pages(b"router " * 400_000), GROUPS) is None
