"""How ``sekisho watch`` shows itself: a table on a terminal, lines for logs, JSON lines for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from sekisho.cli.looking import clock, grade_word, line_word
from sekisho.cli.speech import LANGUAGE, t

if TYPE_CHECKING:
    from sekisho.language import Text as Words
    from sekisho.model.detection import Detection
    from sekisho.model.pipeline import Fault, StageCount
    from sekisho.workflows.receive import Told
    from sekisho.workflows.watch import Figures


class View(Protocol):
    """What shows the figures while the watch runs, and those of its end."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """Give the terminal back."""
        ...

    def show(self, figures: Figures) -> None:
        """Show them; the receiver is asked for its own."""
        ...

    def end(self, figures: Figures) -> None:
        """Show the last ones."""
        ...


def view(receiver: Callable[[], Told | None], *, as_json: bool) -> View:
    """Return what shows the watch: a table on a terminal, else a line for each thing that happens."""
    if as_json:
        return _Lines(receiver, as_json=True)
    return _Screen(receiver) if sys.stdout.isatty() else _Lines(receiver, as_json=False)


class _Lines:
    """One line per new detection and per change of what can't be done, and one of figures every ten seconds."""

    EVERY = 10.0

    def __init__(self, receiver: Callable[[], Told | None], *, as_json: bool) -> None:
        self._receiver = receiver
        self._json = as_json
        self._told: Told | None = None
        self._faults: tuple[Fault, ...] = ()
        self._notes: tuple[Words, ...] = ()
        self._due = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, figures: Figures) -> None:
        self._told = self._receiver()
        self._show(figures, at_end=False)

    def end(self, figures: Figures) -> None:
        """Show the last of all; the receiver may have ended by now."""
        self._show(figures, at_end=True)

    def _show(self, figures: Figures, *, at_end: bool) -> None:
        import msgspec

        for one in figures.new:
            click.echo(msgspec.json.encode({"detection": one}) if self._json else _said(one))
        self._show_faults(figures)
        if not self._json:  # there the receiver's figures hold them
            self._show_notes(figures)
        if at_end or time.monotonic() >= self._due:
            self._due = time.monotonic() + self.EVERY
            if self._json:
                plain = msgspec.structs.replace(figures, new=())
                click.echo(msgspec.json.encode({"figures": plain, "receiver": self._told}, enc_hook=str))
            else:
                click.echo(
                    f"{clock(figures.at)}  "
                    + "  ".join(f"{k} {v:,}" for k, v in _totals(figures, self._told).items())
                )
        sys.stdout.flush()

    def _show_notes(self, figures: Figures) -> None:
        """Print what the receiver remarks on how it receives, each once."""
        notes = self._told.notes if self._told else ()
        for one in notes:
            if one not in self._notes:
                click.secho(f"{clock(figures.at)}  {one.say(LANGUAGE)}", fg="yellow")
        self._notes = notes

    def _show_faults(self, figures: Figures) -> None:
        """Print what can't be done, or can be done again, since the line before."""
        import msgspec

        standing = _faults(figures, self._told)
        if standing == self._faults:
            return
        if self._json:
            click.echo(msgspec.json.encode({"at": figures.at, "faults": standing}))
        else:
            for one in standing:
                if one not in self._faults:
                    click.secho(f"{clock(figures.at)}  {_told_fault(one)}", fg="red")
            parts = {one.part for one in standing}
            for part in dict.fromkeys(one.part for one in self._faults if one.part not in parts):
                over = t(f"{part}：再びできるようになった", f"{part}: works again")
                click.secho(f"{clock(figures.at)}  {over}", fg="green")
        self._faults = standing


class _Screen:
    """A table of exporters with rates and losses, and the last detections, redrawn each second."""

    def __init__(self, receiver: Callable[[], Told | None]) -> None:
        self._receiver = receiver
        self._live: Any = None
        self._told: Told | None = None
        self._before: tuple[float, dict[str, dict[str, int]]] = (time.monotonic(), {})

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(refresh_per_second=2, transient=False)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, figures: Figures) -> None:
        self._told = self._receiver()
        self._draw(figures, self._told)

    def end(self, figures: Figures) -> None:
        """Show the last of all; the receiver may have ended by now."""
        self._draw(figures, self._told)

    def _draw(self, figures: Figures, told: Told | None) -> None:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=t("関所 監視中", "Sekisho, watching") + f"  {clock(figures.at)}", title_justify="left"
        )
        for name in _COLUMNS:
            table.add_column(name, justify="right" if name != _COLUMNS[0] else "left")
        rows, now = _rows(figures, told), time.monotonic()
        span = max(now - self._before[0], 0.001)
        most = sorted(rows.items(), key=lambda one: -one[1]["datagrams"])
        for name, row in most[:_EXPORTERS]:
            old = self._before[1].get(name, {})
            rate = (row["records"] - old.get("records", 0)) / span if old else 0.0
            lost = [row["dropped"], row["gaps"], row["rejected"]]
            table.add_row(
                name, f"{row['datagrams']:,}", f"{row['records']:,}", f"{rate:,.0f}", f"{row['watched']:,}",
                *(Text(f"{count:,}", style="bold red" if count else "") for count in lost),
            )  # fmt: skip
        if len(most) > _EXPORTERS:
            table.add_row(t(f"ほか{len(most) - _EXPORTERS}", f"{len(most) - _EXPORTERS} more"))
        self._before = (now, rows)
        foot = "  ".join(f"{name} {value:,}" for name, value in _totals(figures, told).items())
        parts: list[Any] = [table, Text(foot, style="dim")]
        parts += [Text(one.say(LANGUAGE), style="yellow") for one in (told.notes if told else ())]
        parts += [Text(_told_fault(one), style="red") for one in _faults(figures, told)[:_LAST]]
        parts += [Text.from_ansi(_said(one)) for one in list(figures.detections)[-_LAST:]]
        self._live.update(Group(*parts))


