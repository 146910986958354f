"""Write observations.json and finding.json of every golden case again; a human reads the diff."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from golden import detector_cases
from golden.cases import CASES, HERE, derive


def main() -> None:
    """Refresh all cases, or those whose path holds one of the arguments."""
    for case in CASES:
        name = str(case.relative_to(HERE))
        if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
            continue
        observations, finding, judged = derive(case)
        for file, value in (("observations", observations), ("finding", finding)):
            text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
            (case / f"{file}.json").write_text(text, encoding="utf-8")
        print(f"{name}: {judged.verdict.name} {judged.reason}")
    for case in detector_cases.CASES:
        name = str(case.relative_to(HERE))
        if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
            continue
        state, found = detector_cases.look(case)
        text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        (case / "finds.json").write_text(text, encoding="utf-8")
        print(f"{name}: {state} {len(found['detections'])}")


if __name__ == "__main__":
    main()
