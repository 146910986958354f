"""What the built-in catalogues must hold, counted against the facts they were made from."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date

import pytest

from sekisho import catalogues, plugins
from sekisho.catalogues.reading import leaves
from sekisho.language import Language
from sekisho.model.requirement import Confidence, Status


def test_importing_the_room_reads_no_file():
    code = (
        "import builtins, io, sys\n"
        "import sekisho.model.requirement, importlib.util\n"
        "opened = []\n"
        "sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == 'open' else None)\n"
        "import sekisho.catalogues\n"
        "assert not [name for name in opened if name.endswith('.toml')], opened\n"
        "sekisho.catalogues.jp_2020()\n"
        "assert [name for name in opened if name.endswith('jp-2020.toml')], opened\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_law_in_force():
    law = catalogues.jp_2020()
    assert law.status is Status.IN_FORCE
    assert law.effective_from == date(2020, 4, 1)
    assert [one.id for one in law.requirements] == ["JP20-1", "JP20-2", "JP20-3", "JP20-4"]
    assert law.applicability == "terminal_scope"
    assert law.requirement("JP20-2").rule.any, "prompt or unique: one of two suffices"


def test_what_the_law_in_force_does_not_ask():
    asked = {
        leaf.criterion
        for one in catalogues.jp_2020().requirements
        for leaf in leaves(one.rule)
        if not leaf.info
    }
    assert asked == {"access_control", "code_change", "code_uniqueness", "software_update", "retention"}


def test_the_proposal_is_not_law():
    proposal = catalogues.jp_2025_report()
    assert proposal.status is Status.PROPOSED
    assert proposal.effective_from is proposal.effective_until is None
    assert "まだ法令ではない" in proposal.notice.ja
    assert "not yet law" in proposal.notice.en
    assert {
        "JP25-2a",
        "JP25-2b",
        "JP25-2c",
        "JP25-2d",
        "JP25-2e",
        "JP25-3a",
        "JP25-3b",
        "JP25-3c",
        "JP25-5",
    } <= {one.id for one in proposal.requirements}
    assert proposal.requirement("JP25-3c").obligation == "info"
    assert not catalogues.in_force(proposal, date(2030, 1, 1))


def test_the_weak_code_yardstick_is_taken_over():
    yardstick = catalogues.nict_2024_art3()
    assert yardstick.status is Status.PARAMETERS
    assert yardstick.parameters["min_length"] == 8
    assert [yardstick.parameters[name] for name in ("single", "sequential", "attacked")] == [True] * 3
    assert yardstick.requirements == ()
    for one in (catalogues.jp_2025_report(), catalogues.en303645_v2_1_1(), catalogues.jc_star_1()):
        assert one.parameters_from == yardstick.id
        assert one.parameters["min_length"] == 8
        assert one.bases["min_length"].sources == ("L5",)


def test_all_68_provisions():
    standard = catalogues.en303645_v2_1_1()
    assert len(standard.requirements) == 68
    assert Counter(one.obligation for one in standard.requirements) == {"mandatory": 33, "recommended": 35}
    groups = Counter(one.id.rpartition("-")[0] for one in standard.requirements)
    assert groups == {
        "4": 1, "5.1": 5, "5.2": 3, "5.3": 16, "5.4": 4, "5.5": 8, "5.6": 9, "5.7": 2,
        "5.8": 3, "5.9": 3, "5.10": 1, "5.11": 4, "5.12": 3, "5.13": 1, "6": 5,
    }  # fmt: skip
    assert all(one.confidence in {"C", "D"} for one in standard.conditions.values())
    assert any(one.rule is None for one in standard.requirements)


@pytest.mark.parametrize("number", range(1, 17))
def test_unverified_criteria_of_jc_star_say_so(number):
    one = catalogues.jc_star_1().requirement(f"S1.1-{number:02}")
    if number <= 6:
        assert one.confidence is Confidence.B
    else:
        assert one.confidence is Confidence.D
        assert "未確認" in one.title.ja
        assert "unverified" in one.title.en
        assert "Unverified" in one.remark.en


def test_thresholds_of_our_own_are_flagged_ours():
    for catalogue in catalogues.built_in():
        for name in ("seconds", "codes", "units", "lock_out_owner", "entry_ports", "mutants"):
            if name in catalogue.bases:
                assert catalogue.bases[name].confidence in {"B", "C"}
                assert "Sekisho" in catalogue.bases[name].sources


def test_ports_without_a_source_are_no_entry_ports():
    for catalogue in catalogues.built_in():
        ports = catalogue.parameters.get("entry_ports", [])
        assert not {f"tcp/{port}" for port in (5358, 9527, 9530, 34567, 37777, 8291, 8728, 48101)} & set(
            ports
        )


def test_the_crosswalk_goes_both_ways():
    known = {one.id: one for one in catalogues.built_in()}
    crossed = 0
    for catalogue in known.values():
        for one in catalogue.requirements:
            for other in one.crosswalk:
                name, _, identifier = other.partition("/")
                assert f"{catalogue.id}/{one.id}" in known[name].requirement(identifier).crosswalk
                crossed += 1
    assert crossed > 100
    for law in known["jp-2020"].requirements:
        assert {other.partition("/")[0] for other in law.crosswalk} == {
            "jp-2025-report", "en303645-v2.1.1", "jc-star-1"
        }  # fmt: skip


def test_regimes_elsewhere():
    assert "EN 18031-1 AUM-6" in catalogues.elsewhere("jp-2025-report/JP25-2d")
    assert catalogues.elsewhere("jp-2025-report/none") == ()


def test_every_source_is_cited_and_every_text_is_in_both_languages():
    cited: set[str] = set()
    for catalogue in catalogues.built_in():
        cited.update(catalogue.sources)
        for basis in catalogue.bases.values():
            cited.update(basis.sources)
        for one in catalogue.requirements:
            cited.update(one.sources)
            for text in filter(None, (one.title, one.gist, one.remark)):
                assert text.ja.strip()
                assert text.en.strip()
                assert text.ja != text.en
    assert cited == set(catalogues.sources())


def test_pick():
    everything = catalogues.built_in()
    assert [one.id for one in catalogues.pick(everything, date(2026, 11, 21))] == ["jp-2020"]
    assert catalogues.pick(everything, date(2020, 3, 31)) == ()


@pytest.mark.parametrize("name", sorted(plugins.names("catalogues")))
def test_a_japanese_clause_has_english_words(name: str) -> None:
    for one in plugins.unit("catalogues", name)().requirements:
        assert one.clause_in(Language.JA) == one.clause
        assert one.clause_in(Language.EN).isascii(), one.id
