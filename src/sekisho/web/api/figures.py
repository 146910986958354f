"""Operations on figures: today, where flows went, who talks most, how much, how infections heal, what is held and configured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from sekisho.language import Text
from sekisho.model.account import Permission, Role
from sekisho.model.compliance import Entry
from sekisho.model.detection import Window
from sekisho.model.survival import Comparison, Curve
from sekisho.reports.held import words
from sekisho.web import filtering
from sekisho.web.accident_clocks import first_report, next_due
from sekisho.web.api.watching import Moment
from sekisho.web.asked import Asked
from sekisho.web.interval import HOUR, step_of
from sekisho.web.journey import journey
from sekisho.web.operations import Operation
from sekisho.web.today import today
from sekisho.wiring.run_settings import run_settings
from sekisho.wiring.settings_desk import SettingsDesk
from sekisho.workflows import sign_in

_MOST_MARKS = 120


class UnsettledOut(msgspec.Struct, frozen=True):
    """An accident that goes on or whose report may be due; ``due`` in milliseconds, 0 when nothing is.

    ``first_missing``: since when a first report is due of which nothing is on record; 0 for none.
    """

    id: str
    title: str
    ended: int
    next: str
    due: int
    first_missing: int


class TodayOut(msgspec.Struct, frozen=True):
    """What the first page counts; null for what can't be told, with the reason among ``troubles``.

    ``running``, ``asking`` and ``failed`` are ids of runs; ``duties`` are late, or due within a month.
    """

    cases: dict[str, int] | None
    notices: dict[str, int] | None
    detections: int | None
    watching: bool
    terminals: int | None
    running: tuple[str, ...] | None
    asking: tuple[str, ...] | None
    failed: tuple[str, ...] | None
    accidents: tuple[UnsettledOut, ...] | None
    duties: tuple[Entry, ...] | None
    troubles: tuple[str, ...]


class LossOut(msgspec.Struct, frozen=True):
    """What a station did not give on; ``harmless`` is none of ours, and no loss."""

    id: str
    why: str
    count: int
    harmless: bool


class StationOut(msgspec.Struct, frozen=True):
    """One station of a flow's way; ``count`` is null where nobody counted."""

    name: str
    unit: str
    count: int | None
    losses: tuple[LossOut, ...]


class ExporterOut(msgspec.Struct, frozen=True):
    """One exporter: flows a second now, datagrams, flows, flows of lines, and what was lost."""

    name: str
    rate: float | None
    datagrams: int
    records: int
    watched: int
    dropped: int
    gaps: int
    rejected: int


class WatchOut(msgspec.Struct, frozen=True):
    """The figures of the watch as they were ``written``; ``unexplained`` datagrams are a fault of ours.

    ``notes`` are what the receiver remarks on how it receives.
    """

    running: bool
    written: int
    stations: tuple[StationOut, ...]
    exporters: tuple[ExporterOut, ...]
    waiting: int
    unexplained: int
    faults: tuple[str, ...]
    notes: tuple[str, ...]


class FlowQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which flows: of ``hours`` up to ``until`` (0: the newest flow)."""

    until: Moment = 0
    hours: Annotated[int, msgspec.Meta(ge=1, le=744)] = 6


class TalkerQuery(FlowQuery, frozen=True, forbid_unknown_fields=True):
    """Who talked most, by what, how many of them."""

    by: Literal["remote", "line", "port", "exporter"] = "remote"
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 12


class TalkerOut(msgspec.Struct, frozen=True):
    """Somebody who talked; ``estimated`` octets count sampling in; ``lines`` is how many lines took part."""

    name: str
    octets: int
    packets: int
    flows: int
    estimated: int
    lines: int


class TalkersOut(msgspec.Struct, frozen=True):
    """Those with most octets, the most first, of flows that began from ``since`` to ``until``."""

    since: int
    until: int
    talkers: tuple[TalkerOut, ...]


class PointOut(msgspec.Struct, frozen=True):
    """How much began in the ``step`` from ``at`` on."""

    at: int
    octets: int
    packets: int
    flows: int
    estimated: int


class SeriesOut(msgspec.Struct, frozen=True):
    """How much, in steps of ``step`` milliseconds; a step without flows is not among the points."""

    since: int
    until: int
    step: int
    points: tuple[PointOut, ...]


class HealingQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How cases are grouped, and whether time runs from the first notice instead of the first detection."""

    by: Literal["all", "family", "device_model", "channel"] = "family"
    notified: bool = False


class HealingOut(msgspec.Struct, frozen=True):
    """How long infections last, as measured ``at``; ``left_out`` cases can't be counted so."""

    at: int
    curves: tuple[Curve, ...]
    compared: Comparison | None
    left_out: int


class HeldQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose; the look is in the audit log before it happens."""

    line: Annotated[str, msgspec.Meta(pattern=r"^L([0-7][0-9a-f]{15}|[0-9a-f]{1,15})$")]


class HoldingOut(msgspec.Struct, frozen=True):
    """One dataset; ``rows`` is null when they can't be counted. The texts say why, on which ground, until when."""

    dataset: str
    stage: str
    rows: int | None
    begin: int
    end: int
    expires: int
    last: int
    purpose: str
    basis: str
    note: str


class HeldOut(msgspec.Struct, frozen=True):
    """Everything held of a line; ``entry`` is the number of this look in the audit log."""

    line: str
    at: int
    entry: int
    holdings: tuple[HoldingOut, ...]


class SettingOut(msgspec.Struct, frozen=True):
    """A setting; ``own`` when a file says it, else it is the default. Passwords are not shown."""

    name: str
    value: str
    default: str
    own: bool


class StageOut(msgspec.Struct, frozen=True):
    """How long data of a stage are kept, in days."""

    stage: str
    days: float
    default: float
    most: float


class KeptOut(msgspec.Struct, frozen=True):
    """What no expiry deletes: how many, and since when."""

    name: str
    count: int
    oldest: int


class SettingsOut(msgspec.Struct, frozen=True):
    """The settings of the watch, of runs (empty with ``fault``: the file is wrong), and how long what is kept."""

    watch: tuple[SettingOut, ...]
    runs: tuple[SettingOut, ...]
    fault: str
    stages: tuple[StageOut, ...]
    kept: tuple[KeptOut, ...]


class PersonOut(msgspec.Struct, frozen=True):
    """An account; ``disabled`` since when nobody can sign in with it, 0 for an enabled one."""

    name: str
    role: Role
    created: int
    disabled: int
    last_sign_in: int


class PeopleOut(msgspec.Struct, frozen=True):
    """All accounts, by name."""

    people: tuple[PersonOut, ...]


class VerifiedOut(msgspec.Struct, frozen=True):
    """What a check of the whole audit log found: ``broken`` is the number of the first entry that doesn't fit."""

    entries: int
    broken: int | None
    head: str
    fits: bool


def _today(asked: Asked, _query: Any, _body: None) -> TodayOut:
    told = today(asked, asked.now)
    runs = told.runs
    return TodayOut(
        dict(told.cases) if told.cases is not None else None,
        dict(told.notices) if told.notices is not None else None,
        told.found,
        bool(told.watched and told.watched.running(asked.now)),
        None if told.terminals is None else len(told.terminals),
        tuple(one.order.id for one in runs.alive) if runs else None,
        tuple(one.order.id for one in runs.asking) if runs else None,
        tuple(one.order.id for one in runs.failed) if runs else None,
        None if told.accidents is None else tuple(_unsettled(asked, one) for one in told.accidents),
        told.duties,
        tuple(one.what.say(asked.language) for one in told.troubles),
    )


def _unsettled(asked: Asked, one: Any) -> UnsettledOut:
    due = next_due(one.ruling, one.signed, asked.t) if one.ruling else None
    first = first_report(one.ruling, asked.t) if one.ruling else None
    told = one.record
    return UnsettledOut(
        told.id, told.title, told.ended, due.what if due else "", due.milliseconds if due else 0,
        first.milliseconds if first else 0,
    )  # fmt: skip


def _watch(asked: Asked, _query: Any, _body: None) -> WatchOut | None:
    watched = asked.office.console.watch.figures()
    if watched is None:
        return None
    shown, language = journey(watched), asked.language
    stations = (
        StationOut(
            one.name.say(language), one.unit.say(language), one.count,
            tuple(LossOut(loss.id, loss.why.say(language), loss.count, loss.harmless) for loss in one.losses),
        )
        for one in shown.stations
    )  # fmt: skip
    exporters = (
        ExporterOut(**{name: getattr(one, name) for name in ExporterOut.__struct_fields__})
        for one in shown.exporters
    )
    faults = (f"{one.part}: {one.what.say(language)} {one.where}".strip() for one in shown.faults)
    return WatchOut(
        watched.running(asked.now), watched.written, tuple(stations), tuple(exporters), shown.waiting,
        shown.unexplained, tuple(faults), tuple(one.say(language) for one in shown.notes),
    )  # fmt: skip


def _window(asked: Asked, query: FlowQuery) -> Window:
    end = query.until
    if not end:
        extent = asked.office.console.flows.extent()
        end = extent.newest + 1 if extent else asked.now
    return Window(max(0, end - query.hours * HOUR), max(1, end))


