"""Fill the terminal descriptions of the demo: `NAME.toml` beside this file with `@place@` marks.

| place | in | value |
|---|---|---|
| lan, wan | all | addresses |
| sources | all | list of the tester's own addresses, two of them |
| web_port | all | number |
| telnet_port | hijackable, baseline | number |
| upnp_port, ssdp_port | hijackable | numbers |
| images | all | the directory that `images.build` filled |
| cut, restore, reset | all | argument lists: pull the plug, put it back, press the reset button while starting |
| serial_a … code_b | exemplar | serial, mac, ssid, code of two labels |
| password | exemplar | the password that the tester chooses |
| lock_seconds | exemplar | as given to the process by `--lock-seconds` |
| update_url | exemplar | as given to the process by `--update-url` |
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files

_PLACE = re.compile(r"@(\w+)@")


def fill(name: str, values: Mapping[str, object]) -> str:
    """Return the description of `hijackable`, `baseline` or `exemplar`; KeyError names a missing place.

    Texts are escaped for the quotes around them; numbers and lists are written as TOML values.
    """
    template = (files("sekisho.demo") / f"{name}.toml").read_text(encoding="utf-8")
    return "".join(
        line if line.startswith("#") else _PLACE.sub(lambda found: _written(values[found[1]]), line)
        for line in template.splitlines(keepends=True)
    )


def _written(value: object) -> str:
    # A JSON string, number or list of strings is a TOML one too. The quotes of a text stand in the template.
    written = json.dumps(value, ensure_ascii=False)
    return written[1:-1] if isinstance(value, str) else written
