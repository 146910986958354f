"""A rich `Document` made by hand from the model: all five verdicts, hostile strings, missing fields."""

import hashlib
from datetime import date

import msgspec

from sekisho.language import Language, Text
from sekisho.model.assessment import Assessment, Risk, TestRecord
from sekisho.model.evidence import (
    Attempt,
    AttemptStatus,
    Chunk,
    Evidence,
    Failure,
    Instrument,
    Pointer,
    Record,
    Transcript,
)
from sekisho.model.observation import Observation
from sekisho.model.requirement import Catalogue, Confidence, Requirement, Rule, Status
from sekisho.model.terminal import (
    Applicability,
    Code,
    Documents,
    Equivalent,
    Exclusion,
    Interface,
    Login,
    Recipe,
    Role,
    Service,
    Terminal,
    Unit,
)
from sekisho.model.verdict import Assurance, Detail, Finding, Judged, Verdict
from sekisho.ports import Document

LABEL_CODE = "kX7-qwmZ42pr"
HOSTILE = (
    '<script>alert(1)</script>" onmouseover=\'x\' {{7*7}} #image("x") $x$ *b* \\ `r`',
    "\u202egnp.exe\u2066 zero\u200bwidth \x1b[31mred\x07 \x00nul",
    "Z" + "\u0310" * 40 + "algo \U0001f600 ﷽ ⛩ \ud7ff",
)


class FakeCriterion:
    """A criterion of which only the words are used."""

    needs = ()

    def __init__(self, name: str, title: Text, reasons: dict[str, Text]) -> None:
        self.name, self.title, self.reasons = name, title, reasons

    def judge(self, observations, terminal, parameters):
        raise AssertionError("a renderer never judges")


class FakeProbe:
    """A probe of which only the words are used."""

    version = "1"
    risk = Risk.READ
    facts = {}

    def __init__(self, name: str, title: Text) -> None:
        self.name, self.title = name, title


def _texts(**pairs: tuple[str, str]) -> dict[str, Text]:
    return {key.replace("_", "-"): Text(*pair) for key, pair in pairs.items()}


CRITERIA = {
    one.name: one
    for one in (
        FakeCriterion(
            "access_control",
            Text("設定へのアクセス制御", "Access control of settings"),
            _texts(
                guarded=(
                    "回線側から設定を変える{count}つの経路すべてで、正しい符号なしの変更が拒まれた。",
                    "All {count} ways to change settings refused a change without the right code.",
                ),
                opened=(
                    "正しい符号なしで設定を変更できる経路が{count}つある。",
                    "{count} ways let settings be changed without the right code.",
                ),
                path_opened=(
                    "利用者名「{user}」の初期符号で開き、{setting}の変更を読み戻して確かめた。",
                    "Opened with the preset code of “{user}”; the change of {setting} was read back.",
                ),
                path_guarded=("変更は拒まれ、値も変わっていない。", "Refused, and the value is unchanged."),
            ),
        ),
        FakeCriterion(
            "code_change",
            Text("初期の識別符号の変更", "Change of the preset code"),
            _texts(
                prompted=("最初の利用で変更を促す画面が出る。", "A screen urges a change at first use."),
                not_forced=(
                    "変更の画面は「{how}」で回避でき、初期の符号のまま使い続けられる。",
                    "The change can be bypassed by “{how}”, and the preset code stays usable.",
                ),
            ),
        ),
        FakeCriterion(
            "login_delay",
            Text("ログイン試行の抑制", "Delay of repeated logins"),
            _texts(
                too_fast=(
                    "並列に試すと毎時{rate}回に達し、100万通りを{days:.1f}日で試し終える。",
                    "In parallel {rate} tries an hour were reached: a million codes take {days:.1f} days.",
                ),
                serial=(
                    "1本ずつでは毎時{rate}回に抑えられる。",
                    "One at a time, {rate} tries an hour.",
                ),
            ),
        ),
        FakeCriterion(
            "update_integrity",
            Text("更新前の完全性の確認", "Integrity before an update"),
            _texts(
                no_control=(
                    "正規のイメージでも版が変わらず、対照実験が成り立たないため判定できない。",
                    "Not even the genuine image changed the version; without that control nothing can be said.",
                ),
            ),
        ),
        FakeCriterion(
            "software_update",
            Text("ソフトウェアの更新", "Software update"),
            _texts(
                updated=(
                    "更新で版が {before} から {after} に変わった。",
                    "Version went from {before} to {after}.",
                )
            ),
        ),
        FakeCriterion(
            "retention",
            Text("電源断での保持", "Retention without power"),
            _texts(
                kept=(
                    "電源を切った{cuts}回のいずれでも、設定・符号・版が保たれた。",
                    "Settings, codes and version survived all {cuts} power cuts.",
                ),
            ),
        ),
        FakeCriterion(
            "interfaces_needed",
            Text("不要なインタフェース", "Unneeded interfaces"),
            _texts(
                found=(
                    "申告のないポートが{count}つ開いている。",
                    "{count} ports are open that were not declared.",
                ),
                port=("{service}が応答した（{banner}）。", "{service} answered ({banner})."),
            ),
        ),
        FakeCriterion(
            "document_answer",
            Text("書類の確認", "Documents"),
            _texts(said=("取扱説明書の記載を人が確かめた。", "A person checked what the manual says.")),
        ),
        FakeCriterion(
            "terminal_scope",
            Text("適用範囲", "Scope"),
            _texts(
                applies=("①〜③にあたり④にあたらないため適用される。", "①–③ hold and ④ doesn't: it applies.")
            ),
        ),
    )
}
PROBES = {
    name: FakeProbe(name, Text(ja, en))
    for name, ja, en in (
        ("open_ports", "開いているポートの走査", "Scan of open ports"),
        ("service_identity", "サービスの識別", "What speaks on each port"),
        ("web_login", "Web管理画面のログイン", "Login of the web administration"),
        ("telnet_login", "telnetのログイン", "Login by telnet"),
        ("login_throttle", "ログイン試行の抑制", "Throttling of logins"),
        ("update_channel", "更新の経路", "The update channel"),
        ("power_retention", "電源断での保持", "Retention without power"),
        ("unit_uniqueness", "個体ごとの符号", "Codes of several units"),
    )
}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


