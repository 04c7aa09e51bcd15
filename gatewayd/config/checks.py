"""Checks across sections, and what is legal but unwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gatewayd.config.card import check_card
from gatewayd.config.host import is_world_readable
from gatewayd.config.names import names_of
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, show
from gatewayd.config.settings import Console, ConsoleToken, DeviceSettings, Settings
from gatewayd.config.shapes import shape_of
from gatewayd.config.wires import PORT_TYPE, SHARED, SLOW, claims, port_of, real_name, wire_of
from gatewayd.ports.names import stable_name

EVERY_S_MIN = 0.1
"""Quicker than this, a slow wire is still busy with the last question."""

COMMIT_S_MIN = 0.1
"""A commit costs a card some 20 kB whatever it carries: 0.1 s is 17 GB a day in an outage."""

_USB = re.compile(r"/dev/tty(USB|ACM)\d+")
_DIRECT = re.compile(r"[a-z0-9]+:.+|/.+", re.DOTALL)


def check_wires(settings: Settings, document: Mapping[str, Any], report: Report) -> None:
    """Report what devices cannot have of the wires, or not together."""
    _check_ports(settings, names_of(document, "port"), report)
    _check_claims(settings, report)


def check(settings: Settings, document: Mapping[str, Any], path: Path, report: Report) -> None:
    """Report what only the whole file can tell."""
    for device in settings.devices.values():
        _check_pace(device, report)
        _check_holds(device, report)
        is_sound = all(wrong[:2] != ("device", device.name) for wrong in report.wrong)
        if is_sound and not device.channels:
            report.warn(("device", device.name), f"{device.name} has no channel", "nothing to read")
    if not names_of(document, "device"):
        report.warn((), "no device", "nothing will be measured; add a [device.NAME]")
    if settings.outbox.commit_interval < COMMIT_S_MIN:
        found = f"commit_interval under {COMMIT_S_MIN} s"
        report.warn(("outbox", "commit_interval"), found, "an outage will wear out the card")
    check_card(settings, report)
    _check_memory(settings, report)
    _check_mode(settings, document, path, report)


def _check_ports(settings: Settings, names: list[str], report: Report) -> None:
    used = set()
    for device in settings.devices.values():
        port = port_of(device)
        place: Keys = ("device", device.name, "port")
        if port is None or place in report.wrong:
            continue
        section = settings.ports.get(port)
        used.add(port)
        if section is not None:
            wanted = PORT_TYPE.get(wire_of(device), section["type"])
            if section["type"] != wanted:
                found = f"port {show(port)} is of type {show(section['type'])}"
                report.at_value(place, found, f"expected one of type {show(wanted)}")
        elif port not in names and not _DIRECT.fullmatch(port):
            expected = (
                "expected a [port.NAME], or a wire such as i2c:1, gpio:0, /dev/serial/by-id/…"
            )
            nearest = nearest_of(port, [*names, "i2c:1", "gpio:0"])
            report.at_value(place, f"unknown port {show(port)}", expected, nearest)
        elif _USB.fullmatch(port):
            _warn_of_usb(port, place, report)
    for name, section in settings.ports.items():
        if name not in used:
            report.warn(
                ("port", name), f"port {name} is not used", "remove it, or name it in a device"
            )
        if _USB.fullmatch(str(section.get("path"))):
            _warn_of_usb(str(section["path"]), ("port", name, "path"), report)


def _warn_of_usb(path: str, place: Keys, report: Report) -> None:
    better = stable_name(path) or "/dev/serial/by-id/…"
    advice = f"the number changes with the order of plugging; use {better}"
    report.warn(place, f"found {path}", advice)


def _check_claims(settings: Settings, report: Report) -> None:
    """Report two devices that want the same thing of a wire."""
    owners: dict[str, str] = {}
    turns: dict[str, str] = {}
    for device in settings.devices.values():
        port = port_of(device)
        if port is not None and wire_of(device) in SHARED:
            turns.setdefault(real_name(port, settings.ports), device.name)
    for device in settings.devices.values():
        for claim in claims(device, settings.ports):
            keys: Keys = ("device", device.name)
            if {(*keys, claim.key), (*keys, "port")} & report.wrong:
                continue
            owner = owners.setdefault(claim.what, turns.get(claim.what, device.name))
            if owner != device.name:
                found = f"{claim.what} is device {owner}'s already"
                report.at_value((*keys, claim.key), found, "expected another one")


def _check_pace(device: DeviceSettings, report: Report) -> None:
    if 0 < device.every < EVERY_S_MIN and wire_of(device) in SLOW:
        found = f"{device.name} is asked every {device.every * 1000:g} ms"
        advice = f"a {wire_of(device)} wire is slower than that; 100 ms or more is wise"
        report.warn(("device", device.name, "every"), found, advice)


def _check_holds(device: DeviceSettings, report: Report) -> None:
    for local, limits in device.limits.items():
        if limits.hold_max is None:
            found = f"no hold_max for {device.name}/{local}"
            report.warn(
                ("device", device.name), found, "what a cloud switches on stays on for ever"
            )


def _check_memory(settings: Settings, report: Report) -> None:
    from gatewayd.outbox.places import SHM, is_tmpfs  # With the whole outbox.

    folder = settings.gateway.runtime_dir
    if folder is not None and not is_tmpfs(folder) and is_tmpfs(SHM):
        found = f"{folder} is not in memory (tmpfs)"
        report.warn(("gateway", "runtime_dir"), found, f"a folder under {SHM} is used instead")
    if not any(is_tmpfs(each) for each in (folder, SHM) if each is not None):
        found = f"neither {folder or 'a runtime_dir'} nor {SHM} is in memory (tmpfs)"
        advice = "readings not yet on the card are lost when the program dies"
        report.warn(("gateway", "runtime_dir"), found, advice)


def _check_mode(
    settings: Settings, document: Mapping[str, Any], path: Path, report: Report
) -> None:
    if not is_world_readable(path):
        return
    for keys in _secrets(settings, document):
        if keys not in report.sources:
            found = f"{keys[-1]} stands in a file that everybody may read"
            report.warn(keys, found, f"chmod o-r {path}, or use {{ credential = … }}")


def _secrets(settings: Settings, document: Mapping[str, Any]) -> Iterator[Keys]:
    """Yield the places of secrets written in the file itself."""
    tables: list[tuple[Keys, type]] = [(("console",), Console)]
    tables += [(("console", "tokens", name), ConsoleToken) for name in settings.console.tokens]
    tables += [(("device", d.name), type(d.config)) for d in settings.devices.values()]
    tables += [(("uplink", u.name), type(u.config)) for u in settings.uplinks.values()]
    for keys, kind in tables:
        table: Any = document
        for key in keys:
            table = table.get(key, {}) if isinstance(table, Mapping) else {}
        for key in sorted(shape_of(kind).secrets()):
            if isinstance(table, Mapping) and isinstance(table.get(key), str):
                yield (*keys, key)
