"""``sekisho watch``: collect, detect and show, in one command."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.looking import caution, clock, data_option, grade_word, line_word, list_option
from sekisho.cli.speech import LANGUAGE, lang_option, t

if TYPE_CHECKING:
    from sekisho.model.detection import Detection
    from sekisho.model.pipeline import StageCount
    from sekisho.workflows.receive import Told
    from sekisho.workflows.watch import Figures


@click.command(
    help=t(
        "NetFlow v5・v9、IPFIX、sFlowを受信し、感染した疑いのある回線をその場で示す。Ctrl-Cで止まる。",
        "Receive NetFlow v5 and v9, IPFIX and sFlow, and show the lines that look infected as it happens. "
        "Ctrl-C ends it.",
    )
)
@click.option(
    "--customers",
    multiple=True,
    metavar="PREFIX",
    help=t("自網の顧客のアドレス帯", "prefixes of your own lines"),
)
@list_option
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDRESS",
    help=t("受信するアドレス（既定は設定）", "where to listen (default: the settings)"),
)
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65_535), help=t("受信するポート", "UDP port")
)
@click.option(
    "--spool-on-disk",
    is_flag=True,
    help=t("受信バッファーをディスクに置く（暗号化）", "keep the spool on disk, sealed"),
)
@click.option(
    "--for", "seconds", type=click.FloatRange(0.1), help=t("この秒数で終わる", "end after so many seconds")
)
@data_option
@lang_option
def command(
    customers: tuple[str, ...], lists: tuple[Path, ...], listen: tuple[str, ...], ports: tuple[int, ...], *,
    spool_on_disk: bool, seconds: float | None, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Watch until stopped; exit 1 when something was found, 0 when nothing was, 3 when no line's flow arrived."""
    from sekisho.wiring.figures import Leaving
    from sekisho.wiring.lists import telling_prefixes
    from sekisho.wiring.live import live, receiver, receiving
    from sekisho.wiring.watch import Watch

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    ends = time.monotonic() + seconds if seconds else None

    def stopped() -> bool:
        return stop.is_set() or (ends is not None and time.monotonic() >= ends)

    with Watch(data, customers=customers) as watch:
        told = receiving(watch, listen=listen, ports=ports, disk=spool_on_disk)
        running = live(watch, told, lists)
        if not as_json:
            caution(watch.assumed, watch.settings.customers, telling_prefixes(watch.settings))
        with receiver(told) as figures, _view(as_json, figures) as show:
            last = running.run(stopped, Leaving(watch.folder, figures, show))
    seen = sum(one.count for one in last.counts if one.name == "watched")
    if not as_json:
        if not seen:
            none = t(
                "回線のフローが一つも届かなかったので、何も判断していない。",
                "No flow of a line arrived: nothing was judged.",
            )
            click.secho(none, fg="yellow")
        found = len(last.detections)
        click.echo(
            t(f"終了。検出 {found} 件。", f"Ended. {found} detections.") + f" sekisho detect --data {data}"
        )
    return 1 if last.detections else 0 if seen else 3


def _view(as_json: bool, receiver: Callable[[], Told | None]) -> Any:
    if as_json:
        return _Lines(receiver, as_json=True)
    return _Screen(receiver) if sys.stdout.isatty() else _Lines(receiver, as_json=False)


class _Lines:
    """One line per new detection, and one of figures every ten seconds: for logs and programs."""

    EVERY = 10.0

    def __init__(self, receiver: Callable[[], Told | None], *, as_json: bool) -> None:
        self._receiver = receiver
        self._json = as_json
        self._seen: set[str] = set()
        self._due = 0.0

    def __enter__(self) -> Callable[[Figures], None]:
        return self.show

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, figures: Figures) -> None:
        import msgspec

        told = self._receiver()
        for one in figures.detections:
            if one.id not in self._seen:
                self._seen.add(one.id)
                click.echo(msgspec.json.encode({"detection": one}) if self._json else _said(one))
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self.EVERY
            if self._json:
                click.echo(msgspec.json.encode({"figures": figures, "receiver": told}, enc_hook=str))
            else:
                click.echo(
                    f"{clock(figures.at)}  "
                    + "  ".join(f"{k} {v:,}" for k, v in _totals(figures, told).items())
                )
        sys.stdout.flush()


class _Screen:
    """A table of exporters with rates and losses, and the last detections, redrawn each second."""

    def __init__(self, receiver: Callable[[], Told | None]) -> None:
        self._receiver = receiver
        self._live: Any = None
        self._before: tuple[float, dict[str, dict[str, int]]] = (time.monotonic(), {})

    def __enter__(self) -> Callable[[Figures], None]:
        from rich.live import Live

        self._live = Live(refresh_per_second=2, transient=False)
        self._live.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, figures: Figures) -> None:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        told = self._receiver()
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
        if figures.fault:
            parts.append(Text(figures.fault, style="red"))
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
        name = places.get((one.step, one.name), "")
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
        t("既知C&C", "known C&C"): figures.indicators,
        t("検出", "detections"): len(figures.detections),
    }


def _waiting(figures: Figures, told: Told | None) -> int:
    """Return the datagrams that were spooled and not yet decoded."""
    spooled = sum(one.count for one in (told.counts if told else ()) if one.name == "spooled")
    return max(0, spooled - figures.read_to)


def _said(one: Detection) -> str:
    from sekisho.plugins import unit
    from sekisho.workflows.detect import sentence

    detector = unit("detectors", one.method)
    text = sentence(one, detector.reasons, LANGUAGE)
    return f"{grade_word(one.grade)} {clock(one.begin)} {line_word(one.subscriber)} {detector.title.say(LANGUAGE)}: {text}"
