"""The commands of notices, typed as by their user: from a confirmed case to a mail at a real server, a letter, a list."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import closing
from email import message_from_string
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.command import typed
from fakes.mail_server import MailServer
from fakes.notices import case
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.model.case import CaseEvent, CaseState
from sekisho.model.identity import Person, Role
from sekisho.model.purpose import LegalBasis
from sekisho.stores.database import SqlAudit, SqlCases
from sekisho.stores.keys import key_at
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.workflows.reidentify import Asked, request

PEOPLE = '{ "佐藤 花子" = "sender", "鈴木 一" = "sender", "田中 太郎" = "analyst" }'
WATCH = f'customers = ["192.0.2.0/24"]\nbasis = "consent-by-terms"\npeople = {PEOPLE}\n'
NOTICES = """
[operator]
name = {{ ja = "見本通信株式会社", en = "Mihon Telecom" }}
telephone = "0120-000-0000"
hours = {{ ja = "平日9時から18時", en = "weekdays 9:00 to 18:00" }}
page = "https://www.isp.example/notices"
sender = "security@isp.example"
return_address = ["〒999-0000 見本県見本市1-2-3"]
[quiet]
begin = "00:00"
end = "00:00"
weekends = false
holidays = false
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""
HANAKO, TARO = ("--as", "佐藤 花子"), ("--as", "田中 太郎")


def sekisho(*words: object, code: int = 0) -> str:
    environment = {**os.environ, "SEKISHO_LANG": "en"}
    done = typed(words, env=environment)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


class Place:
    """A data folder with three confirmed cases of lines whose people are known."""

    def __init__(self, folder: Path, port: int) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        (self.data / "watch.toml").write_text(WATCH, encoding="utf-8")
        (self.data / "notices.toml").write_text(NOTICES.format(port=port), encoding="utf-8")
        door = Pseudonyms(key_at(self.data / "pseudonym.key"), [ip_network("192.0.2.0/24")])
        at = milliseconds()
        with Watch(self.data, create=False) as watch:
            with closing(open_database(self.data)) as database:
                for number in range(3):
                    one = msgspec.structs.replace(
                        case(number), subscriber=door.subscriber(f"192.0.2.{number + 1}"), opened=at, updated=at, first_seen=at - 7_200_000,
                        last_seen=at - 3_600_000,
                    )  # fmt: skip
                    SqlCases(database).save(one, [CaseEvent(one.id, 0, at, "sekisho", "opened")])
            table = folder / "contacts.csv"
            table.write_text(
                "account,name,postal_address,email,telephone\n"
                + "".join(
                    f"L-{number},山田 {number}郎〜,〒999-000{number} 見本県見本市東町{number},taro{number}.keep@customer.example,03-0000-000{number}\n"
                    for number in range(3)
                ),
                encoding="utf-8",
            )
            Holdings(watch).take_contacts(table)
        logs = folder / "assignments.csv"
        logs.write_text(
            "account,network,begin,end\n"
            + "".join(
                f"L-{number},192.0.2.{number + 1}/32,{at // 1000 - 90_000},{at // 1000 + 90_000}\n"
                for number in range(3)
            ),
            encoding="utf-8",
        )
        sekisho("assignments", "add", logs, "--data", self.data)

    def __call__(self, *words: object, code: int = 0) -> Any:
        return json.loads(sekisho("notices", *words, "--data", self.data, "--json", code=code))

    def requested_at_another_account(self, name: str) -> None:
        """Do what ``notices request`` does, as a colleague who is logged in elsewhere."""
        with Watch(self.data, create=False) as watch, closing(open_database(self.data)) as database:
            parts = Holdings(watch).identifying(database, "鈴木 一")
            colleague = Person("鈴木 一", Role.SENDER, via="another-account")
            request(Asked(name, LegalBasis.CONSENT_BY_TERMS, "注意喚起"), colleague, parts)

    def closed(self, name: str) -> None:
        with closing(open_database(self.data)) as database:
            held = SqlCases(database).case(name)
            SqlCases(database).save(msgspec.structs.replace(held, state=CaseState.CLOSED), [])

    def audit(self) -> list[str]:
        with closing(open_database(self.data)) as database:
            return [one.act for one in SqlAudit(database).entries()]


