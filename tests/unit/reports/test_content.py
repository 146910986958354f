"""What a report says: words complete, hostile text spelled out, codes out, absence never a pass."""

import string
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.documents import (
    HOSTILE,
    JUDGED,
    LABEL_CODE,
    LONG,
    PREVIOUS,
    TELNET,
    TERMINAL,
    TRANSCRIPTS,
    document,
)
from sekisho.language import Language, Text
from sekisho.model.assessment import TestRecord
from sekisho.model.verdict import Verdict
from sekisho.reports.content import figures, notices, records, words
from sekisho.reports.content.composition import compose, harmless
from sekisho.reports.content.drawings import PAPER, SCREEN, icon
from sekisho.reports.content.evidence import Bounds
from sekisho.reports.content.parts import MARKS
from sekisho.reports.content.redaction import Redaction
from sekisho.reports.content.shown import day, flat, moment, number, readable, scalar, slug, visible
from sekisho.reports.content.verdicts import say


def report(language=Language.JA, bounds=None, **changes):
    return compose(document(language, **changes), bounds or Bounds(), SCREEN)


def with_judged(*judged):
    whole = document()
    return msgspec.structs.replace(whole.assessment, judged=judged)


def notice(made, identifier):
    return next((one for one in made.notices if one.id == identifier), None)


@given(st.text())
def test_visible_text_hides_nothing_and_moves_nothing(text):
    shown = visible(text)
    import unicodedata

    assert not [
        one
        for one in shown
        if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn"} and one not in "\n\t"
    ]
    assert visible(shown) == shown


def test_each_sign_alone_is_shown_by_its_category():
    import unicodedata

    every = [chr(point) for point in range(0x10000)]
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    kept = {one for one in every if unicodedata.category(one) not in hidden or one in "\n\t"}
    assert {one for one in every if visible(one) == one} == kept
    marks = {one for one in kept if unicodedata.category(one) in {"Mn", "Me"}}
    assert {one for one in kept if visible(one * 5) != one * 5} == marks


def test_bidi_override_zero_width_and_escape_are_spelled():
    assert visible("\u202egnp\u200b\x1b[0m") == "\\u{202E}gnp\\u{200B}\\x1b[0m"
    assert visible("髙﨑 ①㈱ é") == "髙﨑 ①㈱ é"


def test_a_pile_of_combining_marks_is_cut_down():
    assert visible("Z" + "\u0310" * 40).count("\u0310") == 4


@given(st.binary(max_size=400))
def test_any_bytes_become_printable_lines(data):
    for line in readable(data):
        assert "\n" not in line
        assert visible(line) == line


def test_bytes_as_text_hex_and_japanese():
    assert readable(b"login: root\r\n") == ("login: root\\r\\n",)
    assert readable("関所\r\nlogin: ".encode()) == ("関所\\r\\n", "login: ")
    assert readable(b"a\\nb") == ("a\\\\nb",)
    assert readable(bytes(range(16)))[0].startswith("0000  00 01 02 03")
    assert readable(b"\xff\xfd\x01plain words here") == ("\\xff\\xfd\\x01plain words here",)


def test_numbers_times_and_days():
    assert [number(one) for one in (1234567.0, 0.25, 3.14159, 6.2e-5, float("nan"))] == [
        "1,234,567",
        "0.25",
        "3.142",
        "6.2e-05",
        "nan",
    ]
    assert scalar(2323) == "2323"
    assert moment("2026-11-21T04:05:06+00:00") == "2026-11-21 13:05:06 JST"
    assert moment("yesterday") == "yesterday"
    assert day("2026-11-21", japanese=True) == "2026-11-21（令和8年11月21日）"
    assert day("2019-05-01", japanese=True) == "2019-05-01（令和元年5月1日）"
    assert day("2018-01-01", japanese=True) == "2018-01-01"
    assert day("2026-11-21", japanese=False) == "2026-11-21"


def test_nested_data_is_flattened_without_loss():
    assert list(flat({"a": [1, 2], "b": {"c": None, "d": [{"e": True}]}, "f": []})) == [
        ("a", "1, 2"),
        ("b.c", "—"),
        ("b.d[0].e", "true"),
        ("f", "[]"),
    ]


def test_every_label_speaks_both_languages():
    tables = [
        words.WORDS,
        words.STATUS,
        words.CONFIDENCE,
        words.OBLIGATION,
        words.ASSURANCE,
        words.ATTEMPT,
        words.ROLE,
    ]
    texts = [text for table in tables for text in table.values()]
    texts += [
        one
        for module in (figures, notices, records)
        for one in vars(module).values()
        if isinstance(one, Text)
    ]
    assert len(texts) > 100
    for text in texts:
        assert text.ja.strip()
        assert text.en.strip()
        fields = [
            sorted(name for _, name, _, _ in string.Formatter().parse(one) if name)
            for one in (text.ja, text.en)
        ]
        assert fields[0] == fields[1]


