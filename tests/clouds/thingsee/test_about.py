"""What the gateway says of itself and its things."""

from __future__ import annotations

import json

from gatewayd.board import Board
from gatewayd.clouds.thingsee.about import (
    SLOT_S,
    announcement,
    connection,
    heartbeats,
    latest,
    latest_diagnostics,
    own_answer,
    system_info,
    unknown_destination,
)
from gatewayd.clouds.thingsee.codec import Event, Message, to_json
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.model import ChannelId, Quality, Reading, Value

T, H, V, R = (ChannelId(name) for name in ("a/t", "a/h", "a/v", "r/relay"))
PLACES = {
    T: Place(T, "A", 12100, "temp", "temperature"),
    H: Place(H, "A", 12100, "humd", "humidity"),
    V: Place(V, "A", 1400, "v", "voltage"),
    R: Place(R, "R", 1400, "relay", "switch", is_output=True),
}
GW = "XXGD01GATEWAY0001"
NAMES = Names(GW, PLACES, {GW: frozenset(), "A": frozenset({"a"}), "R": frozenset({"r"})})
NOW = 1_795_000_000_000


def board(*readings: tuple[ChannelId, Value | None, int]) -> Board:
    found = Board()
    for channel, value, age_s in readings:
        quality = Quality.FAULT if value is None else Quality.GOOD
        found.post([Reading(channel, NOW - age_s * 1000, value, quality)])
    return found


def test_a_start_says_software_binary_and_hardware() -> None:
    """With the serial that a TUID has after its product."""
    info, binary, hardware = announcement(NAMES, "1.2", Event.POWER_ON, 5)
    assert info.fields == {"swVersion": "1.2", "modelCode": "gatewayd", "psn": "GATEWAY0001"}
    assert binary.fields["binaryVersion"] == "1.2"
    assert hardware.fields == {"hwid": GW}
    assert "psn" not in system_info("GW", "1.2", Event.POWER_ON, 5).fields


def test_a_will_has_no_time() -> None:
    """Nobody knows when it will be; the cloud adds it."""
    assert to_json(connection("GW", 18, None)) == {"tsmId": 1000, "tsmEv": 18, "tsmTuid": "GW"}


def test_the_newest_values_are_joined_and_what_has_none_is_left_out() -> None:
    """An old value is never shown as fresh."""
    assert latest("A", 12100, NAMES, board((T, 20.0, 5), (H, 40, 9)), {}) == (
        {"temp": 20.0, "humd": 40},
        NOW // 1000 - 5,
    )
    assert latest("A", 12100, NAMES, board((T, None, 1), (H, 40, 9)), {}) == (
        {"humd": 40},
        NOW // 1000 - 9,
    )
    assert latest("A", 12100, NAMES, board((T, None, 1)), {}) is None
    assert latest("A", 1400, NAMES, board((V, 3.3, 1)), {}) is None


def test_diagnostics_are_each_channels_own() -> None:
    """Outputs are the gateway's group, readings the sensors'."""
    known = board((V, 3.3, 1), (R, True, 999))
    (voltage,) = latest_diagnostics("A", NAMES, known)
    (relay,) = latest_diagnostics("R", NAMES, known)
    assert (voltage["diagGroup"], voltage["diagType"]) == (4, "voltage")
    assert (relay["diagGroup"], relay["diagType"]) == (3, "relay")
    assert json.loads(str(relay["diagData"])) == {"channel": "relay", "state": 1}
    assert not latest_diagnostics("A", NAMES, board((V, None, 1)))


def test_a_thing_is_alive_that_was_heard_of_lately() -> None:
    """An output is, as long as its state is known."""
    alive = heartbeats(NAMES, board((T, 20.0, SLOT_S), (R, True, 99 * SLOT_S)), NOW)
    dead = heartbeats(NAMES, board((T, 20.0, SLOT_S + 1), (R, None, 1)), NOW)
    assert alive["heartbeats"] == [{"tuid": "A", "slotBits": 1}, {"tuid": "R", "slotBits": 1}]
    assert dead["heartbeats"] == [{"tuid": "A", "slotBits": 0}, {"tuid": "R", "slotBits": 0}]


def test_answers_are_relayed_by_the_gateway_but_its_own() -> None:
    """And nobody's command is the gateway's to tell."""
    asked = Message(id=1600, event=35, destination="A")
    assert own_answer(NAMES, asked, 5, {}).gateway == GW
    assert own_answer(NAMES, Message(id=1600, event=35, destination=GW), 5, {}).gateway == ""
    assert "nobody is none" in str(unknown_destination(GW, "", 5).fields["errorCause"])
