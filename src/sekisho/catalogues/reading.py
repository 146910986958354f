"""Reading a catalogue and checking it at the door: a bad one names its file, requirement and field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from itertools import combinations
from pathlib import Path

import msgspec

from sekisho.catalogues.crosswalk import crossed, read_rows
from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.requirement import Catalogue, Requirement, Rule, Status

_HERE = Path(__file__).parent

#: What the built-in criteria take. Other criteria (plug-ins) are known by name only.
RULE_PARAMETERS: Mapping[str, frozenset[str]] = {
    "access_control": frozenset({"side"}),
    "code_change": frozenset({"mode"}),
    "code_guessing": frozenset(),
    "code_strength": frozenset({"min_length", "single", "sequential", "attacked"}),
    "code_uniqueness": frozenset({"units"}),
    "document_answer": frozenset({"question"}),
    "interfaces_needed": frozenset({"entry_ports", "side"}),
    "login_delay": frozenset({"codes", "seconds", "lock_out_owner"}),
    "retention": frozenset({"kinds"}),
    "software_update": frozenset(),
    "terminal_scope": frozenset(),
    "update_integrity": frozenset({"mutants", "downgrade"}),
    "update_newest": frozenset(),
}
OBLIGATIONS = frozenset({"mandatory", "recommended", "guideline", "info"})
_PORT = re.compile(r"(tcp|udp)/([1-9][0-9]{0,4})")


def read(path: Path) -> Catalogue:
    """Return the catalogue in ``path``: parameters merged, crosswalk filled in, checked.

    Raises CatalogueError for anything unknown, doubled, unresolved or out of order.
    """
    catalogue = _inherited(_parsed(path), path)
    check(catalogue, path.name)
    return crossed(catalogue)


@cache
def read_sources() -> dict[str, Text]:
    """Return the titles of the source tags."""
    found = tomllib.loads((_HERE / "sources.toml").read_text("utf-8"))
    return msgspec.convert(found, dict[str, Text])


def check(catalogue: Catalogue, file: str) -> None:
    """Check one catalogue by itself; ``file`` is what an error names."""
    _check_dates(catalogue, file)
    _check_parameters(catalogue, file)
    _cited(catalogue.sources, f"{file}: sources")
    if catalogue.applicability:
        _known_criterion(catalogue.applicability, f"{file}: applicability")
    seen: set[str] = set()
    for one in catalogue.requirements:
        where = f"{file}: {one.id}"
        if one.id in seen:
            raise _error("同じIDの要求事項が二つある", "two requirements have the same id", f"{where}: id")
        seen.add(one.id)
        _check_requirement(catalogue, one, where)


def check_together(catalogues: Iterable[Catalogue]) -> None:
    """Check catalogues against each other: ids, dates of one standard's editions, the crosswalk.

    All catalogues that the crosswalk names must be among them: give the built-in ones too.
    """
    known: dict[str, Catalogue] = {}
    for one in catalogues:
        if one.id in known:
            raise _error("同じIDの基準集が二つある", "two catalogues have the same id", f"{one.id}: id")
        known[one.id] = one
    for first, second in combinations(known.values(), 2):
        if first.standard and first.standard == second.standard and _overlap(first, second):
            raise _error(
                "同じ規準の版の有効期間が重なる",
                "two editions of one standard are in force on the same day",
                f"{first.id}, {second.id}: effective_from, effective_until",
            )
    for one in known.values():
        for requirement in one.requirements:
            _resolve(requirement.crosswalk, known, f"{one.id}: {requirement.id}: crosswalk")
    for number, row in enumerate(read_rows(), 1):
        _resolve(row.together, known, f"crosswalk.toml: rows[{number}]: together")


def leaves(rule: Rule) -> Iterator[Rule]:
    """Yield the leaves of a rule tree, in order."""
    if rule.criterion:
        yield rule
    for branch in (*rule.all, *rule.any):
        yield from leaves(branch)


def _parsed(path: Path) -> Catalogue:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _error("基準集を読めない", "the catalogue can't be read", f"{path.name}: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _error("TOMLの書式の誤り", "not valid TOML", f"{path.name}: {error}") from error
    try:
        edition = found.get("edition")
        if isinstance(edition, str):  # a number is the same in every language
            found = {**found, "edition": {"ja": edition, "en": edition}}
        return msgspec.convert(found, Catalogue)
    except msgspec.ValidationError as error:
        where = f"{path.name}: {_named(str(error), found)}"
        raise _error("項目の名前または型の誤り", "a field has a wrong name or type", where) from error


def _named(message: str, found: Mapping[str, object]) -> str:
    """Put the requirement's id in place of its number in a message of msgspec."""

    def name(match: re.Match[str]) -> str:
        rows = found.get("requirements")
        row = rows[int(match[1])] if isinstance(rows, list) else None
        identifier = row.get("id") if isinstance(row, dict) else None
        return f"$.requirements[{identifier or match[1]}]"

    return re.sub(r"\$\.requirements\[(\d+)\]", name, message)


def _inherited(catalogue: Catalogue, path: Path) -> Catalogue:
    if not catalogue.parameters_from:
        return catalogue
    file = f"{catalogue.parameters_from}.toml"
    found = next((one for one in (path.with_name(file), _HERE / file) if one.is_file()), None)
    if found is None or catalogue.parameters_from == catalogue.id:
        raise _error(
            "参照するパラメータ集がない", "no such catalogue of parameters", f"{path.name}: parameters_from"
        )
    parent = _parsed(found)
    if parent.parameters_from:
        raise _error(
            "パラメータの参照は一段まで",
            "parameters can be taken over from one catalogue only, not through a chain",
            f"{path.name}: parameters_from",
        )
    return msgspec.structs.replace(
        catalogue,
        parameters={**parent.parameters, **catalogue.parameters},
        bases={**parent.bases, **catalogue.bases},
    )


