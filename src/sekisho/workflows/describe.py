"""Describe: read a terminal description, check it at the door, and write a first one by looking."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.assessment import Authorisation
from sekisho.model.terminal import Code, Interface, Login, Role, SecretRef, Service, Terminal, Unit, Update

T = TypeVar("T")
_LAST_PORT = 65_535
_LOGIN_KINDS = {"form", "basic", "digest", "json", "telnet", "ssh", "none"}


def read_table(path: Path, kind: type[T], content: bytes | None = None) -> T:
    """Read a TOML file into ``kind``; DescriptionError names the file and the field that is wrong.

    ``content`` is what the file held when it was looked at; without it, what it holds now.
    """
    try:
        octets = path.read_bytes() if content is None else content
        return msgspec.convert(tomllib.loads(octets.decode("utf-8").replace("\r\n", "\n")), kind)
    except OSError as error:
        raise DescriptionError(
            Text(ja="ファイルが読めない", en="the file can't be read"), f"{path}: {error.strerror}"
        ) from error
    except (ValueError, RecursionError) as error:  # also a number too long to be one, and tables without end
        raise DescriptionError(
            Text(ja="TOMLとして読めない", en="not valid TOML"), f"{path}: {error}"
        ) from error
    except msgspec.ValidationError as error:
        raise DescriptionError(
            Text(ja="項目が正しくない", en="a field is not right"),
            f"{path}: {error}",
            Text(
                ja="書き方は sekisho terminal init が作るひな形にある",
                en="sekisho terminal init writes a commented example",
            ),
        ) from error


def read_terminal(
    path: Path, environment: Mapping[str, str] = os.environ, content: bytes | None = None
) -> Terminal:
    """Read a description: secrets resolved, files made absolute, references checked; ``content`` as `read_table`."""
    terminal = read_table(path, Terminal, content)
    base = path.resolve().parent
    units = tuple(
        msgspec.structs.replace(unit, code=_secret(unit.code, (), environment, base))
        for unit in terminal.units
    )
    logins = tuple(_login(login, units, environment, base) for login in terminal.logins)
    update = terminal.update and _files(terminal.update, base)
    documents = msgspec.structs.replace(
        terminal.documents,
        **{
            field: _relative(value, base)
            for field, value in msgspec.structs.asdict(terminal.documents).items()
        },
    )
    terminal = msgspec.structs.replace(
        terminal, units=units, logins=logins, update=update, documents=documents
    )
    faults = list(check(terminal))
    if faults:
        raise DescriptionError(
            Text(ja="機器記述が矛盾している", en="the description contradicts itself"),
            f"{path}: " + "; ".join(faults),
        )
    return terminal


def terminal_at(address: str, source: str = "") -> Terminal:
    """Return the description of a terminal of which only the address is known."""
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise DescriptionError(
            Text(ja="IPアドレスでもファイルでもない", en="neither an IP address nor a file"),
            address,
            Text(
                ja="例：192.168.1.1、fd00::1、router.toml", en="for example 192.168.1.1, fd00::1, router.toml"
            ),
        ) from error
    sources = (source,) if source else ()
    return Terminal(interfaces=(Interface(name="lan", role=Role.LAN, addresses=(address,), sources=sources),))


def check(terminal: Terminal) -> Iterable[str]:
    """Yield each contradiction of a description, in English with the field's path."""
    yield from _check_addresses(terminal)
    yield from _doubles(terminal)
    yield from _check_services(terminal)
    for login in terminal.logins:
        if terminal.service(login.service) is None:
            yield f"logins[{login.name}].service: there is no service {login.service!r}"
        if login.kind not in _LOGIN_KINDS:
            yield f"logins[{login.name}].kind: {login.kind!r} is none of {', '.join(sorted(_LOGIN_KINDS))}"
        if login.kind in {"form", "json"} and login.sign_in is None:
            yield f"logins[{login.name}].sign_in: a {login.kind} login needs a recipe"
        if login.no_preset and login.preset is not None:
            yield f"logins[{login.name}].no_preset: a preset code is described"
        if login.set_up is not None and not (login.no_preset and login.current is not None):
            yield f"logins[{login.name}].set_up: needs no_preset = true and the current code that is made by it"
    for setting in terminal.settings:
        if terminal.login(setting.login) is None:
            yield f"settings[{setting.name}].login: there is no login {setting.login!r}"
        if setting.values[0] == setting.values[1]:
            yield f"settings[{setting.name}].values: the two values must differ"
    yield from _check_drives(terminal)


