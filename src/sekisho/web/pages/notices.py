"""Notices: the queue, the exact words and headers of each, and a named person's yes to exactly these words.

Nothing goes out without an approval; an approval carries the digest of the text that its person was shown. With two
persons (``four_eyes``) one asks that subscribers be looked up, and another one sends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError, SekishoError
from sekisho.formats.references import shown, typed
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.identity import Person
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.ports.cases import Delivery
from sekisho.web.asked import Asked
from sekisho.web.notice_preview import compared, preview, standard_words
from sekisho.web.page import Page, Route
from sekisho.web.telling import CHANNELS, NOTICE_KINDS, withheld_words
from sekisho.wiring.noticing import Noticing, notice_settings
from sekisho.workflows import notify, sign_in

_PAGE, _BATCH, _EXPORTED = 50, 60, 10_000
_S = NoticeState
QUEUE = (_S.DRAFT, _S.WITHHELD, _S.APPROVED, _S.SENDING)
_ORDER = (*QUEUE, _S.FAILED, _S.BOUNCED, _S.SENT, _S.DELIVERED, _S.WITHDRAWN)
_TO_APPROVE = frozenset({_S.DRAFT, _S.WITHHELD})
_OPEN = frozenset({_S.DRAFT, _S.APPROVED, _S.WITHHELD})
_SENT_BY_CONSOLE = (Channel.EMAIL, Channel.WEBHOOK)
_MOST_SENT = 50
_NONE = Text(ja="そのお知らせはない", en="there is no such notice")
_REASON = Text(ja="承認済みのお知らせを届けるため", en="to deliver an approved notice")
HEAD = (
    "notice", "state", "case", "channel", "language", "subject", "created", "updated", "approved_by", "approved_at",
    "sent_at", "withheld", "detail", "digest",
)  # fmt: skip


def _list(asked: Asked) -> Response:
    desk, who, query = asked.office.console.casework, _name(asked), asked.query
    states = _states(query.get("state", ""))
    case, after = query.get("case", "").strip(), typed(query.get("after", "").strip())
    if "format" in query:
        every = desk.notices(states, case=case, limit=_EXPORTED, who=who)
        return asked.export("notices", HEAD, [_row(one) for one in every])
    found = desk.notices(states, case=case, after=after, limit=_PAGE + 1, who=who)
    counts = desk.notice_counts(who=who)
    return asked.page(
        "notices.html",
        found=found[:_PAGE],
        next=found[_PAGE - 1].id if len(found) > _PAGE else "",
        counts=counts,
        total=sum(counts.values()),
        parts=[
            (counts.get(one.value, 0), NOTICE_KINDS[one.value], one.label.say(asked.language), asked.link(state=one.value, after=None))
            for one in _ORDER
        ],
        kinds=NOTICE_KINDS,
        channels=CHANNELS,
        four_eyes=asked.office.console.settings.four_eyes,
        withheld=withheld_words,
        shown=shown,
    )  # fmt: skip


def _states(word: str) -> tuple[NoticeState, ...]:
    if word == "all":
        return ()
    if word and word not in tuple(NoticeState):
        raise DescriptionError(Text(ja="その状態はない", en="there is no such state"), word[:60])
    return (NoticeState(word),) if word else QUEUE


def _row(one: Notice) -> tuple[str | int, ...]:
    return (
        one.id, one.state.value, one.case, one.channel.value, one.language.value, one.subject, one.created, one.updated,
        one.approved_by, one.approved_at, one.sent_at, one.withheld, one.detail, one.digest,
    )  # fmt: skip


def _one(asked: Asked) -> Response:
    found = asked.office.console.casework.notice(typed(asked.part("id")), who=_name(asked))
    return asked.problem(404, _NONE, where=asked.part("id")[:60]) if found is None else _shown(asked, found)


def _shown(
    asked: Asked,
    notice: Notice,
    status: int = 200,
    *,
    said: Text | None = None,
    edited: tuple[str, str] | None = None,
) -> Response:
    """Show a notice; ``edited`` are words that somebody is about to keep."""
    desk, who = asked.office.console.casework, _name(asked)
    life = desk.life(notice.case, who=who)
    case = life.case if life else None
    try:
        settings, trouble = notice_settings(asked.office.console.folder / "notices.toml"), None
    except SekishoError as error:
        settings, trouble = notice_settings(asked.office.console.folder / "no-such-file"), error
    others = [one for one in desk.notices(case=notice.case, who=who) if one.id != notice.id]
    against, former = _former(asked, others, standard_words(notice, case, settings) if case else None)
    words = (notice.subject, notice.body)
    four_eyes = asked.office.console.settings.four_eyes
    return asked.page(
        "notice.html",
        status,
        letter=notice,
        case=case,
        preview=preview(notice, case, settings, asked.now, asked.language),
        trouble=trouble,
        against=against,
        difference=None if former is None else compared(former, words),
        others=others,
        said=said,
        edited=edited,
        change=compared(words, edited) if edited else (),
        fresh=asked.session is not None
        and sign_in.recently_authenticated(asked.office.gate, asked.session, asked.now),
        approvable=notice.state in _TO_APPROVE,
        open=notice.state in _OPEN,
        four_eyes=four_eyes,
        asked_for=_requests(asked, notice) if four_eyes and asked.may(Permission.SEND) else (),
        kinds=NOTICE_KINDS,
        channels=CHANNELS,
        withheld=withheld_words,
        shown=shown,
        states=NoticeState,
        by_console=_SENT_BY_CONSOLE,
    )


def _former(
    asked: Asked, others: Sequence[Notice], standard: tuple[str, str] | None
) -> tuple[str, tuple[str, str] | None]:
    """Return which words these are compared with: those that the address names, or the template's own."""
    chosen = next((one for one in others if one.id == asked.query.get("against")), None)
    if chosen is not None:
        return chosen.id, (chosen.subject, chosen.body)
    return "", standard


