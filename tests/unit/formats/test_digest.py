"""Vectors: RFC 7616 §3.9.1 and RFC 2617 §3.5."""

from __future__ import annotations

from sekisho.formats.digest import Challenge, basic, digest, read_challenges

RFC7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={0}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answer(algorithm):
    (challenge,) = read_challenges([RFC7616.format(algorithm)])
    return digest(challenge, "Mufasa", "Circle of Life", method="GET", uri="/dir/index.html", cnonce=CNONCE)


def test_md5_and_sha256_give_the_responses_of_rfc_7616():
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in answer("MD5")
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in answer("SHA-256")


def test_rfc_2617_example():
    challenge = Challenge(
        "digest",
        {
            "realm": "testrealm@host.com",
            "qop": "auth,auth-int",
            "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        },
    )
    made = digest(
        challenge, "Mufasa", "Circle Of Life", method="GET", uri="/dir/index.html", cnonce="0a4f113b"
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in made
    assert "algorithm" not in made


def test_unknown_algorithms_and_auth_int_alone_are_not_answered():
    assert answer("SHA-512-256") is None
    assert (
        digest(
            Challenge("digest", {"nonce": "n", "qop": "auth-int"}),
            "u",
            "p",
            method="GET",
            uri="/",
            cnonce="c",
        )
        is None
    )
    assert digest(Challenge("digest", {}), "u", "p", method="GET", uri="/", cnonce="c") is None


def test_several_challenges_in_one_header_are_told_apart():
    found = read_challenges(['Digest realm="a, \\"b\\"", nonce=xyz, Basic realm="c"', "Negotiate"])
    assert [(one.scheme, one.realm) for one in found] == [
        ("digest", 'a, "b"'),
        ("basic", "c"),
        ("negotiate", ""),
    ]
    assert read_challenges(['=,,"', ""]) == ()


def test_basic_is_utf_8():
    assert basic("test", "123£") == "Basic dGVzdDoxMjPCow=="
