"""The verbs of signing in to the console: set up, sign in, stay, leave; passkeys, tokens, people.

What a stranger can ask is answered with a value, `Refusal` among them; what somebody signed in may not do is raised.
Every act is in the audit log, in one transaction with what it changes. Time comes in as milliseconds.
"""

from __future__ import annotations

from sekisho.workflows.sign_in.by_open_id import (
    Begun,
    begin_open_id,
    finish_confirm_open_id,
    finish_open_id,
)
from sekisho.workflows.sign_in.by_passkey import (
    begin_add_passkey,
    begin_confirm_passkey,
    begin_passkey_sign_in,
    finish_add_passkey,
    finish_confirm_passkey,
    finish_passkey_sign_in,
    my_passkeys,
    remove_passkey,
)
from sekisho.workflows.sign_in.gate import (
    AGAIN,
    Gate,
    LinkSeen,
    Refusal,
    RelyingParty,
    SignedIn,
    Visit,
    Why,
)
from sekisho.workflows.sign_in.password import (
    change_password,
    confirm_password,
    password_faults,
    sign_in_password,
)
from sekisho.workflows.sign_in.people import (
    add_person,
    change_role,
    demand_password_change,
    disable_person,
    enable_person,
    people,
    renew_link,
    set_language,
)
from sekisho.workflows.sign_in.set_up import (
    begin_setup_passkey,
    finish_setup_passkey,
    look_at_link,
    make_setup_link,
    needs_first_admin,
    redeem_setup,
    reset,
)
from sekisho.workflows.sign_in.staying import (
    end_other_sessions,
    end_session,
    my_sessions,
    recently_authenticated,
    sign_out,
    whoami,
)
from sekisho.workflows.sign_in.tokens import make_token, my_tokens, revoke_token, whose_token

__all__ = [
    "AGAIN",
    "Begun",
    "Gate",
    "LinkSeen",
    "Refusal",
    "RelyingParty",
    "SignedIn",
    "Visit",
    "Why",
    "add_person",
    "begin_add_passkey",
    "begin_confirm_passkey",
    "begin_open_id",
    "begin_passkey_sign_in",
    "begin_setup_passkey",
    "change_password",
    "change_role",
    "confirm_password",
    "demand_password_change",
    "disable_person",
    "enable_person",
    "end_other_sessions",
    "end_session",
    "finish_add_passkey",
    "finish_confirm_open_id",
    "finish_confirm_passkey",
    "finish_open_id",
    "finish_passkey_sign_in",
    "finish_setup_passkey",
    "look_at_link",
    "make_setup_link",
    "make_token",
    "my_passkeys",
    "my_sessions",
    "my_tokens",
    "needs_first_admin",
    "password_faults",
    "people",
    "recently_authenticated",
    "redeem_setup",
    "remove_passkey",
    "renew_link",
    "reset",
    "revoke_token",
    "set_language",
    "sign_in_password",
    "sign_out",
    "whoami",
    "whose_token",
]
