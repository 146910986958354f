"""Golden cases of detectors: a small window of flows (and a list) → finds, one folder per case.

``window.parquet`` holds WATCHED rows, ``look.json`` the window and the operator's own parameters, ``list.*`` the list
of a method that needs one, ``finds.json`` what must come out. The folder's name begins with what that is: found,
nothing or undecided.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from fakes.watched import MemoryTables
from sekisho import plugins
from sekisho.catalogues.detection import parameters
from sekisho.exchange.lists import Limits, read_list
from sekisho.language import Language
from sekisho.model.detection import Window
from sekisho.workflows.detect import Looked, sentence

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/look.json"))
STATES = {"found": "found", "nothing": "nothing-found", "undecided": "not-measured"}


def look(case: Path) -> tuple[str, Any]:
    """Return the state and the finds as JSON values, each detection with its two sentences."""
    name = case.parent.name
    asked = json.loads((case / "look.json").read_text(encoding="utf-8"))
    window = Window(*asked["window"])
    past = Window(asked.get("past", window.begin), window.end)
    unit = plugins.unit("detectors", name)
    for path in case.glob("list.*"):
        reading = read_list(path.read_bytes(), path.name, limits=Limits(allow=frozenset({"documentation"})))
        assert not reading.rejected
        unit = unit.bound(reading.indicators)
    rows = pq.read_table(case / "window.parquet").to_pylist()
    finds = unit.detect(MemoryTables(rows, past), window, parameters(name, asked.get("parameters")))
    state = Looked(name, window, finds.detections, finds.coverage).state
    found = json.loads(msgspec.json.encode(finds))
    for one, shown in zip(finds.detections, found["detections"], strict=True):
        shown["sentences"] = {language.value: sentence(one, unit.reasons, language) for language in Language}
    return state, found
