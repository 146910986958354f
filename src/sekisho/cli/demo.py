"""``sekisho demo``: three terminals on loopback, assessed like strangers; the first report in a minute.

Each terminal is assessed by ``sekisho assess`` as a process of its own, side by side: most of the time is
spent waiting for a device (a lock that must be sat out, a boot), so three take hardly longer than one.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table, verdict_word

if TYPE_CHECKING:
    from sekisho.demo.street import Street

CATALOGUES = ("jp-2020", "jp-2025-report")
# Loopback bears more than a real device. No lock is declared there but the exemplar's, whose own rule
# lowers the row of wrong codes by itself.
LIMITS = "connections_per_second = 100000.0\nrequests_per_second = 400.0\n"
# The baseline syncs what it saves; the hijackable one saves five seconds late, so the full quiet is kept there.
PATIENT = {"hijackable": "wrong_in_a_row = 20\n", "baseline": "wrong_in_a_row = 20\nquiet_seconds = 1.0\n"}


@click.command(
    help=t(
        "ループバックに三台の見本の端末を立て、評価して報告書を書く。root は要らない。",
        "Start three demo terminals on loopback, assess them, write the reports. No root needed.",
    )
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=t("書き出す先（新規）", "where to write (new)")
)
@click.option("-c", "--catalogue", "names", multiple=True, default=CATALOGUES, show_default=True)
@lang_option
def command(output: Path | None, names: tuple[str, ...], as_json: bool) -> int:
    """Build the street, assess each terminal, print the table; exit 0 when all three were assessed."""
    if not sys.platform.startswith("linux"):
        raise click.ClickException(t("見本はLinuxのループバックで動く", "the demo needs Linux (127.0.0.0/8)"))
    from sekisho.demo.street import NAMES, Street
    from sekisho.wiring.moment import local

    # A polite kill must not leave the street's processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    folder = output or Path("assessments") / f"demo-{local():%Y%m%d-%H%M%S}"
    click.secho(
        t("関所の見本：三台の端末を評価する", "Sekisho demo: assessing three terminals"), bold=True, err=True
    )
    street = Street((folder / "street").resolve())
    runs: list[_Run] = []
    try:
        street.build()
        street.start("updates")
        for name in NAMES:
            street.start(name)
            runs.append(_Run(name, street, folder / name, names, began))
        watched = _watch(folder / "watch")
        judged = _accident(folder / "accident")
        for run in runs:
            run.wait()
    finally:
        for run in runs:
            run.stop()
        street.stop()
    outcomes = {run.name: run.outcome for run in runs}
    _check(outcomes)
    seconds = time.monotonic() - began
    first = min(run.seconds for run in runs)
    if as_json:
        put_json(
            {
                "seconds": round(seconds, 1),
                "first_report": round(first, 1),
                "terminals": outcomes,
                "watch": watched,
                "accident": judged,
            }
        )
    else:
        _show(outcomes, names)
        _show_watch(watched, folder / "watch")
        _show_accident(judged, folder / "accident")
        _gather(folder, outcomes)
        _show_next(outcomes, folder / "watch", first, seconds)
    return 0


def _check(outcomes: Mapping[str, object]) -> None:
    """Say which terminals were not assessed to the end, and end with that."""
    if failed := ", ".join(name for name, outcome in outcomes.items() if not outcome):
        raise click.ClickException(
            t(f"評価が終わらなかった端末：{failed}", f"not assessed to the end: {failed}")
        )


def _watch(folder: Path) -> dict[str, Any]:
    """Write a made capture with one hijacked camera, take it in and look at it, by the commands that a user has."""
    from sekisho.demo import capture
    from sekisho.wiring.moment import now

    pcap, listed = capture.write(folder, now().timestamp() - capture.SECONDS)
    (folder / "data").mkdir(mode=0o700)
    (folder / "data" / "watch.toml").write_text(capture.settings(), encoding="utf-8")
    common = ["--data", str(folder / "data"), "--json", "--lang", LANGUAGE.value]
    taken = _sekisho("ingest", str(pcap), *common)
    found = _sekisho("detect", "--list", str(listed), *common)
    click.secho(
        f"{'watch':10} " + t("模擬の通信記録を調べた", "looked at a made capture")
        + f": {len(found['detections'])} " + t("件の検出", "detections"), bold=True, err=True,
    )  # fmt: skip
    return {"taken": taken, "found": found}


def _accident(folder: Path) -> dict[str, Any]:
    """Judge a made accident and draft its first report, by the commands that a user has."""
    from sekisho.demo.accident import write
    from sekisho.wiring.moment import now

    file = str(write(folder, now()))
    spoken = ["--json", "--lang", LANGUAGE.value]
    ruling: dict[str, Any] = _sekisho("accident", "judge", file, *spoken)
    drafted = _sekisho(
        "accident", "draft", file, "--kind", "first", "--format", "docx", "-o", str(folder), *spoken
    )
    return {"ruling": ruling, "files": drafted["files"]}


def _sekisho(*words: str) -> Any:
    """Run a command as a process of its own and return its JSON; it lets the assessments go first."""
    polite = [path, "-n", "15"] if (path := shutil.which("nice")) else []
    done = subprocess.run(  # noqa: S603 - our own module
        [*polite, sys.executable, "-m", "sekisho", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise click.ClickException(
            f"sekisho {words[0]}: {done.stderr.strip() or done.stdout.strip()}"
        ) from None


def _show_watch(watched: dict[str, Any], folder: Path) -> None:
    head = t("監視：模擬の15分間の通信記録（家庭12、乗っ取られたカメラ1台）",
             "Watch: a made quarter of an hour (12 homes, one hijacked camera)")  # fmt: skip
    click.secho("\n" + head, bold=True)
    for one in watched["found"]["detections"]:
        click.echo(f"  {one['line']}  {one['explanation']}")
    click.echo(f"  {folder / 'capture.pcap'}  {folder / 'cc-list.csv'}")


def _show_accident(judged: dict[str, Any], folder: Path) -> None:
    click.secho("\n" + t("事故：見本の75分の停止", "Accident: a made outage of 75 minutes"), bold=True)
    for one in judged["ruling"]["judgements"]:
        click.echo(f"  {one['reasoning']}\n      {one['why']}")
    click.echo(f"  {folder / 'accident.toml'}  {judged['files'][0]}")


class _Run:
    """One ``sekisho assess`` as a process; its progress lines come out under the terminal's name."""

    def __init__(self, name: str, street: Street, folder: Path, names: tuple[str, ...], began: float) -> None:
        self.name = name
        self.outcome: dict[str, Any] = {}
        self.seconds = 0.0
        self._began = began
        words = [sys.executable, "-m", "sekisho", "assess", *_papers(street, name), "-o", str(folder)]
        words += ["--json", "--lang", LANGUAGE.value, "--tester", t("見本", "demo"), "--place", "loopback"]
        words += [word for catalogue in names for word in ("-c", catalogue)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._follow, self._read)]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Wait for its end; a run without an outcome is an error that says so."""
        for thread in self._threads:
            thread.join()
        self._process.wait()

    def stop(self) -> None:
        """End it (it keeps its evidence)."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=10)

    def _follow(self) -> None:
        for line in self._process.stderr or ():
            click.echo(f"{self.name:10} {line.rstrip()}", err=True)

    def _read(self) -> None:
        text = self._process.stdout.read() if self._process.stdout else ""
        self.seconds = time.monotonic() - self._began
        if text.strip():
            self.outcome = dict(json.loads(text))
            word = t(f"報告書ができた（{self.seconds:.0f} 秒）", f"reports written ({self.seconds:.0f} s)")
            click.secho(f"{self.name:10} {word}", bold=True, err=True)


