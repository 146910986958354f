from __future__ import annotations

import json
from urllib.parse import parse_qs

from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.recipe import File, encode, extract, fill, point, quote, read_json


def test_places_are_filled_once_and_unknown_ones_stay():
    assert fill("{user}:{password}{x}", {"user": "{password}", "password": "p"}) == "{password}:p{x}"


def test_pointers_follow_rfc_6901():
    document = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, "no": None}
    assert point(document, "") == document
    assert point(document, "/foo/0") == "bar"
    assert point(document, "/") == 0
    assert point(document, "/a~1b") == 1
    assert point(document, "/m~0n") == 8
    for absent in ("/foo/2", "/foo/01", "/nope", "/foo/0/x", "/foo/-"):
        assert point(document, absent) is None


def test_values_are_read_by_pointer_pattern_or_whole():
    assert extract('{"a":{"b":true}}', "/a/b", "") == "true"
    assert extract("not json", "/a", "") is None
    assert extract("v = 1.2.3;", "", r"v = ([\d.]+)") == "1.2.3"
    assert extract("v = 1", "", "w = (.)") is None
    assert extract("all", "", "") == "all"
    assert extract("[" * 200_000, "/a", "") is None


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9), max_size=4))
def test_forms_say_the_same_to_another_reader(fields):
    body = encode("form", {name: f"{{v{index}}}" for index, name in enumerate(fields)},
                  {f"v{index}": value for index, value in enumerate(fields.values())})  # fmt: skip
    seen = parse_qs(
        body.content.decode(), keep_blank_values=True, strict_parsing=bool(fields), errors="strict"
    )
    assert seen == {name: [value] for name, value in fields.items()}


def test_json_nests_pointer_names_and_keeps_hidden_inputs():
    body = encode("json", {"/params/user": "{user}", "id": "1"}, {"user": 'a"b'}, {"token": "t"})
    assert json.loads(body.content) == {"params": {"user": 'a"b'}, "id": "1", "token": "t"}
    assert body.kind == "application/json"


def test_a_raw_json_body_has_its_values_escaped():
    body = encode("raw", {"body": '{"p":"{password}"}'}, {"password": 'x"\\y'})
    assert json.loads(body.content) == {"p": 'x"\\y'}


def test_multipart_holds_fields_and_the_file():
    body = encode(
        "multipart", {"a": "{value}", "image": "{file}"}, {"value": "1"}, file=File("f.bin", b"\0\xff")
    )
    assert (
        b'name="image"; filename="f.bin"\r\nContent-Type: application/octet-stream\r\n\r\n\0\xff\r\n'
        in body.content
    )
    assert b'name="a"\r\n\r\n1\r\n' in body.content


def test_query_and_raw_upload():
    assert encode("query", {"a b": "{value}"}, {"value": "é&"}).query == "a+b=%C3%A9%26"
    assert encode("raw", {}, {}, file=File("f", b"abc")).content == b"abc"
    assert quote("/a b", safe="/") == "/a%20b"


def test_json_is_told_from_pages():
    assert read_json("<html>") is None
    assert read_json(' {"a": 1}') == {"a": 1}
    assert read_json("{broken") is None