_LAST = 8
_EXPORTERS = 10
_COLUMNS = (
    t("エクスポータ", "exporter"), t("データグラム", "datagrams"), t("フロー", "flows"), t("毎秒", "per second"),
    t("回線あり", "of lines"), t("受信で喪失", "dropped"), t("途中で喪失", "sequence gaps"), t("不良", "rejected"),
)  # fmt: skip


def _rows(figures: Figures, told: Told | None) -> dict[str, dict[str, int]]:
    """Return one row per exporter's address: where its flows went."""
    from sekisho.model.pipeline import Step

    rows: dict[str, dict[str, int]] = {}

    def row(exporter: str) -> dict[str, int]:
        names = ("datagrams", "records", "watched", "dropped", "gaps", "rejected")
        return rows.setdefault(exporter.partition("#")[0] or "*", dict.fromkeys(names, 0))

    places: Mapping[tuple[Step, str], str] = {
        (Step.RECEIVER, "received"): "datagrams", (Step.DECODER, "records"): "records", (Step.DOOR, "watched"): "watched",
        (Step.KERNEL, "drops"): "dropped", (Step.SPOOL, "spool-full"): "dropped", (Step.RECEIVER, "too-long"): "dropped",
        (Step.RECEIVER, "not-allowed"): "rejected", (Step.SPOOL, "torn"): "rejected",
    }  # fmt: skip
    counts: tuple[StageCount, ...] = (*figures.counts, *(told.counts if told else ()))
    for one in counts:
        # What the decoder counts beside records are datagrams that it could not take.
        name = places.get((one.step, one.name), "rejected" if one.step is Step.DECODER else "")
        if name and one.count:
            row(one.exporter)[name] += one.count
    for source in figures.sources:
        mine = row(str(source.get("exporter", "")))
        mine["gaps"] += int(str(source.get("lost", 0)))
        rejects = source.get("rejected", {})
        mine["rejected"] += sum(rejects.values()) if isinstance(rejects, dict) else 0
        mine["rejected"] += int(str(source.get("template_misses", 0)))
    return rows


def _totals(figures: Figures, told: Told | None) -> dict[str, int]:
    rows = _rows(figures, told).values()
    return {
        t("データグラム", "datagrams"): sum(row["datagrams"] for row in rows),
        t("フロー", "flows"): sum(row["records"] for row in rows),
        t("回線あり", "of lines"): sum(row["watched"] for row in rows),
        t("不良", "rejected"): sum(row["rejected"] for row in rows),
        t("喪失", "lost"): sum(row["dropped"] + row["gaps"] for row in rows),
        t("復号待ち", "waiting"): _waiting(figures, told),
        t("C&C表の項目", "listed C&C"): figures.indicators,
        t("検出", "detections"): figures.found,
    }


def _waiting(figures: Figures, told: Told | None) -> int:
    """Return the datagrams that were spooled and not yet decoded."""
    spooled = sum(one.count for one in (told.counts if told else ()) if one.name == "spooled")
    return max(0, spooled - figures.read_to)


def _faults(figures: Figures, told: Told | None) -> tuple[Fault, ...]:
    return (*figures.faults, *(told.faults if told else ()))


def _told_fault(one: Fault) -> str:
    where = f" → {one.where}" if one.where else ""
    todo = f"  {one.todo.say(LANGUAGE)}" if one.todo.en else ""
    return f"{one.part}: {one.what.say(LANGUAGE)}{where}{todo}"


def _said(one: Detection) -> str:
    from sekisho.plugins import unit
    from sekisho.workflows.detect import sentence

    detector = unit("detectors", one.method)
    text = sentence(one, detector.reasons, LANGUAGE)
    return f"{grade_word(one.grade)} {clock(one.begin)} {line_word(one.subscriber)} {detector.title.say(LANGUAGE)}: {text}"