TELNET, FORM, BINARY, LONG = map(_digest, ("telnet", "form", "binary", "long"))
TRANSCRIPTS = {
    TELNET: Transcript(
        opened="2026-11-21T04:05:06.250000+00:00",
        transport="tcp",
        local="192.168.1.9:50412",
        remote="192.168.1.1:23",
        chunks=(
            Chunk(0.004, "<", b"\xff\xfd\x18\xff\xfd \xff\xfd#\xff\xfd'"),
            Chunk(0.031, "<", "関所 demo router\r\nlogin: ".encode()),
            Chunk(0.035, ">", b"root\r\n"),
            Chunk(0.081, "<", b"Password: "),
            Chunk(0.085, ">", b"\x78\x63\x33\x35\x31\x31\r\n"),
            Chunk(0.302, "<", b"\r\n\x1b[1;32mBusyBox v1.35.0\x1b[0m\r\n# "),
        ),
        ended="closed",
    ),
    FORM: Transcript(
        opened="2026-11-21T04:05:08+00:00",
        transport="tcp",
        tls="TLSv1.2 AES128-SHA",
        local="[2001:db8::9]:50414",
        remote="[2001:db8::1]:443",
        chunks=(
            Chunk(
                0.0,
                ">",
                b"POST /login HTTP/1.1\r\nHost: 192.168.1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
                b"user=admin&password=" + LABEL_CODE.encode() + b"&go=1",
            ),
            Chunk(
                0.12,
                "<",
                b"HTTP/1.1 200 OK\r\nServer: mini_httpd\r\n\r\n<html><title></title><script>alert(1)</script>"
                b"<p>\xe3\x83\xad\xe3\x82\xb0\xe3\x82\xa4\xe3\x83\xb3</p></body></html>",
            ),
        ),
    ),
    BINARY: Transcript(
        opened="2026-11-21T04:06:00+00:00",
        transport="udp",
        local="192.168.1.9:40000",
        remote="192.168.1.1:161",
        chunks=(Chunk(0.0, ">", bytes(range(48))), Chunk(0.002, "<", bytes(reversed(range(256))))),
    ),
    LONG: Transcript(
        opened="2026-11-21T04:07:00+00:00",
        transport="tcp",
        local="192.168.1.9:40002",
        remote="192.168.1.1:2323",
        chunks=tuple(Chunk(one * 0.1, "<", b"endless banner %d\r\n" % one * 40) for one in range(200)),
        dropped=1_048_576,
        ended="too-large",
    ),
}


