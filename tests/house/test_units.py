"""Every unit fits its socket, documents itself, and catalogues ask only what somebody can answer."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import pytest

from sekisho import plugins
from sekisho.model.requirement import Rule

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("Question:", "How:", "Evidence:", "Limits:", "Source:")
UNITS = [
    (kind, name)
    for kind in ("probes", "criteria", "readers", "assignment_readers", "detectors")
    for name in plugins.names(kind)
]


def test_no_plugin_is_broken() -> None:
    broken = [
        f"{one.kind} {one.name}: {one.fault}"
        for kind in plugins.KINDS
        for one in plugins.find(kind)
        if one.fault
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(("kind", "name"), UNITS)
def test_unit_documents_itself(kind: str, name: str) -> None:
    unit = plugins.unit(kind, name)
    module = sys.modules[type(unit).__module__]
    package = sys.modules.get(f"sekisho.{kind}.{name}", module)
    text = inspect.getdoc(package) or inspect.getdoc(module) or ""
    missing = [section for section in SECTIONS if not re.search(rf"^{section}", text, re.MULTILINE)]
    assert not missing, f"{kind}.{name}: {missing}"


@pytest.mark.parametrize("name", plugins.names("probes"))
def test_probe_has_test_and_golden_cases(name: str) -> None:
    assert list((ROOT / "tests/unit/probes").rglob(f"test_{name}*.py")), "no unit test"
    cases = {path.name.split("-")[0] for path in (ROOT / "tests/golden" / name).iterdir() if path.is_dir()}
    assert {"pass", "fail", "inconclusive"} <= cases


@pytest.mark.parametrize("name", plugins.names("criteria"))
def test_criterion_needs_installed_probes(name: str) -> None:
    assert set(plugins.unit("criteria", name).needs) <= set(plugins.names("probes"))


def leaves(rule: Rule) -> list[str]:
    own = [rule.criterion] if rule.criterion else []
    return own + [name for branch in (*rule.all, *rule.any) for name in leaves(branch)]


@pytest.mark.parametrize("name", plugins.names("catalogues"))
def test_catalogue_asks_only_installed_criteria(name: str) -> None:
    catalogue = plugins.unit("catalogues", name)()
    asked = {
        one for requirement in catalogue.requirements if requirement.rule for one in leaves(requirement.rule)
    }
    asked |= {catalogue.applicability} - {""}
    assert asked <= set(plugins.names("criteria"))


def test_facts_are_documented_in_both_languages() -> None:
    for name in plugins.names("probes"):
        for fact, text in plugins.unit("probes", name).facts.items():
            assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", fact), fact
            assert text.ja
            assert text.en
