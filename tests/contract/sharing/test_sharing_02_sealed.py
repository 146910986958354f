"""2, mails to a key: what is stricter than green goes out encrypted or not at all, and who is in charge sees why."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from fakes.command import typed
from fakes.hub_console import HubConsole, hub_console
from fakes.mail_keys import Authority, Gpg
from fakes.mail_server import MailServer
from fakes.sharing import DAY, HOUR, NOW, Ring, enter, indicator
from sekisho.errors import DescriptionError
from sekisho.model.account import Role
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Contact, Member
from sekisho.wiring.hub_digest import Told, send_digests
from sekisho.wiring.hub_telling import tell_by_mail
from sekisho.workflows.hub import publish
from sekisho.workflows.hub.disclosing import open_finding

TOML = 'sender = "hub@hub.example.jp"\n{more}[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
TO = "keep@isp.example.jp"


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    made = Gpg(Path(tempfile.mkdtemp(prefix="g-")))  # short: an agent's socket lies in it
    yield made
    made.end()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("smime"), dt.datetime.fromtimestamp(NOW / 1000, dt.UTC))


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    yield server
    server.stop()


def member(ring: Ring, name: str) -> Member:
    return next(one for one in ring.books.members.members() if one.id == name)


def contact(ring: Ring, name: str, *some: Contact) -> None:
    import msgspec

    enter(ring.books, msgspec.structs.replace(member(ring, name), contacts=some), "op")
    ring.books.forget()


def listed(ring: Ring) -> None:
    """Let the list hold a green entry and an amber one."""
    ring.join("a").join("b").join("small", "receive-only")
    for number, (address, tlp) in enumerate((("198.51.100.7", Tlp.GREEN), ("198.51.100.8", Tlp.AMBER))):
        for place, who in enumerate("ab"):
            one = indicator(address, number=number * 10 + place, tlp=tlp, seen="handshake")
            ring.post(who, "list-in", one)
    publish(ring.books, b"x")
    ring.clock[0] += HOUR


def settings(ring: Ring, mails: MailServer, more: str = "") -> Path:
    folder: Path = ring.desk.folder
    (folder / "digest.toml").write_text(TOML.format(port=mails.port, more=more))
    return folder


def test_a_digest_to_a_key_shows_what_one_in_clear_may_not(
    ring: Ring, mails: MailServer, gpg: Gpg, authority: Authority
) -> None:
    listed(ring)
    folder = settings(ring, mails)
    crl = authority.revoked()
    (folder / "crl.pem").write_bytes(crl.read_bytes())
    settings(ring, mails, 'revoked = ["crl.pem"]\n')
    pgp = gpg.key(TO)
    ring.clock[0] += 10 * DAY  # the key was made by the real clock
    # The certificate is of the hub's time.
    contact(
        ring, "small", Contact("当番", TO, "digest", pgp), Contact("二", "keep2@isp.example.jp", "digest")
    )
    assert send_digests(ring.desk, folder) == Told(sent=2)
    texts = {message_from_bytes(one["text"].encode())["To"]: one["text"].encode() for one in mails.taken()}
    sealed = next(text for to, text in texts.items() if TO in to)
    clear = next(text for to, text in texts.items() if TO not in to)
    outside = message_from_bytes(sealed, policy=policy.default)
    assert outside["Subject"] == "[...]"
    inside = message_from_bytes(
        gpg.opened(list(outside.iter_parts())[1].get_content()), policy=policy.default
    )
    assert inside["Subject"].startswith(
        "[TLP:CLEAR]"
    )  # nothing is new ten days later; amber may stand in it all the same
    assert "Marked too strictly" not in inside.get_content()
    assert "TLP:" in message_from_bytes(clear, policy=policy.default).get_content()


def test_amber_goes_to_a_certificate_and_stays_out_of_a_mail_in_clear(
    ring: Ring, mails: MailServer, authority: Authority
) -> None:
    listed(ring)
    folder = settings(ring, mails)
    key = authority.certificate(TO)
    contact(
        ring, "small", Contact("当番", TO, "digest", key), Contact("二", "keep2@isp.example.jp", "digest")
    )
    assert send_digests(ring.desk, folder) == Told(sent=2)
    for one in mails.taken():
        octets = one["text"].encode()
        sealed = b"pkcs7-mime" in octets
        text = message_from_bytes(authority.opened(octets) if sealed else octets, policy=policy.default)
        shown = text.get_content()
        assert ("100[.]8" in shown) is sealed
        assert ("TLP:AMBER 以上）：1" in shown) is not sealed
        assert text["Subject"].startswith("[TLP:AMBER]" if sealed else "[TLP:GREEN]")
        assert "100[.]7" in shown
    # What the settings say: amber in clear for who has no key.
    settings(ring, mails, 'clear_up_to = "AMBER"\nsealed_up_to = "GREEN"\n')
    ring.clock[0] += DAY
    (folder / "digests.json").unlink()
    ring.clock[0] -= DAY
    assert send_digests(ring.desk, folder).sent == 2
    for one in mails.taken()[2:]:
        octets = one["text"].encode()
        sealed = b"pkcs7-mime" in octets
        shown = message_from_bytes(
            authority.opened(octets) if sealed else octets, policy=policy.default
        ).get_content()
        assert ("100[.]8" in shown) is not sealed


def test_a_key_that_is_not_good_holds_the_mail_back_and_says_why(
    ring: Ring, mails: MailServer, authority: Authority
) -> None:
    listed(ring)
    folder = settings(ring, mails)
    contact(ring, "small", Contact("当番", TO, "digest", authority.certificate("other@isp.example.jp")))
    held = Told(withheld={"small: wrong-address": 1})
    assert send_digests(ring.desk, folder) == held
    assert send_digests(ring.desk, folder) == Told()  # once a day on record, not every ten minutes
    (entry,) = [one for one in ring.books.audit.entries() if one.act == "withhold-mail"]
    assert (entry.object, entry.details["reason"]) == ("small", "wrong-address")
    assert mails.taken() == []
    ring.clock[0] += 31 * DAY
    contact(ring, "small", Contact("当番", TO, "digest", authority.certificate(TO)))
    assert send_digests(ring.desk, folder).withheld == {"small: expired": 1}
    contact(ring, "small", Contact("当番", TO, "digest", "no key at all"))
    ring.clock[0] += DAY
    assert send_digests(ring.desk, folder).withheld == {"small: not-a-key": 1}
    (folder / "digest.toml").write_text('sender = "a@b.example"\nclear_up_to = "RED"\n[smtp]\n')
    with pytest.raises(DescriptionError):
        send_digests(ring.desk, folder)


def test_what_was_new_while_the_first_mails_were_held_back_comes_with_the_first_that_goes(
    ring: Ring, mails: MailServer, authority: Authority
) -> None:
    listed(ring)
    folder = settings(ring, mails)
    contact(ring, "small", Contact("当番", TO, "digest", "no key at all"))
    for _ in range(2):
        assert send_digests(ring.desk, folder).withheld == {"small: not-a-key": 1}
        ring.clock[0] += DAY + 60_000
    contact(ring, "small", Contact("当番", TO, "digest", authority.certificate(TO)))
    assert send_digests(ring.desk, folder) == Told(sent=1)
    (one,) = mails.taken()
    told = message_from_bytes(authority.opened(one["text"].encode()), policy=policy.default).get_content()
    assert "100[.]7" in told
    assert "100[.]8" in told


def test_a_finding_is_told_by_mail_to_a_key_or_not_at_all(
    ring: Ring, mails: MailServer, authority: Authority
) -> None:
    ring.join("acme", "maker")
    made = open_finding(
        ring.books, "acme", "Acme", "R-100", "既定のパスワード", ring.clock[0] + 30 * DAY, "op"
    )

    def told(why: str = "") -> int:
        if why:
            with pytest.raises(DescriptionError) as fault:
                tell_by_mail(ring.desk, ring.desk.folder, made.id, "acme", "op", "詳しくは電話で")
            assert why in f"{fault.value.what.en} {fault.value.where}"
            assert len(ring.books.disclosures.steps(made.id)) == 1
            return 0
        return tell_by_mail(ring.desk, ring.desk.folder, made.id, "acme", "op", "詳しくは電話で").sent

    told("no mail server is set")
    folder = settings(ring, mails)
    told("no contact for findings")
    contact(ring, "acme", Contact("psirt", TO, "psirt"))
    told("there is no key")
    contact(ring, "acme", Contact("psirt", TO, "psirt", authority.certificate(TO, usage=False)))
    told("can't be encrypted to")
    assert mails.taken() == []
    contact(ring, "acme", Contact("psirt", TO, "psirt", authority.certificate(TO)))
    for text in ("x" * 2001, "a\0b", "a\u202eb"):  # what can't be on the timeline goes out to nobody
        with pytest.raises(DescriptionError):
            tell_by_mail(ring.desk, folder, made.id, "acme", "op", text)
    assert mails.taken() == []
    assert told() == 1
    assert [one.kind for one in ring.books.disclosures.steps(made.id)] == ["opened", "told"]
    (mail,) = mails.taken()
    assert "acme" not in mail["text"].partition("\n\n")[0].lower().replace("isp.example", "")
    inside = message_from_bytes(authority.opened(mail["text"].encode()), policy=policy.default)
    assert inside["Subject"] == "[TLP:AMBER+STRICT] 試験ハブ: acme r100"
    shown = inside.get_content()
    for words in ("既定のパスワード", "詳しくは電話で", "公表を控える期限", "Please keep it until", made.id):
        assert words in shown
    # In clear only where the settings say so.
    contact(ring, "acme", Contact("psirt", TO, "psirt"))
    settings(ring, mails, 'clear_up_to = "AMBER_STRICT"\n')
    assert told() == 1
    assert "R-100".lower().replace("-", "") in message_from_bytes(mails.taken()[1]["text"].encode(), policy=policy.default).get_content()  # fmt: skip
    contact(ring, "acme", Contact("psirt", "nobody@isp.example.jp", "psirt"))
    steps = len(ring.books.disclosures.steps(made.id))
    with pytest.raises(DescriptionError) as fault:
        tell_by_mail(ring.desk, folder, made.id, "acme", "op", "again")
    assert "refused 550" in fault.value.where
    outcomes = [one.details for one in ring.books.audit.entries() if one.act == "finding-mail"]
    assert [one["state"] for one in outcomes] == ["accepted", "accepted", "refused"]
    assert "nobody@" not in str(outcomes)
    assert len(ring.books.disclosures.steps(made.id)) == steps


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubConsole]:
    with hub_console(tmp_path_factory.mktemp("hub-mails"), 3) as made:
        yield made


def test_the_person_in_charge_sees_it_in_the_console_and_on_the_command_line(
    here: HubConsole, mails: MailServer, tmp_path: Path
) -> None:
    folder: Path = here.ring.desk.folder
    authority = Authority(tmp_path, dt.datetime.now(dt.UTC))
    file = tmp_path / "key.pem"

    def said(*words: object, code: int = 0) -> dict[str, object]:
        done = typed(["hub", "contact", *words, "--hub", folder, "--json"])
        assert done.returncode == code, done.stdout + done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    file.write_text(authority.certificate("other@isp.example.jp"))
    assert "使えない" in str(said("acme", TO, "--purpose", "psirt", "--key", file, code=2)["error"])
    add = [
        "hub",
        "member",
        "add",
        "new",
        "--ja",
        "新",
        "--en",
        "New",
        "--contact",
        f"digest=NOC<{TO}>",
        "--contact-key",
        file,
    ]
    assert "使えない" in typed([*add, "--hub", folder]).stderr
    assert not [one for one in here.ring.books.members.members() if one.id == "new"]
    file.write_text(authority.certificate(TO))
    made = said("acme", TO, "--purpose", "psirt", "--key", file)
    assert isinstance(made["key"], dict)
    assert made["key"]["kind"] == "smime"
    said("acme", "nobody", code=2)
    said("none", TO, code=2)
    settings(here.ring, mails)
    here.ring.books.forget()
    sender = here.browser(Role.SENDER)
    text = sender.get("/hub/members/acme").text
    assert "encrypted" in text
    assert "no mail goes out" not in text
    (finding,) = here.ring.books.disclosures.findings()
    page = f"/hub/findings/{finding.id}"
    assert "Also send it" in sender.get(page).text
    form = {"act": "tell", "member": "acme", "text": "once more", "mail": "yes"}
    assert sender.post(page, data=form).status_code == 303
    assert b"pkcs7-mime" in mails.taken()[0]["text"].encode()
    # One of two contacts has no key: who goes without is said, and whom the mail server took stands on record.
    said("acme", "noc@isp.example.jp", "--purpose", "psirt")
    assert sender.post(page, data=form).status_code == 303
    shown = sender.get(page).text
    assert "Mails sent: 1. Not sent: " in shown
    assert "there is no key" in shown
    said("acme", "noc@isp.example.jp", "--purpose", "psirt", "--remove")
    (folder / "crl.pem").write_bytes(authority.revoked(authority.last).read_bytes())
    settings(here.ring, mails, 'revoked = ["crl.pem"]\n')
    assert "the key is revoked" in sender.get("/hub/members/acme").text
    assert "the key is revoked" in sender.post(page, data=form).text
    assert len(mails.taken()) == 2
    said("acme", TO, "--purpose", "psirt", "--no-key")
    assert "there is no key" in sender.post(page, data=form).text
    said("acme", TO, "--purpose", "psirt", "--remove")
    said("acme", TO, "--purpose", "psirt", "--remove", code=2)
    (folder / "digest.toml").unlink()
