"""One console, married: the data folder, the accounts, the pages found, and where it listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette

from sekisho import plugins
from sekisho.web.application import application
from sekisho.web.listening import listening_at
from sekisho.web.office import Office
from sekisho.web.recording import Log, no_line
from sekisho.web.serving import OF_ONE_OFFICE, Listening, serve
from sekisho.wiring.accounts import open_gate
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.open_id import open_provider
from sekisho.workflows import sign_in


@dataclass(frozen=True, slots=True)
class Installation:
    """A console that is ready to serve.

    :ivar url: what to open in a browser
    :ivar set_up: the one-time link while no administrator exists; empty afterwards
    """

    office: Office
    application: Starlette
    listening: Listening
    socket: socket.socket
    set_up: str

    @property
    def url(self) -> str:
        """Where the first page is."""
        return self.listening.url()

    def serve(self) -> None:
        """Serve until told to end."""
        serve(
            self.application, self.listening, [self.socket], self.office.leaving, proxies=self.office.proxies,
            per_source=OF_ONE_OFFICE,
        )  # fmt: skip


def office_of(
    console: Console, listening: Listening, proxies: tuple[str, ...] = (), *, log: Log = no_line,
    workers: int = 1,
) -> Office:  # fmt: skip
    """Return a console's office with all pages that are installed; hashing of passwords is shared by the workers."""
    console.runs.ports = (listening.port,)
    return Office(
        console=console,
        gate=open_gate(console.database, console.folder, workers=workers),
        pages=tuple(
            one for one in plugins.units("pages").values() if console.hub or not getattr(one, "of_hub", False)
        ),
        hosts=listening.hosts,
        now=milliseconds,
        secure=listening.secure or bool(proxies),
        proxies=frozenset(proxies),
        log=log,
        open_id=open_provider(console.folder),
        workers=workers,
        began=milliseconds(),
    )


def set_up_link(office: Office, listening: Listening) -> str:
    """Return the one-time link to make the first administrator; empty when there is one."""
    if not sign_in.needs_first_admin(office.gate):
        return ""
    return listening.url(f"/set-up/{sign_in.make_setup_link(office.gate, milliseconds())}")


@contextmanager
def opened(
    data: Path, *, address: str, port: int, tls: bool = False, certificate: Path | None = None,
    key: Path | None = None, names: tuple[str, ...] = (), proxies: tuple[str, ...] = (), log: Log = no_line,
    hub: Path | None = None,
) -> Iterator[Installation]:  # fmt: skip
    """Open a data folder (made when it isn't there) and listen.

    :param hub: folder of a hub that the people of this console run

    :raises SekishoError: as `listening_at`
    """
    place = listening_at(
        data, address=address, port=port, tls=tls, certificate=certificate, key=key, names=names
    )
    with place as (there, bound), Console(data, create=True, hub=hub) as console:
        office = office_of(console, there, proxies, log=log)
        console.warm()
        console.keep_on()
        yield Installation(office, application(office), there, bound, set_up_link(office, there))
