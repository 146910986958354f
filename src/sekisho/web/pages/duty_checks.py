"""Self-checks: how much is covered with evidence, answers item by item, files in and out, what changed since a year."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sekisho.catalogues.self_check import check_lists
from sekisho.errors import DescriptionError, SekishoError
from sekisho.formats.self_check_table import HEAD
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.self_check import NETWORKS, Answer, CheckList, Coverage, Status, coverage, differences
from sekisho.web import fields
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.wiring.console_checks import Proof

_PLACE, _YEAR_DIGITS, _MOST_FILE = "/duties/checks", 4, 4_000_000
_LONGEST = 2_000
_NO_YEAR = Text(ja="その年度はない", en="there is no such fiscal year")
_NO_FILE = Text(ja="ファイルを選ぶ（CSV か Excel）", en="choose a file (CSV or Excel)")
STATUSES = {
    "done": ("pass", "○", Text(ja="済み", en="done")),
    "claimed": ("again", "△", Text(ja="申告だけ（証拠なし）", en="claimed, no evidence")),
    "partly": ("inconclusive", "◐", Text(ja="一部", en="partly")),
    "gap": ("fail", "×", Text(ja="不足", en="gap")),
    "not-applicable": ("not-applicable", "／", Text(ja="対象外", en="not applicable")),
    "none": ("none", "–", Text(ja="未回答", en="no answer")),
}


def _parts(found: Coverage, href: str) -> list[tuple[int, str, str, Text]]:
    counts = {
        "done": found.done, "claimed": found.claimed, "partly": found.partly, "gap": found.gaps,
        "not-applicable": found.not_applicable, "none": len(found.unanswered),
    }  # fmt: skip
    return [(counts[key], STATUSES[key][0], f"{href}&status={key}", STATUSES[key][2]) for key in STATUSES]


def _covered(asked: Asked, year: int, lists: tuple[CheckList, ...]) -> list[tuple[CheckList, Coverage, Any]]:
    answers = [one for one, _ in asked.office.console.checks.answers(year).values()]
    found = []
    for one in lists:
        covered = coverage(one, answers)
        found.append((one, covered, _parts(covered, f"{_PLACE}/{year}?list={one.id}")))
    return found


def _home(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk = asked.office.console.checks
    imported, _ = desk.imported()
    lists = desk.lists(imported)
    years = desk.years()
    shown = tuple(sorted({*years, desk.this_year}, reverse=True))[:5]
    return asked.page(
        "duty_checks.html",
        status=409 if problem else 200,
        years=[(year, _covered(asked, year, lists), year in years) for year in shown],
        this_year=desk.this_year,
        imported=imported,
        networks=NETWORKS,
        lists=lists,
        problem=problem,
    )


def year_of(text: str) -> int:
    """Return a fiscal year. :raises DescriptionError: it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) == _YEAR_DIGITS):
        raise DescriptionError(_NO_YEAR, text[:20])
    return int(text)


def _status(answer: Answer | None) -> str:
    if answer is None:
        return "none"
    return "claimed" if answer.status is Status.DONE and not answer.evidence else answer.status.value


