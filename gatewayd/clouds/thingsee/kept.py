"""What Thingsee has set, kept over restarts in one small file, and put to work again.

`settings` of a thing are by configuration message. Of the intervals (1500) the measurement
interval belongs to the sampled devices of a thing, through their paces; it is kept only until the
owner edits the configuration. The report interval belongs to the link.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gatewayd.clouds.thingsee.adjusting import INTERVALS, SETTINGS, clamped, defaults_of
from gatewayd.sampler import Pace
from gatewayd.small_files import DAMAGE, make_folder, replace_file

FILE = "thingsee-settings.json"
BYTES_MAX = 1024 * 1024
"""Some 200 bytes a thing and message."""

MEASURING, REPORTING = "measurementInterval", "reportInterval"


class Kept:
    """The settings of all things of one uplink, and whether this start has been announced."""

    def __init__(self, record: Mapping[str, Any] | None = None) -> None:
        record = record or {}
        self.settings: dict[str, dict[int, dict[str, float]]] = _settings(record.get("settings"))
        self._configured = _numbers(record.get("configured"))
        """The paces (s) that the owner had configured when the cloud changed them."""
        started = record.get("started")
        self.started = started if isinstance(started, dict) else {}
        """Boot and version that were announced last."""

    @classmethod
    def load(cls, folder: Path) -> Kept:
        """Return what the file has; one that is missing or damaged has nothing."""
        try:
            with (folder / FILE).open("rb") as file:
                record = json.loads(file.read(BYTES_MAX))
        except DAMAGE:
            return cls()
        return cls(record if isinstance(record, dict) else None)

    def to_json(self) -> bytes:
        """Return the content of the file."""
        record = {
            "settings": self.settings,
            "configured": self._configured,
            "started": self.started,
        }
        return json.dumps(record).encode()

    @staticmethod
    def store(folder: Path, content: bytes) -> None:
        """Keep what `to_json` returned; a power cut leaves the old file or the new one.

        Raises:
            OSError: it could not be written.
        """
        make_folder(folder)
        replace_file(folder / FILE, content)

    def values_of(self, thing: str, id: int) -> dict[str, float]:
        """Return a thing's settings of one message, the factory's where nothing was set."""
        return {**defaults_of(id), **self.settings.get(thing, {}).get(id, {})}

    def take(self, thing: str, id: int, values: Mapping[str, float]) -> None:
        """Hold a thing's settings of one message from now on."""
        self.settings.setdefault(thing, {})[id] = dict(values)

    def report_interval_s(self, thing: str, gateway: str, configured_s: float) -> float:
        """Return how long a thing's values are gathered: its own, the gateway's, the owner's."""
        for name in (thing, gateway):
            interval = self.settings.get(name, {}).get(INTERVALS, {}).get(REPORTING)
            if interval is not None:
                return interval
        return configured_s

    # The measurement interval

    def set_pace(self, devices: Iterable[str], paces: Mapping[str, Pace], every_s: float) -> None:
        """Have the sampled ones of some devices asked every so many seconds."""
        for device in devices:
            if device in paces:
                paces[device].change(every_s)
                self._configured[device] = paces[device].configured_s

    def resume(self, thing: str, devices: Iterable[str], paces: Mapping[str, Pace]) -> None:
        """Put a kept measurement interval to work, unless the owner has edited his since."""
        every_s = self.settings.get(thing, {}).get(INTERVALS, {}).get(MEASURING)
        for device in devices if every_s else ():
            pace = paces.get(device)
            if pace and every_s and self._configured.get(device) == pace.configured_s:
                pace.change(every_s)


def _settings(record: object) -> dict[str, dict[int, dict[str, float]]]:
    """Return what of a file's settings can be used."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    for thing, messages in record.items() if isinstance(record, dict) else ():
        for text, values in messages.items() if isinstance(messages, dict) else ():
            id = int(text) if text.isdecimal() and len(text) < 7 else 0
            if id in SETTINGS:
                limits = {setting.name: setting for setting in SETTINGS[id]}
                found.setdefault(thing, {})[id] = defaults_of(id) | {
                    name: clamped(limits[name], number)
                    for name, number in _numbers(values).items()
                    if name in limits
                }
    return found


def _numbers(record: object) -> dict[str, float]:
    if not isinstance(record, dict):
        return {}
    return {
        name: value
        for name, value in record.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    }
