"""The console on data of every released schema, and while the database is gone or its disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from contract.database.cluster import Cluster
from contract.database.released import dump_file, load
from contract.database.test_trouble import in_small_disk
from fakes.console import PASSWORD, VISIT, browsing, first_admin
from sekisho.language import Language
from sekisho.stores.database.migrations import STEPS
from sekisho.web.installation import office_of
from sekisho.web.office import Office
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds
from sekisho.workflows import sign_in


@contextmanager
def served(folder: Path) -> Iterator[Office]:
    with Console(folder, create=True) as console:
        yield office_of(console, Listening(port=8443))


def entered(office: Office) -> TestClient:
    """Come in as an administrator, by the ways that there are."""
    if sign_in.needs_first_admin(office.gate):
        return browsing(office, first_admin(office).token)
    name = next(one.name for one in sign_in.people(office.gate))
    link = sign_in.reset(office.gate, name, milliseconds())
    done = sign_in.redeem_setup(office.gate, link, "", PASSWORD, VISIT, milliseconds(), Language.JA)
    assert isinstance(done, sign_in.SignedIn)
    return browsing(office, done.token)


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_data_of_every_released_schema_are_served(tmp_path: Path, version: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    file = folder / "cases.db"
    load("sqlite", str(file), dump_file("sqlite", version).read_text(encoding="utf-8"))
    with served(folder) as office:
        own = entered(office)
        for page in office.menu:
            assert own.get(page.path).status_code == 200, page.path
        assert own.get("/cases/c1").status_code == 200
        assert own.get("/audit?check=1").status_code == 200
        assert own.get("/readyz").status_code == 200
    kept = {one.name for one in folder.glob("*.bak")}
    assert kept == (set() if version == len(STEPS) else {f"cases.db.schema-{version}.bak"})


@pytest.mark.lab
def test_a_server_that_is_gone_is_said_and_comes_back(tmp_path: Path) -> None:
    server = Cluster()
    try:
        server.start()
        (tmp_path / "watch.toml").write_text(f'database = "{server.database()}"\n', encoding="utf-8")
        with served(tmp_path) as office:
            own = entered(office)
            assert own.get("/cases").status_code == 200
            server.kill()
            for path in ("/", "/cases", "/audit"):
                page = own.get(path)
                assert page.status_code == 503, path
                assert "データベース" in page.text
                assert "Traceback" not in page.text
            assert own.post("/sign-in", data={"name": "関守", "password": PASSWORD}).status_code == 503
            assert own.get("/readyz").json()["database"] == "no answer"
            assert own.get("/healthz").status_code == 200
            server.start()
            assert own.get("/cases").status_code == 200
    finally:
        server.remove()


def test_a_file_that_is_gone_is_said_and_comes_back(tmp_path: Path) -> None:
    with served(tmp_path) as office:
        own = entered(office)
        file = tmp_path / "cases.db"
        file.rename(tmp_path / "away.db")
        page = own.get("/cases")
        assert page.status_code == 503
        assert "元のファイルを戻して" in page.text
        (tmp_path / "away.db").rename(file)
        assert own.get("/cases").status_code == 200


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    said = in_small_disk(
        tmp_path,
        24,
        """
        import os
        from contract.database.test_served import entered, served
        from contract.database.places import event
        root = Path(sys.argv[1])
        cases = SqlCases(opened(str(root / "cases.db")))
        cases.save(case("c1"), [event("c1")])
        with served(root) as office:
            own = entered(office)
            say = lambda text: own.post("/cases/c1/comment", data={"text": text, "revision": "1"})
            before = say("x" * 1000)
            with open(root / "filler", "wb") as file:
                try:
                    while True:
                        os.write(file.fileno(), bytes(4096))
                except OSError:
                    pass
            answers = [say("y" * 3000) for _ in range(80)]
            refused = next((one for one in answers if one.status_code == 503), None)
            pages = [own.get(path).status_code for path in ("/", "/cases", "/cases/c1", "/audit")]
            ready = own.get("/readyz").json()
            taken = sum(1 for one in answers if one.status_code == 303)
            (root / "filler").unlink()
            after = say("z")
            count = len([one for one in cases.events("c1") if one.kind == "comment"])
            whole = SqlAudit(opened(str(root / "cases.db"))).verify().whole
            print(json.dumps({"before": before.status_code, "pages": pages, "ready": ready, "taken": taken,
                "codes": sorted({one.status_code for one in answers}),
                "text": refused.text if refused else "", "after": after.status_code, "count": count,
                "whole": whole}))
        """,
    )
    assert said["before"] == 303
    assert "空き" in str(said["text"])
    assert said["pages"] == [200] * 4
    assert said["ready"]["folder"] == "full"  # type: ignore[index]
    assert said["after"] == 303
    # The first event of the case and those that were acknowledged, no more and no less.
    assert said["count"] == 3 + int(str(said["taken"]))
    assert said["whole"]