@pytest.fixture
def server(tmp_path: Path):
    made = MailServer(tmp_path)
    yield made
    made.stop()


def test_from_a_case_to_a_mail(tmp_path: Path, server: MailServer) -> None:
    place = Place(tmp_path, server.port)
    drafted = place("draft", "c000000", "c000001", *TARO)["notices"]
    assert len(drafted) == 2
    one, two = drafted
    assert place("draft", "c000000", "nothing", *TARO, code=1)["refused"] == {
        "c000000": "there",
        "nothing": "no-case",
    }
    assert {row["id"] for row in place("list", "--state", "draft")["notices"]} == {one["id"], two["id"]}
    shown = sekisho(
        "notices", "show", one["id"][:4] + "-" + one["id"][4:].lower(), "--annex", "--data", place.data
    )
    assert one["body"].split("\n", 1)[0] in shown
    assert one["digest"] in shown
    assert "技術的な資料" in shown
    # Nobody is asked on a pipe, an analyst may not, and another text is another text.
    assert "--digest" in sekisho("notices", "approve", one["id"], *HANAKO, "--data", place.data, code=2)
    assert "role" in sekisho(
        "notices", "approve", one["id"], "--digest", one["digest"], *TARO, "--data", place.data, code=2
    )
    sekisho("notices", "approve", one["id"], "--digest", two["digest"], *HANAKO, "--data", place.data, code=2)
    done = place("approve", one["id"], "--digest", one["digest"], "--alike", *HANAKO)["approved"]
    assert [(each["id"], each["approved_digest"]) for each in done] == [
        (each["id"], each["digest"]) for each in drafted
    ]
    assert place("send", "--dry-run", *HANAKO)["counts"] == {"would-send": 2}
    assert "re-identify" not in place.audit()
    assert not server.taken()
    assert place("send", *HANAKO)["counts"] == {"sent": 2}
    assert place("send", *HANAKO)["counts"] == {}
    acts = place.audit()
    assert acts.count("re-identify") == 2
    assert acts.count("approve-notice") == 2
    assert acts.count("refused") == 2
    sekisho("audit", "verify", "--data", place.data)
    taken = server.taken()
    assert [mail["to"] for mail in taken] == [
        ["taro0.keep@customer.example"],
        ["taro1.keep@customer.example"],
    ]
    read = message_from_string(taken[0]["text"])
    assert read["Message-ID"] == one["message_id"]
    # A bounce of the first one comes back in an mbox.
    box = tmp_path / "bounces.mbox"
    box.write_text(
        "From MAILER-DAEMON Thu Nov 19 10:00:00 2026\nFrom: MAILER-DAEMON@mx.example\nX-Failed-Recipients: taro0.keep@customer.example\n"
        f"Subject: Mail delivery failed\n\n550 5.1.1 unknown\n\nMessage-ID: {one['message_id']}\n\n"
    )
    assert place("bounces", box)["counts"] == {"bounced": 1}
    assert place("bounces", box)["counts"] == {"known": 1}
    assert [row["id"] for row in place("list", "--state", "bounced")["notices"]] == [one["id"]]
    assert sekisho("cases", "show", "c000000", "--data", place.data).count("notified")


