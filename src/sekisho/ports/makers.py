"""The sockets of what the hub keeps of device models: reports, whose a model is, advisories, disclosure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class ModelStore(Protocol):
    """Keeps what members see of device models, and whose each is."""

    def report(self, reports: Sequence[ModelReport]) -> None:
        """Store reports; each replaces what the same member said of the same."""
        ...

    def reports(self, vendor: str = "", member: str = "") -> tuple[ModelReport, ...]:
        """Return reports, of one vendor's models or by one member where these are named."""
        ...

    def expire(self, before: int) -> int:
        """Delete what was last seen before a time; return how many."""
        ...

    def claim(self, product: Product, act: Act) -> None:
        """Store whose a model is."""
        ...

    def products(self) -> tuple[Product, ...]:
        """Return whose each model is."""
        ...


class ShownModelStore(Protocol):
    """Keeps what makers were told of their models last: whose figure stands behind it."""

    def shown(self) -> tuple[ShownPart, ...]:
        """Return all parts, in the order of their places."""
        ...

    def show(self, places: Sequence[tuple[str, str, str, str]], parts: Sequence[ShownPart]) -> None:
        """Lay parts in the place of all that some places (vendor, model, firmware, finding) had."""
        ...


class AdvisoryStore(Protocol):
    """Keeps makers' advisories as they came."""

    def publish(self, advisory: Advisory, affected: Sequence[Affected], act: Act) -> bool:
        """Store one with what it says; False when this version is there with the same content.

        :raises ConflictError: this version is there with another content
        """
        ...

    def advisories(self) -> tuple[Advisory, ...]:
        """Return all without their bodies, the newest first."""
        ...

    def advisory(self, identifier: str) -> Advisory | None:
        """Return one with its body."""
        ...

    def affected(self, vendor: str = "", model: str = "") -> tuple[Affected, ...]:
        """Return what is said of a vendor's models, or of one; of all without a name."""
        ...


class DisclosureStore(Protocol):
    """Keeps findings and the steps of their disclosure."""

    def findings(self) -> tuple[DisclosedFinding, ...]:
        """Return all, the newest first."""
        ...

    def steps(self, finding: str) -> tuple[DisclosureStep, ...]:
        """Return the steps of one in their order."""
        ...

    def step(self, finding: DisclosedFinding, step: DisclosureStep, act: Act) -> DisclosedFinding:
        """Store a finding as it is after a step, the step and the record; its ``seq`` is given here.

        :raises ConflictError: somebody else changed it in between
        """
        ...
