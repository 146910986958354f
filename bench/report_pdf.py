"""report-pdf: CPU seconds for one PDF of a whole assessment, beside WeasyPrint printing our own HTML report.

    ./run bench report-pdf [--quick] [--json] [--peer-python PATH]

Both set the same judgements, record and evidence. Loading is left out on both sides (WeasyPrint's takes
longer). The peer runs in a process of its own, so WeasyPrint may live in another environment. They agree
when both PDFs hold every requirement's identifier and the record number. The limit is Typst setting one
empty page in the same fonts.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import pypdf
import typst

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fakes.documents import document  # noqa: E402 - the tests' folder is not a package that is installed
from sekisho import catalogues  # noqa: E402
from sekisho.model.verdict import Judged, Verdict  # noqa: E402
from sekisho.ports import Document  # noqa: E402
from sekisho.reports import html, pdf  # noqa: E402

PEER = """
import sys, time
import weasyprint
page = weasyprint.HTML(filename=sys.argv[1])
began = time.process_time()
page.write_pdf(sys.argv[2])
print(time.process_time() - began, weasyprint.__version__)
"""


def subject() -> Document:
    """Return a rich document judged by all built-in catalogues."""
    whole = document()
    chosen = catalogues.built_in()
    findings = [one.findings for one in whole.assessment.judged if one.findings]
    verdicts = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)
    judged = tuple(
        Judged(catalogue.id, one.id, verdicts[n % 3], findings[n % len(findings)])
        if one.rule
        else Judged(catalogue.id, one.id, Verdict.NONE, (), "no-criterion")
        for catalogue in chosen
        for n, one in enumerate(catalogue.requirements)
    )
    assessment = msgspec.structs.replace(whole.assessment, judged=judged)
    return msgspec.structs.replace(
        whole, catalogues=chosen, assessment=assessment, previous=None, sources=catalogues.sources()
    )


def once(target: Path) -> None:
    """Render in this fresh process: a second rendering would profit from Typst's memory of the first."""
    whole = subject()
    began = time.process_time()
    made = pdf.RENDERER.render(whole)
    print(time.process_time() - began)
    target.write_bytes(made)


def ours(runs: int) -> tuple[float, bytes]:
    """Return the best CPU seconds of several fresh processes, and the PDF."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "report.pdf"
        command = [sys.executable, "-m", "bench.report_pdf", "--once", str(target)]
        seconds = [
            float(
                subprocess.run(
                    command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True
                ).stdout
            )
            for _ in range(runs)
        ]
        return min(seconds), target.read_bytes()


def peer(whole: Document, runs: int, python: str) -> tuple[float, bytes, str]:
    """Return WeasyPrint's best CPU seconds, its PDF and its version; its absence is an error."""
    with tempfile.TemporaryDirectory() as folder:
        page, target = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_bytes(html.RENDERER.render(whole))
        best, version = float("inf"), ""
        for _ in range(runs):
            done = subprocess.run(
                [python, "-c", PEER, page, target], capture_output=True, text=True, timeout=600, check=False
            )
            if done.returncode:
                sys.exit(f"report-pdf: the peer WeasyPrint did not run: {done.stderr.strip()[-300:]}")
            seconds, version = done.stdout.split()[-2:]
            best = min(best, float(seconds))
        return best, target.read_bytes(), version


def limit() -> float:
    """Return the CPU seconds of an empty page, the first in this process."""
    began = time.process_time()
    page = '#set text(font: "Noto Sans CJK JP")\n関'.encode()
    typst.compile(
        page, format="pdf", font_paths=[str(ROOT / "src/sekisho/reports/fonts")], ignore_system_fonts=True
    )
    return time.process_time() - began


def agree(whole: Document, *made: bytes) -> bool:
    """Return whether every PDF holds the record number and every requirement's identifier."""
    wanted = {one.id for catalogue in whole.catalogues for one in catalogue.requirements}
    wanted.add(whole.assessment.record.number)
    for data in made:
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
        if any(one not in text.replace("\n", "").replace("\u200b", "") for one in wanted):
            return False
    return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="report-pdf", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of the peer")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that has WeasyPrint")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        once(asked.once)
        return
    whole = subject()
    mine, made = ours(3 if asked.quick else 7)
    other, printed, version = peer(whole, 1 if asked.quick else 3, asked.peer_python)
    row = {
        "bench": "report-pdf",
        "unit": "CPU s",
        "ours": round(mine, 3),
        "peer": round(other, 3),
        "peer_name": f"WeasyPrint {version}",
        "ratio": round(other / mine, 1),
        "limit": round(limit(), 4),
        "limit_name": "Typst, one empty page in the same fonts",
        "agree": agree(whole, made, printed),
        "load": round(os.getloadavg()[0], 2),
        "command": "./run bench report-pdf" + (" --quick" if asked.quick else ""),
        "ours_bytes": len(made),
        "peer_bytes": len(printed),
    }
    print(json.dumps(row) if asked.json else "\n".join(f"{key:<10} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
