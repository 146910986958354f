"""The images are what the terminals and the descriptions say they are."""

import json
import subprocess
import sys
import urllib.request

import pytest

from sekisho.demo import images
from sekisho.demo.firmware import BASELINE, HIJACKABLE
from sekisho.formats.mutants import flip, payload_place, repair
from sekisho.model.terminal import Repair


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    room = tmp_path_factory.mktemp("images")
    images.build(room)
    return room


@pytest.mark.parametrize(("name", "made"), [("hijackable", HIJACKABLE), ("baseline", BASELINE)])
def test_a_repaired_image_passes_the_cheap_checksum(built, name, made):
    image = (built / name / "newer.bin").read_bytes()
    assert made.version(image) == "1.1.0"
    changed = flip(image, payload_place(image))
    assert made.version(changed) is None
    assert made.version(repair(changed, [Repair(**images.REPAIRS[name])])) == "1.1.0"


def test_building_again_keeps_the_keys(built):
    before = (built / "exemplar" / "trust.pub").read_bytes()
    images.build(built)
    assert (built / "exemplar" / "trust.pub").read_bytes() == before


def test_the_update_site_gives_out_the_statement_and_no_key(start, ports, built):
    words = [sys.executable, "-m", "sekisho.demo.update_site", "--directory", str(built / "exemplar")]
    process = subprocess.Popen([*words, "--port", str(ports())], stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads(process.stdout.readline())["web"]
        with urllib.request.urlopen(address, timeout=5) as answer:
            assert json.loads(json.loads(answer.read())["statement"])["version"] == "1.1.0"
        with urllib.request.urlopen(address.removesuffix("newest.json"), timeout=5) as answer:
            assert "1.1.0" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address.replace("newest.json", "maker.key"), timeout=5)
        refused.value.close()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
