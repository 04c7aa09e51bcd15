from __future__ import annotations

import pytest

from gatewayd.driver import driver_kinds, load_driver
from tests.gatewayd.config.written import Check

RELAY = '[device.pump]\ndriver = "sim_relay"\nhold_max = "1h"\n'
SENSOR = '[device.boiler]\ndriver = "sim"\nsignals.level = {}\n'


def test_an_output_without_safe_is_refused(check: Check) -> None:
    """There is no default for what can hurt someone; a mistyped key is the nearest."""
    assert check(RELAY + 'saef = "off"').said == [
        '1:9: no "safe" for pump/relay; expected the value when in doubt, it has no default; '
        "nearest: saef",
        '4:1: unknown key "saef"; expected "driver", "every", "timeout", "quiet_max", "channel", '
        '"safe", "hold_max", "orphan", "min_on", "min_off", "interlock", "dead_time", '
        '"cycles_max", "start_after", "start_delay", "verify", "relays", "state_file", '
        '"fail_after" or "stuck"; nearest: safe',
    ]


def test_safe_is_written_as_people_say_it(check: Check) -> None:
    """On, off, true, false, 1 and 0 are all a switch's values."""
    for text, value in (('"on"', True), ('"OFF"', False), ("true", True), ("0", False)):
        settings = check(f"{RELAY}safe = {text}").good
        assert settings.devices["pump"].limits["relay"].safe is value


def test_a_safe_value_that_the_output_cannot_take_is_refused(check: Check) -> None:
    """A switch has no half."""
    assert check(RELAY + 'safe = "of"').said == [
        '4:8: found "of"; expected on or off, true or false, 1 or 0; nearest: off'
    ]


def test_safe_on_a_sensor_is_a_mistake(check: Check) -> None:
    """Keys of outputs mean nothing where nothing is set, in the section or in a channel's."""
    checked = check(SENSOR + 'safe = "off"\n[device.boiler.channel.level]\nhold_max = "1h"')
    assert checked.said == [
        '4:1: found "safe" where nothing is an output; expected it for outputs only',
        '6:1: found "hold_max" where nothing is an output; expected it for outputs only',
    ]


def test_a_channels_own_keys_go_before_the_devices(check: Check) -> None:
    """What holds for all outputs of a board is said once, exceptions beside the channel."""
    text = RELAY + 'relays = ["a", "b"]\nsafe = "off"\n[device.pump.channel.b]\nsafe = "on"\n'
    limits = check(text + 'hold_max = "5m"').good.devices["pump"].limits
    assert (limits["a"].safe, limits["a"].hold_max) == (False, 3600.0)
    assert (limits["b"].safe, limits["b"].hold_max) == (True, 300.0)


def test_one_mistake_for_all_outputs_is_reported_once(check: Check) -> None:
    """Sixteen relays do not make sixteen lines out of one wrong key."""
    text = RELAY + 'relays = ["a", "b", "c"]\nsafe = "off"\nmin_on = 5'
    assert len(check(text).said) == 1


def test_a_channel_is_tuned(check: Check) -> None:
    """Deadband and heartbeat reach the sampler by the channel's local name."""
    text = SENSOR + '[device.boiler.channel.level]\ndeadband = 0.1\nheartbeat = "5m"'
    tuning = check(text).good.devices["boiler"].tunings["level"]
    assert (tuning.deadband, tuning.heartbeat) == (0.1, 300.0)


def test_senseless_numbers_are_refused(check: Check) -> None:
    """No time of zero, no negative deadband, no minimum above its maximum, no inf."""
    text = (
        SENSOR + 'every = "0s"\n[device.boiler.channel.level]\n'
        'deadband = -1\nheartbeat = "0s"\nminimum = 2\nmaximum = 1\nscale = inf'
    )
    assert [line.partition(";")[0] for line in check(text).said] == [
        '4:9: found "0s"',
        "6:12: found -1",
        '7:13: found "0s"',
        "8:11: minimum 2.0 above maximum 1.0",
        "10:9: found inf",
    ]


def test_a_hold_shorter_than_min_on_contradicts_it(check: Check) -> None:
    """An output cannot both stay on for an hour and fall back after a minute."""
    text = '[device.p]\ndriver = "sim_relay"\nsafe = "off"\nhold_max = "1m"\nmin_on = "1h"'
    assert check(text).said == [
        "5:10: min_on 1h longer than hold_max 1m; expected min_on to be the shorter one"
    ]


def test_an_unknown_driver_and_a_missing_one_are_told_apart(check: Check) -> None:
    """The nearest driver is named; so is the key that was probably meant to say it."""
    said = check('[device.a]\ndriver = "sim_rely"\n[device.b]\ndriver_kind = "sim"').said
    assert said[0].startswith('2:10: found "sim_rely"; expected "')
    assert said[0].endswith("; nearest: sim_relay")
    assert said[1] == (
        '3:9: no "driver" for b; expected this key, it has no default; nearest: driver_kind'
    )


def test_names_must_fit_into_topics_and_paths(check: Check) -> None:
    """A slash, a leading dash or a blank in a name is refused, for channels from drivers too."""
    text = '[device."a b"]\ndriver = "sim"\n[device.-x]\ndriver = "sim"\n'
    text += '[device.ok]\ndriver = "sim"\nsignals."a/b" = {}'
    assert [line.partition(";")[0] for line in check(text).said] == [
        '1:9: found the name "a b"',
        '3:9: found the name "-x"',
        '5:9: found the channel name "a/b"',
    ]


def test_addresses_are_shown_as_data_sheets_write_them(check: Check) -> None:
    """Nobody recognises 118."""
    text = '[device.b]\ndriver = "bme280"\nport = "i2c:1"\naddress = 0x70'
    assert check(text).said == ["4:11: found 0x70; expected 0x76 or 0x77"]


@pytest.mark.parametrize("kind", sorted(driver_kinds()))
def test_the_example_of_every_driver_can_be_pasted(check: Check, kind: str) -> None:
    """What a driver's docstring shows has no mistake in it."""
    assert check(load_driver(kind).example()).good.devices
