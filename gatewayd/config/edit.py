"""Small changes that the program itself makes to the configuration file.

Comments, order and everything that is not asked to change stay as the owner wrote them. The file
is replaced whole, its former state kept beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import tomlkit
import tomlkit.exceptions

from gatewayd.errors import ConfigError
from gatewayd.small_files import replace_file

BACKUP_SUFFIX = ".bak"

Way = tuple[str, ...]

Plain = str | int | float | bool | Mapping[str, str | int | float | bool]
"""What can be written: a value, or a table on one line."""


class ConfigFile:
    """One configuration file being edited; nothing is written before `save`.

    Characteristics: read once, written once · not locked: an editor that has it open as well
    should be closed first · atomic and durable.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be read or is no TOML.
        """
        self.path = path.resolve()  # A link stays a link; what it leads to is replaced.
        try:
            self._raw = self.path.read_bytes()
            text = self._raw.decode("utf-8-sig")
            self._wanted: dict[str, Any] = tomllib.loads(text)
            self._document = tomlkit.parse(text)
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        except tomlkit.exceptions.TOMLKitError as error:
            raise ConfigError(f"{path} cannot be edited: {error}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path} is no TOML: {error}") from error
        self._before = deepcopy(self._wanted)

    @property
    def is_changed(self) -> bool:
        """Whether saving would change anything."""
        return self._wanted != self._before

    def get(self, keys: Way) -> object:
        """Return a value of the file as it would be saved, or None."""
        found: object = self._wanted
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def set(self, keys: Way, value: Plain) -> None:
        """Set a value; a table is merged into one that is there, key by key.

        Raises:
            ConfigError: something on the way is no table.
        """
        if isinstance(value, Mapping) and isinstance(self.get(keys), Mapping):
            for key, each in value.items():
                self.set((*keys, key), each)
            return
        if self.get(keys) == value:
            return
        *way, last = keys
        wanted: Any = self._wanted
        shown: Any = self._document
        for key in way:
            if key not in wanted:
                wanted[key] = {}
                shown[key] = tomlkit.table()
            wanted, shown = wanted[key], shown[key]
            if not isinstance(wanted, dict):
                raise ConfigError(f"{self.path}: {'.'.join(keys)} has no place, {key} is a value")
        wanted[last] = dict(value) if isinstance(value, Mapping) else value
        shown[last] = _item(value)

    def save(self) -> Path | None:
        """Write the changes and return where the former state is; None if there were none.

        Raises:
            ConfigError: the file cannot be written, or the change cannot be made without
                changing something else. The file is as it was.
        """
        if not self.is_changed:
            return None
        text = tomlkit.dumps(self._document)
        if tomllib.loads(text) != self._wanted:
            raise ConfigError(f"{self.path} cannot be edited without harm; please edit it by hand")
        mark = b"\xef\xbb\xbf" if self._raw.startswith(b"\xef\xbb\xbf") else b""
        backup = self.path.with_name(self.path.name + BACKUP_SUFFIX)
        try:
            mode = self.path.stat().st_mode & 0o777
            replace_file(backup, self._raw, mode)
            replace_file(self.path, mark + text.encode(), mode)
        except OSError as error:
            raise ConfigError(f"cannot write {self.path}: {error.strerror}") from error
        return backup


def _item(value: Plain) -> Any:
    if not isinstance(value, Mapping):
        return tomlkit.item(value)
    table = tomlkit.inline_table()
    table.update(value)
    return table
