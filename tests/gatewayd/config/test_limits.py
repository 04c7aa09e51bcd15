"""The keys of outputs, one by one."""

from __future__ import annotations

import pytest

from tests.gatewayd.config.written import Check

RELAY = '[device.p]\ndriver = "sim_relay"\nsafe = "off"\nhold_max = "1h"\n'


def test_every_key_of_an_output_is_read(check: Check) -> None:
    """What is written reaches the keeper."""
    text = RELAY + 'cycles_max = 50\nstart_delay = "5s"\n'
    text += 'verify = { channel = "clamp/current", on = "> 0.5", within = "4s" }\n'
    text += '[device.clamp]\ndriver = "sim"\nevery = "1s"\nsignals.current = {}\n'
    limits = check(text).good.devices["p"].limits["relay"]
    assert (limits.cycles_max, limits.start_delay) == (50, 5.0)
    assert limits.verify is not None
    assert (limits.verify.channel, limits.verify.on, limits.verify.within) == (
        "clamp/current",
        "> 0.5",
        4.0,
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cycles_max = 0", "5:14: found 0; expected 1 to 10000 a day"),
        (
            'start_delay = "2m"',
            '5:15: found "2m"; expected one minute at the most: commands wait for it',
        ),
        (
            'start_after = ["p/relay"]',
            '5:15: start_after without a start_delay for p; expected start_delay = "5s" or so '
            "beside it",
        ),
        (
            'dead_time = "2s"',
            "5:13: a dead_time without an interlock; expected interlock = [ … ] here or at the "
            "other output",
        ),
    ],
)
def test_what_cannot_be_meant_is_found(check: Check, line: str, said: str) -> None:
    """Each with its place, and what would be right."""
    assert check(RELAY + line).said[0] == said


def test_a_condition_that_nobody_can_judge_is_found(check: Check) -> None:
    """It would never confirm anything."""
    (said, *_) = check(RELAY + 'verify = { channel = "p/relay", on = "much" }').said
    assert '"much" is no condition' in said


def test_an_actuator_answers_sooner_than_a_sensor(check: Check) -> None:
    """Until it did nobody knows what it does; who has a slow one says so."""
    text = RELAY + '[device.s]\ndriver = "sim"\nsignals.level = {}\n'
    devices = check(text).good.devices
    assert (devices["p"].timeout, devices["s"].timeout) == (2.0, 10.0)
    assert check(RELAY + 'timeout = "8s"').good.devices["p"].timeout == 8.0