def _check_addresses(terminal: Terminal) -> Iterable[str]:
    if not any(interface.addresses for interface in terminal.interfaces):
        yield "interfaces: no interface has an address"
    for interface in terminal.interfaces:
        for address in (*interface.addresses, *interface.sources):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                yield f"interfaces[{interface.name}]: {address!r} is not an IP address"


def _check_services(terminal: Terminal) -> Iterable[str]:
    for service in terminal.services:
        if terminal.interface(service.interface) is None:
            yield f"services[{service.name}].interface: there is no interface {service.interface!r}"
        if not 0 < service.port <= _LAST_PORT:
            yield f"services[{service.name}].port: {service.port} is not a port"


def _check_drives(terminal: Terminal) -> Iterable[str]:
    update = terminal.update
    if update and update.login and terminal.login(update.login) is None:
        yield f"update.login: there is no login {update.login!r}"
    for field in ("version_service", "upload_service"):
        name = getattr(update, field, "")
        if name and terminal.service(name) is None:
            yield f"update.{field}: there is no service {name!r}"
    if update and update.install and not any("{file}" in word for word in update.install):
        yield "update.install: no word holds {file}"
    power = terminal.power
    if power and power.driver == "command" and not (power.cut and power.restore):
        yield "power: the driver command needs cut and restore"


