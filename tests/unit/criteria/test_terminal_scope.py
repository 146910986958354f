"""Applicability: no duty where the article doesn't reach, and no way to talk oneself out of it."""

from __future__ import annotations

from datetime import date

import pytest

from sekisho.criteria.terminal_scope import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Applicability, Equivalent, Exclusion, Terminal
from sekisho.model.verdict import Assurance, Verdict

IN = {
    "digital_data_line": True,
    "internet_protocol": True,
    "settings_over_line": True,
    "free_software": False,
    "connection": "direct",
}
CC = Equivalent("CC", "JISEC-C0001", date(2027, 3, 31), "EAL2")


def judge(*facts, **declared):
    terminal = Terminal(applicability=Applicability(**declared))
    attempts = dict.fromkeys(CRITERION.needs, Attempt(AttemptStatus.DONE))
    return CRITERION.judge(Observations(facts, attempts), terminal, {})


def answered(question, choice, person="Sato", at="2026-11-21T09:00:00+09:00"):
    return Observation("answer", question, choice, {"person": person, "at": at, "attachments": 1})


def changed(role="wan", value=True):
    return Observation("setting.write", "setting dns as none", value, {"role": role, "interface": role})


def outcome(found):
    assert found.reason in CRITERION.reasons
    assert all(detail.reason in CRITERION.reasons for detail in found.details)
    assert [detail.subject[0] for detail in found.details] == ["①", "②", "③", "④"]
    return found.verdict, found.reason


def test_all_conditions_hold():
    found = judge(**IN)
    assert outcome(found) == (Verdict.PASS, "applies")
    assert found.assurance is Assurance.DECLARED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"digital_data_line": False, "connection": ""}, "no-data-line"),
        ({"internet_protocol": False}, "no-ip"),
        ({"settings_over_line": False}, "not-over-line"),
        ({"free_software": True, "free_software_reason": "PC"}, "free-software"),
        ({"connection": "none"}, "no-connection"),
    ],
)
def test_out_of_scope_by_declaration(change, reason):
    found = judge(**{**IN, **change})
    assert outcome(found) == (Verdict.NOT_APPLICABLE, reason)
    assert found.assurance is Assurance.DECLARED


@pytest.mark.parametrize("missing", list(IN))
def test_an_unanswered_condition_leaves_it_open(missing):
    declared = {**IN, missing: "" if missing == "connection" else None}
    found = judge(**declared)
    assert outcome(found) == (Verdict.INCONCLUSIVE, "unanswered")
    assert found.arguments["missing"] == missing


def test_nothing_declared_at_all():
    assert outcome(judge()) == (Verdict.INCONCLUSIVE, "unanswered")


def test_one_refuted_condition_decides_whatever_else_is_open():
    assert outcome(judge(internet_protocol=False)) == (Verdict.NOT_APPLICABLE, "no-ip")


def test_exempt_without_a_reason_is_not_exempt():
    assert outcome(judge(**{**IN, "free_software": True, "free_software_reason": "  "})) == (
        Verdict.INCONCLUSIVE,
        "free-software-without-reason",
    )


def test_changed_over_the_line_against_the_declaration():
    found = judge(changed(), **{**IN, "settings_over_line": False})
    assert outcome(found) == (Verdict.PASS, "applies-against-declaration")
    assert found.assurance is Assurance.OBSERVED


def test_changed_over_the_line_refutes_no_ip():
    assert outcome(judge(changed(), **{**IN, "internet_protocol": False})) == (Verdict.PASS, "applies")


@pytest.mark.parametrize("fact", [changed("lan"), changed(value=False), changed(value=None)])
def test_what_refutes_nothing(fact):
    assert outcome(judge(fact, **{**IN, "settings_over_line": False})) == (
        Verdict.NOT_APPLICABLE,
        "not-over-line",
    )


@pytest.mark.parametrize(
    ("changes", "reason"), [(True, "applies-against-declaration"), (False, "not-over-line")]
)
def test_anonymous_control_counts_but_anonymous_reading_does_not(changes, reason):
    fact = Observation("service.anonymous", "wan udp/161", True, {"role": "wan", "changes": changes})
    assert outcome(judge(fact, **{**IN, "settings_over_line": False}))[1] == reason


