"""The image, the slots, the newest version: every mutant is refused, and the good image is installed."""

import asyncio
import hashlib
import http.server
import threading

import pytest

from sekisho.exemplar.software.image import HEAD, MAGIC, ImageError, Version, make_image, open_image
from sekisho.exemplar.software.newest import Newest, ask, judge, publish

URL = "http://127.0.0.1:{}/newest.json"


def test_the_control_a_good_newer_image_is_installed_in_the_other_slot(terminal_on, maker):
    terminal = terminal_on(maker.unit())
    assert (str(terminal.slots.version), terminal.slots.slot) == ("1.0.0", "a")
    assert asyncio.run(terminal.software.install(maker.image("1.1.0"))) == "1.1.0"
    assert (str(terminal.slots.version), terminal.slots.slot) == ("1.1.0", "b")
    asyncio.run(terminal.software.install(maker.image("1.1.1")))
    assert (str(terminal.slots.version), terminal.slots.slot) == ("1.1.1", "a")


def test_every_single_changed_byte_is_refused(maker):
    image = maker.image("1.1.0", payload=bytes(range(40)))
    key = maker.key.public_key()
    assert open_image(image, key, "SK-1").version == Version(1, 1, 0)
    for place in range(len(image)):
        for flip in (1, 0x80):
            mutant = bytearray(image)
            mutant[place] ^= flip
            with pytest.raises(ImageError):
                open_image(bytes(mutant), key, "SK-1")


def test_every_truncation_and_any_addition_is_refused(maker):
    image = maker.image("1.1.0", payload=bytes(range(40)))
    for size in range(len(image)):
        with pytest.raises(ImageError):
            open_image(image[:size], maker.key.public_key(), "SK-1")
    with pytest.raises(ImageError, match="wrong-size"):
        open_image(image + b"\0", maker.key.public_key(), "SK-1")


@pytest.mark.parametrize(
    ("version", "changes", "why"),
    [
        ("1.1.0", {"key": "other"}, "bad-signature"),
        ("1.1.0", {"model": "SK-2"}, "wrong-model"),
        ("1.0.0", {}, "not-newer"),
        ("0.9.0", {}, "not-newer"),
        ("0.99.99", {}, "not-newer"),
    ],
)
def test_refusals_leave_the_running_version(terminal_on, maker, version, changes, why):
    disk = maker.unit()
    terminal = terminal_on(disk)
    changes = {name: maker.other if value == "other" else value for name, value in changes.items()}
    with pytest.raises(ImageError, match=why):
        asyncio.run(terminal.software.install(maker.image(version, **changes)))
    terminal.boot()
    assert str(terminal.slots.version) == "1.0.0"


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{}", b'{"model":"SK-1","version":"1","size":0,"sha256":""}']
)
def test_a_signed_but_senseless_manifest_is_refused(maker, manifest):
    signature = maker.key.sign(MAGIC + len(manifest).to_bytes(4, "big") + manifest)
    with pytest.raises(ImageError, match=r"bad-manifest|bad-version"):
        open_image(HEAD.pack(MAGIC, len(manifest), signature) + manifest, maker.key.public_key(), "SK-1")


def test_a_damaged_slot_boots_the_other_and_does_not_open_the_way_back(terminal_on, model_disk, maker):
    disk = maker.unit()
    asyncio.run(terminal_on(disk).software.install(maker.image("1.2.0")))
    files = {name: disk.read(name) for name in disk.names}
    files["slots/b.img"] = files["slots/b.img"][:-1] + b"\0"
    terminal = terminal_on(model_disk(files))
    assert (str(terminal.slots.version), terminal.slots.slot) == ("1.0.0", "a")
    with pytest.raises(ImageError, match="not-newer"):
        asyncio.run(terminal.software.install(maker.image("1.1.0")))
    asyncio.run(terminal.software.install(maker.image("1.2.1")))
    assert str(terminal.slots.version) == "1.2.1"


def test_without_any_valid_software_it_does_not_pretend(terminal_on, model_disk, maker):
    disk = maker.unit()
    files = {name: disk.read(name) for name in disk.names}
    with pytest.raises(ImageError, match="no-software"):
        terminal_on(model_disk({**files, "slots/a.img": b"", "slots/b.img": b""}))


@pytest.mark.parametrize("text", ["1.0", "1.0.0.0", "v1.0.0", "1.0.x", "", None, "１.0.0", "1.0.0\n"])
def test_versions_are_three_numbers(text):
    with pytest.raises(ImageError, match="bad-version"):
        Version.parse(text)


def test_versions_are_compared_as_numbers():
    assert Version.parse("1.10.0") > Version.parse("1.9.9") > Version.parse("1.9.0")


class TestNewest:
    RUNNING = Version(1, 0, 0)

    def judged(self, maker, document):
        return judge(document, maker.key.public_key(), "SK-1", self.RUNNING)

    def document(self, maker, version, model="SK-1", key=None):
        return publish(model, version, hashlib.sha256(b"").hexdigest(), "", key or maker.key)

    def test_newer_same_older(self, maker):
        assert self.judged(maker, self.document(maker, "1.1.0")) == Newest("newer-exists", "1.1.0")
        assert self.judged(maker, self.document(maker, "1.0.0")) == Newest("newest", "1.0.0")
        assert self.judged(maker, self.document(maker, "0.9.0")).state == "newest"

    def test_what_is_not_signed_by_the_maker_says_nothing(self, maker):
        good = self.document(maker, "1.1.0")
        for bad, why in (
            (self.document(maker, "9.9.9", key=maker.other), "bad-signature"),
            (good.replace(b"1.1.0", b"9.9.9"), "bad-signature"),
            (self.document(maker, "1.1.0", model="SK-2"), "wrong-model"),
            (b"", "not-a-statement"),
            (b"[]", "not-a-statement"),
            (b'{"statement": "", "signature": "zz"}', "not-a-statement"),
            (make_image(b"", "SK-1", "1.1.0", maker.key), "not-a-statement"),
        ):
            assert self.judged(maker, bad) == Newest("unknown", reason=why), bad

    @pytest.fixture
    def page(self):
        """A small web server on loopback; `answers` decides what it says."""

        class Handler(http.server.BaseHTTPRequestHandler):
            answer = (200, b"", {})

            def do_GET(self):
                status, body, headers = type(self).answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Handler, URL.format(server.server_port)
        server.shutdown()
        thread.join()
        server.server_close()

    def asked(self, maker, url):
        return ask(url, maker.key.public_key(), "SK-1", self.RUNNING)

    def test_asked_over_the_network(self, maker, page):
        handler, url = page
        handler.answer = (200, self.document(maker, "1.1.0"), {})
        assert self.asked(maker, url) == Newest("newer-exists", "1.1.0")

    def test_redirects_errors_and_giants_are_not_followed(self, maker, page):
        handler, url = page
        for answer, why in (
            ((302, b"", {"Location": url}), "unreachable"),
            ((404, b"", {}), "unreachable"),
            ((200, b" " * 200_000, {}), "not-a-statement"),
        ):
            handler.answer = answer
            assert self.asked(maker, url) == Newest("unknown", reason=why)

    @pytest.mark.parametrize("url", [None, "", "file:///etc/passwd", "ftp://127.0.0.1/"])
    def test_other_addresses_are_not_asked(self, maker, url):
        assert self.asked(maker, url).reason == "no-address"

    def test_nobody_there(self, maker):
        assert self.asked(maker, URL.format(1)).reason == "unreachable"
