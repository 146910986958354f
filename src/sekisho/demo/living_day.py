"""An invented day that goes on while a console shows it: a folder is filled once, then figures come each second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from sekisho.demo.console_day import MARK, Wanted, fill, leave_figures
from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.wiring.moment import milliseconds

_EVERY = 1.0


@contextmanager
def living_day(folder: Path, wanted: Wanted | None = None) -> Iterator[None]:
    """Fill a folder, or take up one that was filled so before, and let its watch seem to run.

    :raises DescriptionError: there is something else in the folder
    """
    if not folder.exists() or not any(folder.iterdir()):
        fill(folder, wanted, now=milliseconds())
    elif not _ours(folder):
        raise DescriptionError(
            Text(ja="見本のデータのフォルダーではない", en="not a folder of invented data"), str(folder),
            Text(ja="空のフォルダーか、まだないものを --data に渡す", en="give --data an empty folder, or one that isn't there yet"),
        )  # fmt: skip
    ended, began = Event(), milliseconds()

    def go_on() -> None:
        while not ended.wait(_EVERY):
            leave_figures(folder, now := milliseconds(), (now - began) // 1000)

    # The first ones are there for whoever looks at once.
    leave_figures(folder, began, 0)
    thread = Thread(target=go_on, name="living", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _ours(folder: Path) -> bool:
    try:
        return (folder / "watch.toml").read_text(encoding="utf-8").startswith(MARK)
    except (OSError, ValueError):
        return False