def _requests(asked: Asked, notice: Notice) -> Sequence[object]:
    """Return who asked, as the first of two, that this case's subscriber be looked up."""
    from sekisho.stores.database.audit_pages import AuditFilter

    wanted = AuditFilter(act="request-re-identify", object=notice.case)
    return asked.office.console.keeping.audit(wanted, limit=3, who=_name(asked))


# Acts ---------------------------------------------------------------------------------------------------------------


def _name(asked: Asked) -> str:
    return asked.who.name if asked.who else ""


def _person(asked: Asked) -> Person:
    return Person(asked.who.name, asked.who.role) if asked.who else Person("")


def _do(asked: Asked, act: Callable[[Noticing, notify.Office], Notice], done: Text) -> Response:
    """Do one act on a notice, and show it; when somebody else was faster, say so and show how it stands."""
    identifier = typed(asked.part("id"))
    try:
        with asked.office.console.casework.noticing() as desk:
            act(desk, desk.office(_name(asked)))
    except ConflictError as error:
        found = asked.office.console.casework.notice(identifier, who=_name(asked))
        if found is None:
            raise
        return _shown(asked, found, 409, said=error.what)
    return asked.see_other(f"/notices/{identifier}", done.say(asked.language))


def _approve(asked: Asked) -> Response:
    """Approve exactly the text whose digest the form carries."""
    identifier, digest = typed(asked.part("id")), asked.form.get("digest", "")
    found = asked.office.console.casework.notice(identifier, who=_name(asked))
    try:
        return _do(
            asked,
            lambda _, office: notify.approve(identifier, digest, _person(asked), office),
            Text(ja="この文を承認した", en="This text is approved"),
        )
    except AuthorisationError as error:
        if found is None or found.digest == digest:
            raise
        return _shown(asked, found, 409, said=error.what)


def _text(asked: Asked) -> Response:
    """Show what would change, or keep the new words; an approval of the old ones is void then."""
    identifier, form = typed(asked.part("id")), asked.form
    subject = form.get("subject", "").strip()
    body = "\n".join(form.get("body", "").splitlines()).strip("\n") + "\n"
    found = asked.office.console.casework.notice(identifier, who=_name(asked))
    if found is None:
        return asked.problem(404, _NONE, where=identifier[:60])
    if form.get("digest") != found.digest:
        late = Text(
            ja="読んだ後に文が変わっている。下の違いを見る",
            en="the words have changed since you read them: see below",
        )
        return _shown(asked, found, 409, said=late, edited=(subject, body))
    if "keep" not in form:
        return _shown(asked, found, edited=(subject, body))
    return _do(
        asked,
        lambda _, office: notify.revise(identifier, subject, body, _person(asked), office),
        Text(ja="書き直した。承認はあらためて要る", en="Rewritten; it needs an approval again"),
    )