def test_a_login_on_the_line_side_leaves_the_declaration_open():
    login = Observation("login.path", "login web", "form", {"role": "wan"})
    assert outcome(judge(login, **{**IN, "settings_over_line": False})) == (
        Verdict.INCONCLUSIVE,
        "seen-on-line",
    )


def test_an_open_port_on_the_line_side_leaves_no_ip_open():
    port = Observation("port.open", "wan tcp/80", True, {"role": "wan"})
    assert outcome(judge(port, **{**IN, "internet_protocol": False})) == (
        Verdict.INCONCLUSIVE,
        "seen-on-line",
    )


@pytest.mark.parametrize("change", [{"connection": "indirect"}, {"connection": "none"}])
def test_indirect_but_changed_from_the_line(change):
    facts = (changed(), answered("manual-notice", "yes"))
    assert outcome(judge(*facts, **{**IN, **change})) == (Verdict.INCONCLUSIVE, "indirect-contradicted")


def test_declarations_that_exclude_each_other():
    assert outcome(judge(**{**IN, "digital_data_line": False})) == (Verdict.INCONCLUSIVE, "contradiction")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), (Verdict.INCONCLUSIVE, "indirect-unchecked")),
        ((answered("manual-notice", "unknown"),), (Verdict.INCONCLUSIVE, "indirect-unchecked")),
        ((answered("manual-notice", "yes", person=""),), (Verdict.INCONCLUSIVE, "indirect-unchecked")),
        ((answered("manual-notice", "yes"),), (Verdict.NOT_APPLICABLE, "indirect")),
        ((answered("manual-notice", "no"),), (Verdict.PASS, "applies-without-notice")),
    ],
)
def test_indirect_needs_the_notice_in_the_manual(facts, expected):
    assert outcome(judge(*facts, **{**IN, "connection": "indirect"})) == expected


def test_a_person_can_answer_condition_3():
    declared = {**IN, "settings_over_line": None}
    assert outcome(judge(answered("settings-over-line", "no"), **declared))[1] == "not-over-line"
    found = judge(answered("settings-over-line", "yes"), **declared)
    assert outcome(found) == (Verdict.PASS, "applies")
    assert found.details[2].reason == "answered-yes"


ASKED = Observation("document.asked", "document_check", "2026-11-21")
LATER = Observation("document.asked", "document_check", "2027-04-01")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), (Verdict.INCONCLUSIVE, "equivalent-unweighed")),
        ((ASKED,), (Verdict.INCONCLUSIVE, "equivalent-unweighed")),
        ((LATER,), (Verdict.INCONCLUSIVE, "equivalent-expired")),
        ((answered("equivalent-certificate", "yes"),), (Verdict.NOT_APPLICABLE, "equivalent-accepted")),
        ((answered("equivalent-certificate", "no"),), (Verdict.PASS, "applies-equivalent-refused")),
        (
            (answered("equivalent-certificate", "yes", at="2027-04-01"),),
            (Verdict.INCONCLUSIVE, "equivalent-expired"),
        ),
    ],
)
def test_an_equivalent_measure_is_a_claim_until_weighed(facts, expected):
    found = judge(*facts, **IN, equivalent=CC)
    assert outcome(found) == expected
    assert "JISEC-C0001" in found.claim
    assert found.arguments["expires"] == "2027-03-31"


@pytest.mark.parametrize("change", [{"internet_protocol": False}, {"settings_over_line": False}])
def test_nothing_seen_against_it_needs_somebody_who_looked(change):
    terminal = Terminal(applicability=Applicability(**{**IN, **change}))
    attempts = dict.fromkeys(CRITERION.needs, Attempt(AttemptStatus.DONE))
    whole = Observations((), attempts)
    assert CRITERION.judge(whole, terminal, {}).verdict is Verdict.NOT_APPLICABLE
    part = Observations((), {name: one for name, one in attempts.items() if name != "web_login"})
    assert outcome(CRITERION.judge(part, terminal, {})) == (Verdict.INCONCLUSIVE, "not-chosen")
    left = Terminal(applicability=terminal.applicability, exclusions=(Exclusion("tcp", 9999, "ours"),))
    found = CRITERION.judge(whole, left, {})
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "excluded")
