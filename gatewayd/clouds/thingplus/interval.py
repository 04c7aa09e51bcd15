"""The report interval that the cloud has set, kept over restarts in a small file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gatewayd.clouds.thingplus.calls import INTERVAL_MS_MAX
from gatewayd.small_files import DAMAGE

FILE = "report-interval.json"
BYTES_MAX = 1024


def load_interval(folder: Path, configured_s: float) -> float:
    """Return the interval (s) to use: the cloud's, unless the owner has edited his since.

    A file that is missing or damaged is no interval.
    """
    try:
        with (folder / FILE).open("rb") as file:
            kept = json.loads(file.read(BYTES_MAX))
        set_s, then_s = float(kept["report_interval_s"]), float(kept["configured_s"])
    except DAMAGE:
        return configured_s
    is_legal = 0 < set_s <= INTERVAL_MS_MAX / 1000
    return set_s if is_legal and then_s == configured_s else configured_s


def store_interval(folder: Path, configured_s: float, interval_s: float) -> None:
    """Keep the interval (s); a power cut leaves the old file or the new one.

    Raises:
        OSError: it could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"report_interval_s": interval_s, "configured_s": configured_s})
    fresh = folder / f"{FILE}.new"
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)