def _papers(street: Street, name: str) -> list[str]:
    """Write description, authorisation and limits of one terminal; return them as arguments."""
    from sekisho.model.assessment import Authorisation
    from sekisho.wires.own_sockets import everywhere
    from sekisho.wiring.moment import local
    from sekisho.workflows.authorise import RISKS, to_toml

    file = street.describe(name)
    reason = t(
        "試験器自身が待ち受けている（端末のものではない）", "this machine's own listener, not the terminal's"
    )
    with file.open("a", encoding="utf-8") as out:
        for kind, port in sorted(everywhere()):
            out.write(
                f'\n[[exclusions]]\ntransport = "{kind}"\nport = {port}\nreason = "{reason}"\nhost = true\n'
            )
    today = local().date()
    allowed = Authorisation(
        allowed_by=t("見本の持ち主（この計算機の利用者）", "owner of the demo (the user of this machine)"),
        role=t("アクセス管理者", "access administrator"),
        statement=t("自分の計算機の上の見本を試験する", "I test demo terminals on my own machine"),
        signed_on=today,
        addresses=(f"{street.net(name)}.0/24", f"{street.net('updates')}.1/32"),
        valid_from=today,
        valid_until=today,
        risks=RISKS,
    )
    authorisation = file.with_name(f"{name}-authorisation.toml")
    authorisation.write_text(to_toml(allowed), encoding="utf-8")
    limits = file.with_name(f"{name}-limits.toml")
    limits.write_text(LIMITS + PATIENT.get(name, ""), encoding="utf-8")
    return [str(file), "-a", str(authorisation), "--limits", str(limits)]