def test_letters_and_lists_as_files(tmp_path: Path) -> None:
    place = Place(tmp_path, 1)
    for channel, name in (("letter", "letters.pdf"), ("printing", "print.csv"), ("call", "calls.csv"), ("xarf", "reports.jsonl")):  # fmt: skip
        (place.data / "notices.toml").write_text(
            NOTICES.format(port=1) + "[throttle]\nper_subscriber = 9\n", encoding="utf-8"
        )
        (one,) = place("draft", "c000002", "--channel", channel, *HANAKO)["notices"]
        place("approve", one["id"], "--digest", one["digest"], *HANAKO)
        done = place("export", tmp_path / name, "--channel", channel, *HANAKO)
        assert done["counts"] == {"sent": 1}, done
        # What was handed over is not overwritten.
        sekisho(
            "notices", "export", tmp_path / name, "--channel", channel, *HANAKO, "--data", place.data, code=2
        )
        if channel == "printing":
            assert [(row["row"], row["point"]) for row in done["altered"]] == [(1, "U+301C")]
    assert (tmp_path / "letters.pdf").read_bytes().startswith(b"%PDF-")
    rows = list(csv.reader(io.StringIO((tmp_path / "print.csv").read_bytes().decode("cp932"), newline="")))
    assert rows[1][5] == "山田 2郎～"
    assert (tmp_path / "calls.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert json.loads((tmp_path / "reports.jsonl").read_text())["source_identifier"] == "192.0.2.3"
    assert place.audit().count("export") == 4


def test_two_persons_when_the_settings_say_so(tmp_path: Path, server: MailServer) -> None:
    place = Place(tmp_path, server.port)
    (place.data / "watch.toml").write_text(WATCH + "four_eyes = true\n", encoding="utf-8")
    (one,) = place("draft", "c000000", *HANAKO)["notices"]
    place("approve", one["id"], "--digest", one["digest"], *HANAKO)
    assert place("send", *HANAKO)["notices"][0]["why"] == "not-released"
    # One's own request doesn't count, and an analyst may not make one.
    place("request", *HANAKO)
    assert place("send", *HANAKO)["counts"] == {"waits": 1}
    sekisho("notices", "request", *TARO, "--data", place.data, code=2)
    assert not server.taken()
    # Whoever types both names at one account is one person, whatever they call themselves.
    place("request", "--as", "鈴木 一")
    assert place("send", *HANAKO)["notices"][0]["why"] == "not-released"
    assert not server.taken()
    assert place("list", "--state", "approved")["notices"]
    # A request that ran out, and a case that nobody asked for, hold up nobody else.
    settings = (place.data / "watch.toml").read_text(encoding="utf-8")
    (place.data / "watch.toml").write_text(settings + "request_hours = 0.00001\n", encoding="utf-8")
    place.requested_at_another_account("c000000")
    assert place("send", *HANAKO)["notices"][0]["why"] == "not-released"
    (place.data / "watch.toml").write_text(settings, encoding="utf-8")
    (two,) = place("draft", "c000001", *HANAKO)["notices"]
    place("approve", two["id"], "--digest", two["digest"], *HANAKO)
    place.closed("c000000")
    assert place("request", *HANAKO, code=1)["refused"] == {"c000000": "closed"}
    place.requested_at_another_account("c000001")
    assert place("send", *HANAKO, code=1)["counts"] == {"withheld": 1, "sent": 1}
    assert len(server.taken()) == 1


def test_what_is_asked_on_a_terminal_is_shown(tmp_path: Path) -> None:
    """Also with --json: the text and the question go to standard error, and standard output is JSON."""
    place = Place(tmp_path, 1)
    (one,) = place("draft", "c000000", *HANAKO)["notices"]
    ours, theirs = os.openpty()
    os.write(ours, b"y\n")
    words = ("notices", "approve", one["id"], *HANAKO, "--data", str(place.data), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "sekisho", *words], stdin=theirs, capture_output=True, text=True, check=False,
        timeout=120, env={**os.environ, "SEKISHO_LANG": "en"},
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["approved"][0]["id"] == one["id"]
    assert all(line in done.stderr for line in one["body"].split("\n"))
    assert one["digest"] in done.stderr
    assert "approve exactly this text" in done.stderr


def test_without_the_operators_words_nothing_is_drafted(tmp_path: Path) -> None:
    place = Place(tmp_path, 1)
    (place.data / "notices.toml").unlink()
    said = sekisho("notices", "draft", "c000000", *TARO, "--data", place.data, code=2)
    assert "operator.telephone" in said
    (place.data / "notices.toml").write_text('[quiet]\nbegin = "25:00"\n')
    assert "25:00" in sekisho("notices", "list", "--data", place.data, code=2)
