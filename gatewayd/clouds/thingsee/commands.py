"""What a command of Thingsee asks of an output, and what is answered to it; pure.

The public catalogue has no relay. An output is driven by the remote command 1402, `RELAY` with
`{"channel":"relay1","state":1,"hold":30}` as payload, and where the owner wants it by the LED
command 1505. Refusals of a 1402 say so in `result`; a 1505 has no refusal, and an answer with
another profile than was asked for means that nothing happened.

Source: Haltian developer site, common profile (1402, 1505, 30/31, 35/36).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from gatewayd.clouds.thingsee.codec import Json, Message, maybe_number
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.clouds.wire_values import wire_value
from gatewayd.errors import GatewayError
from gatewayd.model import Channel, ChannelId, Outcome, Status, Value

REMOTE, LED, ANGLE_LED = 1402, 1505, 18200
LEDS = frozenset({LED, ANGLE_LED})
RELAY, REBOOT = "RELAY", "REBOOT"

OK, FAILED, UNSUPPORTED = 0, -1, -2
"""`result` of a 1402."""

BLINK_S = 1.0
"""The LED blinks every two seconds: one on, one off."""

TEXT_MAX = 4096
"""Of a payload; the longest sensible one has a hundred letters."""


class Refused(GatewayError):
    """The command will not become one for an output; `result` says how to say so."""

    def __init__(self, message: str, result: int = FAILED) -> None:
        super().__init__(message)
        self.result = result


@dataclass(frozen=True, slots=True)
class Move:
    """What an output shall do."""

    place: Place
    value: Value
    hold_s: float | None = None
    blink_s: float | None = None


def read_relay(request: Message, names: Names) -> Move:
    """Return what a `RELAY` asks for.

    Raises:
        Refused: no such output, or a payload that says nothing sensible.
    """
    payload = request.fields.get("payload")
    if not isinstance(payload, str) or len(payload) > TEXT_MAX:
        raise Refused("payload is no short text")
    try:
        asked = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise Refused("payload is not JSON") from None
    if not isinstance(asked, dict) or "state" not in asked:
        raise Refused('payload is not {"channel": …, "state": …}')
    state = asked["state"]
    if not isinstance(state, bool | int | float | str | dict):
        raise Refused("state is neither a number nor a text")
    place = find_output(request.destination, asked.get("channel"), names)
    return Move(place, state, _period_s(asked, "hold"), _period_s(asked, "blink"))


def find_output(destination: str, wanted: object, names: Names) -> Place:
    """Return the output that a command means: by its own thing, or by the gateway's.

    Raises:
        Refused: none, or nobody can say which.
    """
    outputs = [place for place in names.places.values() if place.is_output]
    near = [place for place in outputs if place.thing == destination]
    if wanted is None and len(near) == 1:
        return near[0]
    among = outputs if destination == names.gateway else near
    found = [place for place in among if wanted in (place.channel, place.field)]
    if len(found) != 1:
        known = ", ".join(sorted(place.field for place in among)[:20])
        raise Refused(f"no output {str(wanted)[:64]!r}; there are {known or 'none'}")
    return found[0]


def read_led(request: Message, names: Names, channels: Mapping[ChannelId, Channel]) -> Move | None:
    """Return what a LED command asks of the output that stands for its thing's LED, or None.

    On needs a duration: nobody should have to remember to switch it off.
    """
    led = find_led(request.destination, names)
    profile = maybe_number(request.fields.get("profileId"))
    if led is None or profile is None:
        return None
    channel = channels[led.channel]
    is_range = channel.kind != "switch" and channel.maximum is not None
    if profile == 0:
        return Move(led, (channel.minimum or 0.0) if is_range else False)
    duration_s = maybe_number(request.fields.get("duration")) or 0.0
    if profile != 1 or duration_s <= 0:
        return None
    blink_s = BLINK_S if led.led == "blink" else None
    value: Value = True if not is_range or channel.maximum is None else channel.maximum
    return Move(led, value, duration_s, blink_s)


def find_led(thing: str, names: Names) -> Place | None:
    """Return the output that the owner has made a thing's LED."""
    return next((place for place in names.places_of(thing) if place.led), None)


def relay_answer(place: Place, outcome: Outcome) -> dict[str, Json]:
    """Return the fields of the answer to a `RELAY`, with the value read back."""
    record: dict[str, Json] = {"channel": place.field}
    if outcome.value is not None:
        state, _ = wire_value(outcome.value, place)
        record["state"] = state
        record["verified"] = outcome.is_verified
    if outcome.detail:
        record["message"] = outcome.detail
    is_done = outcome.status is Status.DONE
    return {"result": OK if is_done else FAILED, "payload": orjson.dumps(record).decode()}


def refusal(error: Refused) -> dict[str, Json]:
    """Return the fields of the answer to a 1402 that is not carried out."""
    return {"result": error.result, "payload": orjson.dumps({"message": str(error)}).decode()}


def led_answer(request: Message, outcome: Outcome | None) -> dict[str, Json]:
    """Return the fields of the answer to a LED command; off where nothing happened."""
    if outcome is None or outcome.status is not Status.DONE:
        return {"profileId": 0, "duration": 0}
    profile = maybe_number(request.fields.get("profileId")) or 0
    return {
        "profileId": profile,
        "duration": (maybe_number(request.fields.get("duration")) or 0) if profile else 0,
    }


def _period_s(asked: dict[str, Json], name: str) -> float | None:
    if asked.get(name) is None:
        return None
    period_s = maybe_number(asked[name])
    if period_s is None or isinstance(asked[name], bool):
        raise Refused(f"{name} is not a number of seconds")
    return period_s
