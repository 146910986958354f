"""The exemplar maker's Web page: serves one directory, read-only, so that the newest version can be seen.

    python -m sekisho.demo.update_site --directory DIR --address 127.0.0.1 --port 8090

`/newest.json` is for devices and `/` for people; nothing else of the directory is given out, and no key.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from sekisho.demo import web
from sekisho.demo.web import Asked, Said, page


def site(directory: Path) -> web.Answer:
    """Return the handler that serves `directory`."""

    def answer(asked: Asked) -> Said:
        document = json.loads((directory / "newest.json").read_text())
        newest = json.loads(document["statement"])
        if asked.path == "/newest.json":
            return Said(json.dumps(document), kind="application/json")
        if asked.path == "/":
            text = (
                f'<p>最新版 / Newest version: <b id="version">{newest["version"]}</b> ({newest["model"]})</p>'
            )
            return Said(page("更新情報 / Updates", text, "ja"))
        return Said("not found", 404)

    return answer


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="sekisho.demo.update_site")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    web.serve(site(options.directory), (options.address,), options.port, "UpdateSite/1.0")
    print(
        json.dumps({"ready": True, "web": f"http://{options.address}:{options.port}/newest.json"}), flush=True
    )
    signal.sigwait(signals)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
