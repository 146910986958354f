"""The list in the forms that routers, resolvers and detectors load: each a pure function of entries to text.

Nothing in them blocks by itself: a set, a zone or a rule is loaded by a person's own configuration. Names and addresses
were checked when they came in, and no form holds anything else than these, so nothing can break out of a line.
"""

from __future__ import annotations

from sekisho.exchange.feeds.forms import FORMS, Entry, Form, Head
from sekisho.exchange.feeds.misp import event, hashes, manifest

__all__ = ["FORMS", "Entry", "Form", "Head", "event", "hashes", "manifest"]
