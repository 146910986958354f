"""What a browser's visit is to the accounts: where it comes from, what it is given, and for which party a passkey is."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.web.asked import Asked
from sekisho.web.doors import scheme_of
from sekisho.workflows import sign_in

YEAR = 31_536_000
_SESSION = 43_200


def visit(asked: Asked) -> sign_in.Visit:
    """Return where a request comes from, for the delays and the list of sessions."""
    browser = asked.request.headers.get("user-agent", "")[:200]
    return sign_in.Visit(asked.source, browser, asked.request.cookies.get("known", ""))


def enter(asked: Asked, done: sign_in.SignedIn, where: str) -> Response:
    """Give the browser its session and go on."""
    asked.cookies.append((asked.office.cookie, done.token, _SESSION))
    if done.known:
        asked.cookies.append(("known", done.known, YEAR))
    return asked.see_other(where)


def party(asked: Asked, *, need: bool = False) -> sign_in.RelyingParty:
    """Return the party of passkeys for the address in the browser; with an empty id where there can be none.

    :raises DescriptionError: passkeys need a host name and TLS, or localhost; and ``need`` says that one is needed
    """
    origin = f"{scheme_of(asked.request, asked.office.proxies)}://{asked.request.headers.get('host', '')}"
    found = sign_in.RelyingParty.of(origin)
    if found is None and need:
        raise DescriptionError(
            Text(
                ja="この開き方ではパスキーを使えない",
                en="passkeys can't be used at this address",
            ),
            origin,
            Text(
                ja="https とホスト名、または http://localhost で開く（WebAuthn の決まり）",
                en="open it by https and a host name, or http://localhost (a rule of WebAuthn)",
            ),
        )
    return found or sign_in.RelyingParty("", ())
