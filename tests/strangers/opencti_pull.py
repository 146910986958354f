"""OpenCTI: what its TAXII connector asks and its client library does with the answer, without its platform.

Words: discovery URL, collection's title, member, token.
"""

import json
import sys
import uuid
from datetime import datetime, timedelta
from importlib.metadata import version

from pycti import OpenCTIStix2Splitter
from taxii2client.v21 import Server

url, title, member, token = sys.argv[1:5]
server = Server(url, user=member, password=token)
server.refresh()
(collection,) = [one for root in server.api_roots for one in root.collections if one.title == title]
# A time without a zone, as the connector gives it.
filters = {"added_after": datetime.now() - timedelta(hours=24 * 365 * 20)}
pages, objects = 0, []
response = collection.get_objects(limit=3, **filters)
while True:
    pages += 1
    objects += response.get("objects", [])
    if response.get("more") is not True:
        break
    response = collection.get_objects(limit=3, next=response["next"], **filters)
bundle = {
    "type": "bundle",
    "id": f"bundle--{uuid.uuid4()}",
    "spec_version": objects[0]["spec_version"],
    "objects": objects,
}
splitter = OpenCTIStix2Splitter()
expectations, incompatible, bundles = splitter.split_bundle_with_expectations(json.dumps(bundle))
taken = [one for some in bundles for one in json.loads(some)["objects"]]
print(
    json.dumps(
        {
            "version": version("pycti"), "pages": pages, "objects": len(objects), "expectations": expectations,
            "incompatible": [one["id"] for one in incompatible], "taken": sorted({one["id"] for one in taken}),
            "ids": sorted({one["id"] for one in objects}),
        }
    )
)  # fmt: skip
