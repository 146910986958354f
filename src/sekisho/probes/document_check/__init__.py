"""Questions for a person about manual, label, Web pages and certificates.

Question: What do the documents and the label of the terminal say that no packet can tell?
How: Each question has an id, steps to follow and a choice of answers; the person's name, the date, a note
    and attached files (photo, page, PDF) are kept. When ``documents.manual`` is a text, HTML or PDF file, the
    passage with the fitting words is looked up and shown beside the question: a hint, never an answer.
Evidence: Steps ``document/asked``, ``manual`` and ``ask/<question>``; attachments by SHA-256.
Limits: An answer is a person's word. That no passage was found says nothing: a scanned page has no text.
Source: 認定規則 21条 and 41条 (person, date); guideline of 2019 (notice in the manual); ETSI TS 103 701 UserInfo.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from sekisho.formats.manual import MOST_BYTES, Page, find_passage, read_pages
from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Assurance
from sekisho.ports import Question, Wire
from sekisho.probes.document_check.questions import QUESTIONS, WORDS, asked

#: A person may have to fetch the manual first.
PATIENCE = 3600.0


class DocumentCheck:
    """Asks a person; finds passages to make the answer easier."""

    name = "document_check"
    version = "1"
    risk = Risk.READ
    title = Text(ja="文書の確認", en="Documents")
    facts = {
        "answer": Text(ja="質問への人の回答", en="a person's answer to a question"),
        "document.asked": Text(ja="質問した日", en="the day on which the questions were asked"),
        "document.hint": Text(
            ja="取扱説明書に見つかった候補の箇所（判定には使わない）",
            en="a passage of the manual that may answer (never judged)",
        ),
    }

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say which questions a person will be asked; nothing is sent to the terminal."""
        return tuple(question.text for question in asked(terminal))

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Look into the manual, then put the questions one by one."""
        questions = asked(terminal)

        async def begin() -> Mapping[str, Any]:
            return {"at": wire.clock.now().isoformat(), "questions": [one.id for one in questions]}

        async def manual() -> Mapping[str, Any]:
            return _look(terminal.documents.manual, questions)

        await wire.step("document/asked", begin)
        hints = await wire.step("manual", manual)
        records = [await self._ask(_hinted(one, hints, terminal), wire) for one in questions]
        answered = sum(bool(record.data.get("choice")) for record in records)
        if not answered:
            return wire.seal(Attempt(AttemptStatus.FAILED, "no-person"))
        if answered < len(records):
            detail = f"{len(records) - answered} of {len(records)} questions without an answer"
            return wire.seal(Attempt(AttemptStatus.PARTIAL, "no-person", detail))
        return wire.seal(Attempt(AttemptStatus.DONE))

    async def _ask(self, question: Question, wire: Wire) -> Record:
        async def ask() -> Mapping[str, Any]:
            answer = await wire.person.ask(question)
            if answer is None:
                return {"question": question.id, "choice": ""}
            return dict(msgspec.to_builtins(answer))

        return await wire.step(f"ask/{question.id}", ask, seconds=PATIENCE)

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Return answers (only those that the question allows), hints and the day of asking."""
        begun = evidence.record("document/asked")
        if begun is not None and begun.data.get("at"):
            yield Observation(
                "document.asked", self.name, str(begun.data["at"])[:10], {}, (evidence.point(begun),)
            )
        manual = evidence.record("manual")
        if manual is not None:
            yield from self._hints(evidence, manual)
        for record in evidence.under("ask/"):
            question = QUESTIONS.get(str(record.data.get("question")))
            choice = record.data.get("choice")
            if question is None or choice not in question.choices:
                continue
            attributes = {name: str(record.data.get(name, "")) for name in ("person", "at", "note")}
            yield Observation(
                "answer",
                question.id,
                choice,
                {**attributes, "attachments": len(record.data.get("attachments") or ())},
                (evidence.point(record),),
                Assurance.WITNESSED,
            )

    def _hints(self, evidence: Evidence, record: Record) -> Iterable[Observation]:
        for question, passage in (record.data.get("passages") or {}).items():
            attributes = {
                "page": passage["page"],
                "passage": passage["text"],
                "words": ", ".join(passage["words"]),
                "sha256": str(record.data.get("sha256", "")),
            }
            yield Observation("document.hint", str(question), True, attributes, (evidence.point(record),))


def _look(manual: str, questions: tuple[Question, ...]) -> Mapping[str, Any]:
    """Return the passages per question. A manual that is no file here is left to the person."""
    if not manual:
        return {"state": "not-given"}
    path = Path(manual)
    if not path.is_file():
        return {"state": "no-file"}
    with path.open("rb") as file:
        content = file.read(MOST_BYTES)
    pages = read_pages(content, path.name)
    return {
        "state": "read" if any(page.text for page in pages) else "no-text",
        "name": path.name,
        "sha256": sha256(content).hexdigest(),
        "pages": len(pages),
        "passages": _passages(pages, questions),
    }


def _passages(pages: tuple[Page, ...], questions: tuple[Question, ...]) -> dict[str, Any]:
    found = {one.id: find_passage(pages, WORDS[one.id]) for one in questions if one.id in WORDS}
    return {name: msgspec.to_builtins(one) for name, one in found.items() if one is not None}


def _hinted(question: Question, hints: Record, terminal: Terminal) -> Question:
    """Return the question with what helps to answer it: where to look, and the passage found."""
    steps = list(question.steps)
    places = {
        "vulnerability-contact": terminal.documents.vulnerability_contact,
        "support-period": terminal.documents.support_period,
        "model-label": terminal.documents.model_label,
    }
    place = places.get(question.id, terminal.documents.manual)
    if place:
        steps.append(Text(ja=f"申告された場所：{place}", en=f"Declared place: {place}"))
    passage = (hints.data.get("passages") or {}).get(question.id)
    if passage:
        page, text = passage["page"], passage["text"]
        steps.append(
            Text(
                ja=f"手がかり（判断はあなたが行う）：{page}ページ「{text}」",
                en=f"A hint (the decision is yours): page {page}: “{text}”",
            )
        )
    return msgspec.structs.replace(question, steps=tuple(steps))


PROBE = DocumentCheck()
