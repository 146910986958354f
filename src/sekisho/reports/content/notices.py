"""What must be read before the verdicts: what this report is not, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Language, Text
from sekisho.model.requirement import Confidence
from sekisho.ports import Document
from sekisho.reports.content import records, words
from sekisho.reports.content.parts import AttemptPart, Line, Notice, RequirementPart, Section

_NOT_CERTIFICATE = (
    Text(ja="この報告書は「認定」ではない", en="This report is not a certification (認定)"),
    Text(
        ja="試験の結果を記録したものであり、技術基準適合認定・設計認証・技術基準適合自己確認のいずれでもない。"
        "試験の方法は条文と公表された資料の趣旨から設計したもので、告示に定める方法と同じとは限らない。",
        en="It records the results of tests. It is no 技術基準適合認定 (certification), 設計認証 (type "
        "certification) or 技術基準適合自己確認 (self-confirmation). The methods were designed from the articles and "
        "published material and need not be those of the public notice (告示).",
    ),
)
_PROPOSED = (
    Text(ja="まだ法令ではない要件が含まれる", en="Some duties here are not law yet"),
    Text(
        ja="次の基準は提案の段階にあり、法的な義務ではない。不合格でも現行の法令への違反を意味しない。",
        en="The following standards are proposals and bind nobody. A fail there is no breach of the law in force.",
    ),
)
_NOT_RUN = (
    Text(ja="判定していない要件がある", en="Some requirements were not judged"),
    Text(
        ja="次の要件は試験していない。試験していないことは、合格を意味しない。",
        en="The following requirements were not tested. Not tested does not mean passed.",
    ),
)
_FAILED = (
    Text(ja="測定できなかった試験がある", en="Some tests could not be measured"),
    Text(
        ja="次の試験は最後まで行えなかった。関係する要件は判定不能または未実施となる。",
        en="The following tests did not come to an end. What depends on them is undecided or not run.",
    ),
)
_OFF = (
    Text(ja="判定から外された規則がある", en="Some rules are switched off"),
    Text(
        ja="次の要件は基準に含まれるが、今回の判定には数えられていない。",
        en="The following requirements belong to the standard but were not counted in this judgement.",
    ),
)
_EXCLUDED = (
    Text(ja="試験から除いたポートがある", en="Some ports were left out on purpose"),
    Text(
        ja="次のポートは申告により走査していない。そこで何が動いているかは分からない。",
        en="By declaration the following ports were not scanned; what runs there is not known.",
    ),
)
_UNVERIFIED = (
    Text(ja="根拠を確認できていない要件がある", en="Some requirements rest on unverified facts"),
    Text(
        ja="次の要件は一次資料で確かめていない（確かさD）。原文を確かめてから用いること。",
        en="The following were not checked against a primary text (grade D). Check the original before relying on them.",
    ),
)
_CLAIMS = (
    Text(ja="確かめていない主張がある", en="Some statements are claims"),
    Text(
        ja="次は製造者の申告であり、この試験では確かめていない。受け入れるかどうかは人が判断する。",
        en="The following are the maker's claims; this test did not check them. A person has to weigh them.",
    ),
)
_MISSING = (
    Text(ja="記録に未記入の項目がある", en="The record has fields that are not filled in"),
    Text(
        ja="認定規則が記録に求める次の項目が書かれていない。",
        en="The following items that the certification rule asks of a record are missing.",
    ),
)
_PORT = Text(ja="理由：{reason}", en="reason: {reason}")
_NO_REASON = Text(ja="理由：未記入", en="reason: not given")
_MANY = 12


def notices(
    document: Document, sections: list[Section], attempts: list[AttemptPart], record: list[Line]
) -> list[Notice]:
    """Return the notices that apply, the loudest first."""
    language = document.language
    found: list[Notice] = []

    def add(identifier: str, level: str, texts: tuple[Text, Text], lines: list[Line]) -> None:
        if lines:
            found.append(_notice(identifier, level, texts, lines, language))

    found.append(_notice("not-certificate", "note", _NOT_CERTIFICATE, [], language))
    add(
        "proposed",
        "caution",
        _PROPOSED,
        [Line(label=one.id, text=one.title, anchor=one.anchor) for one in sections if one.proposed],
    )
    add("not-run", "alarm", _NOT_RUN, _folded(_unjudged(sections), language))
    add("switched-off", "alarm", _OFF, list(_switched_off(document, sections)))
    add("attempts", "alarm", _FAILED, [_attempt(one) for one in attempts if one.status_id != "done"])
    add("exclusions", "alarm", _EXCLUDED, list(_exclusions(document)))
    add("unverified", "caution", _UNVERIFIED, _folded(_grade_d(document, sections), language))
    add("claims", "caution", _CLAIMS, list(_claims(document, sections)))
    add(
        "record", "caution", _MISSING, [Line(label=one.label, text=one.text) for one in record if one.missing]
    )
    return found


def _notice(
    identifier: str, level: str, texts: tuple[Text, Text], lines: list[Line], language: Language
) -> Notice:
    return Notice(
        id=identifier, level=level, title=texts[0].say(language), text=texts[1].say(language), lines=lines
    )


def _unjudged(sections: list[Section]) -> Iterator[tuple[Section, RequirementPart]]:
    for section in sections:
        for one in section.requirements:
            if one.mark.id == "none" and not one.info:
                yield section, one


def _grade_d(document: Document, sections: list[Section]) -> Iterator[tuple[Section, RequirementPart]]:
    whole = {one.id for one in document.catalogues if one.confidence is Confidence.D}
    for section in sections:
        for one in section.requirements:
            if one.unverified or section.id in whole:
                yield section, one


def _folded(pairs: Iterator[tuple[Section, RequirementPart]], language: Language) -> list[Line]:
    """Return one line per requirement, or one per catalogue with its identifiers when there are many."""
    found = list(pairs)
    if len(found) <= _MANY:
        return [
            Line(label=f"{section.id} {one.id}", text=one.title, anchor=one.anchor) for section, one in found
        ]
    grouped: dict[str, tuple[Section, list[str]]] = {}
    for section, one in found:
        grouped.setdefault(section.id, (section, []))[1].append(one.id)
    total = words.WORDS["of"]
    return [
        Line(
            label=section.id,
            text=f"{total.say(language, total=len(identifiers))}: {', '.join(identifiers)}",
            anchor=section.anchor,
        )
        for section, identifiers in grouped.values()
    ]


def _switched_off(document: Document, sections: list[Section]) -> Iterator[Line]:
    """Yield requirements of a catalogue that carry no judgement at all, and leaves that don't count."""
    judged = {(one.catalogue, one.requirement) for one in document.assessment.judged}
    for section in sections:
        for part in section.requirements:
            if (section.id, part.id) not in judged:
                yield Line(label=f"{section.id} {part.id}", text=part.note, anchor=part.anchor)
    judged_catalogues = {section.id for section in sections}
    for name in document.assessment.catalogues:
        if name not in judged_catalogues and name.split(" ")[0] not in judged_catalogues:
            # What follows the id is the edition's name in Japanese.
            shown = name if document.language is Language.JA else name.split(" ")[0]
            yield Line(label=shown, text="—")


def _attempt(one: AttemptPart) -> Line:
    detail = f" ({one.detail})" if one.detail else ""
    return Line(label=one.title, text=f"{one.status}: {one.reason}{detail}", anchor=one.anchor)


def _exclusions(document: Document) -> Iterator[Line]:
    for one in document.terminal.exclusions:
        reason = (
            _PORT.say(document.language, reason=one.reason)
            if one.reason
            else _NO_REASON.say(document.language)
        )
        yield Line(label=f"{one.transport}/{one.port}", text=reason)


def _claims(document: Document, sections: list[Section]) -> Iterator[Line]:
    yield from records.equivalent(document.terminal.applicability, document.language)
    seen: set[tuple[str, str]] = set()
    for section in sections:
        for part in (*section.scope, *section.requirements):
            for finding in part.findings:
                text = finding.claim or (finding.sentence if finding.assurance_id == "declared" else "")
                key = (finding.criterion, text)
                if text and key not in seen:
                    seen.add(key)
                    yield Line(label=f"{section.id} {part.id}".strip(), text=text, anchor=part.anchor)
