"""Ports of the testing machine beside a terminal on loopback: only what the kernel says is taken for them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sekisho.model.exclusion import left_out
from sekisho.model.observation import Observations
from sekisho.model.terminal import Exclusion, Interface, Role, Terminal
from sekisho.wires.own_sockets import everywhere
from sekisho.wiring import assessing
from sekisho.wiring.assessing import with_own_ports

OWN = frozenset({("tcp", 22)})
HEAD = "  sl  local_address rem_address   st\n"


def terminal(*addresses: str, host: bool = True) -> Terminal:
    face = Interface("lan", Role.LAN, addresses)
    return Terminal(
        interfaces=(face,), exclusions=(Exclusion("tcp", 22, "ours", host), Exclusion("tcp", 9999, "x"))
    )


@pytest.mark.parametrize(
    ("made", "own", "undecided"),
    [
        (terminal("127.0.77.1"), OWN, {"tcp/9999"}),
        (terminal("::1"), OWN, {"tcp/9999"}),
        (terminal("127.0.77.1", host=False), OWN, {"tcp/22", "tcp/9999"}),
        (terminal("192.168.1.1"), OWN, {"tcp/22", "tcp/9999"}),
        (terminal("127.0.77.1", "192.168.1.1"), OWN, {"tcp/22", "tcp/9999"}),
        (terminal(), OWN, {"tcp/22", "tcp/9999"}),
    ],
)
def test_only_beside_loopback(
    made: Terminal, own: frozenset[tuple[str, int]], undecided: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessing, "everywhere", lambda: own)
    found = with_own_ports(made)
    assert {one.subject for one in left_out(Observations((), {}), found)} == undecided
    assert [(one.transport, one.port) for one in found.exclusions] == [("tcp", 22), ("tcp", 9999)]


def test_a_port_that_the_machine_has_not_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says so of a port of the terminal gains nothing."""
    monkeypatch.setattr(assessing, "everywhere", frozenset)
    found = with_own_ports(terminal("127.0.77.1"))
    assert [one.port for one in found.exclusions] == [9999]
    assert {one.subject for one in left_out(Observations((), {}), found)} == {"tcp/9999"}


def test_the_kernels_table(tmp_path: Path) -> None:
    rows = ["0: 00000000:0016 00000000:0000 0A", "1: 00000000:0050 00000000:0000 0A", "2: 014D007F:0050 00000000:0000 0A",
            "3: 00000000:0019 00000000:0000 01"]  # fmt: skip
    (tmp_path / "tcp").write_text(HEAD + "\n".join(rows) + "\n")
    (tmp_path / "udp6").write_text(f"{HEAD}0: {'0' * 32}:14E9 {'0' * 32}:0000 07\n")
    assert everywhere(tmp_path) == {("tcp", 22), ("udp", 5353)}, "80 may be the terminal's own"
    assert everywhere(tmp_path / "none") == frozenset()


def test_a_real_socket() -> None:
    with socket.create_server(("0.0.0.0", 0)) as every, socket.create_server(("127.0.0.1", 0)) as one:
        found = everywhere()
        assert ("tcp", every.getsockname()[1]) in found
        assert ("tcp", one.getsockname()[1]) not in found
