"""The operator's duties by date: reports that come round, engineers' courses and vacancies, with the proof of what is done. Pure.

電気通信事業報告規則, 電気通信主任技術者規則; the rules are data (``catalogues/calendar_jp.toml``). A day that no source tells
stays open, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from sekisho.language import Text

_FISCAL_MONTH = 4
_VACANT = ("appoint", "works-")
_COURSE = "course-"
#: The kinds of 電気通信主任技術者.
KINDS = {
    "transmission": Text(ja="伝送交換", en="transmission"),
    "line": Text(ja="線路", en="lines"),
}
SMALL = Text(
    ja="一つの市町村内・3万人未満で、学歴と経験のある人がいれば選任を要しない",
    en="not needed within one municipality, below 30,000 users, with a person of degree and experience",
)


class PeriodicDuty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report that comes round; ``users``: only from so many; ``voice``: only of operators of voice.

    ``unverified``: what no source says of whether it is due: ``bound`` for whom it binds, ``nil`` for whether a report of
    nothing is asked for.
    """

    id: str
    title: Text
    article: str
    form: str
    months: int
    due_months: int
    users: int
    confidence: str
    voice: bool = False
    valid_from: date | None = None
    remark: Text | None = None
    unverified: str = ""


class EngineerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Courses and exemptions of 電気通信主任技術者, in years and users."""

    article: str
    confidence: str
    first_years: int
    card_fresh: int
    card_years: int
    course_fresh: int
    repeat_years: int
    small_users: int


class InstallerKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of 工事担任者 and the works it may do."""

    id: str
    title: Text
    may: tuple[str, ...]


class InstallerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do which works (工事担任者規則4条)."""

    article: str
    confidence: str
    remark: Text
    works: dict[str, Text]
    kinds: tuple[InstallerKind, ...]


class CalendarRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    duties: tuple[PeriodicDuty, ...]
    engineers: EngineerRules
    installers: InstallerRules


class Engineer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person appointed.

    :ivar kind: ``transmission`` (伝送交換) or ``line`` (線路)
    :ivar posts: names of sites and prefectures that the person answers for
    :ivar card: when the card was given; ``course`` the last one attended
    """

    name: str
    kind: str
    posts: tuple[str, ...]
    appointed: date
    card: date | None = None
    course: date | None = None


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site (事業場) that directly manages equipment.

    :ivar starts: when its work starts; appointments come before
    :ivar lines: it has lines (線路), so that it asks for that kind too; None for not told
    :ivar relief: its only equipment is for public Wi-Fi or unlicensed LPWA, and conforming or certified
    :ivar other_operator: another operator owns the equipment and has appointed; its name
    :ivar works: kinds of works that 工事担任者 do or supervise from here
    """

    name: str
    prefecture: str
    municipality: str
    starts: date
    lines: bool | None = None
    relief: bool = False
    other_operator: str = ""
    works: tuple[str, ...] = ()


class Installer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person with a card of 工事担任者; ``posts`` are names of sites and prefectures."""

    name: str
    kind: str
    posts: tuple[str, ...]


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof that a duty is done: of which entry, when, by whom, and what shows it."""

    id: str
    on: date
    by: str
    proof: str


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator says of itself. ``users`` at the end of the last fiscal year; None for not told.

    ``qualified``: a person with the degree and years that the exemption of small operators asks for; None for not told.
    """

    name: str = ""
    users: int | None = None
    voice: bool | None = None
    qualified: bool | None = None
    sites: tuple[Site, ...] = ()
    engineers: tuple[Engineer, ...] = ()
    installers: tuple[Installer, ...] = ()
    done: tuple[Done, ...] = ()


