"""An invented day of life with its console, made once for a module: browsers of each role over the same data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from fakes.console import browsing, first_admin, quick, signed_in
from sekisho.demo.console_day import Wanted, fill
from sekisho.model.account import Role
from sekisho.web.installation import office_of
from sekisho.web.office import Office
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds

SMALL = Wanted(detections=300, cases=40, assessments=24, terminals=9, flows=2_000, audit=10)


class Day:
    """A filled data folder and who looks at it."""

    def __init__(self, folder: Path, office: Office) -> None:
        self.folder, self.office, self.console = folder, office, office.console
        self._admin = first_admin(office)
        self._known: dict[Role, TestClient] = {}

    def browser(self, role: Role = Role.VIEWER) -> TestClient:
        """Return a browser of somebody with that role, who reads English."""
        if role not in self._known:
            made = browsing(self.office, signed_in(self.office, self._admin, role).token)
            made.cookies.set("lang", "en")
            self._known[role] = made
        return self._known[role]


@contextmanager
def day(folder: Path, wanted: Wanted = SMALL) -> Iterator[Day]:
    """Fill a folder up to now and open it."""
    fill(folder, wanted, now=milliseconds())
    with Console(folder, create=True) as console:
        console.watch.catch_up()
        console.terminals.catch_up()
        yield Day(folder, quick(office_of(console, Listening(port=8443))))
