"""Words that several pages share: states, grades, acts, the entries of a life, and where an id leads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sekisho.formats.references import shown, typed
from sekisho.language import Language, Text
from sekisho.model.case import Case, CaseEvent, CaseState, CloseReason
from sekisho.model.case_life import Sighting
from sekisho.model.detection import Detection, Grade
from sekisho.model.notice import Channel, NoticeState
from sekisho.wiring.console_watch import Method
from sekisho.workflows.detect import sentence

#: The mark (a class of the style sheet) of each state and grade; the word always stands beside it.
CASE_KINDS: Mapping[str, str] = {
    "new": "inconclusive", "confirmed": "fail", "notified": "told", "acknowledged": "answered", "healed": "pass",
    "relapsed": "again", "closed": "not-applicable",
}  # fmt: skip
NOTICE_KINDS: Mapping[str, str] = {
    "draft": "inconclusive", "approved": "told", "sending": "none", "sent": "answered", "delivered": "pass",
    "bounced": "again", "failed": "fail", "withheld": "inconclusive", "withdrawn": "not-applicable",
}  # fmt: skip
GRADE_KINDS: Mapping[str, str] = {"confirmed": "fail", "likely": "inconclusive", "watch": "not-applicable"}
GRADES: Mapping[Grade, Text] = {
    Grade.CONFIRMED: Text(ja="確度高", en="confirmed"),
    Grade.LIKELY: Text(ja="可能性大", en="likely"),
    Grade.WATCH: Text(ja="要注意", en="watch"),
}
CLOSE_REASONS: Mapping[str, Text] = {
    CloseReason.FALSE_ALARM: Text(ja="誤検知", en="false alarm"),
    CloseReason.MERGED: Text(ja="統合", en="merged"),
    CloseReason.LEFT: Text(ja="解約・転出", en="the subscriber has left"),
    CloseReason.NOT_OURS: Text(ja="当社の回線ではない", en="not a line of ours"),
    CloseReason.OPTED_OUT: Text(ja="利用者が停止を求めた", en="the subscriber opted out"),
    CloseReason.OTHER: Text(ja="その他", en="other"),
}
CHANNELS: Mapping[Channel, Text] = {
    Channel.EMAIL: Text(ja="電子メール", en="e-mail"),
    Channel.LETTER: Text(ja="手紙", en="letter"),
    Channel.CALL: Text(ja="電話", en="telephone"),
    Channel.PRINTING: Text(ja="印刷会社", en="printing house"),
    Channel.XARF: Text(ja="XARF（技術者向け）", en="XARF (for experts)"),
    Channel.WEBHOOK: Text(ja="自社システム", en="own system (webhook)"),
}
WITHHELD: Mapping[str, Text] = {
    "night": Text(ja="夜間", en="night"),
    "weekend": Text(ja="週末", en="weekend"),
    "holiday": Text(ja="祝日", en="holiday"),
    "throttled": Text(ja="送り過ぎない決まり", en="throttle"),
    "case-closed": Text(ja="事案が終わっている", en="the case is no longer open"),
    "do-not-contact": Text(ja="連絡不要とされている", en="marked: do not contact"),
    "opted-out": Text(ja="利用者が停止を求めている", en="the subscriber has opted out"),
    "other-language": Text(ja="契約者の言語がお知らせの言語と違う", en="the subscriber reads another language"),
    "not-identified": Text(ja="契約者を特定できない", en="who the subscriber is can't be told"),
    "no-address": Text(ja="宛先がない、又は使えない", en="no address that it can go to"),
    "no-telephone": Text(ja="電話番号がない", en="no telephone number"),
    "unprintable": Text(ja="活字のない字がある（人が見る）", en="characters that the font lacks (a person must look)"),
    "not-rendered": Text(ja="文書を作れない（人が見る）", en="its document can't be made (a person must look)"),
}  # fmt: skip
ACTS: Mapping[str, Text] = {
    "inventory": Text(ja="保有状況を見た", en="looked at what is held"),
    "re-identify": Text(ja="契約者を特定した", en="re-identified a subscriber"),
    "request-re-identify": Text(ja="特定を申請した", en="asked for a re-identification"),
    "refused": Text(ja="拒まれた", en="was refused"),
    "draft-notice": Text(ja="お知らせの案を作った", en="drafted a notice"),
    "approve-notice": Text(ja="お知らせを承認した", en="approved a notice"),
    "revise-notice": Text(ja="お知らせを書き直した", en="rewrote a notice"),
    "withdraw-notice": Text(ja="お知らせを取り下げた", en="withdrew a notice"),
    "settle-notice": Text(ja="送信の結果を記録した", en="recorded an outcome"),
    "export": Text(ja="ファイルに出した", en="exported"),
    "re-identified": Text(ja="契約者の特定が済んだ", en="the re-identification is done"),
    "send-notices": Text(ja="お知らせを送った", en="sent notices"),
    "propose-rule": Text(ja="規則を提案した", en="proposed a rule"),
    "write-rule": Text(ja="規則の文を書いた", en="wrote the text of a rule"),
    "undo-rule": Text(ja="規則を取り消した", en="took a rule back"),
    "delete": Text(ja="削除した", en="deleted"),
    "change-setting": Text(ja="設定を変えた", en="changed a setting"),
    "backup": Text(ja="バックアップを作った", en="made a backup"),
    "restore": Text(ja="バックアップから戻した", en="restored a backup"),
    "expire-audit": Text(ja="期限の過ぎた監査記録を消した", en="deleted entries past their time"),
    "apply-rule": Text(ja="規則を適用した", en="applied a rule"),
    "open-accident": Text(ja="事故を記録し始めた", en="opened an accident"),
    "withdraw-fact": Text(ja="事故の事実を取り消した", en="withdrew a fact of an accident"),
    "change-accident": Text(ja="事故の事実を加えた", en="added facts to an accident"),
    "change-operator": Text(ja="事業者のことを書いた", en="wrote what the operator says of itself"),
    "duty-done": Text(ja="義務を済みにした", en="recorded a duty as done"),
    "duty-undone": Text(ja="済みの記録を取り消した", en="took the proof of a duty back"),
    "erase-staff-name": Text(ja="自社の人の名前を消した", en="erased a name of staff"),
    "set-reminders": Text(ja="義務の知らせ方を決めた", en="decided about reminders of duties"),
    "remind-duties": Text(ja="義務の期日をメールで知らせた", en="mailed reminders of duties"),
    "answer-check": Text(ja="自己点検に答えた", en="answered a self-check"),
    "import-check": Text(ja="自己点検の答えを取り込んだ", en="imported answers of a self-check"),
    "import-items": Text(ja="自己点検の項目を取り込んだ", en="imported items of a self-check"),
    "start-drill": Text(ja="訓練を始めた", en="started a drill"),
    "act-in-drill": Text(ja="訓練で動いた", en="acted in a drill"),
    "stop-drill": Text(ja="訓練を終えた", en="ended a drill"),
    "add-measure": Text(ja="再発防止策を加えた", en="added a measure after an accident"),
    "measure-done": Text(ja="再発防止策を済みにした", en="recorded a measure as done"),
    "withdraw-measure": Text(ja="再発防止策の記録を取り消した", en="took a measure's record back"),
    "write-lesson": Text(ja="教訓を書いた", en="wrote a lesson"),
    "send-lesson": Text(ja="教訓をハブに送り始めた", en="began to send a lesson to a hub"),
    "lesson-sent": Text(ja="教訓をハブが受け取った", en="a hub took a lesson"),
    "draft-document": Text(ja="書類の版を作った", en="drafted a version of a document"),
    "sign-document": Text(ja="書類を確認し署名した", en="signed a document off"),
    "sign-in": Text(ja="サインインした", en="signed in"),
    "sign-out": Text(ja="サインアウトした", en="signed out"),
}
_CASE = re.compile(r"C[0-9a-f]{12}")
_NOTICE = re.compile(r"[0-9A-HJKMNP-TV-Z]{16}")
_LINE = re.compile(r"L[0-9a-f]{1,16}")
_ACCIDENT = re.compile(r"A[0-9a-f]{12}")


def where(name: str) -> str:
    """Return where an id leads: a case, a notice, a line; empty when it is none of them."""
    if _CASE.fullmatch(name):
        return f"/cases/{name}"
    if _NOTICE.fullmatch(name):
        return f"/notices/{name}"
    if _ACCIDENT.fullmatch(name):
        return f"/accidents/{name}"
    return f"/cases?line={name}" if _LINE.fullmatch(name) else ""


def reference(name: str) -> str:
    """Return an id as people read it: a notice's reference in groups of four, others as they stand."""
    return shown(name) if _NOTICE.fullmatch(name) and typed(name) == name else name


