"""A unit for systemd that serves the console with as little as it needs (systemd.exec(5)).

It stands outside what a person must write: the words of the command line become its ``ExecStart``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_UNIT = """# /etc/systemd/system/sekisho.service
# useradd --system --home-dir {folder} --shell /usr/sbin/nologin sekisho
# install -d -o sekisho -g sekisho -m 700 {folder}
# systemctl daemon-reload && systemctl enable --now sekisho
[Unit]
Description=Sekisho console
Documentation=man:systemd.service(5)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={command}
User=sekisho
Group=sekisho
UMask=0077
Restart=on-failure
RestartSec=2
TimeoutStopSec=25
# Assessments that run are processes of their own: a restart of the console leaves them alone and finds them again.
KillMode=process
# It writes its data and nothing else.
ReadWritePaths={path}
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
LimitNOFILE=8192

[Install]
WantedBy=multi-user.target
"""
_WITH_VALUE = frozenset({"--data", "--log", "--hub"})


def unit_of(data: Path, words: Sequence[str], hub: Path | None = None) -> str:
    """Return the unit; ``words`` is the command line that asked for it, ``hub`` the folder of a hub beside the data."""
    folder = str(data.absolute())
    kept = _kept(list(words[words.index("serve") + 1 :] if "serve" in words else ()))
    command = [sys.executable, "-m", "sekisho", "serve", "--data", folder, "--log", "json", *kept]
    if hub:
        command += ["--hub", str(hub.absolute())]
    at_home = data.absolute().is_relative_to(Path.home()) or folder.startswith("/home/")
    return _UNIT.format(
        folder=folder, command=" ".join(_quoted(one) for one in command), path=" ".join(_path(one) for one in (folder, *([str(hub.absolute())] if hub else []))),
        home="no" if at_home else "yes",
    )  # fmt: skip


def _kept(words: list[str]) -> list[str]:
    """Leave out what the unit says itself."""
    found: list[str] = []
    while words:
        word = words.pop(0)
        if word in _WITH_VALUE:
            del words[:1]
        elif word not in ("--systemd-unit", "--json") and word.partition("=")[0] not in _WITH_VALUE:
            found.append(word)
    return found


def _quoted(word: str) -> str:
    # A percent sign begins a specifier, a dollar sign a variable (systemd.service(5), "Command lines").
    plain = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{plain}"' if any(sign in " \t'\"\\;" for sign in word) or not word else plain


def _path(path: str) -> str:
    plain = path.replace("%", "%%")
    return f'"{plain}"' if " " in path else plain
