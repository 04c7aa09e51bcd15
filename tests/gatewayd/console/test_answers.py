"""What the control socket answers, without a socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gatewayd.board import Board
from gatewayd.console.answers import ANSWER_S, answer, command_of, matching
from gatewayd.console.surface import ControlSurface, Json
from gatewayd.errors import DeviceTimeout, OutboxError
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Quality, Reading, Status
from gatewayd.outbox.ledger import Balance
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

WARM, HUMID, PUMP = (
    ChannelId(name) for name in ("boiler/temperature", "boiler/humidity", "pump/relay")
)
CHANNELS = {
    WARM: Channel("temperature", "temperature", "Cel", 1),
    HUMID: Channel("humidity", "humidity", "%"),
    PUMP: Channel("relay", "switch", access=Access.WRITE),
}


def make_surface() -> ControlSurface:
    """A gateway whose boiler says 21.5 when it is asked."""
    clock = SimulatedClock(asyncio.get_running_loop())

    async def status() -> Json:
        await asyncio.sleep(10_000)
        return {}

    async def ledger() -> dict[str, Balance]:
        raise OutboxError("the card is full")

    async def refresh(device: str) -> list[Reading]:
        return [Reading(WARM, clock.now_ms(), 21.5)] if device == "boiler" else []

    async def submit(command: Command) -> Outcome:
        return Outcome(Status.DONE, "", command.value, True)

    async def make_safe() -> dict[ChannelId, Outcome]:
        return {PUMP: Outcome(Status.FAILED, "pump is not open")}

    return ControlSurface(
        "/state", clock, Board(), CHANNELS, status, ledger, refresh, submit, make_safe
    )


async def result(surface: ControlSurface, do: str, **request: object) -> Any:
    told = await answer(surface, {"do": do, **request})
    assert told["ok"], told
    return told["result"]


@simulated
async def test_reading_tells_the_age_and_never_shows_old_as_fresh() -> None:
    """From the board, with how long ago; what was never seen is absent."""
    surface = make_surface()
    surface.board.post([Reading(WARM, surface.clock.now_ms() - 5000, 20.0)])
    warm, humid = await result(surface, "read", channel="boiler")
    assert (warm["value"], warm["age_s"], warm["unit"], warm["quality"]) == (20, 5, "Cel", "good")
    assert (humid["value"], humid["quality"]) == (None, "absent")


@simulated
async def test_fresh_asks_the_device() -> None:
    """What is new stands over what is on the board."""
    surface = make_surface()
    surface.board.post([Reading(WARM, 0, 20.0)])
    (warm,) = await result(surface, "read", channel=WARM, fresh=True)
    assert (warm["value"], warm["age_s"]) == (21.5, 0)


@simulated
async def test_a_device_that_does_not_answer_now_has_no_value_now() -> None:
    """Asked for a fresh value, nobody is shown the old one."""

    async def refresh(device: str) -> list[Reading]:
        raise DeviceTimeout("late")

    surface = replace(make_surface(), refresh=refresh)
    surface.board.post([Reading(WARM, 0, 20.0)])
    (warm,) = await result(surface, "read", channel=WARM, fresh=True)
    assert (warm["value"], warm["quality"]) == (None, "timeout")


@simulated
async def test_history_is_what_the_board_kept() -> None:
    """The oldest first, for one channel only."""
    surface = make_surface()
    surface.board.post([Reading(WARM, n, None if n else 1.0, Quality(4 * n)) for n in (0, 1)])
    told = await result(surface, "history", channel=WARM)
    assert [each["value"] for each in told] == [1.0, None]
    assert await result(surface, "history", channel=PUMP) == []
    assert not (await answer(surface, {"do": "history", "channel": "no/body"}))["ok"]


@simulated
async def test_channels_tell_what_can_be_read_and_set() -> None:
    """For a script that wants to know before it asks."""
    told = await result(make_surface(), "channels")
    assert [(each["channel"], each["is_output"]) for each in told] == [
        (WARM, False),
        (HUMID, False),
        (PUMP, True),
    ]


@simulated
async def test_safe_tells_of_every_output() -> None:
    """Also of the one that could not be made safe."""
    told = await result(make_surface(), "safe")
    assert told[PUMP]["status"] == "failed"


@simulated
async def test_trouble_is_a_sentence() -> None:
    """The log's trouble and a gateway that takes too long are told, not dropped."""
    surface = make_surface()
    assert await answer(surface, {"do": "ledger"}) == {"ok": False, "error": "the card is full"}
    late = await answer(surface, {"do": "status"})
    assert late == {"ok": False, "error": f"no answer within {ANSWER_S:g} s"}


@pytest.mark.parametrize("key", ["channel", "request_id"])
def test_texts_are_texts(key: str) -> None:
    """Nothing else becomes a name."""
    with pytest.raises(ValueError, match=f"{key} is not a text"):
        command_of({"value": 1, key: 5})


@pytest.mark.parametrize("seconds", ["5", True, [1]])
def test_seconds_are_numbers(seconds: object) -> None:
    """The verb has parsed the unit already."""
    with pytest.raises(ValueError, match="not a number of seconds"):
        command_of({"value": 1, "channel": "a/b", "blink_s": seconds})


@simulated
async def test_a_name_means_a_channel_a_device_or_everything() -> None:
    """And a part of a name means nothing."""
    surface = make_surface()
    assert matching(surface, "") == [WARM, HUMID, PUMP]
    assert matching(surface, "boiler") == [WARM, HUMID]
    assert matching(surface, PUMP) == [PUMP]
    with pytest.raises(ValueError, match="no device or channel is called boil"):
        matching(surface, "boil")
