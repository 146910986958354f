"""The table of contacts: what is read, what is doubted (always for the subscriber), who may ask, when it goes."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.refusing import no_more_files
from sekisho.errors import PurposeError, ReadingError, StoreError
from sekisho.language import Language
from sekisho.model.identity import Contact
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.contacts import ContactTable

NOW = 1_795_212_000_000
LABEL = Label((Purpose.NOTICE,), LegalBasis.CONSENT_BY_TERMS, Stage.CONTACT, NOW + 1000)
HEAD = "account,name,postal_address,email,telephone,language,do_not_contact,opted_out\n"


def taken(folder: Path, text: str, encoding: str = "utf-8") -> tuple[ContactTable, dict[str, int]]:
    (folder / "in.csv").write_bytes(text.encode(encoding))
    table = ContactTable(folder / "contacts.db")
    read = table.take(folder / "in.csv", LABEL)
    return table, dict(read.doubts)


def asked(table: ContactTable, account: str) -> Contact | None:
    return table.bound(Purpose.NOTICE, NOW).contact(account)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize(
    "head",
    [HEAD, "契約番号,氏名,住所,メールアドレス,電話番号,言語,連絡不要,オプトアウト\n"],
    ids=["en", "ja"],
)
def test_columns_and_encodings(tmp_path: Path, encoding: str, head: str) -> None:
    row = 'a1,"関, 花子",東京都千代田区１－１,h@example.jp,03-0000-0000,英語,はい,0\n'
    table, doubts = taken(tmp_path, head + row, encoding)
    assert asked(table, "a1") == Contact(
        "a1", "関, 花子", "東京都千代田区１－１", "h@example.jp", "03-0000-0000", Language.EN, True, False
    )
    assert doubts == {}
    assert asked(table, "a2") is None


def test_a_postal_address_keeps_its_lines(tmp_path: Path) -> None:
    table, doubts = taken(tmp_path, HEAD + 'a1,A,"〒100-0001\r\n 東京都\n\n千代田区",,,,,\n')
    one = asked(table, "a1")
    assert one is not None
    assert one.postal_address == "〒100-0001\n東京都\n千代田区"
    assert doubts == {}


def test_other_columns_never_come_in(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("account,birthday,card\na1,1980-01-01,4111111111111111\n")
    table = ContactTable(tmp_path / "contacts.db")
    read = table.take(tmp_path / "in.csv", LABEL)
    assert read.unread == ("birthday", "card")
    assert b"4111" not in table.file.read_bytes()
    assert b"birthday" not in table.file.read_bytes()


def test_doubt_is_for_the_subscriber(tmp_path: Path) -> None:
    table, doubts = taken(
        tmp_path,
        HEAD + "a1,A,,not an address,,ja,perhaps,\n" + "a2,B,,x@example.jp\r\n,nobody,,,,,,\n"
        "a3,C,,c@example.jp,,ja,0,0\na3,C,,other@example.jp,,ja,0,0\n"
        "a4,D,,d@example.jp,,ja,0,0\na4,D,,d@example.jp,,ja,0,0\n"
        "a5,E,,e@example.jp,,ja,0,0\na5,E,,e@example.jp,,ja,0,1\n"
        'a6,"F\nBcc: all@example.jp",,"f@example.jp\nBcc: all@example.jp",,ja,0,0\n',
    )
    one, two, three, four, five, six = (asked(table, f"a{n}") for n in range(1, 7))
    assert one is not None
    assert (one.email, one.do_not_contact) == ("", True)
    assert two is not None
    assert not two.opted_out
    assert three is not None
    assert three.do_not_contact
    assert four is not None
    assert not four.do_not_contact
    assert five is not None
    assert five.opted_out
    assert six is not None
    assert (six.name, six.email) == ("F Bcc: all@example.jp", "")
    assert doubts == {"email": 2, "flag": 1, "no-account": 1, "repeated": 3, "control-characters": 2}


def test_a_file_without_accounts_leaves_the_old_table(tmp_path: Path) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\n")
    (tmp_path / "bad.csv").write_text("name,email\nA,a@example.jp\n")
    with pytest.raises(ReadingError):
        table.take(tmp_path / "bad.csv", LABEL)
    assert asked(table, "a1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "contacts.db", "in.csv"]


def test_a_new_table_forgets_who_left(tmp_path: Path) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,Forgotten Person,,,,,,\n")
    taken(tmp_path, HEAD + "a2,B,,,,,,\n")
    assert asked(table, "a1") is None
    assert b"Forgotten" not in table.file.read_bytes()


def test_only_its_owner_may_read(tmp_path: Path) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\n")
    assert stat.S_IMODE(table.file.stat().st_mode) == 0o600
    table.file.chmod(0o644)
    with pytest.raises(StoreError):
        asked(table, "a1")


@pytest.mark.parametrize("purpose", list(Purpose))
def test_purpose(tmp_path: Path, purpose: Purpose) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\n")
    if purpose is Purpose.NOTICE:
        assert table.bound(purpose, NOW).contact("a1")
        return
    with pytest.raises(PurposeError):
        table.bound(purpose, NOW, "関守")
    (row,) = map(msgspec.json.decode, (tmp_path / "refusals.jsonl").read_bytes().splitlines())
    assert row == {"at": NOW, "dataset": "contacts", "purpose": purpose, "reason": "purpose", "who": "関守"}


def test_expiry(tmp_path: Path) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\na2,B,,,,,,\n")
    assert table.expire(NOW + 999) == ()
    with pytest.raises(PurposeError):
        table.bound(Purpose.NOTICE, NOW + 1000)
    (receipt,) = table.expire(NOW + 1000)
    assert (receipt.dataset, receipt.rows, receipt.at) == ("contacts", 2, NOW + 1000)
    assert not table.file.exists()
    assert table.bound(Purpose.NOTICE, NOW + 1001).contact("a1") is None


def test_an_altered_table_is_refused_and_goes(tmp_path: Path) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\n")
    table.file.write_bytes(b"garbage" * 100)
    with pytest.raises(PurposeError):
        asked(table, "a1")
    assert len(table.expire(NOW)) == 1


@settings(max_examples=150, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: (HEAD + text).encode()))
)
def test_any_octets_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "in.csv").write_bytes(content)
    table = ContactTable(folder / "contacts.db")
    try:
        read = table.take(folder / "in.csv", LABEL)
    except ReadingError:
        assert not table.file.exists()
    else:
        assert table.rows() <= read.rows


def test_a_table_that_cant_be_read_just_now_stays(tmp_path: Path) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\n")
    for ask in (table.label, table.rows, lambda: table.due(NOW), lambda: table.expire(NOW)):
        with no_more_files(), pytest.raises(StoreError):
            ask()
    assert table.expire(NOW) == ()
    assert asked(table, "a1")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(200), b"garbage" * 1000])
def test_a_file_that_is_no_table_of_ours_goes(tmp_path: Path, content: bytes) -> None:
    table, _ = taken(tmp_path, HEAD + "a1,A,,,,,,\n")
    table.file.write_bytes(content)
    (receipt,) = table.expire(NOW)
    assert (receipt.rows, receipt.reason) == (0, "label-unreadable")
    assert not table.file.exists()
