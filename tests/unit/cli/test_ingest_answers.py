"""What ``sekisho ingest`` answers when there was nothing to take: never the same as when something was taken."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

import pytest

from fakes.command import typed
from sekisho.demo import capture
from sekisho.language import Language

HEAD = "flowStartMilliseconds,sourceAddress,destinationAddress,protocolIdentifier,packetDeltaCount"


def sekisho(*words: object, code: int) -> str:
    done = typed(words, env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def flows(*lines: str, ago: float = 3600) -> str:
    at = int((time.time() - ago) * 1000)
    return "\n".join([HEAD, *(f"{at},{one},198.51.100.9,6,5" for one in lines), ""])


def outcomes(*words: object, code: int) -> list[str]:
    return [one["outcome"] for one in json.loads(sekisho("ingest", *words, "--json", code=code))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("head.csv", f"{HEAD}\n".encode()),
        ("head.pcap", struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)),
    ],
)
def test_a_file_without_a_flow_is_no_file_taken(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    where = ("--customers", "203.0.113.0/24", "--data", tmp_path / "data")
    for outcome in ("empty", "again"):
        assert outcomes(tmp_path / name, *where, code=3) == [outcome]
    said = sekisho("ingest", tmp_path / name, *where, code=3)
    assert "taken before (no flows)" in said
    assert "There is not one flow in some files" in said
    assert "check --customers" not in said
    assert "next:" not in said
    # Beside one with flows a quiet file is no fault.
    (tmp_path / "good.csv").write_text(flows("203.0.113.7"))
    assert outcomes(tmp_path / name, tmp_path / "good.csv", *where, code=0) == ["again", "taken"]


def test_mistyped_prefixes_are_said_with_the_way_to_mend_them(tmp_path: Path) -> None:
    file, data = tmp_path / "flows.csv", tmp_path / "data"
    file.write_text(flows("203.0.113.7", "203.0.113.8"))
    said = sekisho("ingest", file, "--customers", "203.0.133.0/24", "--data", data, code=3)
    assert "none of ours" in said
    assert "203.0.133.0/24" in said
    assert f"customers in {data / 'watch.toml'}" in " ".join(said.split())
    assert "next:" not in said
    assert "none of ours" in sekisho("ingest", file, "--data", data, code=3)
    settings = data / "watch.toml"
    settings.write_text(settings.read_text().replace("203.0.133.0", "203.0.113.0"))
    assert outcomes(file, "--data", data, code=0) == ["taken"]
    (again,) = json.loads(sekisho("ingest", file, "--data", data, "--json", code=0))
    assert (again["outcome"], again["before"]) == ("again", "taken")


def test_rows_read_are_those_kept_those_without_a_line_and_those_of_another_time(tmp_path: Path) -> None:
    file, data = tmp_path / "flows.csv", tmp_path / "data"
    lines = flows("203.0.113.7", "192.0.2.1", "192.0.2.2").splitlines()
    old = flows("203.0.113.8", ago=40 * 86400).splitlines()[1]
    file.write_text("\n".join([*lines, old, "x,y,z,6,5", ""]))
    where = ("--data", data, "--customers", "203.0.113.0/24")
    said = sekisho("ingest", file, *where, code=3)
    head, _, row = (line.split("  ") for line in said.splitlines()[:3])
    cells = dict(
        zip([one.strip() for one in head if one], [one.strip() for one in row if one.strip()], strict=True)
    )
    assert [cells[name] for name in ("rows read", "kept", "no line", "out of time", "rejected")] == [
        "4", "1", "2", "1", "1",
    ]  # fmt: skip
    settings = data / "watch.toml"
    settings.write_text(settings.read_text().replace('"203.0.113.0/24"', '"203.0.113.0/24", "192.0.2.1/32"'))
    (more,) = json.loads(sekisho("ingest", file, "--data", data, "--json", code=3))
    assert (more["read"], more["kept"], more["elsewhere"]) == (2, 1, 1)
    settings.write_text(settings.read_text().replace('"192.0.2.1/32"', '"192.0.2.1/32", "10.1.0.0/16"'))
    for _ in range(2):
        assert outcomes(file, "--data", data, code=3) == ["again"]
    kept = json.loads((data / "taken.jsonl").read_text().splitlines()[-1])
    assert (kept["kept"], kept["elsewhere"], len(kept["customers"])) == (1, 1, 3)


def test_data_folders_on_the_way_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "flows.csv").write_text(flows(capture.CAMERA))
    data = tmp_path / "watch-data"
    where = ("--data", data, "--customers", capture.CUSTOMERS)
    sekisho("ingest", tmp_path / "sub", *where, code=0)
    (tmp_path / "more.csv").write_text(flows(capture.CAMERA, capture.CAMERA))
    done = typed(("ingest", tmp_path, *where, "--json"), env={**os.environ, "SEKISHO_LANG": "en"})
    assert done.returncode == 0
    assert {Path(one["file"]).name: one["outcome"] for one in json.loads(done.stdout)} == {
        "more.csv": "taken", "flows.csv": "again",
    }  # fmt: skip
    assert f"a data folder of Sekisho is left out: {data}" in done.stderr


def nfdump(line: str, hours_ago: int = 24) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - 3600 * hours_ago))
    return f"ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt\n{at},{at},1.0,{line},198.51.100.9,4,23,TCP,.A,0,0,5,270\n"


def starts(data: Path) -> list[int]:
    from sekisho.model.detection import Window
    from sekisho.model.purpose import Purpose
    from sekisho.ports.flows import Query
    from sekisho.wiring.watch import Watch

    with Watch(data) as watch:
        asked = watch.store.tables("flow", Window(0, 1 << 50), Purpose.CC_DETECTION)
        rows = asked.ask(
            Query("all", 'SELECT "flowStartMilliseconds" AS "at" FROM "FLOW"', 'SELECT * FROM "PART"')
        )
    return sorted(row["at"] for row in rows.to_pylist())


@pytest.mark.parametrize("compacted", [False, True])
def test_a_file_taken_with_the_wrong_zone_can_be_taken_in_anew(tmp_path: Path, compacted: bool) -> None:
    from sekisho.wiring.watch import Watch

    data = tmp_path / "data"
    files = [tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"]
    for number, file in enumerate(files):
        file.write_text(nfdump(f"203.0.113.{number + 1}"))
    where = ("--data", data, "--customers", "203.0.113.0/24")
    # What was never taken in is taken in.
    sekisho("ingest", files[0], *where, "--zone", "UTC", "--again", code=0)
    (kept,) = starts(data)
    sekisho("ingest", *files[1:], *where, "--zone", "Asia/Tokyo", code=0)
    if compacted:
        with Watch(data) as watch:
            assert watch.store.compact("flow")["made"]
    wrong = starts(data)
    assert len(wrong) == 3
    # The same again is no harm; other options are said, and change nothing by themselves.
    assert outcomes(*files[1:], *where, "--zone", "Asia/Tokyo", code=0) == ["again", "again"]
    said = " ".join(sekisho("ingest", *files[1:], *where, "--zone", "UTC", code=3).split())
    assert "then zone=Asia/Tokyo, now zone=UTC" in said
    assert "--again" in said
    assert starts(data) == wrong
    # What was taken in together goes together.
    refused = sekisho("ingest", files[1], *where, "--zone", "UTC", "--again", code=2)
    assert str(files[2]) in refused
    assert starts(data) == wrong
    assert outcomes(*files[1:], *where, "--zone", "UTC", "--again", code=0) == ["taken", "taken"]
    assert starts(data) == [kept] * 3
    assert outcomes(*files, *where, "--zone", "UTC", code=0) == ["again"] * 3
    receipts = [json.loads(line) for line in (data / "records" / "receipts.jsonl").read_text().splitlines()]
    assert [(one["rows"], one["reason"]) for one in receipts] == [(2, "again")]
    assert '"again"' in (data / "announced.jsonl").read_text()


def test_taking_in_anew_waits_for_nobody_and_may_be_ended_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sekisho.wiring.retaking import taking
    from sekisho.wiring.watch import Watch

    file, data = tmp_path / "a.csv", tmp_path / "data"
    file.write_text(nfdump("203.0.113.1"))
    where = ("--data", data, "--customers", "203.0.113.0/24")
    sekisho("ingest", file, *where, "--zone", "Asia/Tokyo", code=0)
    wrong = starts(data)
    with taking(data, alone=False):
        said = sekisho("ingest", file, *where, "--zone", "UTC", "--again", code=2)
        assert "while something else is taken in" in said
        assert starts(data) == wrong
        sekisho("ingest", file, *where, "--zone", "Asia/Tokyo", code=0)
    with Watch(data) as watch:
        watch.store.compact("flow")

    class Ended(BaseException):
        pass

    def ended(*_: object) -> None:
        raise Ended

    for place in (
        "sekisho.stores.records_duckdb.records.DuckRecords.drop",
        "sekisho.stores.records_duckdb.records.forget",
        "sekisho.wiring.watch.Watch._note_taken",
    ):
        with monkeypatch.context() as patched:
            patched.setattr(place, ended)
            with pytest.raises(Ended), Watch(data) as watch:
                list(
                    watch.ingest(
                        [file], {"zone": "UTC"}, lambda *_: None, kind="", language=Language.EN, again="x"
                    )
                )
    assert outcomes(file, *where, "--zone", "UTC", "--again", code=0) == ["taken"]
    assert len(starts(data)) == 1
    assert starts(data) != wrong


@pytest.mark.parametrize("place", ["expiry.delete", "forget"])
def test_what_was_half_taken_back_never_passes_for_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    from sekisho.wiring.watch import Watch

    files, data = [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "data"
    for number, file in enumerate(files):
        file.write_text(nfdump(f"203.0.113.{number + 1}"))
    where = ("--data", data, "--customers", "203.0.113.0/24", "--zone", "UTC")
    sekisho("ingest", *files, *where, code=0)

    class Ended(BaseException):
        pass

    def ended(*_: object) -> None:
        raise Ended

    options = {"zone": "UTC"}
    with monkeypatch.context() as patched:
        patched.setattr(f"sekisho.stores.records_duckdb.records.{place}", ended)
        with pytest.raises(Ended), Watch(data) as watch:
            list(watch.ingest(files, options, lambda *_: None, kind="", language=Language.EN, again="x"))
    # Without --again, too: the rows of both are gone, so both are to be taken in.
    said = sekisho("ingest", files[0], *where, code=0)
    assert str(files[1]) in said.split("take these in again")[1]
    assert len(starts(data)) == 1
    assert outcomes(*files, *where, code=0) == ["again", "taken"]
    assert len(starts(data)) == 2
    receipts = [json.loads(line) for line in (data / "records" / "receipts.jsonl").read_text().splitlines()]
    assert [(one["rows"], one["reason"]) for one in receipts] == [(2, "again")]


@pytest.mark.parametrize("compacted", [False, True])
def test_rows_of_a_file_whose_note_is_missing_are_not_taken_back_with_another(
    tmp_path: Path, compacted: bool
) -> None:
    from sekisho.wiring.watch import Watch

    files, data = [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "data"
    for number, file in enumerate(files):
        file.write_text(nfdump(f"203.0.113.{number + 1}"))
    where = ("--data", data, "--customers", "203.0.113.0/24", "--zone", "UTC")
    sekisho("ingest", *files, *where, code=0)
    if compacted:
        with Watch(data) as watch:
            assert watch.store.compact("flow")["made"]
    # As after a kill between the rows and their note.
    notes = (data / "taken.jsonl").read_text().splitlines(keepends=True)
    (data / "taken.jsonl").write_text(notes[1])
    assert "whose names weren't noted" in sekisho("ingest", files[1], *where, "--again", code=2)
    assert outcomes(files[0], *where, code=0) == ["again"]
    assert str(files[0]) in sekisho("ingest", files[1], *where, "--again", code=2)
    assert len(starts(data)) == 2
    assert outcomes(*files, *where, "--again", code=0) == ["taken", "taken"]
    assert len(starts(data)) == 2


def test_nothing_is_deleted_for_options_that_cannot_be(tmp_path: Path) -> None:
    file, data = tmp_path / "a.csv", tmp_path / "data"
    file.write_text(nfdump("203.0.113.1"))
    where = ("--data", data, "--customers", "203.0.113.0/24")
    sekisho("ingest", file, *where, "--zone", "UTC", code=0)
    for wrong in (
        ("--zone", "Nonsense/Zone"), ("--set", "delimeter=x", "--zone", "UTC"), ("--kind", "pcap"), ("--kind", "no"), (),
    ):  # fmt: skip
        sekisho("ingest", file, *where, *wrong, "--again", code=2)
        assert len(starts(data)) == 1
    assert outcomes(file, *where, "--zone", "UTC", code=0) == ["again"]


def test_files_of_which_nothing_was_kept_need_not_be_named(tmp_path: Path) -> None:
    files, data = [tmp_path / "a.csv", tmp_path / "empty.csv", tmp_path / "foreign.csv"], tmp_path / "data"
    for file, content in zip(
        files, (flows("203.0.113.7"), f"{HEAD}\n", flows("192.0.2.1", "192.0.2.2")), strict=True
    ):
        file.write_text(content)
    where = ("--data", data, "--customers", "203.0.113.0/24")
    assert outcomes(*files, *where, code=0) == ["taken", "empty", "foreign"]
    for gone in files[1:]:
        gone.unlink()
    assert outcomes(files[0], *where, "--again", code=0) == ["taken"]


def test_flows_that_were_taken_back_were_not_deleted_at_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sekisho.errors import NothingThere
    from sekisho.wiring.watch import Watch

    file, data = tmp_path / "a.csv", tmp_path / "data"
    file.write_text(nfdump("203.0.113.1"))
    sekisho("ingest", file, "--data", data, "--customers", "203.0.113.0/24", "--zone", "UTC", code=0)
    monkeypatch.setattr("sekisho.wiring.watch.ingest", lambda *_, **__: iter(()))
    with Watch(data) as watch:
        options = {"zone": "UTC"}
        list(watch.ingest([file], options, lambda *_: None, kind="", language=Language.EN, again="x"))
        with pytest.raises(NothingThere) as told:
            watch.window(None, None)
    assert "deleted to be taken in anew" in told.value.what.en


def test_what_an_earlier_version_took_in_is_not_taken_back(tmp_path: Path) -> None:
    from sekisho.wiring.watch import Watch

    file, data = tmp_path / "a.csv", tmp_path / "data"
    file.write_text(nfdump("203.0.113.1"))
    where = ("--data", data, "--customers", "203.0.113.0/24")
    sekisho("ingest", file, *where, "--zone", "Asia/Tokyo", code=0)
    with Watch(data) as watch:
        assert watch.store.compact("flow")["made"]
    (streams,) = (data / "records" / "flow").glob("*/streams.msgpack")
    streams.unlink()
    noted = json.loads((data / "taken.jsonl").read_text())
    for name in ("options", "asked", "late"):
        noted.pop(name, None)
    (data / "taken.jsonl").write_text(json.dumps(noted) + "\n")
    # What isn't known to differ is not said to.
    assert outcomes(file, *where, "--zone", "UTC", code=0) == ["again"]
    said = sekisho("ingest", file, *where, "--zone", "UTC", "--again", code=2)
    assert "it isn't known which rows came from this file" in said
    assert len(starts(data)) == 1
    # What is taken in from now on can be, also beside it.
    (tmp_path / "b.csv").write_text(nfdump("203.0.113.2"))
    for more in ((), ("--again",)):
        assert outcomes(tmp_path / "b.csv", *where, "--zone", "UTC", *more, code=0) == ["taken"]
    assert len(starts(data)) == 2
