"""The lines of TOML that would use what was found, and adding them to a configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit

from gatewayd.config.edit import BACKUP_SUFFIX
from gatewayd.config.names import is_name
from gatewayd.errors import ConfigError
from gatewayd.scan import Found
from gatewayd.small_files import replace_file

HEX_KEYS = ("address",)
"""Data sheets write these in hexadecimal."""


def sections_of(found: Iterable[Found], taken: Iterable[str] = ()) -> dict[str, tuple[Found, str]]:
    """Return the TOML of each thing that is known and new, by the device's name.

    A name is the driver's; the second one of a kind is `bme280-2`.
    """
    names = set(taken)
    sections: dict[str, tuple[Found, str]] = {}
    for each in found:
        if each.guesses and not each.remark:
            name = _free_name(each.guesses[0].driver, names)
            names.add(name)
            sections[name] = (each, section_of(name, each))
    return sections


def section_of(name: str, found: Found) -> str:
    """Return one device's section, with what else it may be as a comment."""
    best, *others = found.guesses
    lines = [f"# {found.place}: {best.evidence.words}"]
    lines += [f"# or {other.driver}: {other.evidence.words}" for other in others]
    lines.append(f"[device.{name}]" if "." not in name else f'[device."{name}"]')
    lines.append(f'driver = "{best.driver}"')
    if found.is_output:
        lines.append('#safe = "off"  # Say what is safe: there is no default.')
    section = {**best.section, **best.evidence.keys}
    lines += [_line(key, value) for key, value in section.items() if not _is_table(value)]
    for key, value in section.items():
        if _is_table(value):
            lines.append(f"[device.{name}.{key}]")
            lines += [_line(inner, each) for inner, each in value.items()]
    return "\n".join(lines) + "\n"


def append(file: Path, sections: Iterable[str]) -> Path:
    """Add sections at the end of a configuration, the rest of it untouched, and return where the
    former state is.

    Raises:
        ConfigError: the file cannot be read, or with them it would be no TOML any more.
    """
    try:
        raw = file.read_bytes()
        before = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is no TOML: {error}") from error
    added = "\n".join(sections)
    text = raw.decode("utf-8").rstrip("\n") + "\n\n\n" + added
    try:
        after = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be added to, please edit it by hand: {error}") from error
    if {key: after.get(key) for key in before if key != "device"} != {
        key: before[key] for key in before if key != "device"
    }:
        raise ConfigError(f"{file} cannot be added to without harm; please edit it by hand")
    backup = file.with_name(file.name + BACKUP_SUFFIX)
    try:
        mode = file.stat().st_mode & 0o777
        replace_file(backup, raw, mode)
        replace_file(file, text.encode(), mode)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    return backup


def _line(key: str, value: Any) -> str:
    if key in HEX_KEYS and isinstance(value, int) and not isinstance(value, bool):
        return f"{key} = 0x{value:02x}"
    return f"{tomlkit.key(key).as_string()} = {tomlkit.item(value).as_string()}"


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _free_name(kind: str, taken: set[str]) -> str:
    assert is_name(kind), "a driver's name is a file's"
    if kind not in taken:
        return kind
    return next(name for i in range(2, 10_000) if (name := f"{kind}-{i}") not in taken)
