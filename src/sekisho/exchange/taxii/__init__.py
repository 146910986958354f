"""The heart of a TAXII 2.1 server (OASIS Standard, 2021-06-10): a request in, an answer out, no socket."""

from __future__ import annotations

from sekisho.exchange.taxii.messages import Answer, Caller, Description, Limits, Request, Root
from sekisho.exchange.taxii.server import TaxiiServer

__all__ = ["Answer", "Caller", "Description", "Limits", "Request", "Root", "TaxiiServer"]