def _record(step: str, data: dict, *transcripts: str, failure: Failure | None = None, at: int = 0) -> Record:
    return Record(
        step=step,
        began=f"2026-11-21T04:05:{at % 60:02d}+00:00",
        ended=f"2026-11-21T04:05:{(at + 1) % 60:02d}+00:00",
        seconds=0.4213 + at,
        data=data,
        failure=failure,
        transcripts=transcripts,
    )


EVIDENCE = (
    Evidence(
        "open_ports",
        "1",
        Attempt(AttemptStatus.DONE),
        (
            _record(
                "scan/lan tcp",
                {
                    "address": "192.168.1.1",
                    "open": [23, 80, 443, 2323],
                    "closed": 65531,
                    "probed": 65535,
                    "seconds": 8.1,
                },
            ),
            _record("scan/lan udp", {"answered": [53], "silent": list(range(1, 30))}, BINARY, at=9),
        ),
    ),
    Evidence(
        "service_identity",
        "1",
        Attempt(AttemptStatus.PARTIAL, "too-large", "2323/tcp never stopped talking"),
        (
            _record(
                "talk/lan tcp/2323",
                {"banner": HOSTILE[0]},
                LONG,
                failure=Failure("too-large", "1 MiB"),
                at=20,
            ),
            _record(
                "talk/lan tcp/80", {"banner": HOSTILE[1], "nested": {"deep": [{"a": 1}, {"b": None}]}}, at=22
            ),
        ),
    ),
    Evidence(
        "telnet_login",
        "1",
        Attempt(AttemptStatus.DONE),
        (_record("try/mirai", {"user": "root", "code": "mirai", "prompt": "# "}, TELNET, at=30),),
    ),
    Evidence(
        "web_login",
        "1",
        Attempt(AttemptStatus.DONE),
        (
            _record("sign-in/preset", {"status": 200, "accepted": True, "title": HOSTILE[2]}, FORM, at=33),
            _record("write/wrong", {"changed": False, "value": "192.0.2.53"}, at=34),
        ),
    ),
    Evidence(
        "login_throttle",
        "1",
        Attempt(AttemptStatus.DONE),
        (_record("parallel", {"tries": 60, "seconds": 3.24}, at=36),),
    ),
    Evidence(
        "update_channel",
        "1",
        Attempt(AttemptStatus.FAILED, "no-control", "version stayed 1.0.2 after the genuine image"),
        (_record("genuine", {"before": "1.0.2", "after": "1.0.2", "status": 200}, at=40),),
    ),
)


def _at(probe: str, step: str, transcript: str = "") -> tuple[Pointer, ...]:
    return (Pointer(probe, step, transcript),)


def _fact(name: str, subject: str, value, **attributes) -> Observation:
    return Observation(name, subject, value, attributes)


FACTS = (
    _fact("port.open", "lan tcp/23", True, interface="lan", declared=False),
    _fact("port.open", "lan tcp/80", True, interface="lan", declared=True),
    _fact("port.open", "lan tcp/443", True, interface="lan", declared=True),
    _fact("port.open", "lan tcp/2323", True, interface="lan", declared=False),
    _fact("port.open", "lan udp/53", True, interface="lan", declared=True),
    _fact("port.open", "wan tcp/7547", True, interface="wan", declared=True),
    _fact("port.missing", "lan udp/1900", True, interface="lan"),
    _fact("service.protocol", "lan tcp/23", "telnet"),
    _fact("service.protocol", "lan tcp/80", "http"),
    _fact("service.protocol", "lan tcp/443", "https"),
    _fact("service.protocol", "lan tcp/2323", "<b>unknown</b>"),
    _fact("service.protocol", "wan tcp/7547", "tr069"),
    _fact(
        "throttle.tries",
        "login web serial",
        2400.0,
        mode="serial",
        tries=60,
        seconds=90.0,
        first_delay=1.0,
        last_delay=2.0,
    ),
    _fact(
        "throttle.tries",
        "login web parallel",
        66667.0,
        mode="parallel",
        tries=60,
        seconds=3.24,
        first_delay=0.05,
    ),
    _fact(
        "throttle.tries",
        "login web second-source",
        120.0,
        mode="second-source",
        tries=40,
        seconds=60.0,
        locked_after=5,
        lock_seconds=600.0,
    ),
)


