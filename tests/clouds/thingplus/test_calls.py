"""Requests of Thing+, checked: each method, and the error each mistake is answered with."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.clouds.thingplus.calls import (
    COMMANDS,
    Outputs,
    answer_of,
    read_command,
    read_interval,
    read_time,
)
from gatewayd.clouds.thingplus.names import ACTUATOR_TYPES, NameEntry, name_channels
from gatewayd.clouds.thingplus.rpc import Request, Response, RpcCode, RpcError
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Status

CHANNELS = {
    ChannelId(name): Channel(name, kind, access=Access.WRITE, maximum=maximum)
    for name, kind, maximum in [
        ("o/relay", "switch", None),
        ("o/led", "led", None),
        ("o/dimmer", "level", 100.0),
        ("o/buzzer", "buzzer", None),
        ("o/text", "text", None),
        ("o/lcd", "text", None),
        ("o/level", "level", 100.0),
    ]
}
TYPES = {"o/lcd": NameEntry(type="lcd"), "o/dimmer": NameEntry(type="led")}
NAMES = name_channels("gw", CHANNELS, {}, TYPES)
OUTPUTS = Outputs("up", {sensor.id: sensor for sensor in NAMES.values()}, CHANNELS)


def command(actuator: str, verb: str, options: Any = None) -> Command:
    params = {"id": f"gw-o-{actuator}", "cmd": verb, "options": options}
    return read_command(Request("r1", "controlActuator", params), OUTPUTS)


def code_of(error: pytest.ExceptionInfo[RpcError]) -> int:
    assert error.value.request_id == "r1"
    return error.value.code


@pytest.mark.parametrize(
    ("actuator", "verb", "options", "value", "hold_s", "blink_s"),
    [
        ("relay", "on", None, True, None, None),
        ("relay", "on", {"duration": 3000}, True, 3.0, None),
        ("relay", "on", {"duration": "100"}, True, 0.1, None),
        ("relay", "off", {}, False, None, None),
        ("led", "blink", {}, True, None, 5.0),
        ("led", "blink", {"interval": 500, "duration": 10_000_000}, True, 10_000.0, 0.5),
        ("dimmer", "on", {}, 100.0, None, None),
        ("dimmer", "off", {}, 0.0, None, None),
        ("buzzer", "on", {}, True, None, None),
        ("text", "send", {"text": "hello"}, "hello", None, None),
        ("level", "send", {"text": "42.5"}, 42.5, None, None),
        ("lcd", "print", {"text": "42.5", "row": 1}, "42.5", None, None),
        ("lcd", "clear", {"row": -1}, "", None, None),
    ],
)
def test_a_command_becomes_a_setpoint(
    actuator: str, verb: str, options: Any, value: Any, hold_s: Any, blink_s: Any
) -> None:
    """Command and options of the catalogue, as value, hold and blink time."""
    channel = ChannelId(f"o/{actuator}")
    assert command(actuator, verb, options) == Command("up", "r1", channel, value, hold_s, blink_s)


@pytest.mark.parametrize(
    ("actuator", "verb", "options"),
    [
        ("relay", "on", {"duration": 99}),
        ("relay", "on", {"duration": 10_000_001}),
        ("relay", "on", {"duration": "soon"}),
        ("relay", "on", {"duration": True}),
        ("relay", "on", {"duration": 100.5}),
        ("led", "blink", {"interval": 1}),
        ("text", "send", {}),
        ("level", "send", {"text": "nan"}),
        ("level", "send", {"text": "high"}),
        ("relay", "toggle", {}),
        ("relay", "blink", {}),
        ("nobody", "on", {}),
    ],
)
def test_what_will_not_be_done_is_a_server_error(actuator: str, verb: str, options: Any) -> None:
    """Unknown actuator, unknown command, bad option: -32000."""
    with pytest.raises(RpcError) as caught:
        command(actuator, verb, options)
    assert code_of(caught) == RpcCode.SERVER


@pytest.mark.parametrize(
    "params", [None, [], {}, {"id": "gw-o-relay"}, {"cmd": "on"}, {"id": 5, "cmd": "on"},
               {"id": "gw-o-relay", "cmd": "on", "options": 5}]
)  # fmt: skip
def test_a_command_without_its_fields_has_bad_params(params: Any) -> None:
    """-32602."""
    with pytest.raises(RpcError) as caught:
        read_command(Request("r1", "controlActuator", params), OUTPUTS)
    assert code_of(caught) == RpcCode.BAD_PARAMS


def test_a_time_is_milliseconds_after_2015() -> None:
    """Numbers only, and none from before Thing+ was."""
    assert read_time(Request("r1", "timeSync", {"time": 1_461_561_631_000})) == 1_461_561_631_000
    wrong: list[object] = ["1461561631000", True, 1_446_336_000_000, -5, []]
    for time in wrong:
        with pytest.raises(RpcError, match="invalid time") as caught:
            read_time(Request("r1", "timeSync", {"time": time}))
        assert code_of(caught) == RpcCode.SERVER
    with pytest.raises(RpcError) as caught:
        read_time(Request("r1", "timeSync"))
    assert code_of(caught) == RpcCode.BAD_PARAMS


@pytest.mark.parametrize("interval", ["120000", 120_000, 120_000.0])
def test_an_interval_is_text_or_number(interval: Any) -> None:
    """Every example has a text; the vendor's gateway takes numbers."""
    assert read_interval(Request("r1", "setProperty", {"reportInterval": interval})) == 120.0


