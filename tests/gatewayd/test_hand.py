"""The hand: a write is in doubt until the hardware has said what it did."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.errors import DeviceError, DeviceFault, DeviceTimeout
from gatewayd.hand import LEAVE_S, Hand
from gatewayd.model import Access, Channel, ChannelId, Quality, Value
from gatewayd.output import Limits, Order, Output
from gatewayd.testing.actuator import FakeActuator, Fault
from gatewayd.testing.simulated import simulated


def make_output(local: str = "relay") -> Output:
    channel = Channel(local, "switch", access=Access.WRITE)
    output = Output(ChannelId(f"pump/{local}"), channel, Limits(safe=False), Order(False))
    output.stand(False, 0.0, is_verified=True)
    return output


def make_hand(board: FakeActuator, told: list[Value | None] | None = None) -> Hand:
    seen: list[Value | None] = [] if told is None else told
    return Hand(board, 1.0, lambda output: seen.append(output.actual), lambda event, **facts: None)


@simulated
async def test_a_write_is_verified_by_reading_back() -> None:
    """What the hardware says is what the output does."""
    output, board = make_output(), FakeActuator({"relay": False})
    await make_hand(board).drive(output, True)
    assert (output.actual, output.is_verified, output.quality) == (True, True, Quality.GOOD)


@simulated
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HANG, DeviceTimeout),
        (Fault.LATE, DeviceTimeout),
        (Fault.REFUSE, DeviceFault),
        (Fault.STUCK, DeviceFault),
    ],
)
async def test_a_write_that_fails_leaves_doubt(fault: Fault, error: type[DeviceError]) -> None:
    """Nobody knows, and the reason is kept."""
    output, board = make_output(), FakeActuator({"relay": False})
    board.faults.append(fault)
    with pytest.raises(error):
        await make_hand(board).drive(output, True)
    assert (output.actual, output.is_verified) == (None, False)
    assert output.quality is error.quality


@simulated
async def test_a_cancelled_write_leaves_doubt() -> None:
    """Half a write may have been a whole one."""
    output, board = make_output(), FakeActuator({"relay": False}, write_s=0.5)
    writing = asyncio.ensure_future(make_hand(board).drive(output, True))
    await asyncio.sleep(0.1)
    writing.cancel()
    await asyncio.wait([writing])
    assert output.actual is None


@simulated
async def test_a_retreat_tells_the_doubt_and_then_safety() -> None:
    """In this order, because both are facts."""
    told: list[Value | None] = []
    output, board = make_output(), FakeActuator({"relay": True})
    output.doubt(Quality.TIMEOUT, "late")
    await make_hand(board, told).retreat(output, DeviceTimeout("late"))
    assert told == [None, False]
    assert output.reason == "went safe: late"


@simulated
async def test_making_all_safe_goes_through_all_and_then_raises() -> None:
    """The first failure is raised when every output has had its turn."""
    outputs = [make_output(name) for name in ("a", "b", "c")]
    board = FakeActuator({"a": True, "b": True, "c": True})
    board.faults.extend([Fault.LOST, Fault.REFUSE])
    with pytest.raises(DeviceTimeout):
        await make_hand(board).make_all_safe(outputs, "opened")
    assert board.levels == {"a": True, "b": True, "c": False}


@simulated
async def test_leaving_has_its_time_and_never_raises() -> None:
    """Whatever the hardware does, the way out is open in time."""
    outputs = [make_output(name) for name in "abcdefgh"]
    board = FakeActuator(dict.fromkeys("abcdefgh", True))
    board.faults.extend([Fault.HANG] * 7)
    await make_hand(board).leave(outputs)
    assert asyncio.get_running_loop().time() <= LEAVE_S
    assert board.levels["h"] is False
