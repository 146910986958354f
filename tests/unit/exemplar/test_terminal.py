"""A unit as a process, met over HTTP: first use, access control, the brake, updates, the power cord."""

import concurrent.futures
import json
import socket
import subprocess
import sys
import time

import pytest

from sekisho.exemplar.access.sessions import Stage
from sekisho.exemplar.web import api, pages

PASSWORD = "tsuki no kirei na yoru"
GUARDED = [route for route in (*pages.ROUTES, *api.ROUTES) if route.stage is Stage.OWNER]
FIRST_USE = [route for route in (*pages.ROUTES, *api.ROUTES) if route.stage is Stage.FIRST_USE]
SETTINGS = "/api/settings"


def readable(client):
    status, body, _ = client.ask("GET", SETTINGS)
    return body if status == 200 else None


def test_which_doors_are_open_to_anyone_is_a_short_list():
    anyone = {route.path for route in (*pages.ROUTES, *api.ROUTES) if route.stage is Stage.ANYONE}
    assert anyone == {
        "/login",
        "/logout",
        "/style.css",
        "/passkey.js",
        "/api/alive",
        "/api/login",
        "/api/logout",
        "/api/passkey/request",
        "/api/passkey/login",
    }
    assert len(GUARDED) > 15


def test_first_use_from_label_to_owner(unit):
    one = unit()
    client = one.client()
    code = one.label["code"]
    # a stranger: every guarded route refuses
    for route in (*GUARDED, *FIRST_USE):
        status, body, headers = client.ask(route.method, route.path, {} if route.method != "GET" else None)
        assert status == 401 or (status == 303 and headers["Location"] == "/login"), route.path
        assert not body or body == {"error": "sign-in-required"}
    # with the label's code: still every one refuses, whatever the path
    assert client.ask("POST", "/api/login", {"user": "admin", "password": code})[:2] == (
        200,
        {"stage": "first-use"},
    )
    for route in GUARDED:
        status, body, headers = client.ask(route.method, route.path, {} if route.method != "GET" else None)
        assert status == 403 or (status == 303 and headers["Location"] == "/first-use"), route.path
        assert not body or body == {"error": "password-change-required"}
    assert client.ask("GET", "/nowhere")[0] == 303
    assert client.ask("GET", "/api/nowhere")[0] == 403
    # weak ones and the code itself are refused, and nothing opens by trying
    for weak, why in ((code, "same-as-label"), (code.lower(), "same-as-label"), ("password2026", "attacked")):
        status, body, _ = client.ask("POST", "/api/first-use", {"password": weak})
        assert status == 422
        assert why in body["faults"]
        assert readable(client) is None
    # the change opens the door, and the label's code is dead
    assert client.ask("POST", "/api/first-use", {"password": PASSWORD})[:2] == (200, {"stage": "owner"})
    assert readable(client)["hostname"] == "sekisho-exemplar"
    assert one.client().sign_in(code) == 401
    # the first use happens once
    assert client.ask("POST", "/api/first-use", {"password": "another good one!"})[0] == 409
    assert one.client().sign_in(PASSWORD) == 200


def test_a_second_first_use_session_cannot_take_over(unit):
    one = unit()
    early, owner = one.client(), one.client()
    assert early.sign_in(one.label["code"]) == 200
    owner.claim(one.label["code"])
    status, _, _ = early.ask("POST", "/api/first-use", {"password": "attacker's own phrase"})
    assert status == 401
    assert one.client().sign_in(PASSWORD) == 200


def test_login_answers_the_same_for_unknown_users(unit):
    one = unit()
    one.client().claim(one.label["code"])
    known, unknown = one.client().ask("POST", "/api/login", {"user": "admin", "password": "x"}), None
    begun = time.perf_counter()
    one.client().ask("POST", "/api/login", {"user": "admin", "password": "y"})
    middle = time.perf_counter()
    unknown = one.client().ask("POST", "/api/login", {"user": "root", "password": "y"})
    ended = time.perf_counter()
    assert known[:2] == unknown[:2] == (401, {"error": "wrong"})
    assert (ended - middle) > 0.25 * (middle - begun), "an unknown user costs a hash as well"


def test_twenty_parallel_guesses_from_two_sources_and_a_reboot(unit):
    one = unit()
    owner = one.client()
    owner.claim(one.label["code"])

    def guess(number):
        source = "127.63.1.1" if number % 2 else "127.63.1.2"
        return one.client(source).sign_in(f"guess number {number}")

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(guess, range(40)))
    looked = answers.count(401)
    assert answers.count(429) >= 30
    assert 2 <= looked <= 8
    one.cut()
    one.boot()
    # the right password from those sources waits too: the brake tells nothing
    status, body, headers = one.client("127.63.1.1").ask(
        "POST", "/api/login", {"user": "admin", "password": PASSWORD}
    )
    assert (status, body) == (429, {"error": "wait"})
    assert int(headers["Retry-After"]) >= 1
    # the owner's browser is not touched, even from the attacker's address
    owner.source = "127.63.1.1"
    assert owner.sign_in(PASSWORD) == 200


