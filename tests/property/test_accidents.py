"""Laws that hold for all accidents: one rule set a day, more never lowers a duty, more knowledge never contradicts."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.accidents import accident_rules, duty_rules, periodic_file
from sekisho.errors import DescriptionError
from sekisho.formats.incident_file import read_csv
from sekisho.model.accident import judge, rules_for, standing
from sekisho.model.duty import duties, threat_rules
from sekisho.model.incident import Effect, Incident, Service, Standing
from sekisho.model.periodic import period, periodic, periodic_rules
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
