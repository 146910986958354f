"""Rules of handling: complete, flagged, may be shortened and never stretched."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sekisho.catalogues.handling import label, read_handling, sources
from sekisho.errors import CatalogueError
from sekisho.formats.assignment_rows import ASSIGNMENT
from sekisho.model.case_life import Sighting
from sekisho.model.detection import Detection
from sekisho.model.identity import Contact
from sekisho.model.indicator import Indicator
from sekisho.model.purpose import LegalBasis, Purpose, Stage
from sekisho.model.requirement import Confidence
from sekisho.model.tables import WATCHED

RULES = read_handling()
NOW = 1_795_212_345_678


def test_every_stage_has_a_rule_that_cites_its_sources() -> None:
    assert set(RULES) == set(Stage)
    for rule in RULES.values():
        assert rule.source
        assert set(rule.source) | set(rule.days_source) <= set(sources())


def test_days_are_flagged_as_our_own() -> None:
    for rule in RULES.values():
        assert "OWN" in rule.days_source
        assert rule.days_confidence >= Confidence.C


def test_allow_lists_are_the_columns_of_the_model() -> None:
    assert set(RULES[Stage.RAW_FLOW].columns) == set(WATCHED.names)
    fields = {field.name for field in msgspec.structs.fields(Detection)}
    assert set(RULES[Stage.CANDIDATE].columns) | {"id"} == fields
    assert set(RULES[Stage.CONFIRMED].columns) == {one.name for one in msgspec.structs.fields(Indicator)}
    sighting = {field.name for field in msgspec.structs.fields(Sighting)}
    assert set(RULES[Stage.CASE].columns) == sighting - {"id"} | {"subscriber"}
    assert set(RULES[Stage.CONTACT].columns) == {field.name for field in msgspec.structs.fields(Contact)}
    assert set(RULES[Stage.ASSIGNMENT].columns) == set(ASSIGNMENT.names)
    assert RULES[Stage.SPOOL].columns == ()


def test_a_setting_may_shorten() -> None:
    assert read_handling({"raw-flow": 2})[Stage.RAW_FLOW].milliseconds == 2 * 86_400_000


@pytest.mark.parametrize("days", [30.01, 0, -1, float("nan"), float("inf")])
def test_no_setting_may_exceed_the_maximum(days: float) -> None:
    with pytest.raises(CatalogueError) as error:
        read_handling({"raw-flow": days})
    assert "30" in error.value.what.en
    assert "30" in error.value.what.ja
    assert "raw-flow" in error.value.where


def test_an_unknown_stage_is_said() -> None:
    with pytest.raises(CatalogueError, match="no stage"):
        read_handling({"raw": 1})


def test_labels_of_one_hour_are_one_label() -> None:
    hour = NOW // 3_600_000 * 3_600_000
    one, two = (
        label(RULES, Stage.RAW_FLOW, (Purpose.CC_DETECTION,), LegalBasis.LEGITIMATE_BUSINESS, at)
        for at in (hour + 1, hour + 3_599_999)
    )
    assert one == two
    assert one.expires == hour + 7 * 86_400_000


@pytest.mark.parametrize(
    ("purpose", "basis"),
    [
        (Purpose.SHARING, LegalBasis.LEGITIMATE_BUSINESS),
        (Purpose.CC_DETECTION, LegalBasis.NECESSITY),
        (Purpose.DEMONSTRATION, LegalBasis.LEGITIMATE_BUSINESS),
    ],
)
def test_a_purpose_or_ground_that_the_rule_lacks_is_refused(purpose: Purpose, basis: LegalBasis) -> None:
    with pytest.raises(CatalogueError):
        label(RULES, Stage.RAW_FLOW, (purpose,), basis, NOW)


def test_demonstrations_use_data_of_nobody() -> None:
    made = label(RULES, Stage.RAW_FLOW, (Purpose.DEMONSTRATION,), LegalBasis.NOT_COMMUNICATION, NOW, "demo")
    assert made.allows(Purpose.DEMONSTRATION, NOW)
    assert not made.allows(Purpose.CC_DETECTION, NOW)


@pytest.mark.parametrize("content", ["", "[stages", "[stages.other]\nx = 1", "[sources]\n[stages]\n"])
def test_a_bad_file_names_itself(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(CatalogueError) as error:
        read_handling(file=tmp_path / "x.toml")
    assert "x.toml" in error.value.where


def test_the_manual_tells_the_days_of_the_rules() -> None:
    manual = Path(__file__).parents[3] / "docs" / "60-operate" / "retention.md"
    rows = re.findall(
        r"^\| .* \| ([a-z-]+) \| ([\d.]+) \| ([\d.]+) \|", manual.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {stage: f"{rule.days:g} {rule.most_days:g}" for stage, rule in read_handling().items()}
    for language in (rows[: len(told)], rows[len(told) :]):
        assert {stage: f"{days} {most}" for stage, days, most in language} == told
