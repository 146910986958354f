"""Advisories of makers, as they write them."""

from __future__ import annotations

from sekisho.exchange.advisories.csaf import AdvisoryFault, Csaf, read_csaf

__all__ = ["AdvisoryFault", "Csaf", "read_csaf"]
