"""How the client names what goes wrong, and that it repeats nothing."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import (
    Busy,
    Denied,
    Forbidden,
    Invalid,
    NoAnswer,
    NotFound,
    ServerFailed,
    ThingerError,
)
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.errors import LinkDenied, LinkLost, Throttled
from gatewayd.sandbox.faults import RateLimit, RestFault
from tests.clouds.thinger.device import DEVICE, Device


@pytest.mark.parametrize(
    ("status", "kind", "turn"),
    [
        (400, Invalid, ThingerError),
        (401, Denied, LinkDenied),
        (403, Forbidden, LinkDenied),
        (404, NotFound, ThingerError),
        (408, ServerFailed, LinkLost),
        (409, ThingerError, ThingerError),
        (429, Busy, Throttled),
        (500, ServerFailed, LinkLost),
        (503, ServerFailed, LinkLost),
        (504, NoAnswer, LinkLost),
    ],
)
async def test_a_status_says_whose_turn_it_is(
    api: Rest, sandbox: Sandbox, status: int, kind: type[ThingerError], turn: type[Exception]
) -> None:
    """With the cloud's own words."""
    sandbox.rest_faults.add(
        RestFault(path="/devices", status=status, times=2, message="in its own words")
    )
    with pytest.raises(kind, match="in its own words") as caught:
        await api.devices.list()
    assert isinstance(caught.value, turn)
    assert caught.value.status == status


async def test_a_limit_says_how_long_to_wait(api: Rest, sandbox: Sandbox) -> None:
    """429 with Retry-After."""
    await api.devices.list()
    sandbox.rest_faults.rate_limit = RateLimit(count=1, window_s=30)
    await api.devices.list()
    with pytest.raises(Busy) as caught:
        await api.devices.list()
    assert 0 < caught.value.retry_after_s <= 30


async def test_a_command_whose_answer_is_lost_is_not_repeated(
    api: Rest, sandbox: Sandbox, device: Device
) -> None:
    """LinkLost, and the device was asked once."""
    sandbox.rest_faults.add(RestFault(path="/relay", after=True, cut=True))
    with pytest.raises(LinkLost):
        await api.devices.resources(DEVICE).write("relay", True)
    assert len(device.runs) == 1


async def test_a_command_that_is_refused_once_is_carried_out_once(
    api: Rest, sandbox: Sandbox, device: Device
) -> None:
    """401 out of the blue: a new token, and the same command."""
    sandbox.rest_faults.add(RestFault(path="/relay", status=401))
    await api.devices.resources(DEVICE).write("relay", True)
    assert len(device.runs) == 1


async def test_a_second_refusal_is_the_end(api: Rest, sandbox: Sandbox, device: Device) -> None:
    """The token is renewed once, not for ever."""
    sandbox.rest_faults.add(RestFault(path="/relay", status=401, times=-1))
    with pytest.raises(Denied):
        await api.devices.resources(DEVICE).write("relay", True)
    assert not device.runs
    assert sandbox.journal.counts["rest_faults"] == 2
