"""Handing over: a batch of letters, a list for the call centre or the printing house, XARF reports, as one file.

The same promise as for mail: every notice of the file is SENDING on the disk before the file appears, and SENT when it
lies there whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sekisho.errors import RenderError, SekishoError
from sekisho.model.identity import Person
from sekisho.model.notice import Channel
from sekisho.ports.cases import Delivery
from sekisho.workflows.notify.office import SENDERS, Office
from sekisho.workflows.notify.sending import (
    Identify,
    Ready,
    Step,
    asked,
    journalled,
    ready,
    settled,
    tidy,
    waiting,
)
from sekisho.workflows.notify.timing import quiet


def hand_over(
    person: Person,
    channel: Channel,
    identify: Identify,
    write: Callable[[Sequence[Ready]], str],
    office: Office,
    *,
    dry: bool = False,
    most: int = 1000,
) -> Iterator[Step]:
    """Put at most ``most`` approved notices into one file; ``write`` makes it appear whole and returns what is kept of it.

    :raises AuthorisationError: not in this role, or the re-identification is refused
    :raises RenderError: the file can't be made; its notices are approved as before
    """
    office.needs(person, SENDERS, "export-notices", channel.value)
    yield from asked(office, channel)
    tidy(person, office, channel)
    batch: list[Ready] = []
    for notice in waiting(office, channel):
        if wait := quiet(office, channel, office.now()):
            yield Step(notice, "waits", wait.why, wait.until)
            break
        found = ready(notice, identify, office, office.now(), dry=dry)
        if isinstance(found, Step):
            yield found
        elif (going := journalled(found.notice, office)) is None:
            yield Step(found.notice, "taken")
        else:
            batch.append(Ready(going, found.case, found.identified))
        if len(batch) >= most:
            break
    if not batch:
        return
    try:
        detail = write(batch)
    except (RenderError, SekishoError, OSError) as error:
        # No file appeared, so certainly nothing went out.
        for one in batch:
            settled(
                one.notice, Delivery("deferred", f"{type(error).__name__}: {error}"), one.case, person, office
            )
        raise
    office.record(person, "export", channel.value, notices=len(batch), file=detail)
    for one in batch:
        yield settled(one.notice, Delivery("accepted", detail), one.case, person, office)
