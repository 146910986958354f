"""JSON, JUnit and OSCAL: stable, valid, and absence never reads as a pass."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest
from trestle.oscal.assessment_results import Model

from fakes.documents import HOSTILE, JUDGED, LABEL_CODE, document
from sekisho.language import Language
from sekisho.model.verdict import Verdict
from sekisho.reports import json as result_json
from sekisho.reports import junit, oscal

SCHEMA = Path(__file__).with_name("oscal-assessment-results-1.2.1.schema.json")


def oscal_schema():
    # Python's re has no \p{…}: the same classes in its own words.
    text = SCHEMA.read_text(encoding="utf-8").replace(r"\\p{L}", r"[^\\W\\d_]").replace(r"\\p{N}", r"\\d")
    return jsonschema.Draft7Validator(json.loads(text), format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="module", params=["rich", "hostile", "empty"])
def subject(request):
    whole = document(Language.EN)
    if request.param == "hostile":
        terminal = msgspec.structs.replace(
            whole.terminal, maker=HOSTILE[0], model=HOSTILE[1], kind=HOSTILE[2]
        )
        record = msgspec.structs.replace(whole.assessment.record, number=" \n ", person=HOSTILE[1])
        assessment = msgspec.structs.replace(whole.assessment, record=record, began="never", tool=HOSTILE[2])
        return msgspec.structs.replace(whole, terminal=terminal, assessment=assessment, made_at="?")
    if request.param == "empty":
        assessment = msgspec.structs.replace(whole.assessment, judged=(), facts=(), attempts={})
        return msgspec.structs.replace(whole, assessment=assessment, evidence=(), transcripts={})
    return whole


def test_oscal_is_valid_by_the_published_schema_and_by_trestle(subject):
    plain = json.loads(oscal.RENDERER.render(subject))
    assert [f"{one.json_path}: {one.message}" for one in oscal_schema().iter_errors(plain)] == []
    Model.model_validate(plain)


def test_the_schema_check_can_fail():
    plain = json.loads(oscal.RENDERER.render(document()))
    del plain["assessment-results"]["results"][0]["findings"][0]["target"]["status"]
    assert list(oscal_schema().iter_errors(plain))


def test_oscal_says_satisfied_for_pass_alone():
    plain = json.loads(oscal.RENDERER.render(document()))
    seen = set()
    for result in plain["assessment-results"]["results"]:
        for finding in result["findings"]:
            verdict = next(one["value"] for one in finding["props"] if one["name"] == "verdict")
            state = finding["target"]["status"]["state"]
            assert (state == "satisfied") is (verdict == "PASS")
            seen.add(verdict)
    assert seen == {one.name for one in Verdict}


def test_oscal_identifiers_are_unique_and_stable():
    first, again = (oscal.RENDERER.render(document()) for _ in range(2))
    assert first == again
    plain = json.loads(first)["assessment-results"]
    found = [
        one["uuid"] for result in plain["results"] for one in (*result["observations"], *result["findings"])
    ]
    assert len(found) == len(set(found))
    other = json.loads(oscal.RENDERER.render(document(chain_head="0" * 64)))["assessment-results"]
    assert other["uuid"] != plain["uuid"]


def test_oscal_findings_lead_to_transcripts():
    plain = json.loads(oscal.RENDERER.render(document()))["assessment-results"]
    hashes = {
        one["rlinks"][0]["hashes"][0]["value"] for one in plain["back-matter"]["resources"] if "rlinks" in one
    }
    assert hashes == set(document().transcripts)


def test_junit_never_lets_absence_pass():
    root = ET.fromstring(junit.RENDERER.render(document()))
    cases = {one.get("name").split()[0]: [child.tag for child in one] for one in root.iter("testcase")}
    wanted = {
        Verdict.PASS: [],
        Verdict.FAIL: ["failure"],
        Verdict.INCONCLUSIVE: ["error"],
        Verdict.NONE: ["error"],
        Verdict.NOT_APPLICABLE: ["skipped"],
    }
    verdicts = {one.requirement: one.verdict for one in JUDGED if one.requirement}
    for requirement, tags in cases.items():
        assert tags == wanted[verdicts.get(requirement, Verdict.NONE)]
    assert cases["S1.1-15"] == ["error"]
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == (
        "14",
        "4",
        "5",
        "1",
    )


def test_junit_is_well_formed_whatever_the_terminal_says(subject):
    first = junit.RENDERER.render(subject)
    ET.fromstring(first)
    assert LABEL_CODE.encode() not in first
    assert first == junit.RENDERER.render(subject)


def test_json_has_its_documented_shape(subject):
    text = result_json.RENDERER.render(subject)
    found = msgspec.json.decode(text, type=result_json.Result)
    assert found.schema == result_json.SCHEMA
    assert text == result_json.RENDERER.render(subject)
    assert LABEL_CODE.encode() not in text


def test_json_speaks_both_languages_whatever_the_document_speaks():
    ja, en = (result_json.RENDERER.render(document(one)) for one in Language)
    assert ja == en
    found = msgspec.json.decode(ja, type=result_json.Result)
    finding = found.standards[0].outcomes[1].findings[0]
    assert finding.sentence.ja.startswith("正しい符号なしで")
    assert finding.sentence.en.startswith("1 ways")


def test_json_completeness_and_counts():
    found = msgspec.json.decode(result_json.RENDERER.render(document()), type=result_json.Result)
    standards = {one.id: one for one in found.standards}
    assert standards["jp-2020"].complete
    assert not standards["jc-star-1"].complete
    assert standards["jc-star-1"].counts == {
        "NONE": 2,
        "NOT_APPLICABLE": 1,
        "PASS": 1,
        "INCONCLUSIVE": 1,
        "FAIL": 0,
    }
    unjudged = next(one for one in standards["jc-star-1"].outcomes if one.requirement == "S1.1-15")
    assert unjudged.verdict == "NONE"