def _doubles(terminal: Terminal) -> Iterable[str]:
    for table in ("units", "interfaces", "services", "logins", "settings"):
        names = [getattr(one, "name", getattr(one, "id", "")) for one in getattr(terminal, table)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{table}: {name!r} stands there twice"


def _login(login: Login, units: tuple[Unit, ...], environment: Mapping[str, str], base: Path) -> Login:
    def plain(code: Code | None) -> Code | None:
        return code and Code(code.user, _secret(code.password, units, environment, base))

    return msgspec.structs.replace(
        login, preset=plain(login.preset), current=plain(login.current), low=plain(login.low)
    )


def _secret(
    value: str | SecretRef, units: tuple[Unit, ...], environment: Mapping[str, str], base: Path
) -> str:
    if isinstance(value, str):
        return value
    if value.env:
        found = environment.get(value.env)
    elif value.file:
        file = base / value.file
        found = file.read_text(encoding="utf-8").strip() if file.is_file() else None
    else:
        found = next((str(unit.code) for unit in units if unit.id == value.unit), None)
    if found is None:
        named = (
            f"env {value.env}" if value.env else f"file {value.file}" if value.file else f"unit {value.unit}"
        )
        raise DescriptionError(
            Text(ja="識別符号の参照先がない", en="a code refers to something that isn't there"), named
        )
    return found


def _relative(value: str, base: Path) -> str:
    return str(base / value) if value and (base / value).is_file() else value


def _files(update: Update, base: Path) -> Update:
    images = {
        name: str(base / file) if file else "" for name, file in msgspec.structs.asdict(update.images).items()
    }
    for name, file in images.items():
        if file and not Path(file).is_file():
            raise DescriptionError(
                Text(ja="更新用のイメージのファイルがない", en="an update image is missing"),
                f"update.images.{name}: {file}",
            )
    newest = update.newest
    if newest is not None:
        newest = msgspec.structs.replace(newest, web=_relative(newest.web, base))
    kept = msgspec.structs.replace(update.images, **images)
    return msgspec.structs.replace(update, images=kept, newest=newest)


def read_authorisation(path: Path) -> Authorisation:
    """Read an authorisation record."""
    return read_table(path, Authorisation)


def write_terminal(
    maker: str,
    model: str,
    interfaces: Iterable[Interface],
    services: Iterable[Service],
    logins: Iterable[Login],
) -> str:
    """Return a commented description in TOML from what was asked and seen."""
    lines = _head(maker, model)
    for interface in interfaces:
        lines += [
            "[[interfaces]]",
            f"name = {_q(interface.name)}",
            f'role = "{interface.role.value}"             # wan は回線側 / wan is the line side',
            f"addresses = {_list(interface.addresses)}",
            "# sources = []              # 試験器側のアドレスを二つ / two addresses of the tester's own",
            "",
        ]
    for service in services:
        lines += ["[[services]]", f"name = {_q(service.name)}", f"protocol = {_q(service.protocol)}"]
        lines += [
            f"port = {service.port}",
            f"transport = {_q(service.transport)}",
            f"interface = {_q(service.interface)}",
        ]
        lines += [f"tls = {str(service.tls).lower()}", '# purpose = ""   needed = true', ""]
    for login in logins:
        lines += [
            "[[logins]]",
            f"name = {_q(login.name)}",
            f"service = {_q(login.service)}",
            f"kind = {_q(login.kind)}",
        ]
        lines += ['# preset = { user = "admin", password = "admin" }        # 出荷時の符号 / at delivery']
        lines += ['# current = { user = "admin", password = { env = "TERMINAL_PASSWORD" } }']
        lines += _recipe("sign_in", login.sign_in)
        if login.guarded and login.sign_in is None:
            lines += [f"guarded = {_list(login.guarded)}"]
        lines += ['# proof = { path = "/status", pattern = "Signed in as (.+)" }', ""]
    return "\n".join(lines + _SAMPLES)


def _head(maker: str, model: str) -> list[str]:
    """Return the first lines: what it is, and whether the article applies."""
    return [
        "# 機器記述 / Terminal description. 書き方は docs/10-assess/terminal.md。",
        "# Uncomment and fill in what you know: what is not declared can't be tested, and counts as undecided.",
        f"maker = {_q(maker)}",
        f"model = {_q(model)}",
        'kind = "router"          # router, camera, recorder, …',
        'software = ""            # 版 / version as shown',
        "# services_complete = true   # 下の services で全部である / the services below are all there are",
        "",
        "[applicability]           # 第34条の10 ①〜④（true / false）",
        '# connection = "direct"        # direct, indirect（常に認定機器の配下）, none',
        "# digital_data_line = true     # ① デジタルデータ伝送用設備に接続する専用通信回線設備等端末",
        "# internet_protocol = true     # ② IPを使う",
        "# settings_over_line = true    # ③ 電気通信回線設備を介して設定を変更できる",
        "# free_software = false        # ④ 任意のソフトウェアにより随時かつ容易に変更できる（PCなど）",
        "",
    ]


def _recipe(name: str, recipe: Any) -> list[str]:
    if recipe is None:
        return []
    fields = ", ".join(f"{_q(key)} = {_q(value)}" for key, value in recipe.fields.items())
    return [
        (
            f'{name} = {{ method = "{recipe.method}", path = {_q(recipe.path)}, page = {_q(recipe.page)}, '
            f'encoding = "{recipe.encoding}", fields = {{ {fields} }} }}'
        )
    ]


def _q(value: str) -> str:
    return msgspec.json.encode(value).decode()


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(_q(value) for value in values) + "]"


_SAMPLES = """\
# [[settings]]              # 電気通信の機能に係る設定を一つ / one setting and two harmless values
# name = "dns"
# login = "web"
# values = ["192.0.2.1", "192.0.2.2"]
# read = { path = "/settings", pattern = 'name="dns" value="([^"]*)"' }
# write = { method = "POST", path = "/settings", page = "/settings", fields = { dns = "{value}" } }

# [[units]]                 # 二台以上あれば符号を比べる / two or more units: their codes are compared
# id = "A"
# serial = ""
# mac = ""
# code = { file = "unit-a.code" }

# [update]
# login = "web"
# version = { path = "/status", pattern = "Version ([0-9.]+)" }
# upload = { method = "POST", path = "/firmware", encoding = "multipart", fields = { file = "{file}" } }
# images = { current = "1.0.bin", newer = "1.1.bin", older = "0.9.bin", other_key = "other.bin" }

# [power]
# driver = "command"        # person（人が抜き差しする）または command
# cut = ["smartplug", "off"]
# restore = ["smartplug", "on"]
# delays = [0.5, 10]        # 保存から切断までの秒数 / seconds from "saved" to the cut
""".splitlines()
