"""One file, from its bytes to settings and problems."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from gatewayd.config.checks import check, check_wires
from gatewayd.config.console import read_console
from gatewayd.config.devices import Shelf, read_device
from gatewayd.config.environment import SECTIONS, override
from gatewayd.config.host import find_mac, find_runtime_dir, host_name
from gatewayd.config.interlocks import complete_interlocks
from gatewayd.config.lost import trusted
from gatewayd.config.names import ALLOWED, is_name, names_of, sections
from gatewayd.config.ports import read_port
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Problem, Report, nearest_of, one_of, show
from gatewayd.config.relations import check_relations
from gatewayd.config.routes import SECTION as ROUTE
from gatewayd.config.routes import read_routes
from gatewayd.config.settings import (
    ClockSettings,
    DeviceSettings,
    Gateway,
    OutboxSettings,
    Settings,
    TotalsSettings,
)
from gatewayd.config.shapes import shape_of
from gatewayd.config.uplinks import Known, UplinkReader
from gatewayd.model import Channel, ChannelId

T = TypeVar("T")
Part = Callable[[Mapping[str, Any]], dict[str, Any]]

FILE_BYTES_MAX = 4 * 2**20
"""A configuration of 500 devices has 0.1 MB; what is larger was named by accident."""

DEPTH_MAX = 32
"""Tables inside tables. No section needs ten; a thousand would be too much for any reader."""

SIZE_MIN = 2**20
"""A smaller outbox cannot hold its own tables and a useful backlog."""

SAVE_S_MIN = 10.0
"""Each time costs the card some 20 kB: 170 MB a day, and enough."""

_AT = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def read(
    path: Path, environ: Mapping[str, str], part: Part | None = None
) -> tuple[Settings | None, list[Problem]]:
    """Return the settings, provisional if there are mistakes, and all problems.

    Args:
        part: chooses what of the document is read, for those who need little of it, soon.
    """
    try:
        text = _text(path)
        document = tomllib.loads(text)
        if _depth(document) > DEPTH_MAX:
            raise RecursionError
    except tomllib.TOMLDecodeError as error:
        return None, [_syntax_problem(str(path), text, str(error))]
    except ValueError as error:
        return None, [Problem(str(path), 0, 0, str(error), "expected a TOML file")]
    except RecursionError:
        return None, [Problem(str(path), 0, 0, "tables too deep", "expected a TOML file")]
    document, sources, problems = override(document, environ)
    document = part(document) if part else document
    report = Report(str(path), text, sources, has_credentials="CREDENTIALS_DIRECTORY" in environ)
    for problem in problems:
        report.add(problem)
    settings = _settings(document, environ, report)
    check_wires(settings, document, report)
    if part is None:
        check(settings, document, path, report)
    return replace(trusted(settings, document, report), text=text), report.problems()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"has more than {FILE_BYTES_MAX} bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8") from error


def _depth(document: Mapping[str, Any]) -> int:
    """Return how many tables and lists stand inside one another at the most."""
    depth, layer = 0, [document]
    while layer:
        depth += 1
        inner: list[Any] = []
        for each in layer:
            values = each.values() if isinstance(each, Mapping) else each
            inner += [value for value in values if isinstance(value, dict | list)]
        layer = inner
    return depth


def _syntax_problem(file: str, text: str, message: str) -> Problem:
    match = _AT.fullmatch(message)
    what, line, column = match.groups() if match else (message, None, None)
    if line is None or column is None:
        lines = text.split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return Problem(file, int(line), int(column), f"not TOML: {what}", "expected key = value")


def _settings(document: Mapping[str, Any], environ: Mapping[str, str], report: Report) -> Settings:
    known_sections = (*SECTIONS, ROUTE)
    for key in document:
        if key not in known_sections:
            found = f"unknown section {show(key)}"
            nearest = nearest_of(key, known_sections)
            report.at_key((key,), found, one_of(known_sections), nearest)
    ports = {}
    for name, section in sections(document, "port", report).items():
        port = read_port(name, section, report)
        if port is not None:
            ports[name] = port
    devices = _devices(document, report)
    channels = {
        ChannelId(f"{device.name}/{channel.id}"): _global(device, channel)
        for device in devices.values()
        for channel in device.channels
    }
    doubtful = frozenset(names_of(document, "device")) - devices.keys()
    known = Known(channels, doubtful)
    reader = UplinkReader(known, report)
    uplinks = {}
    for name, section in sections(document, "uplink", report).items():
        uplink = reader.read(name, section)
        if uplink is not None:
            uplinks[name] = uplink
    devices = complete_interlocks(devices, document, known, report)
    check_relations(devices, document, known, report)
    return Settings(
        gateway=_gateway(document, environ, report),
        clock=_section(document, "clock", ClockSettings(), report),
        outbox=_outbox(document, report),
        console=read_console(document, report),
        ports=ports,
        devices=devices,
        uplinks=uplinks,
        routes=read_routes(document, known, report),
        totals=_totals(document, report),
    )


def _devices(document: Mapping[str, Any], report: Report) -> dict[str, DeviceSettings]:
    shelf = Shelf(report)
    devices = {}
    for name, section in sections(document, "device", report).items():
        device = read_device(name, section, shelf, report)
        if device is not None:
            devices[name] = device
    return devices


def _global(device: DeviceSettings, channel: Channel) -> Channel:
    return replace(channel, id=f"{device.name}/{channel.id}")


def _section(document: Mapping[str, Any], name: str, default: T, report: Report) -> T:
    """Return a section of which there is one, as the dataclass of its default."""
    table = document.get(name, {})
    if not isinstance(table, dict):
        report.at_value((name,), f"found {show(table)}", f"expected a table [{name}]")
        return default
    return shape_of(type(default)).fill(table, (name,), report) or default


def _gateway(document: Mapping[str, Any], environ: Mapping[str, str], report: Report) -> Gateway:
    gateway = _section(document, "gateway", Gateway(), report)
    keys: Keys = ("gateway",)
    mac = gateway.id or find_mac()
    if mac is None:
        report.at_key(keys, "no id, and no network adapter to take one from", "expected an id")
    elif not is_name(mac):
        report.at_value((*keys, "id"), f"found {show(mac)}", ALLOWED)
    for key in ("state_dir", "runtime_dir"):
        folder = getattr(gateway, key)
        if folder is not None and not folder.is_absolute():
            report.at_value((*keys, key), f"found {show(str(folder))}", "expected a path from /")
    return replace(
        gateway,
        id=mac or "unknown",
        name=gateway.name or host_name(),
        runtime_dir=gateway.runtime_dir or find_runtime_dir(environ),
    )


def _outbox(document: Mapping[str, Any], report: Report) -> OutboxSettings:
    outbox = _section(document, "outbox", OutboxSettings(), report)
    if outbox.size_max < SIZE_MIN:
        found = f"found {show(document['outbox']['size_max'])}"
        report.at_value(("outbox", "size_max"), found, 'expected "1 MiB" or more')
    for key in ("commit_interval", "age_max"):
        if getattr(outbox, key) <= 0:
            found = f"found {show(document['outbox'][key])}"
            report.at_value(("outbox", key), found, "expected more than zero")
    return outbox


def _totals(document: Mapping[str, Any], report: Report) -> TotalsSettings:
    totals = _section(document, "totals", TotalsSettings(), report)
    if totals.save < SAVE_S_MIN:
        found = f"found {show(document['totals']['save'])}"
        report.at_value(("totals", "save"), found, 'expected "10s" or more')
    return totals