def _withdraw(asked: Asked) -> Response:
    identifier, reason = typed(asked.part("id")), asked.form.get("reason", "").strip()
    if not reason:
        raise DescriptionError(Text(ja="理由が要る", en="a reason is needed"), identifier)
    return _do(
        asked,
        lambda _, office: notify.withdraw(identifier, _person(asked), reason[:300], office),
        Text(ja="取り下げた", en="Withdrawn"),
    )


def _settle(asked: Asked) -> Response:
    identifier, outcome = typed(asked.part("id")), asked.form.get("outcome", "")
    if outcome not in ("sent", "not-sent"):
        raise DescriptionError(Text(ja="結果を選ぶ", en="choose what became of it"), identifier)
    return _do(
        asked,
        lambda _, office: notify.settle(identifier, _person(asked), office, sent=outcome == "sent"),
        Text(ja="結果を記録した", en="The outcome is on record"),
    )


# Many at once ---------------------------------------------------------------------------------------------------------


def _batch(asked: Asked, said: Text | None = None, status: int = 200) -> Response:
    """Show drafts with all their words; those that say the same stand together, their words once."""
    desk, after = asked.office.console.casework, typed(asked.query.get("after", ""))
    found = desk.notices((_S.DRAFT,), after=after, limit=_BATCH + 1, who=_name(asked))
    groups: dict[tuple[str, ...], list[Notice]] = {}
    for one in found[:_BATCH]:
        groups.setdefault(notify.words_but_reference(one), []).append(one)
    return asked.page(
        "notices_batch.html",
        status,
        groups=list(groups.values()),
        next=found[_BATCH - 1].id if len(found) > _BATCH else "",
        said=said,
        channels=CHANNELS,
        shown=shown,
        four_eyes=asked.office.console.settings.four_eyes,
    )


def _approve_batch(asked: Asked) -> Response:
    """Approve the notices of the chosen texts, each by its own digest; one that has changed meanwhile is left."""
    chosen = {name.removeprefix("g-") for name in asked.form if name.startswith("g-")}
    wanted = [
        (identifier, digest)
        for name, digest in asked.form.items()
        if name.startswith("n-") and (parts := name.split("-"))[1] in chosen and (identifier := parts[-1])
    ]
    if not wanted:
        return _batch(asked, Text(ja="読んだ文に印をつける", en="tick the texts that you have read"), 422)
    done, left = 0, []
    with asked.office.console.casework.noticing() as desk:
        office = desk.office(_name(asked))
        for identifier, digest in wanted:
            try:
                notify.approve(identifier, digest, _person(asked), office)
                done += 1
            except SekishoError as error:
                left.append(f"{shown(identifier)}: {error.what.say(asked.language)}")
    said = asked.t(f"{done} 件を承認した", f"{done} approved")
    if not left:
        return asked.see_other("/notices?state=approved", said)
    rest = "; ".join(left[:5]) + (" …" if len(left) > 5 else "")  # noqa: PLR2004 - what a line can say
    return _batch(asked, Text(ja=f"{said}。できなかったもの：{rest}", en=f"{said}; not these: {rest}"), 409)


# Out of the house -----------------------------------------------------------------------------------------------------


def _channel(word: str) -> Channel:
    if word not in _SENT_BY_CONSOLE:
        raise DescriptionError(
            Text(
                ja="この画面から送れるのはメールと自社システムだけ",
                en="from here only mail and the webhook go out",
            ),
            word[:60],
            Text(
                ja="ほかは sekisho notices export でファイルにする",
                en="others become files: sekisho notices export",
            ),
        )
    return Channel(word)


