"""Handing over: a batch of letters, a list for the call centre or the printing house, XARF reports, as one file.

The same promise as for mail: every notice of the file is SENDING on the disk before the file appears, and SENT when it
lies there whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from sekisho.errors import StoreError
from sekisho.model.identity import Person
from sekisho.model.notice import Channel
from sekisho.ports.cases import Delivery
from sekisho.workflows.notify.office import SENDERS, Office
from sekisho.workflows.notify.outcomes import Step, asked, given_back, journalled, settled, tidy
from sekisho.workflows.notify.sending import Identify, Ready, ready, waiting, withheld
from sekisho.workflows.notify.timing import quiet


def hand_over(
    person: Person,
    channel: Channel,
    identify: Identify,
    write: Callable[[Sequence[Ready]], str],
    office: Office,
    *,
    unfit: Callable[[Ready], str] = lambda _one: "",
    dry: bool = False,
    most: int = 1000,
) -> Iterator[Step]:
    """Put at most ``most`` approved notices into one file; ``write`` makes it appear whole and returns what is kept of it.

    ``unfit`` says why a notice can't be in it: that one is withheld, and the others go.

    :raises AuthorisationError: not in this role, or the re-identification is refused
    :raises RenderError: the file can't be made; its notices are approved as before
    """
    office.needs(person, SENDERS, "export-notices", channel.value)
    yield from asked(office, channel)
    tidy(person, office, channel)
    batch: list[Ready] = []
    try:
        yield from _gathered(batch, channel, identify, office, unfit, dry=dry, most=most)
    except BaseException as error:
        # Whatever it was, also somebody who stops listening: there is no file yet.
        _back(batch, error, office)
        raise
    if not batch:
        return
    try:
        detail = write(batch)
    except Exception as error:
        # No file appeared, so certainly nothing went out. (Killed here, nobody knows: the notices stay SENDING.)
        _back(batch, error, office)
        raise
    office.record(person, "export", channel.value, notices=len(batch), file=detail)
    for one in batch:
        yield settled(one.notice, Delivery("accepted", detail), person, office)


def _gathered(
    batch: list[Ready], channel: Channel, identify: Identify, office: Office, unfit: Callable[[Ready], str], *, dry: bool, most: int
) -> Iterator[Step]:  # fmt: skip
    """Fill ``batch`` with journalled notices; yield what became of the others."""
    for notice in waiting(office, channel):
        if wait := quiet(office, channel, office.now()):
            yield Step(notice, "waits", wait.why, wait.until)
            return
        found = ready(notice, identify, office, office.now(), dry=dry)
        if isinstance(found, Step):
            yield found
        elif why := unfit(found):
            yield withheld(found.notice, office, why)
        elif (going := journalled(found.notice, office)) is None:
            yield Step(found.notice, "taken")
        else:
            batch.append(Ready(going, found.case, found.identified))
        if len(batch) >= most:
            return


def _back(batch: Sequence[Ready], error: BaseException, office: Office) -> None:
    """Approve all as before. One that can't be written back stays SENDING, and is asked about."""
    for one in batch:
        with suppress(StoreError):
            given_back(one.notice, f"{type(error).__name__}: {error}", office)
