"""The PDF report: archival, accessible, the same bytes, and nothing that a terminal says is markup."""

import io
import re
import zlib

import msgspec
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.documents import HOSTILE, LABEL_CODE, TERMINAL, document
from sekisho.errors import RenderError
from sekisho.language import Language
from sekisho.reports import pdf
from sekisho.reports.content.evidence import Bounds
from sekisho.reports.pdf import RENDERER, printable


def streams(data):
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            yield zlib.decompress(match.group(1))
        except zlib.error:
            yield match.group(1)


def words(data):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


@pytest.fixture(scope="module", params=list(Language))
def made(request):
    return request.param, RENDERER.render(document(request.param))


def test_it_is_pdf_a_3a_and_pdf_ua_1_with_title_language_and_the_result_attached(made):
    language, data = made
    assert data.startswith(b"%PDF-1.7")
    everything = data + b"".join(streams(data))
    assert b"<pdfaid:part>3</pdfaid:part>" in everything
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in everything
    assert b"<pdfuaid:part>1</pdfuaid:part>" in everything
    assert f"<dc:language><rdf:Bag><rdf:li>{language.value}".encode() in everything
    assert b"BBR-2000" in everything
    assert b'"schema":"sekisho-result/1"' in everything
    assert b"NotoSansCJKjp" in everything
    assert LABEL_CODE.encode() not in everything


def test_the_page_is_a4(made):
    _, data = made
    boxes = set(re.findall(rb"/MediaBox ?\[([^\]]*)\]", data + b"".join(streams(data))))
    assert {tuple(round(float(one)) for one in box.split()) for box in boxes} == {(0, 0, 595, 842)}


def test_same_document_same_bytes(made):
    language, data = made
    assert RENDERER.render(document(language)) == data
    later = RENDERER.render(document(language, made_at="2026-11-22T00:00:00+00:00"))
    assert later != data


def test_hostile_text_is_printed_as_text():
    markup = '#panic("x") #read("/etc/passwd") $ $ = head *b* _i_ `r` @ref <label> // c /* \\ " [ { #'
    terminal = msgspec.structs.replace(
        TERMINAL, maker=markup, model=HOSTILE[1], kind=HOSTILE[2], exclusions=()
    )
    data = RENDERER.render(
        document(Language.EN, terminal=terminal, chain_head=HOSTILE[0], provenance={"person": markup})
    )
    text = words(data)
    assert '#panic("x")' in text
    assert "root:x:0" not in text
    assert "\\u{202E}gnp.exe" in text


def test_what_a_reader_needs_is_on_the_pages(made):
    language, data = made
    text = words(data)
    wanted = {
        Language.JA: (
            "この報告書は「認定」ではない",
            "未記入",
            "判定不能",
            "まだ法令ではない",
            "T26-0042",
            "証拠の連鎖の先頭値",
        ),
        Language.EN: (
            "not a certification",
            "Not filled in",
            "Undecided",
            "not law yet",
            "T26-0042",
            "Evidence chain head",
        ),
    }
    for one in wanted[language]:
        assert one in text
    assert document().chain_head in text.replace("\n", "")


@given(st.text(max_size=60))
@settings(max_examples=20, deadline=None)
def test_any_text_can_be_printed(text):
    terminal = msgspec.structs.replace(TERMINAL, kind=text)
    whole = document(terminal=terminal, catalogues=(), evidence=(), transcripts={}, previous=None)
    assert RENDERER.render(whole).startswith(b"%PDF")


def test_evidence_beyond_the_bounds_is_no_error(monkeypatch):
    monkeypatch.setattr(
        pdf, "BOUNDS", Bounds(steps=1, lines=1, transcripts=1, transcript_bytes=10, chunk_bytes=5)
    )
    assert RENDERER.render(document()).startswith(b"%PDF")


def test_characters_without_a_glyph_are_spelled():
    assert printable("髙﨑①㈱ plain") == "髙﨑①㈱ plain"
    assert printable("\U0001f600⛩") == "\\u{1F600}\\u{26E9}"


def test_a_refusal_explains_itself(monkeypatch):
    monkeypatch.setattr(pdf, "printable", lambda text: text.replace("BBR", "\U0001f600"))
    with pytest.raises(RenderError) as caught:
        RENDERER.render(document())
    assert "PDF" in caught.value.explain(Language.JA)
