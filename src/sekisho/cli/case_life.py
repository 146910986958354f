"""The life of a case, in words: events in order, each detection's sentence, and the flow rows that show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.looking import clock, grade_word, line_word
from sekisho.cli.speech import LANGUAGE, t, table

if TYPE_CHECKING:
    from sekisho.language import Text
    from sekisho.model.case import CaseEvent, CaseState
    from sekisho.model.case_life import Life, Sighting
    from sekisho.wiring.casebook import Proof

Reasons = Mapping[str, Mapping[str, "Text"]]
_ROWS = 5
_COLOURS = {
    "new": "cyan", "confirmed": "yellow", "notified": "blue", "acknowledged": "blue", "healed": "green",
    "relapsed": "red", "closed": "white",
}  # fmt: skip


CLOSE_WORDS = {
    "false-alarm": t("誤検知", "false alarm"),
    "merged": t("統合", "merged"),
    "left": t("解約・転居", "left"),
    "not-ours": t("当網の回線でない", "not ours"),
    "opted-out": t("利用者が停止を求めた", "opted out"),
    "other": t("その他", "other"),
}


def method_word(method: str, titles: Mapping[str, Text]) -> str:
    """Return the title of a method; its name when it is not installed here."""
    return titles[method].say(LANGUAGE) if method in titles else method


def key_word(key: str, titles: Mapping[str, Text]) -> str:
    """Return what a case is about: its family, or the title of its method."""
    kind, _, name = key.partition(":")
    return method_word(name, titles) if kind == "method" else name or key


def state_word(state: CaseState) -> str:
    """Return the word for a state."""
    return click.style(state.label.say(LANGUAGE), fg=_COLOURS[state.value])


def life_json(life: Life, proof: Proof, reasons: Reasons) -> dict[str, Any]:
    """Return the life as plain values: the case, its sightings with sentence and evidence, its events.

    ``kept`` says whether the evidence is ``there``, ``expired`` or ``missing`` (damaged, or taken away).
    """
    found = proof.found
    return {
        "line": line_word(life.case.subscriber),
        "case": life.case,
        "detections": [
            {
                "explanation": _sentence(one, reasons),
                "detection": one,
                "kept": "there" if one.id in found else "expired" if one.id in proof.past else "missing",
                "evidence": found[one.id].evidence if one.id in found else None,
            }
            for one in _in_order(life)
        ],
        "torn": proof.torn,
        "events": life.events,
    }


def tell_life(life: Life, proof: Proof, reasons: Reasons, titles: Mapping[str, Text]) -> None:
    """Print the life for people."""
    case = life.case
    click.secho(
        f"{case.id}  {t('回線', 'line')} {line_word(case.subscriber)}  {key_word(case.key, titles)}",
        bold=True,
    )
    click.echo(
        f"{state_word(case.state)}  {grade_word(case.grade)}  {clock(case.first_seen)} – {clock(case.last_seen)}"
    )
    rows = [
        (t("担当", "assignee"), case.assignee),
        (t("機種", "device"), case.device_model),
        (t("統合先", "merged into"), case.merged_into),
        (t("終了の理由", "closed because"), _close_word(case.close_reason)),
        (t("再発", "relapses"), str(case.relapses or "")),
    ]
    click.echo(table([row for row in rows if row[1]]))
    click.secho(t("検出", "Detections"), bold=True)
    for one in _in_order(life):
        click.echo(
            f"  {one.id}  {clock(one.begin)}  {method_word(one.method, titles)}  {grade_word(one.grade)}  {one.family}"
        )
        click.echo(f"    {_sentence(one, reasons)}")
        _tell_rows(one, proof)
    click.secho(t("経過", "What happened"), bold=True)
    for event in life.events:
        click.echo(f"  {event.seq:>4}  {clock(event.at)}  {event.who}  {_said(event)}")


def _in_order(life: Life) -> list[Sighting]:
    return sorted(life.sightings.values(), key=lambda one: (one.begin, one.id))


def _sentence(one: Sighting, reasons: Reasons) -> str:
    from sekisho.model.detection import Detection
    from sekisho.workflows.detect import sentence

    same = {name: getattr(one, name) for name in ("arguments", "family", "remotes", "rows", "sampling")}
    whole = Detection(one.id, one.method, 0, one.begin, one.end, one.grade, one.reason, **same)
    return sentence(whole, reasons.get(one.method, {}), LANGUAGE)


def _tell_rows(one: Sighting, proof: Proof) -> None:
    detection = proof.found.get(one.id)
    if detection is None:
        said = (
            t("    根拠のフローは保存期限を過ぎた", "    the flow rows are no longer kept (expired)")
            if one.id in proof.past
            else t(
                "    根拠のフローが検出の記録にない（壊れたか、除かれた）",
                "    the flow rows are not in the log of detections (damaged, or taken away)",
            )
        )
        click.echo(said)
        return
    for row in detection.evidence[:_ROWS]:
        source, destination = _end(row, "source"), _end(row, "destination")
        size = t(
            f"{row.get('packetDeltaCount')}パケット、{row.get('octetDeltaCount')}オクテット",
            f"packets {row.get('packetDeltaCount')}, octets {row.get('octetDeltaCount')}",
        )
        click.echo(f"      {clock(int(row['flowStartMilliseconds']))}  {source} → {destination}  {size}")
    if one.rows > _ROWS:
        click.echo(t(f"      （全 {one.rows:,} 行）", f"      ({one.rows:,} rows in all)"))


def _end(row: Mapping[str, Any], side: str) -> str:
    address = row.get(f"{side}Address", "?")
    return f"{address} :{row.get(f'{side}TransportPort')}"


def _said(event: CaseEvent) -> str:
    body = event.body
    count, gone = len(body.get("adds", ())), len(body.get("drops", ()))
    told = {
        "opened": t(f"開始（検出 {count} 件）", f"opened with {count} detections"),
        "detection": t(f"検出 {count} 件を加えた", f"{count} detections added")
        + (t(f"、{gone} 件は別の事案へ", f", {gone} went to another case") if gone else ""),
        "state": f"{_states(body)} {_close_word(body.get('reason', ''))} {body.get('note', '')}",
        "healing": t("観測：", "observed: ") + _states(body),
        "assigned": t("担当：", "assigned: ") + (str(body.get("to")) or t("なし", "nobody")),
        "model": t("機種：", "model: ")
        + (str(body.get("to")) or t("不明", "unknown"))
        + (f" ({body['known_by']})" if body.get("known_by") else ""),
        "comment": str(body.get("text", "")),
        "merged": t("統合：", "merged: ") + (f"→ {body['into']}" if "into" in body else f"← {body.get('with')}"),
        "split": t("分割：", "split: ") + f"→ {body.get('into')}",
        "undone": t("取消：", "undone: ") + (f"#{body['undoes']}" if "undoes" in body else f"→ {body.get('into')}"),
        "containment": _contained(body),
    }  # fmt: skip
    return told.get(event.kind, event.kind).strip()


def _states(body: Mapping[str, Any]) -> str:
    from sekisho.model.case import CaseState

    words = {one.value: one.label.say(LANGUAGE) for one in CaseState}
    return " → ".join(words.get(str(body.get(end)), str(body.get(end))) for end in ("from", "to"))


def _close_word(reason: str) -> str:
    return CLOSE_WORDS.get(reason, reason)


def _contained(body: Mapping[str, Any]) -> str:
    """Return which rule it was, and what a person did with it."""
    if made := body.get("proposal"):
        return t("封じ込めの提案：", "containment proposed: ") + f"{made['id']}  {made['kind']}"
    rule, reason = body.get("rule"), body.get("reason", "")
    words = {
        "applied": t("封じ込めを適用した：", "containment applied: "),
        "undone": t("封じ込めを取り消した：", "containment taken back: "),
    }
    return f"{words.get(str(body.get('status')), '')}{rule}  {reason}"