def _requirement(identifier: str, clause: str, ja: str, en: str, **more) -> Requirement:
    return Requirement(
        id=identifier,
        clause=clause,
        title=Text(ja, en),
        gist=more.pop("gist", Text(f"{ja}ことを求める（要旨）。", f"Asks: {en.lower()} (gist).")),
        confidence=more.pop("confidence", Confidence.A),
        sources=more.pop("sources", ("昭和60年郵政省令第31号 第34条の10",)),
        **more,
    )


def _rule(name: str, **parameters) -> Rule:
    return Rule(criterion=name, parameters=parameters)


IN_FORCE = Catalogue(
    id="jp-2020",
    title=Text("端末設備等規則 第34条の10", "Terminal Facilities Rules, article 34-10"),
    edition=Text("平成31年総務省令第12号", "MIC Ordinance No. 12 of 2019"),
    status=Status.IN_FORCE,
    confidence=Confidence.A,
    sources=("e-Gov 360M50001000031",),
    effective_from=date(2020, 4, 1),
    applicability="terminal_scope",
    requirements=(
        _requirement(
            "JP20-1",
            "第1号",
            "設定の変更にアクセス制御機能がある",
            "Access control guards settings",
            rule=_rule("access_control"),
        ),
        _requirement(
            "JP20-2",
            "第2号",
            "初期の識別符号の変更を促すか、機器ごとに異なる",
            "Preset code",
            rule=_rule("code_change"),
        ),
        _requirement(
            "JP20-3",
            "第3号",
            "ソフトウェアを更新できる",
            "Software can be updated",
            rule=_rule("software_update"),
        ),
        _requirement(
            "JP20-4", "第4号", "電源を失っても保たれる", "Kept without power", rule=_rule("retention")
        ),
    ),
)
PROPOSED = Catalogue(
    id="jp-2025-report",
    title=Text("2025年 見直し案（IPネットワーク設備委員会報告）", "2025 review (committee report)"),
    edition=Text("報告案 2025-10", "draft report 2025-10"),
    status=Status.PROPOSED,
    confidence=Confidence.A,
    sources=("意見募集 2025-10-04〜11-04",),
    parameters={"min_length": 8, "attacked": ["admin", "1234"]},
    notice=Text("委員会の見解であり、改正省令ではない。", "The committee's view; no amending order exists."),
    requirements=(
        _requirement(
            "JP25-2a",
            "2a",
            "初期のID/パスワードを変更させる",
            "Change is forced",
            rule=_rule("code_change", mode="force"),
            crosswalk=("jp-2020/JP20-2", "en303645-v2.1.1/5.1-1"),
        ),
        _requirement(
            "JP25-2d",
            "2d",
            "繰り返しのログインを遅らせる",
            "Repeated login is delayed",
            rule=_rule("login_delay", codes=1_000_000),
        ),
        _requirement(
            "JP25-3b",
            "3b",
            "更新前に完全性を確認する",
            "Integrity before update",
            rule=_rule("update_integrity"),
        ),
        _requirement(
            "JP25-5",
            "5",
            "不要な論理的インタフェースを止める",
            "Unneeded interfaces off",
            rule=_rule("interfaces_needed"),
        ),
        _requirement(
            "JP25-3c",
            "3c",
            "自動更新（推奨）",
            "Automatic update",
            obligation="recommended",
            remark=Text("要件とはしない。", "Not a requirement."),
        ),
    ),
)
VOLUNTARY = Catalogue(
    id="jc-star-1",
    title=Text("JC-STAR ★1 適合基準", "JC-STAR ★1 criteria"),
    edition=Text("v1.1 (2024-12)", "v1.1 (2024-12)"),
    status=Status.VOLUNTARY,
    confidence=Confidence.B,
    sources=("IPA",),
    credit="IPA",
    requirements=(
        _requirement(
            "S1.1-01",
            "S1.1-01",
            "適切な認証で守る",
            "Proper authentication",
            confidence=Confidence.B,
            rule=_rule("access_control"),
        ),
        _requirement(
            "S1.1-05",
            "S1.1-05",
            "脆弱性の連絡先を公開する",
            "Disclosure policy",
            confidence=Confidence.B,
            rule=_rule("document_answer"),
        ),
        _requirement("S1.1-07", "S1.1-07", "更新が容易である", "Update is easy", confidence=Confidence.D),
        _requirement(
            "S1.1-14",
            "S1.1-14",
            "停電後も保たれる",
            "Kept after an outage",
            confidence=Confidence.D,
            rule=_rule("retention"),
        ),
        _requirement(
            "S1.1-15", "S1.1-15", "データを消去できる", "Data can be erased", confidence=Confidence.D
        ),
    ),
)


