"""Settings of things: what a request changes and what is answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingsee.adjusting import (
    ALLOWED,
    PIR,
    SETTINGS,
    Setting,
    adjust,
    clamped,
    defaults_of,
    passive_interval,
)
from gatewayd.clouds.thingsee.catalogue import CATALOGUE, Way, fields_of
from gatewayd.clouds.thingsee.codec import of_json
from tests.clouds.thingsee.frames import frames

JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1])


@pytest.mark.parametrize(
    "exchange", frames("answers")["exchanges"], ids=lambda exchange: exchange["name"]
)
def test_answers_follow_the_vendors_rules(exchange: dict[str, Any]) -> None:
    """What is asked, what was, what is answered."""
    request = of_json(exchange["request"])
    assert adjust(request.id, exchange["before"], request.said()) == exchange["answer"]


@given(st.sampled_from(sorted(SETTINGS)), st.data())
def test_no_request_leads_out_of_the_limits(id: int, data: st.DataObject) -> None:
    """Whatever is asked, all settings are there and each is one that the thing can have."""
    names = [setting.name for setting in SETTINGS[id]]
    asked = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), JSON))
    values = adjust(id, {}, asked)
    assert list(values) == names
    for setting in SETTINGS[id]:
        assert setting.minimum <= values[setting.name] <= setting.maximum


def test_every_configuration_has_settings_of_the_catalogue() -> None:
    """Known messages that are asked and answered, and their fields' names; defaults in limits."""
    assert SETTINGS.keys() >= ALLOWED
    for id, settings in SETTINGS.items():
        assert CATALOGUE[id].way is Way.BOTH
        for setting in settings:
            assert setting.name in fields_of(id)
            assert clamped(setting, setting.default) == setting.default


def test_whole_settings_stay_whole() -> None:
    """Half a second is none, half a degree is one."""
    assert clamped(Setting("n", 1, 0, 10), 2.6) == 3
    assert clamped(Setting("x", 0.5, 0, 10), 2.6) == 2.6


@pytest.mark.parametrize(
    ("mode", "passive", "report", "answer"),
    [(0, 60, 3600, 60), (1, 60, 3600, 3601), (1, 0, 3600, 0), (2, 7200, 3600, 7200)],
)
def test_a_passive_interval_exceeds_the_report_interval(
    mode: int, passive: int, report: int, answer: int
) -> None:
    """Where the mode has one at all."""
    values = {**defaults_of(PIR), "mode": mode, "passiveReportInterval": passive}
    assert passive_interval(values, report) == answer