def test_settings_survive_the_power_cord(unit):
    one = unit()
    client = one.client()
    client.claim(one.label["code"])
    assert client.ask("PUT", SETTINGS, {"dns_server": "198.51.100.5", "wan_mode": "pppoe"})[0] == 200
    one.cut()
    one.boot()
    assert readable(client) is None, "sessions do not survive"
    assert client.sign_in(PASSWORD) == 200
    assert readable(client)["dns_server"] == "198.51.100.5"
    assert one.client().sign_in(one.label["code"]) == 401


def test_bad_settings_change_nothing(unit):
    one = unit()
    client = one.client()
    client.claim(one.label["code"])
    before = readable(client)
    for bad in (
        {"hostname": "ok", "dns_server": "not an address"},
        {"ssdp": True},
        {"unknown": "1"},
        {"firewall": "yes"},
        {"hostname": "<script>"},
        {"wifi_ssid": "x" * 33},
    ):
        assert client.ask("PUT", SETTINGS, bad)[0] == 422
        assert readable(client) == before


def test_update_over_http(unit, works):
    one = unit()
    client = one.client()
    raw = {"Content_Type": "application/octet-stream"}
    images = {name: (works / f"{name}.img").read_bytes() for name in ("newer", "older", "other")}
    assert client.ask("POST", "/api/update", images["newer"], **raw)[0] == 401
    client.claim(one.label["code"])
    mutant = bytearray(images["newer"])
    mutant[-100] ^= 1
    for bad, why in (
        (bytes(mutant), "wrong-hash"),
        (images["newer"][:-5], "wrong-size"),
        (images["other"], "bad-signature"),
        (images["older"], "not-newer"),
        (b"junk", "truncated"),
    ):
        status, body, _ = client.ask("POST", "/api/update", bad, **raw)
        assert (status, body["reason"]) == (422, why)
        assert client.ask("GET", "/api/status")[1]["version"] == "1.0.0"
    form = (
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        + images["newer"]
        + b"\r\n--x--\r\n"
    )
    status, _, headers = client.ask("POST", "/update", form, Content_Type="multipart/form-data; boundary=x")
    assert (status, headers["Location"]) == (303, "/login?done=installed")
    assert client.ask("GET", "/api/status")[0] == 401, "everybody signs in again"
    client.sign_in(PASSWORD)
    assert client.ask("GET", "/api/status")[1]["version"] == "1.1.0"
    one.cut()
    one.boot()
    assert one.ready["version"] == "1.1.0"


def test_other_sites_cannot_act_with_the_owners_session(unit):
    one = unit()
    client = one.client()
    client.claim(one.label["code"])
    before = readable(client)
    change = {"hostname": "evil"}
    for foreign in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": f"http://127.63.0.1:{one.port + 1}"},
    ):
        assert client.ask("PUT", SETTINGS, change, **foreign)[0] == 403
    assert client.ask("PUT", SETTINGS, change, Host="evil.example")[0] == 421
    assert client.ask("GET", SETTINGS, Host="evil.example")[0] == 421
    assert client.ask("PUT", SETTINGS, json.dumps(change).encode(), Content_Type="text/plain")[0] == 415
    assert readable(client) == before
    own = {"Origin": f"http://127.63.0.1:{one.port}", "Sec_Fetch_Site": "same-origin"}
    assert client.ask("PUT", SETTINGS, change, **own)[0] == 200, "the control: our own page may"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(unit):
    one = unit()
    _, _, headers = one.client().ask("POST", "/api/login", {"user": "admin", "password": one.label["code"]})
    assert "HttpOnly; SameSite=Strict" in headers["Set-Cookie"]


def test_the_one_door_for_changes_serves_first_use_as_well(unit):
    one = unit()
    client, code = one.client(), one.label["code"]
    assert client.sign_in(code) == 200
    assert client.ask("POST", "/api/password", {"old": "wrong", "new": PASSWORD})[0] == 401
    assert client.ask("POST", "/api/password", {"old": code, "new": code})[0] == 422
    assert readable(client) is None
    assert client.ask("POST", "/api/password", {"old": code, "new": PASSWORD})[0] == 200
    assert readable(client)
    assert client.ask("GET", "/first-use")[0] == 303
    assert client.ask("POST", "/api/first-use", {"password": "a whole new phrase"})[0] == 409


