"""Device models, makers' advisories and disclosure in SQL; see `ports.makers`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, insert, select, update

from sekisho.model.audit import Act
from sekisho.model.device_model import (
    Advisory,
    Affected,
    DisclosedFinding,
    DisclosureStep,
    ModelReport,
    Product,
    ShownPart,
)
from sekisho.stores.database.audit import chained
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.hub_reports import _replace
from sekisho.stores.database.hub_tables import (
    ADVISORIES,
    AFFECTED,
    FINDINGS,
    MODEL_REPORTS,
    PRODUCTS,
    SHOWN_MODELS,
    STEPS,
)
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable


class SqlModels:
    """A `ModelStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, reports: Sequence[ModelReport]) -> None:
        """Store reports; each replaces what the same member said of the same."""
        key = ("member", "vendor", "model", "firmware", "finding")
        with self._database.writing() as connection:
            _replace(connection, MODEL_REPORTS, key, [as_row(one) for one in reports])

    def reports(self, vendor: str = "", member: str = "") -> tuple[ModelReport, ...]:
        """Return reports, of one vendor's models or by one member where these are named."""
        asked = select(MODEL_REPORTS).order_by(*MODEL_REPORTS.primary_key.columns)
        if vendor:
            asked = asked.where(MODEL_REPORTS.c.vendor == vendor)
        if member:
            asked = asked.where(MODEL_REPORTS.c.member == member)
        with self._database.reading() as connection:
            return tuple(as_noun(ModelReport, row) for row in connection.execute(asked))

    def expire(self, before: int) -> int:
        """Delete what was last seen before a time; return how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(MODEL_REPORTS).where(MODEL_REPORTS.c.last < before)).rowcount

    def claim(self, product: Product, act: Act) -> None:
        """Store whose a model is."""
        with self._database.writing() as connection:
            _replace(connection, PRODUCTS, ("vendor", "model"), [as_row(product)])
            chained(connection, act)

    def products(self) -> tuple[Product, ...]:
        """Return whose each model is."""
        with self._database.reading() as connection:
            rows = connection.execute(select(PRODUCTS).order_by(PRODUCTS.c.vendor, PRODUCTS.c.model))
            return tuple(as_noun(Product, row) for row in rows)


class SqlShownModels:
    """A `ShownModelStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shown(self) -> tuple[ShownPart, ...]:
        """Return all parts, in the order of their places."""
        asked = select(SHOWN_MODELS).order_by(*SHOWN_MODELS.primary_key.columns)
        with self._database.reading() as connection:
            return tuple(as_noun(ShownPart, row) for row in connection.execute(asked))

    def show(self, places: Sequence[tuple[str, str, str, str]], parts: Sequence[ShownPart]) -> None:
        """Lay parts in the place of all that some places had."""
        table = SHOWN_MODELS
        with self._database.writing() as connection:
            for vendor, model, firmware, finding in places:
                here = (table.c.vendor == vendor) & (table.c.model == model)
                here &= (table.c.firmware == firmware) & (table.c.finding == finding)
                connection.execute(delete(table).where(here))
            if parts:
                connection.execute(insert(table), [as_row(one) for one in parts])


class SqlAdvisories:
    """An `AdvisoryStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, advisory: Advisory, affected: Sequence[Affected], act: Act) -> bool:
        """Store one with what it says; see the port."""
        same = (
            (ADVISORIES.c.maker == advisory.maker)
            & (ADVISORIES.c.name == advisory.name)
            & (ADVISORIES.c.version == advisory.version)
        )
        with self._database.writing() as connection:
            held = connection.execute(select(ADVISORIES.c.digest).where(same)).scalar()
            if held == advisory.digest:
                return False
            if held is not None:
                raise conflict(f"{advisory.name} {advisory.version}")
            connection.execute(insert(ADVISORIES), as_row(advisory))
            rows = [as_row(one) for one in dict.fromkeys(affected)]
            if rows:
                connection.execute(insert(AFFECTED), rows)
            chained(connection, act)
        return True

    def advisories(self) -> tuple[Advisory, ...]:
        """Return all without their bodies, the newest first."""
        columns = [one for one in ADVISORIES.columns if one.name != "body"]
        asked = select(*columns).order_by(ADVISORIES.c.received.desc(), ADVISORIES.c.id)
        with self._database.reading() as connection:
            return tuple(as_noun(Advisory, (*row, "")) for row in connection.execute(asked))

    def advisory(self, identifier: str) -> Advisory | None:
        """Return one with its body."""
        if not askable(identifier):
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(ADVISORIES).where(ADVISORIES.c.id == identifier)).first()
            return None if row is None else as_noun(Advisory, row)

    def affected(self, vendor: str = "", model: str = "") -> tuple[Affected, ...]:
        """Return what is said of a vendor's models, or of one; of all without a name."""
        asked = select(AFFECTED).order_by(*AFFECTED.primary_key.columns)
        if vendor:
            asked = asked.where(AFFECTED.c.vendor == vendor)
        if model:
            asked = asked.where(AFFECTED.c.model == model)
        with self._database.reading() as connection:
            return tuple(as_noun(Affected, row) for row in connection.execute(asked))


class SqlDisclosures:
    """A `DisclosureStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def findings(self) -> tuple[DisclosedFinding, ...]:
        """Return all, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(FINDINGS).order_by(FINDINGS.c.created.desc(), FINDINGS.c.id))
            return tuple(as_noun(DisclosedFinding, row) for row in rows)

    def steps(self, finding: str) -> tuple[DisclosureStep, ...]:
        """Return the steps of one in their order."""
        if not askable(finding):
            return ()
        asked = select(STEPS).where(STEPS.c.finding == finding).order_by(STEPS.c.seq)
        with self._database.reading() as connection:
            return tuple(as_noun(DisclosureStep, row) for row in connection.execute(asked))

    def step(self, finding: DisclosedFinding, step: DisclosureStep, act: Act) -> DisclosedFinding:
        """Store a finding as it is after a step, the step and the record; see the port."""
        new = msgspec.structs.replace(finding, revision=finding.revision + 1)
        mine = (FINDINGS.c.id == finding.id) & (FINDINGS.c.revision == finding.revision)
        with self._database.writing() as connection:
            if not finding.revision:
                connection.execute(insert(FINDINGS), as_row(new))
            elif connection.execute(update(FINDINGS).where(mine).values(as_row(new))).rowcount != 1:
                raise conflict(finding.id)
            last = connection.execute(
                select(func.max(STEPS.c.seq)).where(STEPS.c.finding == finding.id)
            ).scalar()
            row = msgspec.structs.replace(step, finding=finding.id, seq=(last or 0) + 1)
            connection.execute(insert(STEPS), as_row(row))
            chained(connection, act)
        return new
