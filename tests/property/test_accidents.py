"""Laws that hold for all accidents: one rule set a day, more never lowers a duty, more knowledge never contradicts."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.accidents import accident_rules, duty_rules, periodic_file
from sekisho.errors import DescriptionError
from sekisho.formats.incident_file import read_csv, write_csv
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_moment
from sekisho.language import Language
from sekisho.model.accident import judge, rules_for, standing
from sekisho.model.draft import Kind
from sekisho.model.duty import duties, threat_rules
from sekisho.model.incident import Effect, Incident, Service, Standing
from sekisho.model.periodic import period, periodic, periodic_rules
from sekisho.workflows.draft_accident import draft
from sekisho.workflows.judge_accident import rule

JST = timezone(timedelta(hours=9))
ORDER = [Standing.NO, Standing.UNDECIDED, Standing.YES]
DAYS = st.dates(date(2010, 1, 1), date(2035, 12, 31))
MINUTES = st.sampled_from([0, 30, 60, 90, 120, 720]) | st.integers(0, 3_000)
USERS = st.sampled_from([0, 20_000, 30_000, 100_000]) | st.integers(0, 2_000_000)
SPANS = st.lists(st.tuples(MINUTES, MINUTES, USERS, USERS, st.sampled_from("abc")), min_size=1, max_size=5)


def incident(
    day: date, service: Service, spans: list[tuple[int, int, int, int, str]], *, apart: bool
) -> Incident:
    begin = datetime(day.year, day.month, day.day, tzinfo=JST)
    effects = tuple(
        Effect(service, begin + timedelta(minutes=first), begin + timedelta(minutes=first + long), least,
               least + extra, area)
        for first, long, least, extra, area in spans
    )  # fmt: skip
    return Incident(
        "t", begin, begin, begin + timedelta(days=9), effects=effects, areas_apart=apart, unhurt=False
    )


def verdict(one: Incident) -> Standing:
    return standing(judge(one, rules_for(one.occurred.date(), accident_rules())))


CELLS = st.sampled_from(
    ["", "2026-11-21 10:00", "R8.11.21 11:00", "2999-12-31 24:00", "停止", "down", "users", "restored", "internet", "東京",
     "41000", "3万以上", "５～９", "-1", "equipment-down", "yes", "known", "occurred", "\x00", '"', "\ud7ff"]
) | st.text(max_size=6)  # fmt: skip


@given(st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=6))
def test_any_table_is_judged_or_refused_with_a_reason(rows: list[list[str]]) -> None:
    text = "time,what,service,area,users,equipment\n" + "\n".join(",".join(row) for row in rows)
    ruling, said = None, ""
    try:
        about, facts = read_csv(text, JST)
        ruling = rule(about, facts, datetime(2026, 11, 22, tzinfo=JST))
    except DescriptionError as error:
        said = error.what.ja
    assert said or ruling
    # Without a service or equipment that was hit nothing is decided.
    assert not ruling or ruling.judgements or ruling.serious is Standing.UNDECIDED


@given(DAYS)
def test_every_date_has_exactly_one_of_each_rule_set(day: date) -> None:
    assert rules_for(day, accident_rules())
    assert threat_rules(day, duty_rules().threats)
    rules = periodic_rules(day, periodic_file().rules)
    first, last, due = period(day, rules)
    assert first <= day <= last < due
    triggers = [one.trigger for one in duty_rules().duties if one.holds(day)]
    assert len(triggers) == len(set(triggers))
    assert "serious" in triggers


@given(DAYS, st.sampled_from(list(Service)), SPANS, st.booleans(), st.integers(0, 4), MINUTES, USERS)
def test_more_users_or_hours_in_any_span_never_lower_the_duty(
    day: date, service: Service, spans: list[tuple[int, int, int, int, str]], apart: bool, which: int,
    longer: int, more: int,
) -> None:  # fmt: skip
    number = which % len(spans)
    first, long, least, extra, area = spans[number]
    grown = [*spans]
    grown[number] = (first, long + longer, least + more, extra, area)
    less, greater = incident(day, service, spans, apart=apart), incident(day, service, grown, apart=apart)
    before, after = verdict(less), verdict(greater)
    assert ORDER.index(after) >= ORDER.index(before)
    asked = {one.rule.trigger for one in duties(less, before, duty_rules())}
    assert asked <= {one.rule.trigger for one in duties(greater, after, duty_rules())}
    file = periodic_file()
    rules = periodic_rules(day, file.rules)
    # Without the exclusion of serious ones (which moves them to the stricter duty).
    reports = [periodic(one, Standing.NO, rules, file.tracks).standing for one in (less, greater)]
    assert ORDER.index(reports[1]) >= ORDER.index(reports[0])


@given(DAYS, st.sampled_from(list(Service)), SPANS, st.integers(0, 4), USERS)
def test_a_decided_verdict_stands_when_more_becomes_known(
    day: date, service: Service, spans: list[tuple[int, int, int, int, str]], which: int, sure: int
) -> None:
    number = which % len(spans)
    first, long, least, extra, area = spans[number]
    least_now = least + min(sure, extra)
    better = [*spans]
    better[number] = (first, long, least_now, least + extra - least_now, area)
    before = verdict(incident(day, service, spans, apart=True))
    after = verdict(incident(day, service, better, apart=True))
    if before is not Standing.UNDECIDED:
        assert after is before


@given(DAYS, st.sampled_from(list(Service)), SPANS)
def test_another_service_hit_too_never_lowers_it(
    day: date, service: Service, spans: list[tuple[int, int, int, int, str]]
) -> None:
    one = incident(day, Service.INTERNET, spans[:1], apart=True)
    both = Incident(
        "t", one.occurred, one.known, one.as_of, areas_apart=True,
        effects=(*one.effects, *incident(day, service, spans[1:], apart=True).effects),
    )  # fmt: skip
    if service is not Service.INTERNET:
        assert ORDER.index(verdict(both)) >= ORDER.index(verdict(one))


ERAS = st.sampled_from(
    [
        "令和{era}年{m}月{d}日{h}時{n}分",
        "R{era}.{m}.{d} {h}:{n:02}",
        "{y}/{m}/{d} {h}:{n:02}",
        "{y}年{m}月{d}日 {h}時{n}分",
    ]
)
WIDE = str.maketrans("0123456789:./R", "０１２３４５６７８９：．／Ｒ")
LIKE_TIMES = r"(令和|R|H|平成)?[0-9元]{1,4}[年./-][0-9]{1,2}[月./-][0-9]{1,2}日? ?[0-9]{1,2}[:時][0-9]{0,2}"


@given(st.datetimes(datetime(2019, 5, 1), datetime(2099, 12, 31)), ERAS, st.booleans())
def test_every_calendar_of_japan_reads_as_the_same_moment(moment: datetime, form: str, wide: bool) -> None:
    plain = moment.replace(second=0, microsecond=0)
    text = form.format(
        era=plain.year - 2018, y=plain.year, m=plain.month, d=plain.day, h=plain.hour, n=plain.minute
    )
    assert read_moment(text.translate(WIDE) if wide else text, JST) == plain.replace(tzinfo=JST)


@given(st.text(max_size=40) | st.from_regex(LIKE_TIMES, fullmatch=True))
def test_any_other_text_is_a_moment_or_refused_with_a_known_reason(text: str) -> None:
    reason = None
    try:
        read_moment(text, JST)
    except ValueError as error:
        reason = str(error)
    assert reason is None or reason in REASONS


CELLS = st.sampled_from(
    ["2026-11-21 12:00", "R8.11.21 13:00", "令和８年11月21日14時", "昨日", "", "2026-13-01 1:00"]
)
KINDS = st.sampled_from(["down", "復旧", "restored", "users", "degraded", "known", "occurred", "爆発", ""])
NAMES = st.sampled_from(["internet", "インターネット接続", "voice", "電報", ""])
NUMBERS = st.sampled_from(["41000", "3万〜4万", "-1", "1e9", "多数", "", "３０，０００", "5-3", "30000+"])
ROWS = st.lists(
    st.tuples(CELLS, KINDS, NAMES, st.sampled_from(["", "東京", "*"]), NUMBERS), min_size=1, max_size=8
)


@given(ROWS)
def test_a_refused_table_names_its_line_and_a_judged_one_can_be_written_and_drafted(
    rows: list[tuple[str, str, str, str, str]],
) -> None:
    quoted = (",".join(f'"{cell}"' for cell in row) for row in rows)
    text = "time,what,service,area,users\n" + "\n".join(quoted)
    refused, ruling = None, None
    try:
        about, facts = read_csv(text, JST)
        ruling = rule(about, facts, datetime(2026, 11, 22, tzinfo=JST))
    except DescriptionError as error:
        refused = error
    if refused:
        assert any(refused.what.ja.startswith(one.ja) for one in REASONS.values())
        assert "*" not in refused.what.ja, "an area that nobody wrote is told in words"
        whole = (REASONS["facts-missing"], REASONS["nothing-known-yet"])
        assert refused.where.startswith("line ") or refused.what in whole
        return
    assert ruling
    assert ruling.incident.occurred <= ruling.incident.as_of
    assert all(one.users[0] >= 0 and one.hours[0] >= 0 for one in ruling.judgements)
    assert read_csv(write_csv(facts), JST)[1] == tuple(
        msgspec.structs.replace(one, line=f"line {number}") for number, one in enumerate(facts, 2)
    )
    for kind in Kind:
        draft(kind, about, ruling, Language.JA, JST)