def test_codes_of_the_terminal_never_reach_a_string():
    redact = Redaction(TERMINAL)
    import base64

    basic = base64.b64encode(f"admin:{LABEL_CODE}".encode()).decode()
    text = redact(f"password={LABEL_CODE}& Authorization: Basic {basic} other-code-9!")
    assert LABEL_CODE not in text
    assert basic not in text
    assert "other-code-9" not in text
    assert "‹code web preset›" in text
    assert redact("the admin page") == "the admin page"


def test_a_short_code_is_replaced_only_where_it_is_handed_over():
    login = msgspec.structs.replace(
        TERMINAL.logins[0], preset=msgspec.structs.replace(TERMINAL.logins[0].preset, password="admin")
    )
    redact = Redaction(msgspec.structs.replace(TERMINAL, logins=(login,)))
    assert (
        redact("user=admin2&password=admin&x=1 admin page")
        == "user=admin2&password=‹code web preset›&x=1 admin page"
    )


@pytest.mark.parametrize("language", list(Language))
def test_nothing_of_the_report_holds_a_code_or_a_hidden_character(language):
    whole = document(language)
    text = msgspec.json.encode(harmless(compose(whole, Bounds(), PAPER), whole)).decode()
    assert LABEL_CODE not in text
    assert not set(text) & set("\u202e\u2066\u200b\x1b\x07\x00")


def test_counts_and_marks_of_each_catalogue():
    made = report()
    assert [(one.id, one.mark.id) for one in made.sections] == [
        ("jp-2020", "fail"),
        ("jp-2025-report", "fail"),
        ("jc-star-1", "inconclusive"),
    ]
    assert {one.mark.id: one.count for one in made.sections[2].tallies} == {
        "fail": 0,
        "inconclusive": 1,
        "none": 2,
        "not-applicable": 1,
        "pass": 1,
    }
    assert made.sections[0].scope[0].mark.id == "pass"


def test_a_catalogue_with_something_not_run_is_never_headed_by_pass():
    judged = tuple(one for one in JUDGED if one.verdict is Verdict.PASS)
    made = report(assessment=with_judged(*judged))
    assert made.sections[0].mark.id == "none"
    assert made.sections[0].headline
    assert [one.mark.id for one in report(assessment=with_judged()).sections] == ["none"] * 3


def test_a_whole_pass_is_a_pass():
    judged = tuple(
        msgspec.structs.replace(one, verdict=Verdict.PASS) for one in JUDGED if one.catalogue == "jp-2020"
    )
    section = report(assessment=with_judged(*judged)).sections[0]
    assert (section.mark.id, section.headline) == ("pass", "")


def test_what_is_missing_is_said_loudly():
    made = report()
    assert {one.id: one.level for one in made.notices} == {
        "not-certificate": "note",
        "proposed": "caution",
        "not-run": "alarm",
        "switched-off": "alarm",
        "attempts": "alarm",
        "exclusions": "alarm",
        "unverified": "caution",
        "claims": "caution",
        "record": "caution",
    }
    assert [one.label for one in notice(made, "not-run").lines] == [
        "jp-2025-report JP25-3c",
        "jc-star-1 S1.1-07",
        "jc-star-1 S1.1-15",
    ]
    assert [one.label for one in notice(made, "switched-off").lines] == ["jc-star-1 S1.1-15"]
    assert "印刷" in notice(made, "exclusions").lines[0].text
    assert len(notice(made, "attempts").lines) == 4
    assert any("JISEC-C0000" in one.text for one in notice(made, "claims").lines)


def test_a_record_without_fields_shows_each_as_not_filled_in():
    bare = msgspec.structs.replace(document().assessment, record=TestRecord())
    made = report(Language.EN, assessment=bare, authorisation={})
    assert sum(one.missing for one in made.record) == 6
    assert all(one.text == "Not filled in" for one in made.record if one.missing)
    assert all(one.missing for one in made.authorisation)
    assert made.head[0].missing
    assert len(notice(made, "record").lines) == 6


def test_many_unjudged_requirements_are_folded_by_catalogue():
    whole = document()
    big = msgspec.structs.replace(
        whole.catalogues[2],
        requirements=tuple(
            msgspec.structs.replace(whole.catalogues[2].requirements[2], id=f"X-{n}") for n in range(60)
        ),
    )
    lines = notice(report(catalogues=(big,)), "not-run").lines
    assert len(lines) == 1
    assert "X-59" in lines[0].text


def test_sentences_come_from_the_criterion_and_survive_odd_arguments():
    @dataclass
    class Odd:
        reasons: dict

    odd = Odd({"r": Text(ja="{x:.1f}秒", en="{x:.1f} s"), "s": Text(ja="{missing}", en="{missing}")})
    assert say(odd, "r", {"x": 2.25}, Language.EN) == "2.2 s"
    assert say(odd, "r", {"x": "slow"}, Language.EN) == "reason r (x=slow)"
    assert say(odd, "s", {"x": 1}, Language.JA) == "{missing}"
    assert say(None, "gone", {"x": 1}, Language.EN) == "reason gone (x=1)"