def _talkers(asked: Asked, query: TalkerQuery, _body: None) -> TalkersOut:
    window = _window(asked, query)
    found = asked.office.console.flows.talkers(window, by=query.by, n=query.limit)
    return TalkersOut(
        window.begin, window.end, tuple(TalkerOut(*msgspec.structs.astuple(one)) for one in found)
    )


def _series(asked: Asked, query: FlowQuery, _body: None) -> SeriesOut:
    window = _window(asked, query)
    step = step_of(window, _MOST_MARKS)
    points = asked.office.console.flows.series(window, step=step)
    return SeriesOut(
        window.begin, window.end, step, tuple(PointOut(*msgspec.structs.astuple(one)) for one in points)
    )


def _healing(asked: Asked, query: HealingQuery, _body: None) -> HealingOut:
    who = asked.who.name if asked.who else ""
    found = asked.office.console.casework.healing(query.by, notified=query.notified, who=who)
    return HealingOut(found.at, tuple(found.curves), found.comparison, found.left_out)


def _held(asked: Asked, query: HeldQuery, _body: None) -> HeldOut | None:
    line = filtering.line(query.line)
    if asked.who is None or line is None:
        return None
    found = asked.office.console.keeping.held(line, asked.who.name, asked.who.role.value)
    told = ((one, words(one, asked.language, asked.zone)) for one in found.holdings)
    return HeldOut(
        found.line, found.at, found.entry,
        tuple(
            HoldingOut(
                one.dataset, one.stage.value, one.rows, one.begin, one.end, one.expires, one.last, said["purpose"],
                said["basis"], said["note"],
            )
            for one, said in told
        ),
    )  # fmt: skip


def _settings(asked: Asked, _query: Any, _body: None) -> SettingsOut:
    from sekisho.catalogues import handling

    console = asked.office.console
    runs, usual = run_settings(console.folder), handling.read_handling()
    held = SettingsDesk(console).settings(asked.who.name if asked.who else "")
    fault = f"{runs.fault.what.say(asked.language)} {runs.fault.where}".strip() if runs.fault else ""
    return SettingsOut(
        tuple(SettingOut(one.name, one.value, one.default, one.own) for one in held),
        tuple(SettingOut(one.name, one.value, one.default, one.own) for one in runs.settings),
        fault,
        tuple(
            StageOut(stage.value, rule.days, usual[stage].days, rule.most_days)
            for stage, rule in console.keeping.rules().items()
        ),
        tuple(KeptOut(one.name, one.count, one.oldest) for one in console.keeping.kept()),
    )


def _people(asked: Asked, _query: Any, _body: None) -> PeopleOut:
    return PeopleOut(
        tuple(
            PersonOut(one.name, one.role, one.created, one.disabled, one.last_sign_in)
            for one in sign_in.people(asked.office.gate)
        )
    )


def _verified(asked: Asked, _query: Any, _body: None) -> VerifiedOut:
    found = asked.office.console.keeping.verify_audit()
    return VerifiedOut(found.entries, found.broken, found.head, found.fits)


OPERATIONS = (
    Operation("GET", "/api/v1/today", "getToday", Text(ja="今日の数", en="What the first page counts"), Permission.SEE, _today, TodayOut),
    Operation(
        "GET", "/api/v1/watch", "getWatch", Text(ja="フローはどこへ行ったか", en="Where flows went"), Permission.SEE, _watch,
        WatchOut, others=(404,),
    ),
    Operation(
        "GET", "/api/v1/flows/talkers", "listTalkers", Text(ja="最も多く通信したもの", en="Who talked most"), Permission.SEE,
        _talkers, TalkersOut, TalkerQuery,
    ),
    Operation(
        "GET", "/api/v1/flows/series", "getSeries", Text(ja="通信量の推移", en="How much, over time"), Permission.SEE, _series,
        SeriesOut, FlowQuery,
    ),
    Operation(
        "GET", "/api/v1/healing", "getHealing", Text(ja="治癒の曲線", en="Curves of healing"), Permission.SEE, _healing,
        HealingOut, HealingQuery,
    ),
    Operation(
        "GET", "/api/v1/held", "getHeld", Text(ja="回線について持つもの（記録に残る）", en="What is held of a line (recorded)"),
        Permission.WORK, _held, HeldOut, HeldQuery, others=(404,),
    ),
    Operation(
        "GET", "/api/v1/settings", "getSettings", Text(ja="設定", en="Settings"), Permission.ADMIN, _settings, SettingsOut,
    ),
    Operation("GET", "/api/v1/people", "listPeople", Text(ja="利用者の一覧", en="List accounts"), Permission.ADMIN, _people, PeopleOut),
    Operation(
        "GET", "/api/v1/audit/verified", "verifyAudit", Text(ja="監査記録の鎖を調べる", en="Check the chain of the audit log"),
        Permission.WORK, _verified, VerifiedOut,
    ),
)  # fmt: skip