def _judged(catalogue: str, requirement: str, verdict: Verdict, *findings: Finding, note: str = "") -> Judged:
    return Judged(catalogue, requirement, verdict, findings, note)


_OPENED = Finding(
    "access_control",
    Verdict.FAIL,
    "opened",
    {"count": 1},
    _at("web_login", "sign-in/preset", FORM),
    details=(
        Detail(
            "login web",
            Verdict.FAIL,
            "path-opened",
            {"user": HOSTILE[0], "setting": "dns"},
            _at("web_login", "sign-in/preset", FORM),
        ),
        Detail("setting dns as wrong", Verdict.PASS, "path-guarded", {}, _at("web_login", "write/wrong")),
    ),
)
_TOO_FAST = Finding(
    "login_delay",
    Verdict.FAIL,
    "too-fast",
    {"rate": 66667.0, "days": 0.625},
    _at("login_throttle", "parallel"),
    details=(Detail("login web serial", Verdict.PASS, "serial", {"rate": 2400.0}),),
)
_FOUND = Finding(
    "interfaces_needed",
    Verdict.FAIL,
    "found",
    {"count": 2},
    _at("open_ports", "scan/lan tcp"),
    details=(
        Detail(
            "lan tcp/23",
            Verdict.FAIL,
            "port",
            {"service": "telnet", "banner": "BusyBox"},
            _at("telnet_login", "try/mirai", TELNET),
        ),
        Detail(
            "lan tcp/2323",
            Verdict.FAIL,
            "port",
            {"service": "?", "banner": HOSTILE[1]},
            _at("service_identity", "talk/lan tcp/2323"),
        ),
    ),
)
JUDGED = (
    _judged(
        "jp-2020",
        "",
        Verdict.PASS,
        Finding("terminal_scope", Verdict.PASS, "applies", assurance=Assurance.DECLARED),
    ),
    _judged("jp-2020", "JP20-1", Verdict.FAIL, _OPENED),
    _judged("jp-2020", "JP20-2", Verdict.PASS, Finding("code_change", Verdict.PASS, "prompted")),
    _judged(
        "jp-2020",
        "JP20-3",
        Verdict.PASS,
        Finding("software_update", Verdict.PASS, "updated", {"before": "1.0.1", "after": "1.0.2"}),
    ),
    _judged("jp-2020", "JP20-4", Verdict.PASS, Finding("retention", Verdict.PASS, "kept", {"cuts": 2})),
    _judged(
        "jp-2025-report",
        "JP25-2a",
        Verdict.FAIL,
        Finding("code_change", Verdict.FAIL, "not-forced", {"how": "/index.html"}),
    ),
    _judged("jp-2025-report", "JP25-2d", Verdict.FAIL, _TOO_FAST),
    _judged(
        "jp-2025-report",
        "JP25-3b",
        Verdict.INCONCLUSIVE,
        Finding(
            "update_integrity", Verdict.INCONCLUSIVE, "no-control", because=_at("update_channel", "genuine")
        ),
    ),
    _judged("jp-2025-report", "JP25-5", Verdict.FAIL, _FOUND),
    _judged("jp-2025-report", "JP25-3c", Verdict.NONE),
    _judged(
        "jc-star-1",
        "S1.1-01",
        Verdict.INCONCLUSIVE,
        Finding("nobody", Verdict.INCONCLUSIVE, "gone", {"x": 1}, claim="ISO/IEC 15408 による同等の措置"),
    ),
    _judged(
        "jc-star-1",
        "S1.1-05",
        Verdict.PASS,
        Finding("document_answer", Verdict.PASS, "said", assurance=Assurance.WITNESSED),
    ),
    _judged("jc-star-1", "S1.1-07", Verdict.NONE),
    _judged("jc-star-1", "S1.1-14", Verdict.NOT_APPLICABLE, note="電源を内蔵し、失うことがない。"),
)

