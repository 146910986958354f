"""What the pages are married to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING

from sekisho.web.doors import Rate
from sekisho.web.leaving import Leaving
from sekisho.web.measures import Figures, Measures
from sekisho.web.page import Page
from sekisho.web.recording import Log, no_line

if TYPE_CHECKING:
    from sekisho.exchange.open_id import OpenIdProvider
    from sekisho.wiring.console import Console
    from sekisho.workflows.sign_in import Gate

JAPAN = timezone(timedelta(hours=9), "JST")


@dataclass(frozen=True)
class Office:
    """One installation: its data, its accounts, its pages, and how it is reached.

    :ivar gate: accounts and sign-in
    :ivar hosts: the names this console answers to
    :ivar secure: whether browsers reach it by TLS
    :ivar proxies: addresses whose ``X-Forwarded-*`` are believed
    :ivar zone: in which times are shown
    :ivar gathered: gives the figures of all workers; None where this process is the only one
    :ivar leaving: says when the server ends
    :ivar log: takes a line for each request
    :ivar open_id: the operator's provider of OpenID Connect, when there is one
    :ivar began: when the server began, milliseconds
    """

    console: Console
    gate: Gate
    pages: tuple[Page, ...]
    hosts: frozenset[str]
    now: Callable[[], int]
    secure: bool = False
    proxies: frozenset[str] = frozenset()
    zone: tzinfo | None = JAPAN
    rate: Rate = field(default_factory=lambda: Rate(50, 200))
    measures: Measures = field(default_factory=Measures)
    gathered: Callable[[], Figures] | None = None
    leaving: Leaving = field(default_factory=Leaving)
    log: Log = no_line
    open_id: OpenIdProvider | None = None
    workers: int = 1
    began: int = 0

    @cached_property
    def menu(self) -> tuple[Page, ...]:
        """The pages of the menu in their order."""
        return tuple(sorted((one for one in self.pages if one.order), key=lambda one: one.order))

    def figures(self) -> Figures:
        """Return what this server counted, all its workers together."""
        return self.gathered() if self.gathered else self.measures.figures()

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; browsers tie ``__Host-`` to this host and to TLS."""
        return "__Host-sekisho" if self.secure else "sekisho"
