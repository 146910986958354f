"""A data folder with something in every dataset: flows, a detection, a case, a notice, contacts, assignments, audit."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from fakes.watched import flow
from sekisho.language import Language
from sekisho.model.assignment import Assignment
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.detection import Detection, Grade
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.model.tables import WATCHED
from sekisho.stores.database import SqlAudit, SqlCases, SqlNotices
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import DATASET, Watch, milliseconds

ADDRESS = "203.0.113.7"
SETTINGS = (
    'customers = ["203.0.113.0/24"]\n[people]\n"関守" = "sender"\n"検問" = "admin"\n"見習" = "analyst"\n'
)
CSV = "account,name,email,opted_out\nacc-1,関 花子,hanako@example.jp,0\n"


def filled(folder: Path, settings: str = SETTINGS) -> tuple[Watch, int]:
    """Fill a data folder now; return the open watch and the pseudonym of the one line in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "watch.toml").write_text(settings, encoding="utf-8")
    watch = Watch(folder)
    line = watch.door().subscriber(ADDRESS)
    now = milliseconds()
    rows = [
        flow(one, "198.51.100.9", 23)
        | {"flowStartMilliseconds": now - 60_000 + n, "flowEndMilliseconds": now - 50_000}
        for n, one in enumerate((line, line, line + 1))
    ]
    watch.store.append(DATASET, iter([pa.RecordBatch.from_pylist(rows, WATCHED)]), watch.label("test"))
    found = Detection(
        "d-1", "known_cc", line, now - 60_000, now - 50_000, Grade.CONFIRMED, "matched", family="mirai", rows=2,
        evidence=({"remote": "198.51.100.9"},),
    )  # fmt: skip
    watch.remember([found])
    database = open_database(folder)
    case = Case(
        "case-1", line, "family:mirai", CaseState.CONFIRMED, Grade.CONFIRMED, now, now, now - 60_000, now - 50_000,
        detections=1, family="mirai",
    )  # fmt: skip
    adds = [{"id": "d-1", "begin": now - 60_000, "end": now - 50_000}]
    SqlCases(database).save(case, [CaseEvent("case-1", 0, now, "sekisho", "opened", {"adds": adds})])
    SqlNotices(database).add([
        Notice(
            "n-1", "case-1", Channel.EMAIL, Language.JA, "mirai", "件名", "SECRET-BODY", "digest", "once-1",
            NoticeState.DRAFT, now, now,
        )
    ])  # fmt: skip
    SqlAudit(database).append("関守", "sender", "approve-notice", "case-1", at=now)
    database.close()
    holdings = Holdings(watch)
    (folder / "in.csv").write_text(CSV, encoding="utf-8")
    holdings.take_contacts(folder / "in.csv")
    (folder / "in.csv").unlink()
    holdings.logs.add([Assignment("acc-1", f"{ADDRESS}/32", now - 3_600_000)])
    return watch, line
