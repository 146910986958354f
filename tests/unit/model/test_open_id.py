"""What an ID token must say, and which role the rules give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.model.identity import Role
from sekisho.model.open_id import Identity, OpenIdRules, fault, identity

RULES = OpenIdRules("https://id.example", "console", {"noc": Role.ANALYST, "boss": Role.ADMIN})
AT = 1_795_000_000_000
GOOD: dict[str, Any] = {
    "iss": "https://id.example", "aud": "console", "exp": AT // 1000 + 300, "iat": AT // 1000, "nonce": "n", "sub": "s1",
}  # fmt: skip


def test_a_good_token() -> None:
    assert fault(GOOD, RULES, "n", AT) == ""
    assert fault(GOOD | {"aud": ["console"]}, RULES, "n", AT) == ""
    assert fault(GOOD | {"aud": ["console", "x"], "azp": "console"}, RULES, "n", AT) == ""


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"iss": "https://id.example/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "other"}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": ["console", "x"]}, "party"),
        ({"azp": "x"}, "party"),
        ({"exp": AT // 1000 - 60}, "expired"),
        ({"exp": "9999999999"}, "expired"),
        ({"exp": True}, "expired"),
        ({"exp": float("inf")}, "expired"),
        ({"iat": AT // 1000 + 61}, "early"),
        ({"iat": None}, "early"),
        ({"nbf": AT // 1000 + 61}, "early"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"sub": "x" * 256}, "subject"),
    ],
)
def test_each_fault_is_found(changed: dict[str, Any], wrong: str) -> None:
    assert fault(GOOD | changed, RULES, "n", AT) == wrong


def test_clocks_may_be_apart_a_little() -> None:
    assert fault(GOOD | {"exp": AT // 1000 - 59, "iat": AT // 1000 + 60}, RULES, "n", AT) == ""


def test_without_a_nonce_nothing_is_right() -> None:
    assert fault(GOOD | {"nonce": ""}, RULES, "", AT) == "nonce"


@given(st.dictionaries(st.sampled_from([*GOOD, "azp", "nbf"]), st.none() | st.integers() | st.floats() | st.text() | st.lists(st.text())))  # fmt: skip
def test_no_claims_break_it(claims: dict[str, Any]) -> None:
    assert isinstance(fault(claims, RULES, "n", AT), str)
    assert isinstance(RULES.role(claims), Role | None)
    assert fault({name: value for name, value in claims.items() if name != "iss"}, RULES, "n", AT)


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["noc"]}, Role.ANALYST),
        ({"groups": ["noc", "boss", "else"]}, Role.ADMIN),
        ({"groups": "noc"}, Role.ANALYST),
        ({"groups": ["NOC"]}, None),
        ({"groups": []}, None),
        ({}, None),
        ({"groups": {"noc": 1}}, None),
        ({"groups": [7, None]}, None),
    ],
)
def test_only_a_rule_gives_a_role(claims: dict[str, Any], role: Role | None) -> None:
    assert RULES.role(claims) is role


def test_a_claim_may_lie_deeper() -> None:
    deep = OpenIdRules("i", "c", {"noc": Role.VIEWER}, claim="realm_access.roles")
    assert deep.role({"realm_access": {"roles": ["noc"]}}) is Role.VIEWER
    assert deep.role({"realm_access": "noc"}) is None


def test_who_it_is() -> None:
    assert identity(GOOD, RULES) == Identity("s1", "s1", None, 0)
    more = GOOD | {"preferred_username": "佐藤", "groups": "noc", "auth_time": 5}
    assert identity(more, RULES) == Identity("s1", "佐藤", Role.ANALYST, 5000)
