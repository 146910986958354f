"""Changing a setting: one line goes, what people wrote stays, and nothing is changed that wasn't seen."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.errors import ConflictError, DescriptionError, StoreError
from sekisho.language import Text
from sekisho.model.watching import Watching
from sekisho.wiring.console import Console
from sekisho.wiring.settings import read_settings
from sekisho.wiring.settings_desk import SettingsDesk, _edited
from sekisho.wiring.settings_words import WORDS

_FILE = """# ours
customers = [
  "192.0.2.0/24",
]
days = 7 # a week
exporters = [
  "198.51.100.1",
]
# keep short
[keep]
candidate = 14
[people]
"佐藤" = "sender"
"""


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    (tmp_path / "watch.toml").write_text(_FILE, encoding="utf-8")
    with Console(tmp_path, create=True) as made:
        yield made


def _change(console: Console, name: str, typed: str) -> str:
    desk = SettingsDesk(console)
    desk.change(name, typed, desk.propose(name, typed).revision, "関守", "admin")
    return (console.folder / "watch.toml").read_text(encoding="utf-8")


def test_every_setting_has_words_and_either_a_form_or_a_reason() -> None:
    assert set(WORDS) == set(Watching.__struct_fields__)
    assert all(bool(one.form) is not bool(one.why_not.ja and one.why_not.en) for one in WORDS.values())


def test_where_each_value_comes_from(console: Console) -> None:
    found = {one.name: one for one in SettingsDesk(console).settings()}
    assert (found["days"].own, found["days"].value) == (True, "7")
    assert (found["shards"].own, found["shards"].value) == (False, "4")


def test_a_change_replaces_one_line_and_is_on_record(console: Console) -> None:
    before = console.keeping.rules()
    text = _change(console, "days", "5")
    assert text == _FILE.replace("days = 7 # a week\n", "days = 5\n")
    entry = console.keeping.audit()[0]
    assert (entry.who, entry.act, entry.object) == ("関守", "change-setting", "days")
    assert entry.details == {"before": "7", "after": "5"}
    # This console goes by it at once.
    assert console.keeping.rules() != before
    assert SettingsDesk(console).changes()["days"] == entry


@pytest.mark.parametrize(
    ("name", "typed", "gone", "came"),
    [
        ("days", "", "days = 7 # a week\n", ""),
        ("exporters", "198.51.100.2\n2001:db8::1", 'exporters = [\n  "198.51.100.1",\n]\n',
         'exporters = ["198.51.100.2", "2001:db8::1"]\n'),
        ("keep.candidate", "3.5", "candidate = 14\n", "candidate = 3.5\n"),
        ("keep.candidate", "", "candidate = 14\n", ""),
        ("four_eyes", "true", "# keep short\n[keep]\n", "# keep short\nfour_eyes = true\n[keep]\n"),
    ],
)  # fmt: skip
def test_lines_are_found_wherever_they_stand(
    console: Console, name: str, typed: str, gone: str, came: str
) -> None:
    assert _change(console, name, typed) == _FILE.replace(gone, came)


def test_without_a_file_and_without_a_table(tmp_path: Path) -> None:
    with Console(tmp_path, create=True) as console:
        _change(console, "keep.candidate", "3")
        assert _change(console, "four_eyes", "true") == "\nfour_eyes = true\n[keep]\ncandidate = 3\n"
    assert read_settings(tmp_path / "watch.toml").four_eyes


@pytest.mark.parametrize(
    ("name", "typed"),
    [("days", "-1"), ("days", "0"), ("days", "x"), ("days", "1e9"), ("exporters", "nobody"), ("customers", "10.0.0.0/8"),
     ("basis", "consent"), ("four_eyes", "maybe"), ("request_hours", ""), ("request_hours", "9999"), ("request_hours", "0.001"),
     ("request_hours", "0.249"), ("days", "999999"), ("nothing", "1"),
     ("keep.nothing", "1")],
)  # fmt: skip
def test_what_cannot_be_is_refused(console: Console, name: str, typed: str) -> None:
    with pytest.raises(DescriptionError):
        SettingsDesk(console).propose(name, typed)
    assert (console.folder / "watch.toml").read_text(encoding="utf-8") == _FILE


def test_nothing_goes_beyond_the_hard_maximum(console: Console) -> None:
    with pytest.raises(DescriptionError, match="maximum"):
        SettingsDesk(console).propose("days", "99999")


def test_four_eyes_are_not_closed_from_a_browser(console: Console) -> None:
    """One admin alone must not do away with the second person; the machine's file is another's."""
    text = _change(console, "four_eyes", "true")
    with pytest.raises(DescriptionError, match="second person"):
        _change(console, "four_eyes", "false")
    assert (console.folder / "watch.toml").read_text(encoding="utf-8") == text


def test_who_saw_another_file_is_refused(console: Console) -> None:
    desk = SettingsDesk(console)
    seen = desk.propose("days", "5").revision
    _change(console, "four_eyes", "true")
    with pytest.raises(ConflictError):
        desk.change("days", "5", seen, "関守", "admin")
    assert read_settings(console.folder / "watch.toml").days == 7


def test_what_cannot_be_recorded_does_not_happen(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError(Text(ja="満杯", en="full"), "")

    monkeypatch.setattr(console.keeping, "record", full)
    with pytest.raises(StoreError):
        _change(console, "days", "5")
    assert (console.folder / "watch.toml").read_text(encoding="utf-8") == _FILE


def test_a_text_that_looks_like_a_setting_is_not_edited(console: Console) -> None:
    """The last check is the parser: what doesn't mean the wanted settings is never written."""
    (console.folder / "watch.toml").write_text('lists = ["""\ndays = 3\n"""]\n', encoding="utf-8")
    with pytest.raises(DescriptionError, match="can't edit"):
        SettingsDesk(console).propose("days", "5")


@pytest.mark.parametrize(
    "url",
    ["postgresql://sekisho:hush@db.example/sekisho", "postgresql://db.example/sekisho?user=a&password=hush"],
)
def test_a_password_in_a_url_is_not_shown(console: Console, url: str) -> None:
    assert console.database  # the one in use
    (console.folder / "watch.toml").write_text(f'database = "{url}"\n', encoding="utf-8")
    shown = next(one for one in SettingsDesk(console).settings() if one.name == "database")
    assert "hush" not in str(shown)
    assert "db.example" in shown.value


@given(
    value=st.floats(0.001, 900, allow_nan=False).map(lambda one: round(one, 3)),
    top=st.lists(
        st.sampled_from(["shards = 2", "# days = 3", "four_eyes = true", ""]), max_size=4, unique=True
    ),
    keep=st.booleans(),
)
def test_an_edited_file_means_what_was_meant(value: float, top: list[str], keep: bool) -> None:
    text = "\n".join([*top, "[keep]\ncandidate = 1" if keep else ""])
    before, after = tomllib.loads(text), tomllib.loads(_edited(text, "days", value))
    assert after == before | {"days": pytest.approx(value, rel=1e-5)}
    after = tomllib.loads(_edited(text, "keep.case", value))
    assert after == before | {"keep": before.get("keep", {}) | {"case": pytest.approx(value, rel=1e-5)}}
