"""OpenTAXII of the package index as a process of its own, in an environment of its own: it asks for an SQLAlchemy before 2."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from uuid import UUID

from bench._taxii import Served

_CONFIG = """
domain: "127.0.0.1"
support_basic_auth: yes
auth_api:
  class: opentaxii.auth.sqldb.SQLDatabaseAPI
  parameters: {{db_connection: "sqlite:///{folder}/auth.db", create_tables: yes, secret: bench}}
taxii1:
taxii2:
  title: Bench
  description: Bench
  contact: bench
  max_content_length: 104857600
  persistence_api:
    class: opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI
    parameters: {{db_connection: "sqlite:///{folder}/data.db", create_tables: yes}}
logging: {{opentaxii: error, root: error}}
"""
# The version of the index stores what is sent and then fails on its own answer, an id that its JSON can't write. That is
# mended from outside, so that it is measured and not its fault.
_MENDED = "import json\njson.JSONEncoder.default = lambda self, one: str(one)\n"


class Worker(Served):
    """The one worker of its server, whose CPU counts."""

    def cpu(self) -> float:
        """CPU-seconds of the worker; its parent only waits."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        fields = Path(f"/proc/{children[0]}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def opentaxii() -> Iterator[Worker]:
    """Give a server with one collection in SQLite that one account reads and writes."""
    programs = _strangers().interpreter("opentaxii").parent
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "opentaxii.yml").write_text(_CONFIG.format(folder=folder))
        Path(folder, "sitecustomize.py").write_text(_MENDED)
        env = os.environ | {
            "OPENTAXII_CONFIG": f"{folder}/opentaxii.yml",
            "HOME": folder,
            "PYTHONPATH": folder,
        }

        def said(program: str, *words: str) -> None:
            subprocess.run([str(programs / program), *words], env=env, capture_output=True, check=True)

        said("opentaxii-add-api-root", "-t", "Bench")
        said("opentaxii-create-account", "-u", "peer", "-p", "secret", "-a")
        root = _identifier(folder, "opentaxii_api_root")
        said("opentaxii-add-collection", "-r", root, "-t", "Bench", "--public", "--public-write")
        path = f"/taxii2/{root}/collections/{_identifier(folder, 'opentaxii_collection')}/"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(programs / "gunicorn"), "opentaxii.http:app", "--bind", f"127.0.0.1:{port}", "--workers", "1",
                   "--timeout", "600"]  # fmt: skip
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            served = Worker(process, port, path, f"Basic {b64encode(b'peer:secret').decode()}")
            _wait(served)
            yield served
        finally:
            process.terminate()
            process.wait(20)


def version() -> str:
    """Return which one it is, for the line that is printed."""
    lines = (_strangers().HERE / "opentaxii.txt").read_text().splitlines()
    (found,) = [line.split("==")[1].split()[0] for line in lines if line.startswith("opentaxii==")]
    return f"OpenTAXII {found} (SQLite, one worker)"


def _strangers() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    return import_module("strangers")


def _identifier(folder: str, table: str) -> str:
    with closing(sqlite3.connect(f"{folder}/data.db")) as data:
        ((found,),) = data.execute(f"SELECT id FROM {table}").fetchall()
    return str(UUID(found))


def _wait(served: Worker) -> None:
    """Wait until it answers: the port is open before the worker is there."""
    for _ in range(300):
        try:
            served.ask("GET", "?limit=1")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("OpenTAXII doesn't answer")
