"""Each way out says exactly the approved words, to the right person, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from email import policy
from email.parser import BytesParser

import msgspec
import pytest
from pypdf import PdfReader

from fakes.notices import JST, MORNING, OPERATOR, case
from sekisho.errors import DescriptionError, RenderError
from sekisho.formats.xarf import REQUIRED, faults
from sekisho.language import Language, Text
from sekisho.model.assignment import Answer, Outcome
from sekisho.model.detection import Detection, Grade
from sekisho.model.identity import Contact, Identified, Naming
from sekisho.model.notice import Channel, Notice, NoticeState, text_digest
from sekisho.model.notifying import ModelSteps, WindowPlace
from sekisho.reports.notices.annex import annex
from sekisho.reports.notices.letter import Letter, letters, unprintable
from sekisho.reports.notices.lists import INSTEAD, Encoding, call_centre, printing_house
from sekisho.reports.notices.mail import mail, message_id, page
from sekisho.reports.notices.paragraphs import blocks
from sekisho.reports.notices.postal import postal
from sekisho.reports.notices.webhook import SIGNATURE, body, genuine, headers
from sekisho.reports.notices.wording import devices, families, wording
from sekisho.reports.notices.xarf import xarf

AT = datetime(2026, 11, 19, 10, tzinfo=JST)
TARO = Contact(
    "A-1",
    "山田 太郎",
    "〒９９９－０００１ 見本県見本市東町1-2-3\n見本荘 201",
    "taro@customer.example",
    "090-0000-0000",
)
# Words that a lay reader can't do anything with (and family names that mean nothing without an explanation).
JARGON = re.compile(r"C&C|C2|IPアドレス|IP address|\bport\b|ポート番号|botnet|ボットネット|マルウェア|malware|DDoS|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)  # fmt: skip


def notice(language: Language = Language.JA, key: str = "family:mirai", **more) -> Notice:
    words = wording(
        case(1, key=key),
        OPERATOR,
        language,
        "4TZ0-8K2M-N9QR-7HXC",
        "2026年11月18日",
        channel=Channel.EMAIL,
        **more,
    )
    digest = text_digest(language, words.subject, words.body)
    identifier = "4TZ08K2MN9QR7HXC"
    return Notice(
        identifier, "c000001", Channel.EMAIL, language, words.template, words.subject, words.body, digest, "once",
        NoticeState.APPROVED, MORNING, MORNING, "佐藤 花子", digest, MORNING, message_id(identifier, OPERATOR.domain),
    )  # fmt: skip


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("device", ["", *devices()])
@pytest.mark.parametrize("key", [*families(), "family:never-heard-of"])
def test_five_sentences_for_a_lay_reader(language: Language, device: str, key: str) -> None:
    words = wording(
        case(1, key=key), OPERATOR, language, "R-1", "18 November", channel=Channel.EMAIL, device=device
    )
    assert len(words.sentences) == 5
    end = "。" if language is Language.JA else "."
    for sentence in words.sentences:
        assert sentence.endswith(end)
        assert sentence.count("。") == (language is Language.JA)
        assert sentence in words.body
    assert not JARGON.search(words.body), JARGON.search(words.body)
    assert "{" not in words.body + words.subject
    for needed in (OPERATOR.telephone, OPERATOR.page, OPERATOR.name.say(language), "R-1", "18 November"):
        assert needed in words.body
    for promised in {
        Language.JA: ("パスワード", "料金", "遠隔操作"),
        Language.EN: ("password", "fee", "remotely"),
    }[language]:
        assert promised in words.sentences[4]
    assert "http://" not in words.body


def test_steps_of_the_model_when_it_is_known() -> None:
    known = case(1, device_model="見本電機 CAM-1")
    steps = ModelSteps(
        device="camera", ja=("CAM-1の裏のボタンを10秒押す。",), en=("Press the button for ten seconds.",)
    )
    words = wording(known, OPERATOR, Language.JA, "R", "昨日", channel=Channel.EMAIL, model=steps)
    assert "お使いの機器：見本電機 CAM-1" in words.body
    assert "1. CAM-1の裏のボタンを10秒押す。" in words.body
    assert words.template == "family:mirai/model"
    only_class = msgspec.structs.replace(steps, ja=(), en=())
    assert wording(
        known, OPERATOR, Language.JA, "R", "昨日", channel=Channel.EMAIL, model=only_class
    ).template.endswith("camera")
    with pytest.raises(DescriptionError):
        wording(known, OPERATOR, Language.JA, "R", "昨日", channel=Channel.EMAIL, device="toaster")


def test_paragraphs_lose_no_word() -> None:
    text = notice().body
    joined = "".join("".join(one.lines) + "".join(one.steps) for one in blocks(text))
    assert joined == re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE).replace("\n", "")
    assert blocks("a\n2. b")[0].lines == ("a", "2. b")


@pytest.mark.parametrize("language", list(Language))
def test_mail(language: Language) -> None:
    one = notice(language)
    octets = mail(one, OPERATOR, TARO.name, TARO.email, AT)
    assert octets == mail(one, OPERATOR, TARO.name, TARO.email, AT)
    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"")
    read = BytesParser(policy=policy.default).parsebytes(octets)
    assert not read.defects
    assert read["Subject"] == one.subject
    assert read["To"].addresses[0].display_name == TARO.name
    assert read["From"].addresses[0].addr_spec == OPERATOR.sender
    assert read["Message-ID"] == one.message_id
    assert read["Date"].datetime == AT
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Content-Language"] == language.value
    for absent in ("List-Id", "Disposition-Notification-To", "Return-Receipt-To"):
        assert absent not in read
    text, html = read.iter_parts()
    for part in (text, html):
        assert part["Content-Transfer-Encoding"] == "base64"
        assert part.get_content_charset() == "utf-8"
    assert text.get_content().replace("\r\n", "\n") == one.body
    assert not re.search(
        r"<(img|script|link|iframe|a|form|object)\b|url\(|src=|href=|@import", html.get_content()
    )
    assert one.body.split("\n", maxsplit=1)[0] in html.get_content()


def test_nothing_starts_another_header() -> None:
    one = msgspec.structs.replace(notice(), subject="件名\r\nBcc: evil@example.com")
    read = BytesParser(policy=policy.default).parsebytes(
        mail(one, OPERATOR, "太郎\r\nBcc: x@y.example", TARO.email, AT)
    )
    assert "Bcc" not in read
    for bad in ("", "taro", "a@b\r\nRCPT TO:<c@d.example>", "a@b.example, c@d.example", "あ@例.example"):
        with pytest.raises(RenderError):
            mail(one, OPERATOR, "太郎", bad, AT)


def test_html_is_escaped() -> None:
    one = msgspec.structs.replace(notice(), body='<script>alert(1)</script> & "\n\n1. <b>\n2. x\n')
    assert "<script>" not in page(one)
    assert "<b>" not in page(one)


def test_letters() -> None:
    batch = [Letter(notice(Language.JA), TARO), Letter(notice(Language.EN), TARO)]
    octets = letters(batch, OPERATOR, WindowPlace(), AT.replace(microsecond=123_456))
    read = PdfReader(io.BytesIO(octets))
    assert len(read.pages) == 2
    first = re.sub(r"\s", "", read.pages[0].extract_text())
    for words in (
        "〒999-0001",
        "見本県見本市東町1-2-3",
        "見本荘201",
        "山田太郎様",
        "2026年11月19日",
        *notice().body.split(),
    ):
        assert re.sub(r"^\d+\.", "", re.sub(r"\s", "", words)) in first
    box = read.pages[0].mediabox
    assert (round(box.width), round(box.height)) == (595, 842)
    # The whole address lies inside the window: millimetres from the upper left corner.
    places = []
    read.pages[0].extract_text(visitor_text=lambda text, cm, tm, *_: places.append((text, _place(cm, tm))))
    ((x, y),) = [place for text, place in places if "見本荘" in text][:1]
    assert 20 <= x <= 110
    assert 12 <= 297 - y <= 57


def _place(cm, tm) -> tuple[float, float]:
    x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
    y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
    return x * 25.4 / 72, y * 25.4 / 72


def test_a_letter_that_can_not_arrive_is_refused() -> None:
    for contact in (
        msgspec.structs.replace(TARO, postal_address=""),
        msgspec.structs.replace(TARO, name=" "),
        msgspec.structs.replace(TARO, postal_address="とても長い住所" * 60),
    ):
        with pytest.raises(RenderError):
            letters([Letter(notice(), contact)], OPERATOR, WindowPlace(), AT)
    assert unprintable(Letter(notice(), TARO)) == ""
    odd = msgspec.structs.replace(TARO, name="山田 \U0001f600")
    assert unprintable(Letter(notice(), odd)) == "\U0001f600"
    words = msgspec.structs.replace(notice(), body="追伸 \U0001f600\n")
    assert unprintable(Letter(words, TARO)) == "\U0001f600"


def test_postal() -> None:
    assert postal(TARO) == ("999-0001", ("見本県見本市東町1-2-3", "見本荘 201"))
    assert postal(msgspec.structs.replace(TARO, postal_address="9990001\n東町")) == ("999-0001", ("東町",))
    assert postal(msgspec.structs.replace(TARO, postal_address="東町1-2-3")) == ("", ("東町1-2-3",))
    assert postal(msgspec.structs.replace(TARO, postal_address=" \n ")) == ("", ())


def read_table(octets: bytes, encoding: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(octets.decode(encoding), newline="")))


def test_tables_tell_what_they_replace() -> None:
    odd = msgspec.structs.replace(TARO, name="𠮷田〜太郎", telephone="+81-90-0000-0000")
    formula = msgspec.structs.replace(TARO, name="=1+1")
    rows = [(notice(), TARO), (notice(), odd), (notice(), formula)]
    plain = call_centre(rows, OPERATOR)
    assert plain.octets.startswith(b"\xef\xbb\xbf")
    read = read_table(plain.octets, "utf-8-sig")
    assert [row[3] for row in read[1:]] == ["山田 太郎", "𠮷田〜太郎", "'=1+1"]
    assert read[2][4] == "+81-90-0000-0000"
    assert read[1][7] == notice().body
    assert [(one.row, one.kind) for one in plain.altered] == [(3, "guarded")]
    narrow = printing_house(rows, OPERATOR)
    read = read_table(narrow.octets, "cp932")
    assert [row[5] for row in read[1:]] == ["山田 太郎", f"{INSTEAD}田～太郎", "'=1+1"]
    assert read[1][1:5] == ["999-0001", "見本県見本市東町1-2-3", "見本荘 201", ""]
    found = {(one.row, one.point, one.kind, one.instead) for one in narrow.altered}
    assert found == {
        (2, "U+20BB7", "replaced", INSTEAD),
        (2, "U+301C", "same", "～"),
        (3, "U+003D", "guarded", "'="),
    }
    assert not printing_house(rows[:1], OPERATOR, Encoding.UTF8).altered


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("sign", "=+-@＝＋－＠\t\r\n")
def test_no_cell_is_a_formula(encoding: Encoding, sign: str) -> None:
    odd = msgspec.structs.replace(TARO, name=f"{sign}cmd|' /C calc'!A0")
    for made in (call_centre, printing_house):
        table = made([(notice(), odd)], OPERATOR, encoding)
        cells = read_table(table.octets, "cp932" if encoding is Encoding.CP932 else "utf-8-sig")[1]
        assert f"'{odd.name}" in cells
        assert [(one.kind, one.character) for one in table.altered] == [("guarded", sign)]


def test_a_cell_that_becomes_a_formula_in_cp932_is_guarded_there() -> None:
    odd = msgspec.structs.replace(TARO, name="−1+1")  # U+2212, whose twin is the full-width hyphen-minus
    table = printing_house([(notice(), odd)], OPERATOR)
    assert read_table(table.octets, "cp932")[1][5] == "'－1+1"
    assert {(one.kind, one.instead) for one in table.altered} == {("same", "－"), ("guarded", "'－")}


def identified(**changes) -> Identified:
    answers = (Answer(Outcome.FOUND, "A-1"),) * 2
    found = Identified(
        Naming.FOUND, 1, "c000001", "A-1", "192.0.2.7", TARO, ((0, 1), (40001, MORNING)), answers
    )
    return msgspec.structs.replace(found, **changes)


def test_xarf_holds_what_the_schema_asks_for() -> None:
    report = json.loads(xarf(notice(), case(1), identified(), OPERATOR, clock))
    assert not faults(report)
    assert (report["source_identifier"], report["source_port"]) == ("192.0.2.7", 40001)
    assert (report["category"], report["type"], report["malware_family"]) == (
        "infrastructure",
        "botnet",
        "mirai",
    )
    assert TARO.name not in json.dumps(report, ensure_ascii=False)
    assert TARO.email not in json.dumps(report)
    for field in REQUIRED:
        assert faults({name: value for name, value in report.items() if name != field}) == (
            f"{field}: missing",
        )
    for field, value in {
        "report_id": "1", "timestamp": "2026-11-18T10:00:00", "category": "bot", "source_port": 0, "confidence": 2,
        "tags": ["Mirai"], "evidence": [{}], "compromise_evidence": "", "_internal": {}, "xarf_version": "3",
        "reporter": {"org": "x"}, "description": "x" * 1001, "source_identifier": "",
    }.items():  # fmt: skip
        assert any(one.startswith(field) for one in faults(report | {field: value})), field
    with pytest.raises(RenderError):
        xarf(notice(), case(1), identified(address=""), OPERATOR, clock)


def clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, JST).isoformat()


@pytest.mark.parametrize(
    ("moments", "outcomes", "port", "at"),
    [
        (((40001, 1000), (0, 2000)), "ff", 40001, 1000),
        (((40001, 1000), (40002, 2000)), "ff", 40002, 2000),
        (((40001, 1000), (40002, 2000)), "fg", 40001, 1000),
        (((0, 1000), (0, 2000)), "fg", None, 1000),
        (((0, 1000), (0, 2000)), "gg", None, case(1).last_seen),
        ((), "", None, case(1).last_seen),
    ],
)
def test_the_port_of_a_report_is_that_of_its_moment(
    moments, outcomes: str, port: int | None, at: int
) -> None:
    answers = tuple(Answer(Outcome.FOUND if one == "f" else Outcome.GAP) for one in outcomes)
    found = identified(moments=moments, answers=answers)
    report = json.loads(xarf(notice(), case(1), found, OPERATOR, clock))
    assert (report.get("source_port"), report["timestamp"]) == (port, clock(at))
    assert report["last_seen"] == clock(case(1).last_seen)


def test_webhook_signature() -> None:
    payload = body(notice(), case(1), TARO)
    said = json.loads(payload)
    assert said["customer"] == "A-1"
    assert TARO.name not in payload.decode()
    sent = headers(payload, "N1", b"k" * 32, 1_000_000)
    assert sent["Idempotency-Key"] == "N1"
    signature = sent[SIGNATURE]
    assert genuine(payload, signature, b"k" * 32, 1_000_100)
    assert not genuine(payload + b" ", signature, b"k" * 32, 1_000_100)
    assert not genuine(payload, signature, b"K" * 32, 1_000_100)
    assert not genuine(payload, signature, b"k" * 32, 1_000_301)
    assert not genuine(payload, signature.replace("t=1", "t=2"), b"k" * 32, 1_000_100)
    for broken in ("", "t=,v1=", "t=²,v1=x", f"t={'9' * 40},v1=a", "v1=é"):
        assert not genuine(payload, broken, b"k" * 32, 1_000_100)


def test_annex_is_for_experts() -> None:
    seen = Detection(
        "d", "known_cc", 1, 0, 1000, Grade.CONFIRMED, "r", remotes=("203.0.113.9:23/tcp",), remote_count=4
    )
    text = annex(
        case(1), [seen], Language.JA, "R", lambda at: f"@{at}", {"known_cc": Text(ja="既知のC&C", en="C&C")}
    )
    assert "既知のC&C　（確度高）" in text
    assert "203.0.113.9:23/tcp" in text
    assert "4 のうち 1" in text
    assert "残っていない" in annex(case(1), [], Language.JA, "R", str, {})
