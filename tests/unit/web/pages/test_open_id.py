"""Signing in by a real provider: who a rule lets in, and everybody else who isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from fakes.console import ORIGIN, browsing, first_admin
from fakes.open_id import OpenIdServer
from sekisho.errors import DescriptionError, PeerFailure
from sekisho.exchange.open_id import OpenIdProvider
from sekisho.model.account import Account, Role, SessionKind
from sekisho.model.open_id import OpenIdRules
from sekisho.web.office import Office
from sekisho.wiring.open_id import open_provider

PEOPLE = (
    {"sub": "s-sato", "preferred_username": "佐藤", "groups": ["noc"]},
    {"sub": "s-boss", "preferred_username": "部長", "groups": ["boss", "noc"]},
    {"sub": "s-nobody", "preferred_username": "客", "groups": ["guests"]},
    {"sub": "s-name", "preferred_username": "関守", "groups": ["noc"]},
    {"sub": "s-old", "preferred_username": "古い", "groups": ["boss"], "auth_time": 1_000_000_000},
)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenIdServer]:
    one = OpenIdServer(*PEOPLE)
    yield one
    one.end()


def _settings(issuer: str, more: str = "") -> str:
    return f'issuer = "{issuer}"\nclient = "console"\nsecret_file = "oidc.secret"\n{more}[roles]\nnoc = "analyst"\nboss = "admin"\n'


@pytest.fixture
def opened(office: Office, server: OpenIdServer) -> Office:
    folder = office.console.folder
    (folder / "oidc.toml").write_text(_settings(server.issuer), encoding="utf-8")
    (folder / "oidc.secret").write_text("hush", encoding="utf-8")
    (folder / "oidc.secret").chmod(0o600)
    first_admin(office)
    return replace(office, open_id=open_provider(folder))


Came = Callable[..., tuple[TestClient, str]]


@pytest.fixture
def come(opened: Office, server: OpenIdServer) -> Came:
    """Go to the provider as somebody; return the browser and the address that it is sent back to."""

    def going(subject: str, browser: TestClient | None = None, begin: str = "/sign-in/openid?next=/cases") -> tuple[TestClient, str]:  # fmt: skip
        own = browser or browsing(opened)
        sent = own.get(begin)
        assert sent.status_code == 303
        asked = parse_qs(urlsplit(sent.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert {"state", "nonce", "code_challenge"} <= asked.keys()
        return own, server.sign_in(sent.headers["location"], subject).removeprefix(ORIGIN)

    return going


def _account(office: Office, name: str) -> Account | None:
    return next((one for one in office.gate.accounts.accounts() if one.name == name), None)


def test_who_a_rule_names_gets_an_account_and_its_role(opened: Office, come: Came) -> None:
    own, back = come("s-sato")
    done = own.get(back)
    assert (done.status_code, done.headers["location"]) == (303, "/cases")
    account = _account(opened, "佐藤")
    assert account is not None
    assert account.role is Role.ANALYST
    assert own.get("/cases").status_code == 200
    assert own.get("/people").status_code == 403
    acts = [(one.act, one.details.get("by")) for one in opened.console.keeping.audit()]
    assert ("add-account", "openid") in acts
    assert ("sign-in", "openid") in acts
    # The same person again is the same account.
    again, back = come("s-sato")
    assert again.get(back).status_code == 303
    assert len(opened.gate.accounts.accounts()) == 2


@pytest.mark.parametrize("subject", ["s-nobody", "s-name", "a stranger"])
def test_nobody_else_gets_one(opened: Office, come: Came, subject: str) -> None:
    own, back = come(subject)
    assert own.get(back).status_code == 403
    assert own.get("/cases").status_code == 303
    assert len(opened.gate.accounts.accounts()) == 1


def test_an_answer_serves_once_and_in_its_browser_alone(opened: Office, come: Came) -> None:
    own, back = come("s-sato")
    other = browsing(opened)
    other.get("/sign-in/openid")
    assert other.get(back).status_code == 403
    assert browsing(opened).get(back).status_code == 403
    assert own.get(back).status_code == 303
    own.cookies.clear()
    assert own.get(back).status_code == 403


@pytest.mark.parametrize(
    "changed",
    [{"state": "x"}, {"state": ""}, {"code": "x"}, {"code": ""}, {"iss": "http://127.0.0.1:1"}, {"error": "access_denied"},
     {"state": "A" * 76}],
)  # fmt: skip
def test_an_altered_answer_is_refused(opened: Office, come: Came, changed: dict[str, str]) -> None:
    own, back = come("s-sato")
    parts = urlsplit(back)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    answer = own.get(f"{parts.path}?{urlencode(query)}")
    assert answer.status_code == 403
    assert len(opened.gate.accounts.accounts()) == 1


def test_a_role_follows_the_rules_of_today(opened: Office, come: Came) -> None:
    own, back = come("s-boss")
    own.get(back)
    assert own.get("/people").status_code == 200
    assert opened.open_id is not None
    rules = opened.open_id.rules
    opened.open_id.rules = type(rules)(
        rules.issuer, rules.client, {"noc": Role.VIEWER}, secret_file=rules.secret_file
    )
    again, back = come("s-boss")
    assert again.get(back).status_code == 303
    assert again.get("/people").status_code == 403
    assert own.get("/cases").status_code == 303, "what was opened with the old role has ended"


def test_who_is_disabled_here_stays_out(opened: Office, come: Came) -> None:
    own, back = come("s-sato")
    own.get(back)
    account = _account(opened, "佐藤")
    assert account is not None
    from sekisho.workflows.sign_in.gate import entry

    gone = type(account)(
        **{name: getattr(account, name) for name in account.__struct_fields__} | {"disabled": 5}
    )
    opened.gate.accounts.change(gone, entry(account, "disable-account", "x", 5), sessions=())
    again, back = come("s-sato")
    assert again.get(back).status_code == 403


def test_weighty_acts_ask_for_a_new_proof(opened: Office, come: Came) -> None:
    """Who proved long ago at the provider that they are it may look, and must prove it again."""
    own, back = come("s-old")
    own.get(back)
    session = opened.gate.sessions.of(_account(opened, "古い").id)[0]  # type: ignore[union-attr]
    assert session.kind is SessionKind.OPEN_ID
    assert session.authenticated == 1_000_000_000_000
    refused = own.post("/people", data={"name": "新人", "role": "viewer"})
    assert refused.headers["location"].startswith("/account/confirm")
    assert "/account/confirm/openid" in own.get(refused.headers["location"]).text
    # The provider still says "long ago", whatever was asked for.
    own, back = come("s-old", own, "/account/confirm/openid?next=/people")
    assert own.get(back).status_code == 403
    boss, back = come("s-boss")
    boss.get(back)
    boss, back = come("s-boss", boss, "/account/confirm/openid?next=/people")
    assert boss.get(back).headers["location"] == "/people"
    # Nobody confirms as somebody else, nor with an answer that was for signing in.
    boss, back = come("s-sato", boss, "/account/confirm/openid")
    assert boss.get(back).status_code == 403
    boss, back = come("s-boss", boss)
    assert boss.get(back.replace("/sign-in/openid/back", "/account/confirm/openid/back")).status_code == 403


def test_signing_out_offers_to_sign_out_there(opened: Office, come: Came, server: OpenIdServer) -> None:
    own, back = come("s-sato")
    own.get(back)
    out = own.post("/sign-out")
    assert out.headers["location"] == "/sign-out/openid"
    assert f"{server.issuer}/oauth2/end_session" in own.get("/sign-out/openid").text
    assert own.get("/cases").status_code == 303


def test_without_settings_there_is_no_such_way(office: Office) -> None:
    first_admin(office)
    own = browsing(office)
    assert own.get("/sign-in/openid").status_code == 404
    assert "openid" not in own.get("/sign-in").text


def test_nobody_comes_before_the_first_admin(office: Office, server: OpenIdServer) -> None:
    (office.console.folder / "oidc.toml").write_text(_settings(server.issuer), encoding="utf-8")
    made = replace(office, open_id=open_provider(office.console.folder))
    assert browsing(made).get("/sign-in/openid").status_code == 403


def test_a_provider_that_is_gone_is_said(opened: Office) -> None:
    (opened.console.folder / "oidc.toml").write_text(_settings("http://127.0.0.1:9"), encoding="utf-8")
    made = replace(opened, open_id=open_provider(opened.console.folder))
    assert browsing(made).get("/sign-in/openid").status_code == 503


def test_a_provider_that_is_gone_is_not_asked_by_every_stranger(server: OpenIdServer) -> None:
    rules = OpenIdRules("http://127.0.0.1:9", "console", {})
    now = [0.0]
    one = OpenIdProvider(rules, lambda: "", lambda: now[0])
    for _ in range(2):
        with pytest.raises(PeerFailure, match="refused"):
            one.address("s", "n", "v", ORIGIN, fresh=False)
    one.rules = OpenIdRules(server.issuer, "console", {})
    with pytest.raises(PeerFailure, match="refused"):
        one.address("s", "n", "v", ORIGIN, fresh=False)
    now[0] = 11.0
    assert one.address("s", "n", "v", ORIGIN, fresh=False).startswith(server.issuer)


def test_the_settings_show_the_rules_and_no_secret(opened: Office, come: Came) -> None:
    boss, back = come("s-boss")
    boss.get(back)
    page = boss.get("/settings").text
    assert opened.open_id is not None
    assert opened.open_id.rules.issuer in page
    assert "noc" in page
    assert "hush" not in page


def test_another_issuer_is_refused(opened: Office, server: OpenIdServer) -> None:
    assert opened.open_id is not None
    rules = opened.open_id.rules
    for issuer in (f"{server.issuer}/", "http://192.0.2.1", "http://id.example"):
        one = OpenIdProvider(type(rules)(issuer, rules.client, rules.roles), lambda: "")
        with pytest.raises(PeerFailure):
            one.address("s", "n", "v", ORIGIN, fresh=False)


def test_new_keys_of_the_provider_are_found(server: OpenIdServer) -> None:
    now = [0.0]
    rules = OpenIdRules(server.issuer, "console", {}, secret_file="x")
    one = OpenIdProvider(rules, lambda: "hush", lambda: now[0])
    assert _through(one, server)
    server.again()
    with pytest.raises(PeerFailure, match="signature"):
        _through(one, server)  # asked a moment ago: strangers can't make us ask again and again
    now[0] = 11.0
    assert _through(one, server)


def _through(one: OpenIdProvider, server: OpenIdServer) -> bool:
    from sekisho.wiring.moment import milliseconds

    where = one.address("state", "nonce", "verifier", ORIGIN, fresh=False)
    code = parse_qs(urlsplit(server.sign_in(where, "s-sato")).query)["code"][0]
    return one.identity(code, "nonce", "verifier", ORIGIN, milliseconds()).subject == "s-sato"


def test_a_token_that_the_provider_did_not_sign_is_refused(opened: Office) -> None:
    one = opened.open_id
    assert one is not None
    key = RSAKey.generate_key(2048, {"kid": "mine"})
    mine = jwt.encode({"alg": "RS256", "kid": "mine"}, {"sub": "s-boss"}, key)
    head = "eyJhbGciOiJub25lIn0"
    for token in (mine, f"{head}.eyJzdWIiOiJzLWJvc3MifQ.", "x", "a.b.c", ""):
        with pytest.raises(PeerFailure, match="signature"):
            one._proven(token)


@pytest.mark.parametrize(
    "text", ["", "issuer = 1", 'issuer = "x"\nclient = "c"\nroles = {}', "[", _settings("x", "unknown = 1\n")]
)
def test_wrong_settings_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "oidc.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DescriptionError):
        open_provider(tmp_path)


def test_a_secret_that_others_may_read_is_refused(opened: Office, come: Came) -> None:
    (opened.console.folder / "oidc.secret").chmod(0o644)
    own, back = come("s-sato")
    assert own.get(back).status_code == 400