def _gather(folder: Path, outcomes: Mapping[str, object]) -> None:
    """Lay the three assessments beside the watch's data, so that one console shows both."""
    there = folder / "watch" / "data" / "assessments"
    there.mkdir(mode=0o700)
    for name in outcomes:
        (there / name).symlink_to(folder.resolve() / name, target_is_directory=True)


def _show(outcomes: dict[str, dict[str, Any]], names: tuple[str, ...]) -> None:
    from sekisho.model.assessment import UNBOUND
    from sekisho.model.verdict import Verdict
    from sekisho.wiring import assessing

    judged = {
        (name, row["catalogue"], row["requirement"]): row
        for name, outcome in outcomes.items()
        for row in outcome.get("judged", ())
    }
    for catalogue in assessing.catalogues(names):
        click.secho("\n" + catalogue.title.say(LANGUAGE), bold=True)
        rows = []
        for requirement in catalogue.requirements:
            found = [judged.get((name, catalogue.id, requirement.id), {}) for name in outcomes]
            cells = [verdict_word(Verdict[row.get("verdict", "NONE")]) for row in found]
            bound = (
                "" if not any(row.get("note") in UNBOUND for row in found) else t("（参考）", "(not binding)")
            )
            rows.append((requirement.id, *cells, requirement.title.say(LANGUAGE) + bound))
        whole = [outcome.get("verdicts", {}).get(catalogue.id, "NONE") for outcome in outcomes.values()]
        rows.append((t("全体", "whole"), *(verdict_word(Verdict[word]) for word in whole), ""))
        click.echo(table(rows, ("", *outcomes, "")))
    click.secho("\n" + t("報告書", "Reports"), bold=True)
    for outcome in outcomes.values():
        for path in outcome.get("reports", ()):
            if path.endswith((".html", ".pdf")):
                click.echo(f"  {path}")


def _show_next(outcomes: dict[str, dict[str, Any]], watch: Path, first: float, seconds: float) -> None:
    last = next(reversed(list(outcomes.values()))).get("folder", "")
    done = t(
        f"最初の報告書まで {first:.0f} 秒、全部で {seconds:.0f} 秒。次に試すこと：",
        f"First report after {first:.0f} s, all after {seconds:.0f} s. What to type next:",
    )
    click.secho("\n" + done, bold=True)
    for line, meaning in (
        (
            f"./run sekisho verify {last}",
            t("証跡が改変されていないか調べる", "check that the evidence is unaltered"),
        ),
        (
            f"./run sekisho rejudge {last} -c en303645-v2.1.1",
            t("同じ証跡を欧州の規格で判定する", "judge it by EN 303 645"),
        ),
        (
            f"./run sekisho detect --data {watch / 'data'} --list {watch / 'cc-list.csv'}",
            t("同じ通信記録をもう一度調べ、根拠を見る", "look at the same capture again, with its evidence"),
        ),
        (
            f"./run sekisho serve --data {watch / 'data'}",
            t("評価と検出を画面で見る", "see assessments and detections in the console"),
        ),
        (
            "./run sekisho serve --demo --data demo-data",
            t("架空の一か月で満たした画面を見る", "see the console filled with an invented month"),
        ),
        ("./run sekisho terminal init", t("手元の機器の記述を作る", "describe your own device")),
    ):
        click.echo(f"  {line}\n      {meaning}")
