"""Names of staff: one token for each, erased once and for good, whatever the papers with their tokens say."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from sekisho.errors import StoreError
from sekisho.model.staff_name import TOKEN
from sekisho.stores.database import Database, SqlStaffNames, open_sqlite


@pytest.fixture
def names(database: Database) -> SqlStaffNames:
    return SqlStaffNames(database)


def test_a_name_has_one_token_and_is_found_by_it(names: SqlStaffNames) -> None:
    first = names.tokens({"佐藤 花子", "鈴木", ""}, 5)
    assert set(first) == {"佐藤 花子", "鈴木"}
    assert all(TOKEN.fullmatch(one) for one in first.values())
    assert names.tokens({"佐藤 花子", "高橋"}, 9)["佐藤 花子"] == first["佐藤 花子"]
    assert names.known({"佐藤 花子", "誰か", "\0"}) == {"佐藤 花子": first["佐藤 花子"]}
    found = names.of(first.values())
    assert {(one.name, one.since, one.used) for one in found.values()} == {
        ("佐藤 花子", 5, 9),
        ("鈴木", 5, 5),
    }
    assert names.of([]) == names.known([]) == names.tokens(set(), 1) == {}
    assert names.tokens({"佐藤 花子"}, 3) == {"佐藤 花子": first["佐藤 花子"]}
    assert names.of([first["佐藤 花子"]])[first["佐藤 花子"]].used == 9, "an older clock takes nothing back"


def test_what_is_erased_is_nowhere_in_the_database_and_speaks_no_more(
    names: SqlStaffNames, database: Database
) -> None:
    token = names.tokens({"消される名前"}, 5)["消される名前"]
    names.tokens({"残る名前"}, 5)
    assert names.erase([token, "person:none", "\0"], 77, "asked") == 1
    assert names.erase([token], 99, "expired") == 0
    gone = names.of([token])[token]
    assert (gone.name, gone.erased, gone.ground) == ("", 77, "asked")
    assert "2026-11-21" in gone.__class__(token, "", 1, 1, 1_795_230_000_000, "asked").shown
    assert names.known({"消される名前"}) == {}
    again = names.tokens({"消される名前"}, 100)["消される名前"]
    assert again != token, "a new token: what was erased must not speak again"
    assert [bool(one.erased) for one in names.every()] == [False, False, True]
    names.erase([again], 101, "asked")
    with database.reading() as connection:
        rows = connection.execute(text("SELECT * FROM staff_names")).all()
    assert "消される名前" not in str(rows)
    assert "残る名前" in str(rows)


def test_many_who_write_a_name_first_get_one_token(names: SqlStaffNames) -> None:
    with ThreadPoolExecutor(8) as hands:
        found = list(hands.map(lambda number: names.tokens({"同時", f"別 {number % 3}"}, number), range(24)))
    assert len({one["同時"] for one in found}) == 1
    assert len(names.every()) == 4


def test_those_who_write_several_names_at_once_get_all_of_them(names: SqlStaffNames) -> None:
    """Old ones and new ones overlap, so that each waits for what another holds."""

    def some(number: int) -> set[str]:
        return {f"人 {(number * step + step) % 40}" for step in range(1, 9)}

    with ThreadPoolExecutor(8) as hands:
        found = list(hands.map(lambda number: names.tokens(some(number), number), range(40)))
    assert [one.keys() for one in found] == [some(number) for number in range(40)]
    held = {one.name: one.token for one in names.every()}
    assert all(held[name] == token for one in found for name, token in one.items())


def test_an_erased_name_is_in_no_file_of_sqlite(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "cases.db")
    names = SqlStaffNames(database)
    many = {f"ほかの人 {number}" for number in range(300)}
    token = names.tokens({"消える人の名前", *many}, 5)["消える人の名前"]
    names.tokens({"消える人の名前"}, 9)
    held = [one for one in tmp_path.iterdir() if "消える人の名前".encode() in one.read_bytes()]
    assert held, "it is there before, or the test proves nothing"
    names.erase([token], 10, "asked")
    assert [one for one in tmp_path.iterdir() if "消える人の名前".encode() in one.read_bytes()] == []
    assert len(names.known(many)) == 300
    database.close()


def test_what_no_room_left_in_the_files_goes_the_next_time(tmp_path: Path) -> None:
    """The erasure holds although the file can't be written anew; whoever looks next makes up for it, asked or not."""
    database = open_sqlite(tmp_path / "cases.db")
    names = SqlStaffNames(database)
    every = [f"Yamada Taro {number:04d} {'x' * 60}" for number in range(4000)]
    tokens: dict[str, str] = {}
    for first in range(0, len(every), 100):  # in their tokens' order, which is none: pages divide
        tokens |= names.tokens(every[first : first + 100], 5)
    database.close()  # and the log of writes with it
    database = open_sqlite(tmp_path / "cases.db")
    names = SqlStaffNames(database)
    victims = every[1000:3000:40]

    def left() -> int:
        held = b"".join(one.read_bytes() for one in tmp_path.iterdir())
        return sum(one.encode() in held for one in victims)

    assert left() == len(victims)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = (tmp_path / "cases.db").stat().st_size // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        assert names.erase([tokens[one] for one in victims], 6, "asked") == len(victims)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names.known(victims) == {}
    assert left(), "there was room, or nothing is left to make up for"
    database.close()
    database = open_sqlite(tmp_path / "cases.db")

    def times() -> int:  # grows each time that the file is written anew
        with database.reading() as connection:
            return int(connection.exec_driver_sql("PRAGMA schema_version").scalar_one())

    before = times()
    assert SqlStaffNames(database).erase([], 7, "expired") == 0
    assert left() == 0
    assert times() == before + 1
    database.close()


@pytest.mark.parametrize(
    "act",
    ["DELETE FROM staff_names", "UPDATE staff_names SET name = 'x'", "UPDATE staff_names SET erased = 0"],
)
def test_that_a_name_was_erased_stays_on_record(names: SqlStaffNames, database: Database, act: str) -> None:
    token = names.tokens({"佐藤"}, 5)["佐藤"]
    names.erase([token], 7, "asked")
    with pytest.raises(StoreError), database.writing() as connection:
        connection.execute(text(act))
    assert names.of([token])[token].erased == 7
