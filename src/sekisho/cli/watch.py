"""``sekisho watch``: collect, detect and show, in one command."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import FOUND, NOTHING, UNDECIDED, caution, data_option, list_option
from sekisho.cli.number_option import Number
from sekisho.cli.speech import lang_option, t
from sekisho.cli.watch_view import view

if TYPE_CHECKING:
    from sekisho.workflows.watch import Figures


@click.command(
    help=t(
        "NetFlow v5・v9、IPFIX、sFlowを受信し、感染した疑いのある回線をその場で示す。Ctrl-Cで止まる。"
        "終了コード：1 検出あり、0 検出なし、3 判断できない、2 使い方の誤り、または受信を始められない。",
        "Receive NetFlow v5 and v9, IPFIX and sFlow, and show the lines that look infected as it happens. "
        "Ctrl-C ends it. Exit code: 1 something found, 0 nothing found, 3 could not be judged, "
        "2 wrong usage, or nothing can be received.",
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
    "--packet-ring",
    is_flag=True,
    help=t(
        "カーネルと共有するメモリーから受信する（root か CAP_NET_RAW。できなければ通常どおり）",
        "receive out of memory shared with the kernel (root or CAP_NET_RAW; as usual where it can't be had)",
    ),
)
@click.option("--for", "seconds", type=Number(0.1), help=t("この秒数で終わる", "end after so many seconds"))
@data_option
@lang_option
def command(
    customers: tuple[str, ...], lists: tuple[Path, ...], listen: tuple[str, ...], ports: tuple[int, ...], *,
    spool_on_disk: bool, packet_ring: bool, seconds: float | None, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Watch until stopped; exit 1 when something was found, 3 when no line's flow arrived or a fault stands, else 0."""
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
        told = receiving(watch, listen=listen, ports=ports, disk=spool_on_disk, ring=packet_ring)
        running = live(watch, told, lists)
        if not as_json:
            caution(watch.assumed, watch.settings.customers, telling_prefixes(watch.settings))
        with receiver(told) as heard, view(heard, as_json=as_json) as shown:
            last = running.run(stopped, Leaving(watch.folder, heard, shown.show))
            shown.end(last)
    seen = any(one.name == "watched" and one.count for one in last.counts)
    if not as_json:
        _tell_end(last, data, seen=seen)
    return FOUND if last.found else NOTHING if seen and not last.faults else UNDECIDED


def _tell_end(last: Figures, data: Path, *, seen: bool) -> None:
    if not seen:
        none = t(
            "回線のフローが一つも届かなかったので、何も判断していない。",
            "No flow of a line arrived: nothing was judged.",
        )
        click.secho(none, fg="yellow")
    if last.faults:
        parts = t("、", ", ").join(dict.fromkeys(one.part for one in last.faults))
        unsure = t(
            f"できなかったことが残っている（{parts}）ので、「検出なし」とは言えない。",
            f"Something could not be done ({parts}), so this does not say that nothing is there.",
        )
        click.secho(unsure, fg="yellow")
    click.echo(
        t(f"終了。検出 {last.found:,} 件。", f"Ended. {last.found:,} detections.")
        + f" sekisho detect --data {data}"
    )