@pytest.mark.parametrize(
    "interval", ["59999", 59_999, 604_800_001, "-60000", "1 m", "", None, True, 60_000.5, "9" * 99]
)
def test_an_interval_out_of_range_is_invalid(interval: Any) -> None:
    """-32000 `invalid interval`, as documented."""
    with pytest.raises(RpcError, match="invalid interval") as caught:
        read_interval(Request("r1", "setProperty", {"reportInterval": interval}))
    assert code_of(caught) == RpcCode.SERVER


def test_an_unknown_property_has_bad_params() -> None:
    """Wi-Fi passwords and the like are not taken from a cloud."""
    with pytest.raises(RpcError) as caught:
        read_interval(Request("r1", "setProperty", {"wlan": {"ssid": "x"}}))
    assert code_of(caught) == RpcCode.BAD_PARAMS


def test_an_answer_carries_the_value_read_back() -> None:
    """And whether the hardware said it, or it is assumed."""
    asked = command("relay", "on")
    done = Outcome(Status.DONE, "", True, is_verified=True)
    assert answer_of(asked, done) == Response("r1", {"value": 1, "verified": True})
    told = answer_of(asked, Outcome(Status.DONE, "assumed", 5.0))
    assert told == Response("r1", {"value": 5.0, "verified": False, "message": "assumed"})


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FAILED])
def test_a_failure_is_answered_with_its_reason(status: Status) -> None:
    """-32000 and the sentence."""
    response = answer_of(command("relay", "on"), Outcome(status, "interlocked with valve/relay"))
    assert response == Response("r1", None, RpcCode.SERVER, "interlocked with valve/relay")


@pytest.mark.parametrize(
    ("actuator", "type"),
    [
        ("relay", "powerSwitch"),
        ("led", "led"),
        ("buzzer", "buzzer"),
        ("text", "stringActuator"),
        ("lcd", "lcd"),
    ],
)
def test_an_unknown_command_is_answered_with_those_there_are(actuator: str, type: str) -> None:
    """Every type has its own, and what is named is taken."""
    with pytest.raises(RpcError, match=f"unknown command toggle; a {type} takes ") as caught:
        command(actuator, "toggle")
    assert str(caught.value).partition(" takes ")[2] == ", ".join(COMMANDS[type])
    for verb in COMMANDS[type]:
        command(actuator, verb, {"text": "1"})


def test_every_type_has_commands() -> None:
    """A new type cannot be forgotten in the answer."""
    assert set(COMMANDS) == ACTUATOR_TYPES
