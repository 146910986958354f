"""cytaxii2, Cyware's client. Words: discovery URL, collection's id, member, token, file with an envelope to send."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from cytaxii2 import cytaxii2

url, name, member, token, file = sys.argv[1:6]
client = cytaxii2.cytaxii2(url, member, token)
sent = client.inbox_request(name, Path(file).read_text())
pages, mark = [], None
while True:
    got = client.poll_request(name, limit=2, next=mark, added_after="2020-01-01T00:00:00Z")
    pages.append([one["id"] for one in got["response"].get("objects", [])])
    mark = got["response"].get("next")
    if not mark:
        break
print(
    json.dumps(
        {
            "version": version("cytaxii2"),
            "discovery": client.discovery_request()["status_code"],
            "root": client.root_discovery()["response"].get("versions"),
            "collections": [one["id"] for one in client.collection_request()["response"]["collections"]],
            "collection": client.collection_data_request(name)["response"]["id"],
            "sent": [
                sent["status_code"],
                sent["response"]["success_count"],
                sent["response"]["failure_count"],
            ],
            "pages": pages,
        }
    )
)
