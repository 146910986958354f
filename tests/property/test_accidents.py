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
    refused, ruling = None, None
    try:
        about, facts = read_csv(text, JST)
        ruling = rule(about, facts, datetime(2026, 11, 22, tzinfo=JST))
    except DescriptionError as error:
        refused = error
    if refused:
        assert refused.what in REASONS.values()
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