def _check_dates(catalogue: Catalogue, file: str) -> None:
    first, last = catalogue.effective_from, catalogue.effective_until
    if catalogue.status is Status.IN_FORCE and first is None:
        raise _error("施行日がない", "in force, but without a first day", f"{file}: effective_from")
    if catalogue.status is Status.PROPOSED and (first or last):
        raise _error("提案に施行日は付けられない", "a proposal has no dates", f"{file}: effective_from")
    if last and (first is None or last < first):
        raise _error("期間が逆", "the last day comes before the first", f"{file}: effective_until")
    if catalogue.status is Status.PROPOSED and catalogue.notice is None:
        raise _error(
            "提案であることの断り書きがない", "a proposal needs a notice that it is no law", f"{file}: notice"
        )


def _check_parameters(catalogue: Catalogue, file: str) -> None:
    for name, value in catalogue.parameters.items():
        basis = catalogue.bases.get(name)
        if basis is None:
            raise _error("根拠のないパラメータ", "a parameter without a basis", f"{file}: parameters.{name}")
        _cited(basis.sources, f"{file}: bases.{name}.sources")
        if name.endswith("ports"):
            for port in value if isinstance(value, list) else [value]:
                match = _PORT.fullmatch(str(port))
                if match is None or int(match[2]) > 65_535:  # noqa: PLR2004 - the largest port number
                    raise _error("ポートの書式の誤り", "not a port", f"{file}: parameters.{name}: {port}")
    for name in catalogue.bases:
        if name not in catalogue.parameters:
            raise _error("根拠だけがある", "a basis without its parameter", f"{file}: bases.{name}")


def _check_requirement(catalogue: Catalogue, one: Requirement, where: str) -> None:
    if not one.sources:
        raise _error("出典がない", "no source", f"{where}: sources")
    _cited(one.sources, f"{where}: sources")
    if one.obligation not in OBLIGATIONS:
        raise _error("不明な義務の種類", "unknown kind of obligation", f"{where}: obligation")
    if one.condition and one.condition not in catalogue.conditions:
        raise _error("不明な条件", "unknown condition", f"{where}: condition: {one.condition}")
    if one.confidence == "D" and one.remark is None:
        raise _error("確度Dに注記がない", "confidence D without a remark that says so", f"{where}: remark")
    if one.rule is not None:
        _check_rule(catalogue, one.rule, f"{where}: rule")


def _check_rule(catalogue: Catalogue, rule: Rule, where: str) -> None:
    if sum(map(bool, (rule.criterion, rule.all, rule.any))) != 1:
        raise _error(
            "criterion・all・anyのちょうど一つが要る",
            "exactly one of criterion, all and any is needed",
            where,
        )
    for way in ("all", "any"):
        for number, branch in enumerate(getattr(rule, way), 1):
            _check_rule(catalogue, branch, f"{where}.{way}[{number}]")
    if rule.criterion:
        _check_leaf(catalogue, rule, where)
    elif rule.parameters:
        raise _error("枝にパラメータは置けない", "parameters belong to a leaf", f"{where}: parameters")


def _check_leaf(catalogue: Catalogue, rule: Rule, where: str) -> None:
    _known_criterion(rule.criterion, f"{where}: criterion")
    taken = RULE_PARAMETERS.get(rule.criterion)
    for name, value in rule.parameters.items():
        at = f"{where}: {rule.criterion}.{name}"
        if taken is not None and name not in taken:
            raise _error("判定器にないパラメータ", "the criterion takes no such parameter", at)
        for part in value if isinstance(value, list) else [value]:
            refers = isinstance(part, str) and part.startswith("$")
            # A reference stands for a whole parameter: inside a list nobody would fill it in.
            if refers and (isinstance(value, list) or str(part)[1:] not in catalogue.parameters):
                raise _error("解決できない参照", "a reference to no parameter", f"{at} = {part}")
    for name in sorted((taken or frozenset()) - rule.parameters.keys()):
        raise _error("パラメータが足りない", "a parameter is missing", f"{where}: {rule.criterion}.{name}")


def _known_criterion(name: str, where: str) -> None:
    if name not in RULE_PARAMETERS and name not in _plugged_in():
        raise _error("不明な判定器", "unknown criterion", f"{where}: {name}")


@cache
def _plugged_in() -> frozenset[str]:
    """Names of criteria by their entry points; nothing is loaded."""
    return frozenset(entry_points(group="sekisho.criteria").names)


def _cited(tags: Iterable[str], where: str) -> None:
    for tag in tags:
        if tag not in read_sources():
            raise _error("不明な出典", "unknown source", f"{where}: {tag}")


def _resolve(references: Iterable[str], known: Mapping[str, Catalogue], where: str) -> None:
    for reference in references:
        catalogue, _, identifier = reference.partition("/")
        if catalogue not in known or known[catalogue].requirement(identifier) is None:
            raise _error("対応表の行き先がない", "the crosswalk leads nowhere", f"{where}: {reference}")


def _overlap(first: Catalogue, second: Catalogue) -> bool:
    if not first.status == second.status == Status.IN_FORCE:
        return False
    if first.effective_from is None or second.effective_from is None:
        return False
    earlier, later = sorted((first, second), key=lambda one: str(one.effective_from))
    return earlier.effective_until is None or str(earlier.effective_until) >= str(later.effective_from)


def _error(ja: str, en: str, where: str) -> CatalogueError:
    todo = Text(ja="基準集のTOMLを直してください。", en="Correct the catalogue's TOML.")
    return CatalogueError(Text(ja=ja, en=en), where, todo)
