"""The demo's descriptions are read by the same loader as anybody's, and say what the terminals do."""

import pytest

from sekisho.demo import descriptions, images
from sekisho.workflows.describe import read_terminal

ADDRESSES = {"lan": "127.64.0.1", "wan": "127.64.0.2", "sources": ["127.64.1.1", "127.64.1.2"]}
PORTS = {"web_port": 8081, "telnet_port": 2323, "upnp_port": 5000, "ssdp_port": 1900}
POWER = {"cut": ["power", 'of"f'], "restore": ["power", "on"], "reset": ["power", "reset"]}
LABELS = {f"{name}_{unit}": f"{name}-{unit}" for name in ("serial", "mac", "ssid", "code") for unit in "ab"}
REST = {
    "password": 'a "quoted" phrase',
    "lock_seconds": 20,
    "update_url": "http://127.64.0.3:8090/newest.json",
}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    made = tmp_path_factory.mktemp("demo")
    images.build(made / "images")
    return made


@pytest.fixture
def read(room):
    def load(name):
        values = ADDRESSES | PORTS | POWER | LABELS | REST | {"images": str(room / "images")}
        path = room / f"{name}.toml"
        path.write_text(descriptions.fill(name, values), encoding="utf-8")
        return read_terminal(path)

    return load


@pytest.mark.parametrize("name", ["hijackable", "baseline", "exemplar"])
def test_it_loads(read, name):
    terminal = read(name)
    assert terminal.interface("wan").addresses == ("127.64.0.2",)
    assert terminal.interface("lan").sources == ("127.64.1.1", "127.64.1.2")
    assert terminal.power.cut == ("power", 'of"f')
    assert terminal.update.images.newer.endswith(("newer.bin", "newer.img"))
    assert len(terminal.units) == 2


def test_secrets_of_the_exemplar_are_resolved(read):
    (login,) = read("exemplar").logins
    assert (login.preset.password, login.current.password) == ("code-a", 'a "quoted" phrase')


@pytest.mark.parametrize("name", ["hijackable", "baseline"])
def test_declared_repairs_are_those_of_the_format(read, name):
    (repair,) = read(name).update.repair
    assert {field: getattr(repair, field) for field in images.REPAIRS[name]} == dict(images.REPAIRS[name])


def test_a_missing_place_is_named():
    with pytest.raises(KeyError, match="lan"):
        descriptions.fill("baseline", {})