def test_every_finding_leads_to_a_step_and_every_step_to_its_transcript():
    made = report()
    steps = {step.anchor: step for probe in made.probes for step in probe.steps}
    transcripts = {one.anchor: one for one in made.transcripts}
    links = [
        link
        for section in made.sections
        for one in section.requirements
        for finding in one.findings
        for link in finding.links
    ]
    assert len(links) == 4
    for link in links:
        assert link.anchor in steps
    followed = [link.anchor for step in steps.values() for link in step.links]
    assert followed
    assert set(followed) <= set(transcripts)
    assert transcripts[f"t-{TELNET}"].id == TELNET


def test_a_pointer_without_evidence_stays_visible_but_links_nowhere():
    made = report(evidence=())
    finding = made.sections[0].requirements[0].findings[0]
    assert finding.links[0].label == "web_login / sign-in/preset"
    assert finding.links[0].anchor == ""


def test_long_transcripts_are_cut_with_a_note_and_their_digest():
    made = report(bounds=Bounds(transcript_bytes=500, chunk_bytes=100))
    long = next(one for one in made.transcripts if one.id == LONG)
    size = sum(len(chunk.data) for chunk in TRANSCRIPTS[LONG].chunks)
    assert f"{size - 500:,}" in long.note
    assert LONG in long.note
    assert "1,048,576" in long.note
    assert sum(len(one.text) for one in long.said) < 1_000


def test_transcripts_beyond_the_room_are_listed_but_not_printed():
    made = report(bounds=Bounds(transcripts=1))
    assert len(made.transcripts) == len(TRANSCRIPTS)
    assert sum(bool(one.said) for one in made.transcripts) == 1
    assert all(one.id in one.note for one in made.transcripts if not one.said)


def test_a_step_beyond_the_bounds_is_named_but_not_linked():
    whole = document()
    bounds = Bounds(steps=1)
    shown = harmless(compose(whole, bounds, PAPER), whole)
    link = shown["sections"][0]["requirements"][0]["findings"][0]["details"][1]["links"][0]
    assert link == {"label": "web_login / write/wrong", "anchor": ""}
    assert shown["sections"][0]["requirements"][0]["findings"][0]["links"][0]["anchor"]


def test_different_names_never_share_an_anchor():
    assert len({slug(one) for one in ("5.1-1", "5.1.1", "5-1-1", "5_1_1", "５")}) == 5


def test_the_notes_of_the_judge_are_sentences():
    judged = tuple(
        msgspec.structs.replace(one, note=note, findings=())
        for one, note in zip(
            JUDGED[1:5], ("no-criterion", "not-measured", "out-of-scope", "information"), strict=True
        )
    )
    requirements = report(Language.EN, assessment=with_judged(*judged)).sections[0].requirements
    assert not [one for one in requirements if one.note in {"no-criterion", "not-measured", "out-of-scope"}]
    assert [one.info for one in requirements] == [False, False, False, True]
    assert sum(one.count for one in report(assessment=with_judged(*judged)).sections[0].tallies) == 3


def test_what_changed_since_the_previous_judgement():
    made = report()
    found = {one.requirement: (one.before.id, one.after.id) for one in made.changes}
    assert found == {
        "JP20-1": ("pass", "fail"),
        "JP25-3b": ("pass", "inconclusive"),
        "S1.1-05": ("absent", "pass"),
    }
    assert "11" in made.changed_text
    assert report(previous=None).changed_text == ""
    assert PREVIOUS.tool in made.changed_text


def test_figures_draw_the_facts_and_escape_the_terminal():
    tries, ports = report().figures
    assert tries.svg.count("<polyline") == 3
    assert "66,667" in tries.summary
    assert [row[3] for row in ports.grid.rows].count("申告なし・開") == 2
    assert "<b>" not in ports.svg
    assert "&lt;b&gt;" in ports.svg
    assert compose(document(), Bounds(), PAPER).figures[0].svg.count("var(") == 0


def test_no_facts_no_figures():
    bare = msgspec.structs.replace(document().assessment, facts=())
    assert report(assessment=bare, terminal=msgspec.structs.replace(TERMINAL, exclusions=())).figures == []


def test_icons_differ_in_shape():
    shapes = {icon(one, {**dict.fromkeys(PAPER, "x")}) for one in MARKS.values()}
    assert len(shapes) == len(Verdict)


def test_the_same_document_gives_the_same_report():
    assert report() == report()


def test_hostile_strings_are_really_in_the_fake():
    assert any("\u202e" in one for one in HOSTILE)
