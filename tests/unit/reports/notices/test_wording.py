"""Which template a case gets: its family however it is written, else how it was found, else the general one."""

from __future__ import annotations

import pytest

from fakes.notices import OPERATOR, case
from sekisho.language import Language
from sekisho.model.detection import Grade
from sekisho.model.notice import Channel
from sekisho.reports.notices.wording import wording


@pytest.mark.parametrize(
    ("key", "methods", "template"),
    [
        ("family:mirai", ("known_cc",), "family:mirai"),
        ("family:Mirai", ("outbound_scan",), "family:mirai"),
        ("family:MIRAI", (), "family:mirai"),
        ("family:Unheard", ("brute_force", "known_cc"), "method:known_cc"),
        ("family:Unheard", ("brute_force",), "method:brute_force"),
        ("method:outbound_scan", ("outbound_scan",), "method:outbound_scan"),
        ("family:Unheard", ("of_a_plugin",), "general"),
        ("method:of_a_plugin", (), "general"),
    ],
)
def test_the_template_of_a_case(key: str, methods: tuple[str, ...], template: str) -> None:
    one = case(1, key=key, methods=methods)
    made = wording(one, OPERATOR, Language.JA, "REF", "今日", channel=Channel.EMAIL)
    assert made.template == f"{template}/general"


@pytest.mark.parametrize("key", ["family:mirai", "method:known_cc", "method:outbound_scan", "general"])
def test_a_notice_says_no_more_than_the_grade_of_its_case(key: str) -> None:
    def said(grade: Grade, language: Language) -> str:
        one = case(1, key=key, methods=(), grade=grade)
        return wording(one, OPERATOR, language, "REF", "today", channel=Channel.EMAIL).sentences[0]

    assert "確認しました" in said(Grade.CONFIRMED, Language.JA)
    for grade in (Grade.LIKELY, Grade.WATCH):
        assert "確認しました" not in said(grade, Language.JA)
        assert "疑わせる" in said(grade, Language.JA)
        assert "observed" not in said(grade, Language.EN)
