"""A console for tests: over a real data folder, with browsers that are signed in or not."""

from collections.abc import Callable
from dataclasses import replace

from starlette.testclient import TestClient

from fakes.gate import CHEAP
from sekisho.language import Language
from sekisho.model.account import Role
from sekisho.stores.passwords import Argon2Passwords
from sekisho.web.application import application
from sekisho.web.office import Office
from sekisho.wiring.moment import milliseconds
from sekisho.workflows import sign_in

PASSWORD = "correct horse in the rain"
ORIGIN = "http://localhost:8443"
VISIT = sign_in.Visit("127.0.0.1")
Browser = Callable[..., TestClient]


def quick(office: Office) -> Office:
    """Return the office with passwords hashed cheaply; what the real settings cost has its own tests."""
    return replace(office, gate=replace(office.gate, hashing=Argon2Passwords(2, 5.0, CHEAP)))


def browsing(office: Office, token: str = "") -> TestClient:
    """Return a browser; with a session's token it is signed in. It sends what browsers send."""
    return TestClient(
        application(office),
        base_url=ORIGIN,
        follow_redirects=False,
        headers={"sec-fetch-site": "same-origin"},
        cookies={office.cookie: token} if token else None,
    )


def first_admin(office: Office) -> sign_in.SignedIn:
    """Make the first administrator, by the link."""
    token = sign_in.make_setup_link(office.gate, milliseconds())
    done = sign_in.redeem_setup(office.gate, token, "関守", PASSWORD, VISIT, milliseconds(), Language.JA)
    assert isinstance(done, sign_in.SignedIn)
    return done


def signed_in(office: Office, admin: sign_in.SignedIn, role: Role) -> sign_in.SignedIn:
    """Return a sign-in of that role, invited by the administrator."""
    if role is Role.ADMIN:
        return admin
    _, link = sign_in.add_person(
        office.gate, admin.account, admin.session, f"one {role.value}", role, Language.JA, milliseconds()
    )
    done = sign_in.redeem_setup(office.gate, link, "", PASSWORD, VISIT, milliseconds(), Language.JA)
    assert isinstance(done, sign_in.SignedIn)
    return done
