"""The run of an assessment as the command line drives it: collect, judge, report, show."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sekisho import plugins
from sekisho.cli import outcome
from sekisho.cli.progress import Progress
from sekisho.cli.speech import LANGUAGE
from sekisho.errors import Stopped
from sekisho.model.assess_run import STOP
from sekisho.model.assessment import Assessment, Authorisation, Limits, TestRecord
from sekisho.model.requirement import Catalogue
from sekisho.model.terminal import Terminal
from sekisho.wires.identity import confirm
from sekisho.wires.told import Both, heeding
from sekisho.wiring import assessing
from sekisho.wiring.judging import write
from sekisho.wiring.moment import local, now
from sekisho.workflows.collect import collect, put_back
from sekisho.workflows.judge import judge
from sekisho.workflows.waking import reach_again


class Request(msgspec.Struct, frozen=True):
    """What is to be assessed, by what, with whose permission, and where the evidence goes."""

    target: str
    terminal: Terminal
    catalogues: tuple[Catalogue, ...]
    authorisation: Authorisation
    limits: Limits
    folder: Path | None = None
    resume: bool = False
    label: str = ""


def run(request: Request, options: Mapping[str, Any], *, as_json: bool) -> int:
    """Do it all and print; return the exit code."""
    assessment, folder, reports = perform(request, options)
    (outcome.put if as_json else outcome.show)(assessment, request.catalogues, folder, reports)
    return outcome.exit_code(assessment, request.catalogues)


def perform(request: Request, options: Mapping[str, Any]) -> tuple[Assessment, Path, tuple[Path, ...]]:
    """Collect, judge and report; return the outcome, its folder and the reports."""
    folder = request.folder or _new_folder(request.terminal)
    probes, criteria = plugins.units("probes"), plugins.units("criteria")
    only = options.get("only", ())
    planned = assessing.plan_for(request.terminal, request.catalogues, request.authorisation, only)
    titles = {name: probe.title.say(LANGUAGE) for name, probe in probes.items()}
    told, desk = options.get("told"), options.get("desk")
    shown = Progress(titles, request.label)
    watcher = Both(told, shown) if told else shown
    with (
        shown,
        assessing.Run(
            folder,
            request.terminal,
            request.authorisation,
            request.limits,
            watcher=watcher,
            scanned=watcher.scanned,
            language=LANGUAGE,
            answers=options.get("answers"),
            desk=(desk, options["answer_seconds"]) if desk and options["answer_seconds"] else None,
            record=_record(options),
            target=request.target,
            resume=request.resume,
            without=options.get("capture_without", ()),
            still=shown.still,
        ) as opened,
    ):
        if told:
            told.planned([one.probe for one in planned.probes], opened.store.events())

        async def work() -> None:
            await _wake(request, opened, assume_up=bool(options.get("assume_up")))
            await collect(request.terminal, planned, probes, opened.store, opened.desk, watcher)
            await put_back(request.terminal, opened.store, opened.access)

        _stoppable(heeding(work, desk / STOP) if desk else work, opened, folder)
        assessment = judge(
            opened.store,
            request.terminal,
            request.catalogues,
            probes,
            criteria,
            tool=assessing.TOOL,
            now=now(),
        )
        reports = write(
            opened.store, assessment, request.terminal, request.catalogues, options.get("formats", ())
        )
    return assessment, folder, reports


def _stoppable(work: Callable[[], Coroutine[Any, Any, None]], opened: assessing.Run, folder: Path) -> None:
    """Do the work; whoever stops it leaves no terminal without power."""
    assessing.LEAVING.append(lambda: opened.give_back(noted=False))
    try:
        assessing.stoppable(work, folder)
    except Stopped:
        opened.give_back()
        raise


async def _wake(request: Request, opened: assessing.Run, *, assume_up: bool) -> None:
    """See that it is the authorised terminal and that it answers; only a resumed run may touch its power."""
    await confirm(request.authorisation, request.terminal, opened.net.connected, opened.net.nudge)
    power = opened.bench.power if request.resume else None
    await reach_again(request.terminal, opened.net, opened.store, power, opened.clock, assume_up=assume_up)


def _record(options: Mapping[str, Any]) -> TestRecord:
    """Return the record fields of 認定規則 as far as they were given."""
    return TestRecord(
        number=options.get("number", ""),
        date=local().date().isoformat(),
        place=options.get("place", ""),
        # Who allows a test does not answer for it: nobody stated is shown as not filled in.
        person=options.get("tester", ""),
        method=options.get("method", ""),
        subcontractor=options.get("subcontractor", ""),
    )


def _new_folder(terminal: Terminal) -> Path:
    name = terminal.model or next(a for one in terminal.interfaces for a in one.addresses)
    safe = "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in name)[:40]
    base = f"{local():%Y%m%d-%H%M%S}-{safe}"
    return Path("assessments") / base


__all__ = ["Request", "perform", "run"]
