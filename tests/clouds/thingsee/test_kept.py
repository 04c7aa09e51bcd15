"""What Thingsee has set, over a restart and over a damaged card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatewayd.clouds.thingsee.adjusting import INTERVALS, PIR
from gatewayd.clouds.thingsee.kept import FILE, Kept
from gatewayd.sampler import Pace


def stored(folder: Path, kept: Kept) -> Kept:
    kept.store(folder, kept.to_json())
    return Kept.load(folder)


def test_settings_are_kept(tmp_path: Path) -> None:
    """By thing and message; the factory's where nothing was set."""
    kept = Kept()
    kept.take("T", PIR, {**kept.values_of("T", PIR), "threshold": 99})
    kept.started = {"boot": "b"}
    again = stored(tmp_path / "new", kept)
    assert again.values_of("T", PIR)["threshold"] == 99
    assert again.values_of("U", PIR)["threshold"] == 150
    assert again.started == {"boot": "b"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"7", b'{"settings":7,"started":[]}', b'{"settings":{"T":{"x":{}}}}', b"[" * 9999],
)
def test_a_damaged_file_has_nothing(tmp_path: Path, content: bytes) -> None:
    """And harms nothing."""
    (tmp_path / FILE).write_bytes(content)
    kept = Kept.load(tmp_path)
    assert (kept.settings, kept.started) == ({}, {})


def test_what_a_file_has_is_brought_into_the_limits(tmp_path: Path) -> None:
    """Somebody may have edited it."""
    values = {"threshold": 9999, "mode": "x", "enableLed": float("nan"), "other": 1}
    (tmp_path / FILE).write_text(json.dumps({"settings": {"T": {str(PIR): values}}}))
    kept = Kept.load(tmp_path).values_of("T", PIR)
    assert kept == {"threshold": 1100, "enableLed": 0, "mode": 0, "passiveReportInterval": 3600}


def test_a_report_interval_is_the_things_the_gateways_or_the_owners() -> None:
    """In this order."""
    kept = Kept()
    assert kept.report_interval_s("T", "GW", 60) == 60
    kept.take("GW", INTERVALS, {"measurementInterval": 1, "reportInterval": 300})
    assert kept.report_interval_s("T", "GW", 60) == 300
    kept.take("T", INTERVALS, {"measurementInterval": 1, "reportInterval": 30})
    assert kept.report_interval_s("T", "GW", 60) == 30


def test_a_pace_is_resumed_until_the_owner_edits_his(tmp_path: Path) -> None:
    """The configuration goes before what a cloud said earlier."""
    kept, pace = Kept(), Pace(10)
    kept.set_pace(["a", "unknown"], {"a": pace}, 30)
    kept.take("T", INTERVALS, {"measurementInterval": 30, "reportInterval": 60})
    assert pace.every_s == 30
    again = stored(tmp_path, kept)
    for configured_s, every_s in ((10, 30), (20, 20)):
        pace = Pace(configured_s)
        again.resume("T", ["a", "unknown"], {"a": pace})
        assert pace.every_s == every_s