class State(StrEnum):
    """How an entry stands. `OPEN` is a duty whose day, or whose applying, is not known: never "nothing to do"."""

    DUE = "due"
    LATE = "late"
    DONE = "done"
    OPEN = "open"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One duty with its day (None when no source tells it).

    :ivar missing: the fact that would decide whether it applies: ``users``, ``voice``, ``qualified``, ``municipality``,
        ``lines``; ``day`` for its day, ``bound`` and ``nil`` for what is unverified of it, ``work`` for works that nobody
        there may do, ``full-time`` for a post whose engineer has others elsewhere
    :ivar owner: who does it, where somebody is named; ``accident`` the accident that it follows from
    :ivar since: the first day on which it can be done, where there is one
    """

    id: str
    title: Text
    article: str
    form: str
    day: date | None
    state: State
    confidence: str
    missing: str = ""
    remark: Text | None = None
    done: Done | None = None
    owner: str = ""
    accident: str = ""
    since: date | None = None

    @property
    def provable(self) -> bool:
        """Whether a proof can make it done: what is vacant is filled by a person's appointment and by nothing else."""
        return not self.id.startswith(_VACANT)


class Post(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A post of an engineer.

    :ivar place: the site or prefecture; ``kind`` of engineer; ``starts`` before which somebody is to be appointed
    :ivar people: who is appointed to it by now; ``coming`` whose day is still to come
    :ivar missing: what would decide it, as in `Entry`; "" when it is decided
    """

    place: str
    kind: str
    starts: date
    people: tuple[Engineer, ...] = ()
    coming: tuple[Engineer, ...] = ()
    missing: str = ""

    @property
    def filled(self) -> bool:
        """Whether nothing more is asked for."""
        return bool(self.people) and not self.missing


def entries(operator: Operator, rules: CalendarRules, today: date, until: date) -> tuple[Entry, ...]:
    """Return the duties whose day lies up to ``until``, the late ones of the last year too, by day; open ones last."""
    since = today - timedelta(days=366)
    made = [
        *_periodic(operator, rules, since, until),
        *_courses(operator, rules.engineers),
        *_vacancies(operator, rules.engineers, today),
        *_works(operator, rules.installers),
    ]
    done = {one.id: one for one in operator.done}
    found = []
    for one in (_as_proved_before(each, done) for each in made):
        proof = done.get(one.id) if one.provable else None
        if one.day is not None and one.day > until:
            continue
        if proof:
            found.append(proved(one, proof, today))
        else:
            found.append(_dated(one, today))
    return tuple(sorted(found, key=lambda one: (one.day or date.max, one.id)))


def _as_proved_before(one: Entry, done: Mapping[str, Done]) -> Entry:
    """Return a course under the id of its proof: proofs of before are of the day after, a first of a month."""
    if one.id in done or not one.id.startswith(_COURSE) or one.day is None:
        return one
    after = one.day + timedelta(days=1)
    before = f"{one.id.removesuffix(str(one.day))}{after}"
    return msgspec.structs.replace(one, id=before) if after.day == 1 and before in done else one


def _dated(one: Entry, today: date) -> Entry:
    late = one.state is State.DUE and one.day is not None and one.day < today
    return msgspec.structs.replace(one, state=State.LATE) if late else one


def proved(one: Entry, proof: Done, today: date) -> Entry:
    """Return the entry as done; one whose proof is of a day before it could be done stands as before, and says so."""
    if one.since is None or proof.on >= one.since:
        return msgspec.structs.replace(one, state=State.DONE, done=proof)
    early = Text(
        ja=f"済みとした日 {proof.on} は、できる最初の日 {one.since} より前なので、済みに数えない",
        en=f"recorded as done on {proof.on}, before {one.since}, the first day on which it can be: not counted",
    )
    return msgspec.structs.replace(_dated(one, today), remark=early)


def _periodic(operator: Operator, rules: CalendarRules, since: date, until: date) -> Iterator[Entry]:
    for duty in rules.duties:
        missing = ""
        if duty.users:
            if operator.users is not None and operator.users < duty.users:
                continue
            missing = "users" if operator.users is None else ""
        if duty.voice:
            if operator.voice is False:
                continue
            missing = "voice" if operator.voice is None else missing
        missing = missing or duty.unverified
        if not duty.due_months:
            yield Entry(
                duty.id,
                duty.title,
                duty.article,
                duty.form,
                None,
                State.OPEN,
                duty.confidence,
                missing or "day",
                duty.remark,
            )
            continue
        for first, day in _periods(duty, since, until):
            name = f"{duty.id}-{first:%Y-%m}"
            span = _month(first, duty.months) - timedelta(days=1)
            title = Text(
                ja=f"{duty.title.ja}（{first}から{span}まで）", en=f"{duty.title.en} ({first} to {span})"
            )
            state = State.OPEN if missing else State.DUE
            yield Entry(
                name, title, duty.article, duty.form, day, state, duty.confidence, missing, duty.remark,
                since=span + timedelta(days=1),
            )  # fmt: skip


def _periods(duty: PeriodicDuty, since: date, until: date) -> Iterator[tuple[date, date]]:
    """Yield the first day of each period and the last day of its report, for reports due between the two days."""
    first = date(since.year - 2, _FISCAL_MONTH, 1)
    while True:
        day = _month(first, duty.months + duty.due_months) - timedelta(days=1)
        if day > until:
            return
        if day >= since and (duty.valid_from is None or first >= duty.valid_from):
            yield first, day
        first = _month(first, duty.months)


def course_due(one: Engineer, rules: EngineerRules) -> date:
    """Return by when the next course is due.

    Years counted from the 1st of a month end on the eve of that day; a reading, and the safer one.
    """
    if one.course and (one.course >= one.appointed or one.appointed < years(one.course, rules.course_fresh)):
        return years(_month(one.course.replace(day=1), 1), rules.repeat_years) - timedelta(days=1)
    if one.card and one.appointed < years(one.card, rules.card_fresh):
        return years(one.card, rules.card_years)
    return years(one.appointed, rules.first_years)


def _courses(operator: Operator, rules: EngineerRules) -> Iterator[Entry]:
    for one in operator.engineers:
        day = course_due(one, rules)
        title = Text(ja=f"主任技術者の講習：{one.name}", en=f"course for engineers: {one.name}")
        name = f"{_COURSE}{one.name}-{day}"
        since = one.course + timedelta(days=1) if one.course else None
        yield Entry(name, title, rules.article, "", day, State.DUE, rules.confidence, since=since)


def exemption(operator: Operator, rules: EngineerRules) -> tuple[bool, str]:
    """Say whether the small operator needs no engineer, and which fact would decide it, as in `Entry.missing`.

    Within one municipality, fewer users than ``small_users``, and a person with the degree and years. A municipality
    that nobody told may be the same as the others.
    """
    prefectures = {_prefecture(one) for one in operator.sites} - {""}
    places = {(_prefecture(one), one.municipality.strip()) for one in operator.sites}
    told = {place for place in places if all(place)}
    if not operator.sites or len(told) > 1 or len(prefectures) > 1:
        return False, ""
    small = None if operator.users is None else operator.users < rules.small_users
    if small is False or operator.qualified is False:
        return False, ""
    if places != told:
        return False, "municipality"
    if small and operator.qualified:
        return True, ""
    return False, "users" if small is None else "qualified"


def unstaffed(operator: Operator, rules: InstallerRules) -> Iterator[tuple[Site, str]]:
    """Yield the works of sites that no 工事担任者 posted at the site, or for its prefecture, may do."""
    may = {one.id: one.may for one in rules.kinds}
    for site in operator.sites:
        here = [one for one in operator.installers if {site.name, _prefecture(site)} & _posted(one)]
        able = {work for one in here for work in may.get(one.kind, ())}
        yield from ((site, work) for work in site.works if work not in able)


def _works(operator: Operator, rules: InstallerRules) -> Iterator[Entry]:
    for site, work in unstaffed(operator, rules):
        name = rules.works.get(work) or Text(ja=work, en=work)
        title = Text(
            ja=f"工事担任者がいない：{site.name}（{name.ja}）",
            en=f"nobody may do the works at {site.name}: {name.en}",
        )
        yield Entry(
            f"works-{work}-{site.name}", title, rules.article, "", None, State.OPEN, rules.confidence, "work", rules.remark
        )  # fmt: skip


def _vacancies(operator: Operator, rules: EngineerRules, today: date) -> Iterator[Entry]:
    exempt, missing = exemption(operator, rules)
    if exempt:
        return
    if not operator.sites:  # nobody said that there are none
        title = Text(ja="主任技術者の選任", en="appoint engineers")
        yield Entry("appoint", title, rules.article, "", None, State.OPEN, rules.confidence, "sites")
    for post in posts(operator, rules, today):
        if post.filled:
            continue
        words = KINDS[post.kind]
        title = Text(
            ja=f"主任技術者（{words.ja}）の選任：{post.place}",
            en=f"appoint an engineer ({words.en}): {post.place}",
        )
        remark = SMALL if missing and post.missing == missing else None
        if post.coming and not post.people:
            first = min(one.appointed for one in post.coming)
            remark = Text(ja=f"選任の日 {first} はまだ来ていない", en=f"appointed only from {first}")
        yield Entry(
            f"appoint-{post.kind}-{post.place}", title, rules.article, "", post.starts,
            State.OPEN if post.missing else State.DUE, rules.confidence, post.missing, remark,
        )  # fmt: skip


def posts(operator: Operator, rules: EngineerRules, today: date) -> tuple[Post, ...]:
    """Return the posts of engineers, who has them by ``today``, and what leaves them undecided.

    Each site asks for somebody, full-time; each prefecture too when the business spans more than one. Who answers for
    several sites, or several prefectures, is full-time at no more than one of them as far as the sources tell.
    """
    missing = exemption(operator, rules)[1]
    sites = {one.name for one in operator.sites if not one.other_operator}
    prefectures = {_prefecture(one) for one in operator.sites}
    held: dict[str, set[str]] = {}
    for one in operator.engineers:
        if one.appointed <= today:
            held.setdefault(one.name, set()).update(_posted(one))
    shared = {name for name, every in held.items() if max(len(every & sites), len(every & prefectures)) > 1}
    made = []
    for place, kind, starts, lines in _asked(operator.sites):
        here = [one for one in operator.engineers if one.kind == kind and place in _posted(one)]
        people = tuple(one for one in here if one.appointed <= today)
        coming = tuple(one for one in here if one.appointed > today)
        open_ = ""
        if people and all(one.name in shared for one in people):
            open_ = "full-time"
        elif not people:
            open_ = missing or ("lines" if lines is None else "")
        made.append(Post(place, kind, starts, people, coming, open_))
    return tuple(made)


def _asked(sites: Sequence[Site]) -> Iterator[tuple[str, str, date, bool | None]]:
    """Yield the posts to fill: place, kind, before when, and whether it is known that there is anything to look after."""
    own = [one for one in sites if not one.other_operator]
    for one in own:
        yield from ((one.name, kind, one.starts, known) for kind, known in _kinds(one))
    if len({_prefecture(one) for one in sites}) > 1:  # one that nobody told may be another
        for prefecture in dict.fromkeys(_prefecture(one) for one in own if _prefecture(one)):
            here = [one for one in own if _prefecture(one) == prefecture and not one.relief]
            for kind in dict.fromkeys(kind for one in here for kind, _ in _kinds(one)):
                those = [(one.starts, known) for one in here for asked, known in _kinds(one) if asked == kind]
                sure = [starts for starts, known in those if known]
                starts = min(sure or [starts for starts, _ in those])
                yield prefecture, kind, starts, True if sure else None


def _prefecture(site: Site) -> str:
    return site.prefecture.strip()


def _posted(one: Engineer | Installer) -> set[str]:
    """Return where a person is posted, prefectures as `_prefecture` has them."""
    return {*one.posts, *(post.strip() for post in one.posts)} - {""}


def _kinds(site: Site) -> tuple[tuple[str, bool | None], ...]:
    """Return the kinds that a site asks for; None: nobody told whether it does."""
    transmission: tuple[str, bool | None] = ("transmission", True)
    return (transmission,) if site.lines is False else (transmission, ("line", site.lines))


def years(day: date, count: int) -> date:
    """Return the same day so many years later; 28 February for 29 February."""
    try:
        return day.replace(year=day.year + count)
    except ValueError:
        return day.replace(year=day.year + count, day=28)


def _month(day: date, add: int) -> date:
    months = day.year * 12 + day.month - 1 + add
    return date(months // 12, months % 12 + 1, 1)
