"""stix2-patterns: which of some texts are patterns of STIX 2.1. Word: a file with a JSON list of them."""

import json
import sys
from pathlib import Path

from stix2patterns.validator import run_validator


def taken(text: str) -> bool:
    try:
        return not run_validator(text, stix_version="2.1")
    except (UnboundLocalError, AttributeError):  # it breaks at an empty one and at indices below zero
        return False


print(json.dumps([taken(one) for one in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))]))
