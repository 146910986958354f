"""What happened to a case, in words: a rule is named whatever was done with it."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.cli import speech
from sekisho.cli.case_life import _said
from sekisho.language import Language
from sekisho.model.case import CaseEvent

RULE = "r-0a1b2c3d4e"
PROPOSED: dict[str, Any] = {"proposal": {"id": RULE, "kind": "nftables"}}
APPLIED = {"rule": RULE, "status": "applied", "reason": "loaded on r1"}
UNDONE = {"rule": RULE, "status": "undone", "reason": "healed"}


@pytest.mark.parametrize(
    ("body", "ja", "en"),
    [
        (PROPOSED, f"封じ込めの提案：{RULE}  nftables", f"containment proposed: {RULE}  nftables"),
        (APPLIED, f"封じ込めを適用した：{RULE}  loaded on r1", f"containment applied: {RULE}  loaded on r1"),
        (UNDONE, f"封じ込めを取り消した：{RULE}  healed", f"containment taken back: {RULE}  healed"),
        ({"rule": RULE, "status": "of a later version"}, RULE, RULE),
    ],
)
def test_containment_names_its_rule(
    body: dict[str, Any], ja: str, en: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language, words in ((Language.JA, ja), (Language.EN, en)):
        monkeypatch.setattr(speech, "LANGUAGE", language)
        assert _said(CaseEvent("case-1", 1, 0, "関守", "containment", body)) == words
