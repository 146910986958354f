"""MISP's own import from TAXII 2.1 (misp-modules). Words: collection's URL, member, token, a wrong token."""

import importlib.util
import json
import sys
from importlib.metadata import distribution

url, member, token, wrong = sys.argv[1:5]
# The one file is loaded as MISP's module server does; the package itself would load all other modules.
found = distribution("misp-modules")
file = found.locate_file("misp_modules/modules/import_mod/taxii21.py")
spec = importlib.util.spec_from_file_location("taxii21", file)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def asked(secret: str, **more: str) -> dict:
    config = {"url": url, "username": member, "password": secret, **more}
    return module.handler(json.dumps({"config": config, "data": ""}))


told = asked(token)
some = asked(token, stix_object_limit="1")
print(
    json.dumps(
        {
            "version": found.version,
            "attributes": sorted([one["type"], one["value"]] for one in told["results"].get("Attribute", [])),
            "inner": sorted(
                [one["type"], one["value"]]
                for some in told["results"].get("Object", [])
                for one in some["Attribute"]
            ),
            "one": sorted(some.get("results", some)),
            "wrong": asked(wrong).get("error"),
        }
    )
)