def _steps(asked: Asked, channel: Channel, *, dry: bool, most: int) -> list[notify.Step]:
    with asked.office.console.casework.noticing() as desk:
        person, office = _person(asked), desk.office(_name(asked))
        if dry:
            # Nobody is looked up and nothing is opened for a look.
            way = notify.Way(channel, lambda _: None, _unused, _Nowhere())
            return list(notify.send(person, way, office, dry=True, most=most))
        identify = desk.identify(
            person, None, asked.form.get("reason", "").strip() or _REASON.say(asked.language)
        )
        with desk.sending():
            if channel is Channel.WEBHOOK:
                return list(notify.send(person, desk.by_webhook(identify), office, most=most))
            with desk.mailer() as carrier:
                return list(notify.send(person, desk.by_mail(carrier, identify), office, most=most))


def _look(asked: Asked) -> Response:
    """Show what a press of the button would send now."""
    channel = _channel(asked.query.get("channel", Channel.EMAIL.value))
    return _sending_page(asked, channel, _steps(asked, channel, dry=True, most=_MOST_SENT), dry=True)


def _send(asked: Asked) -> Response:
    """Send what is approved, at most as many as were shown; whatever else became approved meanwhile stays."""
    channel, most = _channel(asked.form.get("channel", "")), asked.form.get("most", "")
    if not (most.isascii() and most.isdecimal() and 0 < int(most[:9]) <= _MOST_SENT):
        raise DescriptionError(Text(ja="送る件数が要る", en="say how many to send"), most[:20])
    return _sending_page(asked, channel, _steps(asked, channel, dry=False, most=int(most)), dry=False)


def _request(asked: Asked) -> Response:
    """Record, as the first of two persons, that the subscribers of approved notices shall be looked up."""
    word = asked.form.get("channel", "")
    if word not in tuple(Channel):
        raise DescriptionError(Text(ja="方法を選ぶ", en="choose a channel"), word[:60])
    reason = asked.form.get("reason", "").strip() or _REASON.say(asked.language)
    with asked.office.console.casework.noticing() as desk:
        made, refused = desk.request(Channel(word), _person(asked), None, reason)
    said = asked.t(
        f"{len(made)} 件を申請した（申請できないもの {len(refused)} 件）。別の人が送る",
        f"{len(made)} requested ({len(refused)} refused); somebody else sends",
    )
    return asked.see_other("/notices?state=approved", said)


def _sending_page(asked: Asked, channel: Channel, steps: list[notify.Step], *, dry: bool) -> Response:
    return asked.page(
        "notices_sending.html",
        channel=channel,
        steps=steps,
        dry=dry,
        going=sum(one.what == "would-send" for one in steps),
        channels=CHANNELS,
        by_console=_SENT_BY_CONSOLE,
        shown=shown,
        withheld=withheld_words,
        four_eyes=asked.office.console.settings.four_eyes,
        reason=_REASON,
    )


class _Nowhere:
    """Takes nothing: a look sends nothing."""

    def deliver(self, payload: bytes, recipient: str, identifier: str) -> Delivery:
        raise AssertionError(payload, recipient, identifier)


def _unused(*_: object) -> tuple[bytes, str]:
    raise AssertionError


PAGE = Page(
    "notices",
    Text(ja="お知らせ", en="Notices"),
    (
        Route("GET", "/notices", _list, Permission.SEE),
        Route("GET", "/notices/batch", _batch, Permission.SEND, fresh=True),
        Route("POST", "/notices/batch", _approve_batch, Permission.SEND, opens=65_536, fresh=True),
        Route("GET", "/notices/send", _look, Permission.SEND, fresh=True),
        Route("POST", "/notices/send", _send, Permission.SEND, opens=4096, fresh=True),
        Route("POST", "/notices/request", _request, Permission.SEND, opens=4096, fresh=True),
        Route("GET", "/notices/{id}", _one, Permission.SEE),
        Route("GET", "/notices/{id}/approve", _one, Permission.SEND, fresh=True),
        Route("POST", "/notices/{id}/approve", _approve, Permission.SEND, opens=4096, fresh=True),
        Route("POST", "/notices/{id}/text", _text, Permission.WORK, opens=65_536),
        Route("POST", "/notices/{id}/withdraw", _withdraw, Permission.WORK, opens=4096),
        Route("POST", "/notices/{id}/settle", _settle, Permission.SEND, opens=4096, fresh=True),
    ),
    order=6,
    sign="知",
)