TERMINAL = Terminal(
    maker="株式会社髙﨑電機",
    model="BBR-2000",
    kind="家庭用ブロードバンドルータ",
    hardware="A2",
    software="1.0.2",
    units=(
        Unit("A", serial="SN0001", mac="02:00:00:00:00:01", code=LABEL_CODE),
        Unit("B", serial="SN0002", mac="02:00:00:00:00:02", code="other-code-9"),
    ),
    interfaces=(
        Interface("lan", Role.LAN, ("192.168.1.1", "2001:db8::1"), mac="02:00:00:00:00:01"),
        Interface("wan", Role.WAN, ("198.51.100.2",)),
    ),
    services=(Service("web", "http", 80), Service("acs", "tr069", 7547, interface="wan")),
    logins=(
        Login(
            "web",
            "web",
            "form",
            preset=Code("admin", LABEL_CODE),
            sign_in=Recipe(method="POST", path="/login"),
        ),
    ),
    applicability=Applicability(
        digital_data_line=True,
        internet_protocol=True,
        settings_over_line=True,
        free_software=None,
        connection="direct",
        equivalent=Equivalent("CC (ISO/IEC 15408)", "JISEC-C0000", date(2027, 3, 31), "MFP"),
    ),
    documents=Documents(manual="manual.pdf"),
    exclusions=(Exclusion("tcp", 9100, "印刷が始まってしまうため"),),
)
ATTEMPTS = {
    **{one.probe: one.attempt for one in EVIDENCE},
    "power_retention": Attempt(AttemptStatus.SKIPPED, "no-power"),
}
ASSESSMENT = Assessment(
    id="2026-11-21-bbr-2000",
    began="2026-11-21T04:05:00+00:00",
    ended="2026-11-21T04:19:30+00:00",
    tool="sekisho 0.1.0",
    record=TestRecord(
        number="T26-0042",
        date="2026-11-21",
        place="東京試験所 第2シールドルーム",
        person="試験 花子",
        method="端末設備等規則の条文とガイドラインの趣旨に基づく当所の試験方法 第3版",
        instruments=(
            Instrument("試験用計算機", "Debian", "12", "PC-07"),
            Instrument("電源遮断器", "例示計測", "PX-1", "900123", "2026-06-01", "例示較正所"),
        ),
    ),
    attempts=ATTEMPTS,
    facts=FACTS,
    judged=JUDGED,
    catalogues=("jp-2020", "jp-2025-report", "jc-star-1"),
)
PREVIOUS = msgspec.structs.replace(
    ASSESSMENT,
    tool="sekisho 0.0.9",
    ended="2026-10-01T01:00:00+00:00",
    judged=tuple(
        msgspec.structs.replace(one, verdict=Verdict.PASS)
        if one.requirement in {"JP20-1", "JP25-3b"}
        else one
        for one in JUDGED
        if one.requirement != "S1.1-05"
    ),
)


def document(language: Language = Language.JA, **changes) -> Document:
    """Return the rich document in ``language``, with some of its fields changed."""
    whole = Document(
        assessment=ASSESSMENT,
        terminal=TERMINAL,
        catalogues=(IN_FORCE, PROPOSED, VOLUNTARY),
        criteria=CRITERIA,
        probes=PROBES,
        evidence=EVIDENCE,
        transcripts=TRANSCRIPTS,
        provenance={
            "person": "試験 花子",
            "place": "東京試験所",
            "tool": "sekisho 0.1.0",
            "host": "pc-07",
            "platform": "Linux 6.1 x86_64, CPython 3.11",
        },
        authorisation={
            "allowed_by": "管理 太郎",
            "role": "アクセス管理者",
            "statement": "供試品への能動的な試験を許可する。",
            "signed_on": "2026-11-20",
            "addresses": ["192.168.1.1/32", "2001:db8::1/128"],
            "valid_from": "2026-11-20",
            "valid_until": "2026-12-20",
            "risks": ["read", "login", "write", "lockout"],
            "public_addresses": False,
        },
        chain_head=_digest("head"),
        made_at="2026-11-21T05:00:00+00:00",
        language=language,
        previous=PREVIOUS,
    )
    return msgspec.structs.replace(whole, **changes)
