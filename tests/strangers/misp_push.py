"""misp-stix: a MISP event goes out as MISP's own push does it. Words: base URL, root, collection, member, token, event file."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import taxii2client
from misp_stix_converter import MISPtoSTIX21Parser
from requests.auth import HTTPBasicAuth

base, root, name, member, token, file = sys.argv[1:7]
converter = MISPtoSTIX21Parser()
converter.parse_json_file(file)
objects = [one.serialize().encode() for one in converter.bundle.objects]
auth = HTTPBasicAuth(member.encode(), token.encode())
with taxii2client.ApiRoot(f"{base}/{root}", auth=auth) as api:
    bound = api.max_content_length
# MISP fills envelopes up to what the root announces.
envelopes, size = [[]], 0
for one in objects:
    if size + len(one) + 16 > bound:
        envelopes.append([])
        size = 0
    envelopes[-1].append(one)
    size += len(one) + 1
told = []
with taxii2client.Collection(f"{base}/{root}/collections/{name}", auth=auth) as collection:
    for some in envelopes:
        status = collection.add_objects(b'{"objects":[' + b",".join(some) + b"]}", wait_for_completion=False)
        told.append([status.status, status.success_count, status.failure_count, status.failures])
print(
    json.dumps(
        {
            "version": version("misp-stix"), "bound": bound, "sent": [json.loads(one)["type"] for one in objects], "told": told,
            "warnings": {key: sorted(value) for key, value in converter.warnings.items()},
            "errors": {key: sorted(value) for key, value in converter.errors.items()}, "file": Path(file).name,
        }
    )
)  # fmt: skip
