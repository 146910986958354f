"""A bad catalogue is refused at the door, and the error names file, requirement and field."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sekisho import catalogues
from sekisho.catalogues.reading import RULE_PARAMETERS, check_together, leaves, read
from sekisho.errors import CatalogueError

GOOD = """
id = "trial"
title = { ja = "試し", en = "Trial" }
edition = "1"
standard = "trial"
status = "in-force"
confidence = "C"
sources = ["Sekisho"]
effective_from = 2026-01-01
applicability = "terminal_scope"

[parameters]
codes = 1000
entry_ports = ["tcp/23"]

[bases.codes]
confidence = "C"
sources = ["Sekisho"]

[bases.entry_ports]
confidence = "A"
sources = ["M1"]

[[requirements]]
id = "T1"
clause = "1"
title = { ja = "一", en = "One" }
gist = { ja = "一", en = "One" }
confidence = "A"
sources = ["L1"]
rule = { any = [{ criterion = "interfaces_needed", parameters = { entry_ports = "$entry_ports", side = "all" } }, { criterion = "software_update" }] }

[[requirements]]
id = "T2"
clause = "2"
title = { ja = "二", en = "Two" }
gist = { ja = "二", en = "Two" }
confidence = "A"
sources = ["L1"]
"""


def load(folder: Path, text: str):
    path = folder / "trial.toml"
    path.write_text(text, "utf-8")
    return read(path)


def test_a_good_catalogue_is_read(tmp_path):
    found = load(tmp_path, GOOD)
    assert [one.id for one in found.requirements] == ["T1", "T2"]
    assert found.requirements[1].rule is None


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"software_update" }', '"no_such" }', "T1: rule.any[2]: criterion: no_such"),
        ('"terminal_scope"', '"no_such"', "applicability: no_such"),
        ('side = "all"', 'sides = "all"', "T1: rule.any[1]: interfaces_needed.sides"),
        (', side = "all"', "", "T1: rule.any[1]: interfaces_needed.side"),
        ("$entry_ports", "$entrance", "interfaces_needed.entry_ports = $entrance"),
        ('"$entry_ports"', '["$entry_ports"]', "interfaces_needed.entry_ports = $entry_ports"),
        ('id = "T2"', 'id = "T1"', "T1: id"),
        ('sources = ["L1"]\nrule', 'sources = ["L99"]\nrule', "T1: sources: L99"),
        ('sources = ["L1"]\nrule', "sources = []\nrule", "T1: sources"),
        ('clause = "2"', 'clause = "2"\nobligation = "perhaps"', "T2: obligation"),
        ('clause = "2"', 'clause = "2"\ncondition = "moon"', "T2: condition: moon"),
        ('clause = "2"', "clause = 2", "requirements[T2].clause"),
        ('clause = "2"', 'clause = "2"\nclausula = "2"', "requirements[T2]"),
        ('en = "Two" }\nconfidence = "A"', 'en = "Two" }\nconfidence = "D"', "T2: remark"),
        ('en = "Two" }\nconfidence = "A"', 'en = "Two" }\nconfidence = "E"', "requirements[T2].confidence"),
        ("effective_from = 2026-01-01\n", "", "effective_from"),
        ("2026-01-01\n", "2026-01-01\neffective_until = 2025-12-31\n", "effective_until"),
        ('"in-force"', '"proposed"', "effective_from"),
        ('"tcp/23"', '"23/tcp"', "parameters.entry_ports: 23/tcp"),
        ('"tcp/23"', '"tcp/70000"', "parameters.entry_ports: tcp/70000"),
        ("codes = 1000", "codes = 1000\nseconds = 1", "parameters.seconds"),
        ("codes = 1000\n", "", "bases.codes"),
        ("[parameters]", 'parameters_from = "nowhere"\n[parameters]', "parameters_from"),
        ("[parameters]", 'parameters_from = "jp-2025-report"\n[parameters]', "parameters_from"),
        ('id = "trial"', 'id = "trial', "trial.toml"),
        ("{ any = [", '{ criterion = "software_update", any = [', "T1: rule"),
        ("{ any = [", '{ parameters = { side = "all" }, any = [', "T1: rule: parameters"),
    ],
)
def test_a_bad_one_is_refused_and_the_place_is_named(tmp_path, old, new, where):
    assert GOOD.count(old) >= 1
    with pytest.raises(CatalogueError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert where in caught.value.where
    assert caught.value.where.startswith("trial.toml")
    assert caught.value.what.ja
    assert caught.value.what.en


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CatalogueError):
        read(tmp_path / "none.toml")


def test_two_editions_must_not_be_in_force_on_one_day():
    first = catalogues.jp_2020()
    second = msgspec.structs.replace(first, id="jp-2027", requirements=())
    with pytest.raises(CatalogueError, match="same day"):
        check_together([*catalogues.built_in(), second])


def test_two_catalogues_with_one_id():
    with pytest.raises(CatalogueError, match="same id"):
        check_together([*catalogues.built_in(), catalogues.jp_2020()])


def test_a_crosswalk_into_nowhere(tmp_path):
    found = load(tmp_path, GOOD.replace('clause = "2"', 'clause = "2"\ncrosswalk = ["jp-2020/JP20-9"]'))
    with pytest.raises(CatalogueError) as caught:
        check_together([*catalogues.built_in(), found])
    assert caught.value.where == "trial: T2: crosswalk: jp-2020/JP20-9"


def test_the_parameter_table_names_the_criteria_of_the_project():
    project = Path(__file__).parents[3] / "pyproject.toml"
    table = project.read_text("utf-8").split('[project.entry-points."sekisho.criteria"]')[1].split("[")[0]
    assert set(re.findall(r"^(\w+) =", table, re.MULTILINE)) == set(RULE_PARAMETERS)


def test_each_criterion_reads_the_parameters_that_it_is_given():
    """A parameter that no criterion looks at would be law that nobody applies."""
    room = Path(__file__).parents[3] / "src/sekisho/criteria"
    for name, parameters in RULE_PARAMETERS.items():
        file = room / f"{name}.py"
        if file.exists():
            for parameter in parameters:
                assert f'"{parameter}"' in file.read_text("utf-8"), (name, parameter)


def test_leaves_of_all_rules_are_criteria():
    for catalogue in catalogues.built_in():
        for one in catalogue.requirements:
            if one.rule is not None:
                assert all(leaf.criterion in RULE_PARAMETERS for leaf in leaves(one.rule))


@pytest.mark.parametrize(
    ("written", "ja", "en"),
    [('"1"', "1", "1"), ('{ ja = "初版", en = "first" }', "初版", "first")],
)
def test_an_edition_is_a_pair_and_a_bare_one_serves_both_languages(tmp_path, written, ja, en):
    path = tmp_path / "trial.toml"
    path.write_text(GOOD.replace('edition = "1"', f"edition = {written}"), encoding="utf-8")
    edition = read(path).edition
    assert (edition.ja, edition.en) == (ja, en)


def test_no_built_in_edition_shows_japanese_to_english_readers():
    editions = [one.edition for one in catalogues.built_in()]
    assert len(editions) == 5
    assert all(one.en.isascii() and one.ja for one in editions)