def test_changing_the_password_ends_other_sessions(unit):
    one = unit()
    client, other = one.client(), one.client()
    client.claim(one.label["code"])
    assert other.sign_in(PASSWORD) == 200
    assert client.ask("POST", "/api/password", {"old": "wrong", "new": "a whole new phrase"})[0] == 401
    assert client.ask("POST", "/api/password", {"old": PASSWORD, "new": PASSWORD})[1]["faults"] == [
        "same-as-before"
    ]
    assert client.ask("POST", "/api/password", {"old": PASSWORD, "new": "a whole new phrase"})[0] == 200
    assert readable(client)
    assert readable(other) is None
    assert one.client().sign_in(PASSWORD) == 401
    assert one.client().sign_in("a whole new phrase") == 200


def test_logout_and_reset(unit):
    one = unit()
    client = one.client()
    client.claim(one.label["code"])
    assert client.ask("POST", "/api/logout", {})[0] == 200
    assert readable(client) is None
    client.sign_in(PASSWORD)
    assert client.ask("POST", "/api/reset", {"password": "wrong"})[0] == 401
    assert client.ask("POST", "/api/reset", {"password": PASSWORD})[0] == 200
    assert one.client().sign_in(PASSWORD) == 401
    one.client().claim(one.label["code"])


def test_the_reset_button_helps_who_forgot_the_password(unit):
    one = unit()
    one.client().claim(one.label["code"])
    for number in range(12):
        one.client().sign_in(f"forgotten {number}")
    assert one.client().sign_in(PASSWORD) == 429
    one.cut()
    one.options.append("--reset")
    one.boot()
    one.client().claim(one.label["code"])


def test_only_the_web_port_and_nothing_on_the_line_side(unit):
    one = unit("--wan", "127.63.0.9")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.63.0.9", one.port), 2)
    with open(f"/proc/{one.process.pid}/net/tcp") as table:
        listening = [line.split() for line in table if line.split()[3] == "0A"]
    inodes = {row[9] for row in listening}
    import os

    own = {
        os.readlink(f"/proc/{one.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{one.process.pid}/fd")
    }
    mine = [row[1] for row in listening if f"socket:[{row[9]}]" in own]
    assert mine == [f"01003F7F:{one.port:04X}"]
    assert inodes


def test_labels_differ_and_are_derived_from_nothing(works, tmp_path):
    labels = []
    for number in range(3):
        words = ("--serial", "SAME", "--mac", "02:00:00:00:00:01", "--ssid", "SAME")
        words += ("--trust", str(works / "maker.pub"), "--image", str(works / "current.img"))
        command = [
            sys.executable,
            "-m",
            "sekisho.exemplar",
            "factory",
            "--state",
            str(tmp_path / str(number)),
            *words,
        ]
        labels.append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
    assert len({label["code"] for label in labels}) == 3
    stored = (tmp_path / "0" / "factory.json").read_text()
    assert labels[0]["code"] not in stored
    again = subprocess.run(command, capture_output=True, check=False)
    assert again.returncode != 0, "a unit leaves the factory once"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_pages_without_any_inline_script(unit, language):
    one = unit()
    client = one.client()
    seen = [client.ask("GET", f"/login?lang={language}")[1]]
    client.sign_in(one.label["code"])
    seen.append(client.ask("GET", f"/first-use?lang={language}")[1])
    client.ask("POST", "/api/first-use", {"password": PASSWORD})
    seen += [
        client.ask("GET", f"{path}?lang={language}")[1] for path in ("/", "/settings", "/update", "/account")
    ]
    for text in seen:
        assert f'<html lang="{language}">' in text
        assert "<script>" not in text
        assert " on" + "click" not in text
        assert " style=" not in text
    assert 'type="password"' in seen[0]
    assert ("状態" in seen[2]) == (language == "ja")


def test_form_login_as_a_browser_does(unit):
    one = unit()
    client = one.client()
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    status, text, _ = client.ask("POST", "/login", b"user=admin&password=no", **form)
    assert (status, "alert" in text) == (401, True)
    body = f"user=admin&password={one.label['code']}".encode()
    assert client.ask("POST", "/login", body, **form)[2]["Location"] == "/first-use"
    differ = client.ask("POST", "/first-use", b"new=one+thing+here&again=another+thing", **form)
    assert differ[0] == 422
    new = PASSWORD.replace(" ", "+")
    assert client.ask("POST", "/first-use", f"new={new}&again={new}".encode(), **form)[2]["Location"] == "/"
    done = client.ask("POST", "/settings", b"hostname=from-a-form&firewall=off", **form)
    assert done[2]["Location"] == "/settings?done=saved"
    assert (readable(client)["hostname"], readable(client)["firewall"]) == ("from-a-form", False)
    bad = client.ask("POST", "/settings", b"hostname=%3Cb%3E&x=%3Cb%3E", **form)
    assert bad[0] == 422
    assert "<b>" not in bad[1]
