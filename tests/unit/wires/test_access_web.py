"""Web logins against small devices on loopback, honest and hostile."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets

import msgspec
import pytest

from fakes.loopback import LIMITS, loopback_access, loopback_terminal
from fakes.web_server import Said, web_server
from sekisho.formats.digest import read_challenges
from sekisho.formats.http import Reply
from sekisho.model.assessment import Limits
from sekisho.model.terminal import Code, LockRule, Login, Recipe
from sekisho.ports import Endpoint
from sekisho.wires.access.budget import CONTROLS
from sekisho.wires.access.discovery import discover

RIGHT, WRONG = Code("admin", "s3cret!"), Code("admin", "nonsense")
POST = Recipe("POST", "/login", fields={"user": "{user}", "pw": "{password}"})
FORM = Login("web", "admin", "form", sign_in=POST, guarded=("/settings",))
LOGIN_PAGE = "<title>Login</title><form method=post action=/login><input name=user><input type=password name=pw></form>"
SETTINGS = "<title>Settings</title><h1>Network settings</h1><form><input name=dns value=192.0.2.1></form>"


class Sessions:
    """A device with a form login and a cookie; ``wrong`` counts refusals."""

    def __init__(self, **options):
        self.options = options
        self.ids = set()
        self.wrong = 0
        self.posts = 0
        self.tokens = set()

    def login_page(self, extra=""):
        if not self.options.get("csrf"):
            return Said(LOGIN_PAGE.replace("</form>", f"</form>{extra}"))
        token = secrets.token_hex(8)
        self.tokens.add(token)
        hidden = f"<input type=hidden name=csrf value={token}></form>{extra}"
        return Said(LOGIN_PAGE.replace("</form>", hidden), headers=(("Set-Cookie", f"pre={token}; Path=/"),))

    def __call__(self, asked):
        path = asked.path.partition("?")[0]
        if path == "/login" and asked.method == "POST":
            return self.post(asked)
        if asked.cookies.get("sid") in self.ids:
            return self.inside(path)
        return self.login_page() if path == "/login" else self.options.get("guard", Said(LOGIN_PAGE))

    def post(self, asked):
        self.posts += 1
        form = asked.form
        if self.options.get("csrf"):
            token = form.get("csrf", "")
            if token not in self.tokens or asked.cookies.get("pre") != token:
                return Said("bad token", 403)
            self.tokens.discard(token)
        if self.wrong >= self.options.get("lock", 10**9):
            return Said("<p>アカウントがロックされました。しばらくたってからやり直してください</p>")
        if (form.get("user"), form.get("pw")) != (RIGHT.user, RIGHT.password):
            self.wrong += 1
            return self.login_page("<p>Wrong password</p>")
        self.wrong = 0
        sid = secrets.token_hex(8)
        self.ids.add(sid)
        return Said(
            "",
            302,
            (("Set-Cookie", f"sid={sid}; HttpOnly"), ("Location", self.options.get("home", "/settings"))),
        )

    def inside(self, path):
        if self.options.get("force") or path == "/change":
            page = "<title>New</title><form><input type=password name=a><input type=password name=b></form>"
            return Said(page) if path == "/change" else Said("", 302, (("Location", "/change"),))
        return Said(SETTINGS)


def signed(handler, login, *codes, limits=LIMITS, **more):
    async def run():
        async with web_server(handler) as port:
            access = loopback_access(loopback_terminal("http", port), limits)
            found = []
            for code in codes:
                result, session = await access.sign_in(login, code, **more)
                found.append(result)
                await session.close()
            return found, access

    return asyncio.run(run())


@pytest.mark.parametrize("csrf", [False, True])
def test_a_form_login_is_told_by_the_guarded_page(csrf):
    (right, wrong, none), access = signed(Sessions(csrf=csrf), FORM, RIGHT, WRONG, None)
    assert (right.accepted, wrong.accepted, none.accepted) == (True, False, False)
    assert right.proof == "opened /settings"
    assert not right.prompted
    assert not wrong.locked
    assert access.counts == {"admin": (1, 1, 0)}


def test_a_proof_that_only_the_signed_in_see_decides():
    login = Login(
        "web", "admin", "form", sign_in=POST, proof=Recipe(path="/settings", pattern="value=([0-9.]+)")
    )
    (right, wrong), _ = signed(Sessions(), login, RIGHT, WRONG)
    assert (right.accepted, right.proof) == (True, "proof")
    assert (wrong.accepted, wrong.proof) == (False, "proof-absent")


def test_a_device_that_shows_its_login_page_at_every_path_accepts_nothing():
    (result, none), _ = signed(lambda asked: Said(LOGIN_PAGE), FORM, RIGHT, None)
    assert result.accepted is False
    assert none.accepted is False


def test_a_device_that_says_the_same_to_everything_can_not_be_told():
    (result, none), _ = signed(lambda asked: Said("<title>OK</title>fine"), FORM, RIGHT, None)
    assert result.accepted is None
    assert none.accepted is None


def test_an_open_page_is_an_open_page_and_no_accepted_code():
    def device(asked):
        if asked.method == "POST" or asked.path == "/login":
            return Said(LOGIN_PAGE)
        return Said(SETTINGS) if asked.path == "/settings" else Said("<title>404</title>no", 404)

    (none, wrong), _ = signed(device, FORM, None, WRONG)
    assert none.accepted is True
    assert none.proof == "open /settings"
    assert wrong.accepted is None


def test_a_device_that_accepts_anything_accepts_nonsense_as_well():
    def device(asked):
        if asked.method == "POST":
            return Said("", 302, (("Set-Cookie", "sid=1"), ("Location", "/settings")))
        return Said(SETTINGS if asked.cookies.get("sid") == "1" else LOGIN_PAGE)

    (wrong,), _ = signed(device, FORM, WRONG)
    assert wrong.accepted is True


def test_200_on_wrong_json_and_a_bearer_token():
    def device(asked):
        if asked.path == "/api/login":
            said = json.loads(asked.body)
            good = said == {"username": "admin", "password": "s3cret!"}
            reply = (
                {"ok": True, "data": {"access_token": "tok-123456789"}}
                if good
                else {"ok": False, "error": "wrong"}
            )
            return Said(json.dumps(reply), headers=(("Content-Type", "application/json"),))
        if asked.headers.get("authorization") == "Bearer tok-123456789":
            return Said('{"dns":"192.0.2.1"}', headers=(("Content-Type", "application/json"),))
        return Said('{"ok":false,"error":"not logged in"}', headers=(("Content-Type", "application/json"),))

    recipe = Recipe(
        "POST", "/api/login", encoding="json", fields={"username": "{user}", "password": "{password}"}
    )
    login = Login("api", "admin", "json", sign_in=recipe, guarded=("/api/dns",))
    (right, wrong), _ = signed(device, login, RIGHT, WRONG)
    assert (right.accepted, wrong.accepted) == (True, False)


def test_a_flag_a_page_or_a_redirect_that_asks_for_a_change_is_a_prompt():
    (forced,), _ = signed(Sessions(force=True), FORM, RIGHT)
    assert (forced.accepted, forced.prompted) == (True, True)

    def api(asked):
        if asked.method == "POST":
            return Said('{"token":"abcdefgh1","mustChangePassword":true}')
        return Said('{"dns":1}' if asked.headers.get("authorization") else '{"error":"unauthorized"}')

    login = Login(
        "api",
        "admin",
        "json",
        sign_in=Recipe("POST", "/in", encoding="json", fields={"p": "{password}"}),
        guarded=("/x",),
    )
    (flag,), _ = signed(api, login, RIGHT)
    assert (flag.accepted, flag.prompted) == (True, True)


def test_a_lock_after_five_is_noticed_and_the_budget_stops_before_it():
    device = Sessions(lock=5)
    results, _ = signed(device, FORM, *[WRONG] * 7, limits=Limits(wrong_in_a_row=20))
    assert [one.locked for one in results] == [False] * 5 + [True] * 2
    assert all(one.accepted is False for one in results)

    device = Sessions(lock=5)
    results, access = signed(device, FORM, *[WRONG] * 7)
    assert [one.failure for one in results] == [""] * 3 + ["budget"] * 4
    assert device.posts == 3
    assert access.counts == {"admin": (3, 3, 0)}


def test_a_right_login_starts_the_row_anew_and_a_declared_rule_lowers_it():
    device = Sessions(lock=5)
    locked = Login("web", "admin", "form", sign_in=POST, guarded=("/settings",), lock=LockRule(4, 60))
    results, _ = signed(device, locked, WRONG, WRONG, WRONG, RIGHT)
    assert [one.failure for one in results] == ["", "", "budget", "budget"]
    results, access = signed(Sessions(lock=5), FORM, WRONG, WRONG, RIGHT, WRONG, WRONG)
    assert [one.accepted for one in results] == [False, False, True, False, False]
    assert access.counts == {"admin": (2, 4, 0)}


def test_measuring_has_its_own_budget_and_asks_no_more_than_it_must():
    asked_paths = []
    device = Sessions()

    def counting(asked):
        asked_paths.append((asked.method, asked.path))
        return device(asked)

    async def run():
        async with web_server(counting) as port:
            access = loopback_access(loopback_terminal("http", port), Limits(throttle_tries=5))
            await access.sign_in(FORM, RIGHT)
            await access.sign_in(FORM, WRONG)
            asked_paths.clear()
            results = [(await access.sign_in(FORM, WRONG, measuring=True))[0] for _ in range(6)]
            right, _ = await access.sign_in(FORM, RIGHT)
            return results, right, access.counts

    results, right, counts = asyncio.run(run())
    assert [one.accepted for one in results] == [False] * 5 + [None]
    assert results[-1].failure == "budget"
    assert asked_paths[:10] == [("GET", "/login"), ("POST", "/login")] * 5
    assert right.accepted is True
    assert counts["admin"] == (0, 1, 5)


def basic(asked):
    good = asked.headers.get("authorization") == "Basic YWRtaW46czNjcmV0IQ=="
    return (
        Said(SETTINGS)
        if good
        else Said("<title>401</title>no", 401, (("WWW-Authenticate", 'Basic realm="x"'),))
    )


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_answers_the_challenge(algorithm):
    def device(asked):
        offered = ("WWW-Authenticate", f'Digest realm="r", nonce="n1", qop="auth", algorithm={algorithm}')
        (said,) = read_challenges([asked.headers.get("authorization", "None")])
        if said.scheme != "digest":
            return Said("no", 401, (offered,))

        def h(text):
            return hashlib.new(algorithm.replace("-", ""), text.encode()).hexdigest()

        p = said.parameters
        want = h(f"{h('admin:r:s3cret!')}:n1:{p['nc']}:{p['cnonce']}:auth:{h('GET:/settings')}")
        return Said(SETTINGS) if p["response"] == want else Said("no", 401, (offered,))

    login = Login("web", "admin", "digest", guarded=("/settings",))
    (right, wrong, none), _ = signed(device, login, RIGHT, WRONG, None)
    assert (right.accepted, wrong.accepted, none.accepted) == (True, False, False)


def test_basic_needs_a_401_that_is_gone_and_another_page():
    login = Login("web", "admin", "basic", guarded=("/settings",))
    (right, wrong, none), _ = signed(basic, login, RIGHT, WRONG, None)
    assert (right.accepted, wrong.accepted, none.accepted) == (True, False, False)
    (always,), _ = signed(lambda asked: Said(SETTINGS), login, RIGHT)
    assert always.accepted is None
    (other,), access = signed(basic, Login("web", "admin", "digest", guarded=("/settings",)), RIGHT)
    assert (other.accepted, other.failure) == (None, "unsupported")
    assert access.counts == {"admin": (0, 0, 0)}


def test_circles_and_long_chains_end():
    (circle,), _ = signed(lambda asked: Said("", 302, (("Location", "/login"),)), FORM, RIGHT)
    assert (circle.accepted, circle.failure) == (None, "loop")

    def chain(asked):
        number = int((re.findall(r"\d+", asked.path) or ["0"])[0]) + 1
        return Said("", 302, (("Location", f"/{number}"),))

    (long,), _ = signed(chain, FORM, RIGHT)
    assert long.failure == "loop"


def test_a_redirect_to_another_address_is_not_followed():
    away = Said("", 302, (("Location", "http://192.0.2.9/x"),))
    (none,), _ = signed(lambda asked: away, FORM, None)
    assert none.accepted is None
    assert none.reply.location == "http://192.0.2.9/x"


def test_a_dead_service_costs_no_budget_and_is_not_called_locked():
    async def run():
        async with web_server(Sessions()) as port:
            access = loopback_access(loopback_terminal("http", port))
            before, _ = await access.sign_in(FORM, WRONG)
        after, _ = await access.sign_in(FORM, WRONG)
        fresh, _ = await loopback_access(loopback_terminal("http", port)).sign_in(FORM, WRONG)
        return before, after, fresh, access.counts

    before, after, fresh, counts = asyncio.run(run())
    assert before.accepted is False
    assert (after.accepted, after.failure, after.locked) == (None, "refused", False)
    assert (fresh.failure, fresh.locked) == ("refused", False)
    assert counts == {"admin": (1, 1, 0)}


def test_the_budget_is_kept_before_each_try_and_restored():
    kept = []

    async def run():
        async with web_server(Sessions()) as port:
            terminal = loopback_terminal("http", port)
            access = loopback_access(terminal, counts={"admin": (2, 79, 0)}, keep=kept.append)
            first, _ = await access.sign_in(FORM, WRONG)
            again, _ = await access.sign_in(FORM, WRONG)
            return first, again

    first, again = asyncio.run(run())
    assert (first.accepted, again.failure) == (False, "budget")
    assert kept[0] == {"admin": (3, 80, 0)}


def test_a_session_runs_recipes_with_hidden_inputs_and_reads_values():
    state = {"dns": "192.0.2.1"}

    def device(asked):
        if asked.path == "/set":
            if asked.form.get("tok") == "T" and asked.headers.get("referer", "").endswith("/dns"):
                state["dns"] = asked.form["dns"]
            return Said("ok")
        return Said(
            f"<form action=/set method=post><input type=hidden name=tok value=T><input name=dns value={state['dns']}></form>"
        )

    async def run():
        async with web_server(device) as port:
            access = loopback_access(loopback_terminal("http", port))
            session = await access.visit(FORM)
            write = Recipe("POST", "/set", page="/dns", fields={"dns": "{value}"})
            await session.run(write, {"value": "192.0.2.7"})
            read = await session.run(Recipe(path="/dns", pattern=r"name=dns value=([\d.]+)"))
            shell = await session.run(Recipe(command="id"))
            uploaded = await session.upload(
                Recipe("POST", "/up", encoding="multipart", fields={"f": "{file}"}), b"x" * 9, "i.bin"
            )
            return read, shell, uploaded

    read, shell, uploaded = asyncio.run(run())
    assert read.value == "192.0.2.7"
    assert shell.failure == "unsupported"
    assert uploaded.status == 200


def test_login_paths_of_an_undescribed_service_are_discovered_and_usable():
    page = f"{LOGIN_PAGE}<script>fetch('/api/v1/login', {{method:'POST', body: JSON.stringify({{username: u, password: p}})}})</script>"
    device = Sessions(guard=Said(page))

    async def run():
        async with web_server(device) as port:
            terminal = loopback_terminal("http", 1)
            access = loopback_access(terminal)
            from sekisho.formats.http import Request
            from sekisho.ports import Endpoint

            net = access._web._net
            where = Endpoint("127.0.0.1", port)
            pages = [await net.fetch(where, Request(path="/"))]
            async with web_server(basic) as other:
                locked = [await net.fetch(Endpoint("127.0.0.1", other), Request(path="/cfg"))]
                asked = access.discovered(Endpoint("127.0.0.1", other), locked)
            found = access.discovered(where, pages)
            right, _ = await access.sign_in(found[0], RIGHT)
            wrong, _ = await access.sign_in(found[0], WRONG)
            return found, asked, right, wrong

    found, asked, right, wrong = asyncio.run(run())
    assert [one.kind for one in found] == ["form", "json"]
    assert found[1].sign_in.path == "/api/v1/login"
    assert found[1].sign_in.fields == {"username": "{user}", "password": "{password}"}
    assert [(one.kind, one.guarded) for one in asked] == [("basic", ("/cfg",))]
    assert (right.accepted, wrong.accepted) == (True, False)


def test_unknown_services_kinds_and_unresolved_secrets_send_nothing():
    from sekisho.model.terminal import SecretRef

    cases = [
        (Login("x", "nowhere", "form", sign_in=POST), WRONG),
        (Login("x", "admin", "passkey"), WRONG),
        (FORM, Code("admin", SecretRef(env="X"))),
    ]
    for login, code in cases:
        (result,), access = signed(lambda asked: Said("never"), login, code)
        assert (result.accepted, result.failure) == (None, "unsupported")
        assert access.counts in ({}, {"admin": (0, 0, 0)})


def test_refusals_that_grow_slower_are_a_lock_but_a_steady_delay_is_none():
    def device(delays):
        waits = iter(delays)
        inner = Sessions()

        async def slow(asked):
            if asked.method == "POST" and asked.form["pw"] != RIGHT.password:
                await asyncio.sleep(next(waits))
            return inner(asked)

        return slow

    growing, _ = signed(device([0.0, 0.1, 2.3]), FORM, RIGHT, WRONG, WRONG, WRONG)
    assert [one.locked for one in growing] == [False, False, False, True]
    steady, _ = signed(device([2.2, 2.2]), FORM, RIGHT, WRONG, WRONG)
    assert [one.locked for one in steady] == [False, False, False]


def test_a_settings_page_that_speaks_of_rights_is_no_refusal():
    menu = (
        "<nav>User permissions | Access denied log | Sign in first screen settings | "
        + "network item " * 30
        + "</nav>"
    )

    def device(asked):
        if asked.method == "POST":
            good = asked.form.get("pw") == RIGHT.password
            return Said("", 302, (("Set-Cookie", f"sid={int(good)}"), ("Location", "/settings")))
        return Said(menu + SETTINGS if asked.cookies.get("sid") == "1" else LOGIN_PAGE)

    (right, wrong), _ = signed(device, FORM, RIGHT, WRONG)
    assert (right.accepted, wrong.accepted) == (True, False)


def test_lists_at_another_path_leave_the_controls_of_this_one():
    """Two paths, one account, a budget of eight: the lists of the first get nothing, the controls all."""
    device, limits = Sessions(), Limits(wrong_per_account=2 * CONTROLS, wrong_in_a_row=100)
    preset = Code("admin", "preset")
    one = msgspec.structs.replace(FORM, current=RIGHT, preset=preset)
    other = msgspec.structs.replace(one, name="another")

    async def run():
        async with web_server(device) as port:
            access = loopback_access(loopback_terminal("http", port, logins=(one, other)), limits)
            guesses = [
                await access.sign_in(other, Code("admin", f"guess {n}"), listed=True) for n in range(5)
            ]
            controls = [await access.sign_in(at, code) for at in (other, one) for code in (WRONG, preset)]
            return [first.failure for first, _ in guesses], [first.accepted for first, _ in controls]

    listed, controls = asyncio.run(run())
    assert listed == ["budget"] * 5
    assert controls == [False] * 4
    assert device.posts == 4, "what the budget refused was not sent"


@pytest.mark.parametrize("current", [None, Code("admin", "owner's own")])
def test_the_preset_is_a_known_right_code_only_while_no_current_one_is_declared(current):
    device = Sessions()
    login = msgspec.structs.replace(FORM, preset=RIGHT, current=current)
    results, _ = signed(device, login, WRONG, WRONG, RIGHT, limits=Limits(wrong_in_a_row=2))
    assert [one.accepted for one in results[:2]] == [False, False]
    # The row is used up: a code that is right by the description ends it, another one is not risked.
    last = results[2]
    assert (last.accepted, last.failure) == ((True, "") if current is None else (None, "budget"))


def test_a_run_killed_in_the_middle_of_right_logins_does_not_shut_itself_out():
    """Each of ten runs dies after sending the right code; the eleventh still may send it. A refusal is kept."""
    device, login = Sessions(), msgspec.structs.replace(FORM, current=RIGHT)
    kept = {}

    async def run():
        async with web_server(device) as port:
            place = loopback_terminal("http", port, logins=(login,))

            def again():
                return loopback_access(place, Limits(wrong_in_a_row=2), counts=dict(kept), keep=kept.update)

            for _ in range(10):
                access, dies = again(), asyncio.Event()

                async def dying(*_, dies=dies, **__):
                    dies.set()
                    await asyncio.sleep(60)

                access._web.sign_in = dying
                task = asyncio.create_task(access.sign_in(login, RIGHT))
                await dies.wait()
                task.cancel()
            accepted = (await again().sign_in(login, RIGHT))[0].accepted
            refused = msgspec.structs.replace(login, current=WRONG)
            was = dict(kept)
            said = (await again().sign_in(refused, WRONG))[0].accepted
            return accepted, was, said

    accepted, was, said = asyncio.run(run())
    assert (accepted, was) == (True, {"admin": (0, 0, 0)})
    assert (said, kept) == (False, {"admin": (1, 1, 0)})


@pytest.mark.parametrize(
    ("challenges", "names"),
    [
        (['Basic realm="admin"'] * 3, ["basic 127.0.0.1:80 /"]),
        (
            ['Basic realm="admin"', 'Basic realm="guest"', 'Basic realm="admin"'],
            ["basic 127.0.0.1:80 /", "basic 127.0.0.1:80 /login"],
        ),
        (
            ['Digest realm="admin", nonce="a"', 'Digest realm="admin", nonce="b"', 'Basic realm="admin"'],
            ["digest 127.0.0.1:80 /", "basic 127.0.0.1:80 /index.html"],
        ),
    ],
)
def test_one_realm_is_one_login(challenges, names):
    pages = [
        Reply(401, "", (("WWW-Authenticate", said),), b"", path=path)
        for path, said in zip(("/", "/login", "/index.html"), challenges, strict=True)
    ]
    assert [one.name for one in discover(Endpoint("127.0.0.1", 80), pages)] == names