def trouble_of(case: Case, methods: Mapping[str, Method], language: Language) -> str:
    """Return what kind of trouble a case is: its family, or else what its methods saw."""
    titles = [methods[name].title.say(language) if name in methods else name for name in case.methods]
    return case.family or Text(ja="、", en=", ").say(language).join(titles) or case.key


def said_of(one: Sighting, methods: Mapping[str, Method], language: Language) -> str:
    """Return what a detection of a case says of itself."""
    same = {name: getattr(one, name) for name in ("arguments", "family", "remotes", "rows", "sampling")}
    whole = Detection(one.id, one.method, 0, one.begin, one.end, one.grade, one.reason, **same)
    method = methods.get(one.method)
    return sentence(whole, method.reasons if method else {}, language)


def withheld_words(why: str) -> Text:
    """Return why a notice stays, in words; what stands behind a colon is kept."""
    name, colon, more = why.partition(": ")
    found = WITHHELD.get(name)
    return (
        Text(ja=f"{found.ja}{colon}{more}", en=f"{found.en}{colon}{more}") if found else Text(ja=why, en=why)
    )


def happened(event: CaseEvent) -> Text:
    """Return one entry of a case's life in words; what people typed is not in it (`remark`)."""
    body = event.body
    count, gone = len(body.get("adds", ())), len(body.get("drops", ()))
    one, two = _word(body.get("from")), _word(body.get("to"))
    other = str(body.get("with") or body.get("into") or "")
    nobody = Text(ja="担当を外した", en="assigned to nobody")
    told = {
        "opened": Text(ja=f"開始：検出 {count} 件", en=f"opened, detections: {count}"),
        "detection": Text(
            ja=f"検出 {count} 件を加えた" + (f"、{gone} 件は別の事案へ" if gone else ""),
            en=f"{count} detections added" + (f", {gone} went to another case" if gone else ""),
        ),
        "state": Text(ja=f"{one.ja} → {two.ja}", en=f"{one.en} → {two.en}"),
        "healing": Text(ja=f"観測：{one.ja} → {two.ja}", en=f"observed: {one.en} → {two.en}"),
        "model": Text(ja=f"機種：{body.get('to') or '不明'}", en=f"device model: {body.get('to') or 'unknown'}"),
        "assigned": Text(ja=f"担当：{body.get('to')}", en=f"assigned to {body.get('to')}") if body.get("to") else nobody,
        "comment": Text(ja="メモ", en="comment"),
        "merged": Text(ja="この事案を統合した先", en="merged into") if "into" in body
        else Text(ja=f"統合：検出 {count} 件を受け取った", en=f"merged: {count} detections came from"),
        "split": Text(ja=f"分割：検出 {gone} 件を移した", en=f"split: {gone} detections went to"),
        "undone": Text(ja=f"取消：{body['undoes']} 番", en=f"undone: number {body['undoes']}") if "undoes" in body
        else Text(ja="分割の取消しで戻した", en="put back by an undo"),
        "notice": Text(ja="お知らせ", en="notice"),
        "containment": Text(ja="封じ込めの規則", en="containment rule"),
    }.get(event.kind)  # fmt: skip
    return told or Text(
        ja=event.kind + (f" {other}" if other else ""), en=event.kind + (f" {other}" if other else "")
    )


def remark(event: CaseEvent, language: Language) -> str:
    """Return what a person wrote with an act: a comment, a reason, a note."""
    body = event.body
    reason = CLOSE_REASONS.get(str(body.get("reason", "")))
    known = str(body.get("known_by") or "")
    parts = [
        str(body.get("text") or ""),
        known,
        reason.say(language) if reason else str(body.get("reason") or ""),
    ]
    return " — ".join(part for part in (*parts, str(body.get("note") or "")) if part)


def links_of(event: CaseEvent) -> tuple[str, ...]:
    """Return the ids that an entry of a life speaks of."""
    body = event.body
    named = (body.get(name) for name in ("with", "into", "out_of", "notice"))
    return tuple(str(one) for one in named if one)


def _word(state: Any) -> Text:
    for kind in (CaseState, NoticeState):
        if state in {one.value for one in kind}:
            return kind(state).label
    return Text(ja=str(state or ""), en=str(state or ""))
