"""Two rooms of the hub's page: hubs elsewhere, and the coordinated disclosure of findings in makers' models.

Acts go on the hub's record with who did them. Publication is decided by a person who signed in lately; it is no
operation of the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta, timezone

from starlette.responses import Response

from sekisho.errors import DescriptionError, SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.device_model import Disclosure
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.fields import day_or_none
from sekisho.web.page import Route
from sekisho.wiring.console_hub_others import OthersRoom
from sekisho.wiring.hub_telling import Told

_JAPAN = timezone(timedelta(hours=9))
_NO_HUB = Text(ja="この画面にはハブがない", en="this console has no hub")
_TO_DO = Text(ja="sekisho serve --hub フォルダー で開く", en="open it with sekisho serve --hub FOLDER")
_NONE = Text(ja="その所見はない", en="there is no such finding")
_NO_ACT = Text(ja="その操作はない", en="there is no such act")
FINDING_STATES = {
    Disclosure.OPEN: (Text(ja="未公表", en="not published"), "inconclusive"),
    Disclosure.PUBLISHED: (Text(ja="公表", en="published"), "pass"),
    Disclosure.WITHHELD: (Text(ja="公表しない", en="withheld"), "not-applicable"),
}
STEP_WORDS = {
    "opened": Text(ja="経過の記録を始めた", en="timeline begun"),
    "told": Text(ja="知らせた", en="told"),
    "answered": Text(ja="返答", en="answered"),
    "embargo": Text(ja="控える期限を決めた", en="embargo set"),
    "decided": Text(ja="公表について決めた", en="publication decided"),
    "note": Text(ja="覚え", en="note"),
}
STEP_KINDS = {"told": "told", "answered": "pass", "embargo": "inconclusive", "decided": "fail"}
PULL_WORDS: Mapping[str, Text] = {
    "busy": Text(ja="ほかの取り込みが動いている", en="it is being read already"),
    "refused": Text(ja="つながらない", en="the connection was refused"),
    "unreachable": Text(ja="届かない", en="out of reach"),
    "timed-out": Text(ja="時間切れ", en="no answer in time"),
    "too-slow": Text(ja="遅すぎる", en="too slow"),
    "tls": Text(ja="TLS が成り立たない", en="no TLS"),
    "reset": Text(ja="途中で切れた", en="cut off"),
    "closed": Text(ja="途中で終わった", en="it ended early"),
    "malformed": Text(ja="読めない返答", en="an answer that can't be read"),
    "unsupported": Text(ja="その集まりがない", en="no such collection there"),
    "unreadable": Text(ja="こちらのファイルが読めない", en="a file of ours can't be read"),
    "budget": Text(ja="多すぎる", en="too much"),
    "too-large": Text(ja="大きすぎる", en="too large"),
    "loop": Text(ja="頁が進まない", en="its pages don't go on"),
    "status-401": Text(ja="トークンが受け付けられない", en="our token isn't taken"),
    "status-403": Text(ja="権利がない", en="not allowed"),
    "status-404": Text(ja="見つからない", en="not found"),
    "status-429": Text(ja="問い合わせが多すぎると言われた", en="told to ask less often"),
    "status-503": Text(ja="今は応えられないと言われた", en="told to come later"),
}


def _others(asked: Asked) -> OthersRoom | None:
    room = asked.office.console.hub
    return room.others if room else None


def _without(asked: Asked) -> Response:
    return asked.problem(404, _NO_HUB, _TO_DO)


def _peers(asked: Asked) -> Response:
    room = _others(asked)
    if room is None:
        return _without(asked)
    return asked.page("hub_peers.html", peers=room.peers(), pull_words=PULL_WORDS)


def _findings(asked: Asked, problem: SekishoError | None = None) -> Response:
    room = _others(asked)
    if room is None:
        return _without(asked)
    makers = room.makers() if asked.may(Permission.SEND) else ()
    return asked.page(
        "hub_findings.html", status=400 if problem else 200, findings=room.findings(), makers=makers,
        finding_states=FINDING_STATES, problem=problem, form=asked.form,
    )  # fmt: skip


def _open(asked: Asked) -> Response:
    room = _others(asked)
    if room is None:
        return _without(asked)
    form = asked.form
    try:
        made = room.open(
            form.get("maker", ""), form.get("vendor", ""), form.get("model", ""), form.get("title", ""),
            until(asked, "embargo"), actor(asked).name,
        )  # fmt: skip
    except SekishoError as error:
        return _findings(asked, error)
    return asked.see_other(
        f"/hub/findings/{made.id}", asked.t("始めた。まず製造者に知らせる", "Begun. First tell its maker")
    )


def _finding(asked: Asked, problem: SekishoError | None = None) -> Response:
    room = _others(asked)
    if room is None:
        return _without(asked)
    found = room.finding(asked.part("id"))
    if found is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:80])
    knowing = {name for name, _, _ in found.knowing}
    rest = [one for one in room.members() if one.id not in knowing] if asked.may(Permission.SEND) else []
    return asked.page(
        "hub_finding.html", status=400 if problem else 200, one=found.finding, found=found, rest=rest,
        mails=room.mails(), finding_states=FINDING_STATES, step_words=STEP_WORDS, step_kinds=STEP_KINDS, problem=problem,
        form=asked.form,
    )  # fmt: skip


def _act(asked: Asked) -> Response:
    def do(room: OthersRoom, finding: str, who: str) -> str:
        form, said = asked.form, asked.t("記録した", "On record")
        match form.get("act", ""):
            case "tell" if form.get("mail") == "yes":
                told = room.tell_by_mail(finding, form.get("member", ""), who, form.get("text", ""))
                return _mailed(asked, told)
            case "tell":
                room.tell(finding, form.get("member", ""), who, form.get("text", ""))
            case "answered":
                room.answered(finding, form.get("member", ""), who, form.get("text", ""))
            case "embargo":
                room.embargo(finding, until(asked, "embargo"), who, form.get("text", ""))
            case other:
                raise DescriptionError(_NO_ACT, other[:40])
        return said

    return _done(asked, do)


def _mailed(asked: Asked, told: Told) -> str:
    """Say how many mails were taken, and what stood in the way of the others."""
    said = asked.t(f"記録した。送ったメール：{told.sent}", f"On record. Mails sent: {told.sent}")
    if not told.faults:
        return said
    return f"{said}. {asked.t('送れなかった', 'Not sent')}: {'; '.join(told.faults)}"


def _decide(asked: Asked) -> Response:
    def do(room: OthersRoom, finding: str, who: str) -> str:
        decision = asked.form.get("decision", "")
        if decision not in {"publish", "withhold"}:
            raise DescriptionError(_NO_ACT, decision[:40])
        room.decide(
            finding, who, publish=decision == "publish", reason=asked.form.get("text", ""),
            before_embargo=asked.form.get("early") == "yes",
        )  # fmt: skip
        return asked.t("決めた。記録した", "Decided, and on record")

    return _done(asked, do)


def _done(asked: Asked, do: Callable[[OthersRoom, str, str], str]) -> Response:
    room, name = _others(asked), asked.part("id")
    if room is None:
        return _without(asked)
    if room.finding(name) is None:
        return asked.problem(404, _NONE, where=name[:80])
    try:
        said = do(room, name, actor(asked).name)
    except SekishoError as error:
        return _finding(asked, error)
    return asked.see_other(f"/hub/findings/{name}", said)


def until(asked: Asked, name: str) -> int:
    """Return the end of a day of a form, in the reader's zone, else Japan's; 0 for none: what lasts until it includes it."""
    found = day_or_none(asked, name)
    if found is None:
        return 0
    moment = datetime.combine(found + timedelta(days=1), time(), asked.zone or _JAPAN)
    return int(moment.astimezone(UTC).timestamp()) * 1000


ROUTES = (
    Route("GET", "/hub/peers", _peers, Permission.WORK),
    Route("GET", "/hub/findings", _findings, Permission.WORK),
    Route("POST", "/hub/findings", _open, Permission.SEND, opens=8192),
    Route("GET", "/hub/findings/{id}", _finding, Permission.WORK),
    Route("POST", "/hub/findings/{id}", _act, Permission.SEND, opens=8192),
    Route("POST", "/hub/findings/{id}/decide", _decide, Permission.SEND, opens=8192, fresh=True),
)
