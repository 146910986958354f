"""One assessment by hand: a failed duty, a hostile device's conversation, a report, a capture."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sekisho.model.assessment import Assessment, TestRecord
from sekisho.model.evidence import Chunk, Pointer, Record, Transcript
from sekisho.model.terminal import Applicability, Equivalent, Terminal, Unit
from sekisho.model.verdict import Detail, Finding, Judged, Verdict
from sekisho.stores.evidence_folder import EvidenceFolder

AT = "2026-11-21T01:02:03+00:00"
HOSTILE = b"HTTP/1.1 200 OK\r\n\r\n<script>alert(1)</script>\x1b[2J"


def assessed(root: Path, name: str = "real") -> dict[str, str]:
    """Make one assessment by hand; return the digests of what is in it."""
    store = EvidenceFolder(root / name, lambda: AT, create=True)
    store.append(
        "opened", {"id": name, "record": {}, "person": "佐藤", "place": "lab", "target": "x", "tool": "t"}
    )
    store.append("authorisation", {"allowed_by": "the owner <b>", "addresses": ["192.0.2.0/24"]})
    claim = Applicability(equivalent=Equivalent("CC", "cert-1"))
    terminal = Terminal(
        maker="A/B Works", model="R<1>", software="1.0", units=(Unit("a", "SN1"),), applicability=claim
    )
    store.append(
        "terminal",
        {"sha256": store.keep(msgspec.json.encode(terminal), kind="terminal", name="terminal.json")},
    )
    talk = Transcript(
        AT, "tcp", "127.0.0.1:4", "127.0.0.1:80", chunks=(Chunk(0.0, ">", b"GET / HTTP/1.1\r\n\r\n"), Chunk(0.1, "<", HOSTILE), Chunk(0.2, "<", bytes(range(200, 256)))),
        dropped=7, ended="closed",
    )  # fmt: skip
    digest = store.keep(msgspec.msgpack.encode(talk), kind="transcript", name="127.0.0.1:80")
    record = Record(
        "web/step one", AT, AT, 0.5, {"title": "<img src=x>", "ports": [80, 443]}, None, (digest,)
    )
    store.append("step", {"probe": "web_login", "record": msgspec.to_builtins(record)})
    store.append("probe", {"probe": "web_login", "version": "1", "attempt": {"status": "done"}})
    finding = Finding(
        "no-such-criterion", Verdict.FAIL, "why", {"n": 3}, (Pointer("web_login", "web/step one", digest),),
        details=(Detail("port 80", Verdict.FAIL, "why", {}, (Pointer("web_login", "web/step one", digest),)),),
    )  # fmt: skip
    made = Assessment(
        id=name, began=AT, ended=AT, tool="t", record=TestRecord(), attempts={}, facts=(),
        judged=(Judged("jp-2020", "JP20-1", Verdict.FAIL, (finding,)),), catalogues=("jp-2020",),
    )  # fmt: skip
    store.append(
        "judged",
        {"assessment": store.keep(msgspec.json.encode(made), kind="assessment"), "catalogues": ["jp-2020"]},
    )
    (root / name / "reports" / "0001").mkdir(parents=True)
    (root / name / "reports" / "0001" / "report.en.html").write_bytes(b"<script>alert(1)</script>")
    report = store.enlist("reports/0001/report.en.html", "report")
    (root / name / "capture").mkdir(exist_ok=True)
    (root / name / "capture" / "c.pcap").write_bytes(b"\xd4\xc3\xb2\xa1secret")
    capture = store.enlist("capture/c.pcap", "capture")
    store.close()
    return {"talk": digest, "report": str(report.body["sha256"]), "capture": str(capture.body["sha256"])}
