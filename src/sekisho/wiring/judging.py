"""Marries judging again and reporting: an evidence folder, the installed catalogues and units; no device, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sekisho import plugins
from sekisho.errors import EvidenceError
from sekisho.language import Language, Text
from sekisho.model.assessment import Assessment
from sekisho.model.requirement import Catalogue
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Verdict
from sekisho.stores.evidence_folder import EvidenceFolder, whole
from sekisho.wiring import assessing
from sekisho.wiring.moment import now
from sekisho.workflows.judge import changes, gather, judge
from sekisho.workflows.report import document, latest, report

Change = tuple[str, str, Verdict | None, Verdict | None]


class Rejudged(msgspec.Struct, frozen=True):
    """A judgement of old evidence: the one before (None when there was none), this one, its reports."""

    before: Assessment | None
    after: Assessment
    catalogues: tuple[Catalogue, ...]
    reports: tuple[Path, ...]

    @property
    def changed(self) -> list[Change]:
        """Where the two differ. A catalogue that only one of them used is no change of a verdict."""
        return changed(self.before, self.after)


def changed(before: Assessment | None, after: Assessment) -> list[Change]:
    """Return where two judgements differ under the catalogues that both used."""
    if before is None:
        return []
    both = {one.catalogue for one in before.judged} & {one.catalogue for one in after.judged}
    return [one for one in changes(before, after) if one[0] in both]


def write(
    store: EvidenceFolder,
    assessment: Assessment,
    terminal: Terminal,
    catalogues: tuple[Catalogue, ...],
    formats: Sequence[str] = (),
    previous: Assessment | None = None,
) -> tuple[Path, ...]:
    """Render the reports into a new folder of the store and list them in the chain."""
    renderers = plugins.units("renderers")
    chosen = [plugins.unit("renderers", name) for name in formats] or list(renderers.values())
    shown = document(
        store,
        assessment,
        terminal,
        catalogues,
        gather(store),
        (plugins.units("criteria"), plugins.units("probes")),
        made_at=now(),
        previous=previous,
    )
    number = 1 + sum(1 for event in store.events() if event.kind == "report-set")
    while (target := store.path / "reports" / f"{number:04d}").exists():
        number += 1  # a run that died while it wrote its reports
    paths = report(shown, chosen, (Language.JA, Language.EN), target)
    store.append("report-set", {"number": number, "chain_head": shown.chain_head})
    for path in paths:
        store.enlist(path.relative_to(store.path).as_posix(), "report")
    return paths


def rejudge(folder: Path, names: Sequence[str], formats: Sequence[str] = ()) -> Rejudged:
    """Judge a folder's evidence by catalogues and write the reports.

    :raises EvidenceError: altered evidence, or a run holds the folder
    """
    catalogues = assessing.catalogues(names)
    with _opened(folder) as store:
        described = assessing.stored_terminal(store)
        before = latest(store)
        units = plugins.units("probes"), plugins.units("criteria")
        after = judge(store, described, catalogues, *units, tool=assessing.TOOL, now=now())
        paths = write(store, after, described, catalogues, formats, before)
    return Rejudged(before, after, catalogues, paths)


def report_again(folder: Path, formats: Sequence[str] = ()) -> tuple[Path, ...]:
    """Write the reports of the last judgement again; older ones stay.

    :raises EvidenceError: altered evidence, nothing judged yet, or a run holds the folder
    """
    with _opened(folder) as store:
        assessment = latest(store)
        if assessment is None:
            raise EvidenceError(
                Text(ja="まだ判定されていない", en="nothing has been judged yet"),
                str(folder),
                Text(ja="sekisho rejudge を使う", en="use sekisho rejudge"),
            )
        names = tuple(dict.fromkeys(one.catalogue for one in assessment.judged))
        return write(
            store, assessment, assessing.stored_terminal(store), assessing.catalogues(names), formats
        )


@contextmanager
def _opened(folder: Path) -> Iterator[EvidenceFolder]:
    whole(folder)
    store = EvidenceFolder(folder, lambda: now().isoformat())
    try:
        yield store
    finally:
        store.close()