def _year(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk, year = asked.office.console.checks, year_of(asked.part("year"))
    imported, _ = desk.imported()
    lists, answers = desk.lists(imported), desk.answers(year)
    known = {(one.list, one.item): one for one in imported.items}
    rows = []
    for one in lists:
        items = dict.fromkeys((*one.items, *(item for name, item in answers if name == one.id)))
        rows += [(one, item, known.get((one.id, item)), answers.get((one.id, item))) for item in items]
    wanted, status, chosen = (asked.query.get(name, "")[:400] for name in ("list", "status", "item"))
    shown = [
        (one, item, text, held, _status(held[0] if held else None))
        for one, item, text, held in rows
        if (not wanted or one.id == wanted) and (not status or _status(held[0] if held else None) == status)
    ]
    if asked.query.get("format"):
        return asked.export(f"self-check-{year}", HEAD, [_cells(*row[:2], row[3]) for row in shown])
    picked = next((row for row in rows if f"{row[0].id}:{row[1]}" == chosen), None)
    proofs: dict[tuple[str, str], list[Proof]] = {}
    for proof in desk.proofs(year):
        proofs.setdefault((proof.list, proof.item), []).append(proof)
    return asked.page(
        "duty_check.html",
        status=409 if problem else 200,
        year=year,
        years=[one for one in desk.years() if one != year],
        covered=_covered(asked, year, lists),
        rows=shown,
        picked=picked,
        proofs=proofs,
        statuses=STATUSES,
        choices=tuple(Status),
        network=imported.network,
        networks=NETWORKS,
        wanted=wanted,
        wanted_status=status,
        form=asked.form if problem else {},
        problem=problem,
    )  # fmt: skip


def _cells(one: CheckList, item: str, held: Any) -> tuple[str, ...]:
    answer = held[0] if held else None
    if answer is None:
        return (one.id, item, *[""] * 6)
    days = (str(answer.on or ""), str(answer.due or ""))
    return (one.id, item, answer.status.value, answer.owner, days[0], answer.evidence, answer.plan, days[1])


def _answer(asked: Asked) -> Response:
    year, form = year_of(asked.part("year")), asked.form
    try:
        status = next((one for one in Status if one.value == form.get("status")), None)
        if status is None:
            raise DescriptionError(
                Text(ja="その状態はない", en="there is no such status"), form.get("status", "")[:40]
            )
        texts = {name: form.get(name, "").strip()[:_LONGEST] for name in ("owner", "evidence", "plan")}
        answer = Answer(
            form.get("list", ""), form.get("name", ""), status, on=fields.day_or_none(asked, "on"), due=fields.day_or_none(asked, "due"), **texts
        )  # fmt: skip
        asked.office.console.checks.answer(
            year, answer, fields.count(form.get("seen", "")) or 0, actor(asked)
        )
    except SekishoError as error:
        return _year(asked, error)
    return asked.see_other(
        f"{_PLACE}/{year}?list={answer.list}", asked.t("答えを保存した", "The answer is kept")
    )


def _file(asked: Asked) -> bytes:
    return next((data for name, _, data in asked.files if name == "file"), b"")


def _take_answers(asked: Asked) -> Response:
    year = year_of(asked.form.get("year", "") or str(asked.office.console.checks.this_year))
    try:
        data = _file(asked)
        if not data:
            raise DescriptionError(_NO_FILE)
        count = asked.office.console.checks.take_answers(year, data, actor(asked))
    except SekishoError as error:
        return _home(asked, error)
    return asked.see_other(
        f"{_PLACE}/{year}", asked.t(f"{count}件の答えを取り込んだ", f"{count} answers were taken in")
    )


def _take_items(asked: Asked) -> Response:
    try:
        count = asked.office.console.checks.take_items(
            _file(asked), asked.form.get("network", ""), actor(asked)
        )
    except SekishoError as error:
        return _home(asked, error)
    return asked.see_other(_PLACE, asked.t(f"項目は{count}件", f"{count} items"))


def _changes(asked: Asked) -> Response:
    desk, year, before = (
        asked.office.console.checks,
        year_of(asked.part("year")),
        year_of(asked.part("before")),
    )
    sides = [[one for one, _ in desk.answers(which).values()] for which in (before, year)]
    titles = {one.id: one.title for one in check_lists()}
    found = [
        (titles.get(one.list, one.list), one.item, one.before.value if one.before else "none",
         one.after.value if one.after else "none")
        for one in differences(*sides)
    ]  # fmt: skip
    return asked.page("duty_check_changes.html", year=year, before=before, found=found, statuses=STATUSES)


PAGE = Page(
    "duty_checks",
    Text(ja="自己点検", en="Self-check"),
    (
        Route("GET", _PLACE, _home, Permission.SEE),
        Route("POST", f"{_PLACE}/answers", _take_answers, Permission.WORK, opens=_MOST_FILE),
        Route("POST", f"{_PLACE}/items", _take_items, Permission.WORK, opens=_MOST_FILE),
        Route("GET", f"{_PLACE}/{{year}}", _year, Permission.SEE),
        Route("POST", f"{_PLACE}/{{year}}", _answer, Permission.WORK, opens=32_768),
        Route("GET", f"{_PLACE}/{{year}}/since/{{before}}", _changes, Permission.SEE),
    ),
)
