"""The sandbox as the referee of a bad day: faults at random, and the books still add up."""

from __future__ import annotations

import random

import orjson
import pytest

from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox
from tests.clouds.thingsee.sandbox.scene import CONNECTED, SENSOR, UP, T, gateway, said
from tests.mqtt_peer import WAIT_S

ARRAYS, SIZE = 30, 5


@pytest.mark.parametrize("seed", range(3))
async def test_who_sends_again_until_acknowledged_is_kept_exactly_once(
    sandbox: Sandbox, seed: int
) -> None:
    """Lost and withheld acknowledgements, cut connections: every message once, in order."""
    dice = random.Random(seed)
    arrays = [[said(SIZE * n + i) for i in range(SIZE)] for n in range(ARRAYS)]
    todo = list(arrays)
    while todo:
        async with gateway(sandbox) as peer:
            await peer.publish(UP, orjson.dumps([CONNECTED]))
            while todo:
                fault = dice.choice(["none", "none", "lose_ack", "withhold", "kill"])
                if fault == "kill":
                    peer.send(UP, orjson.dumps(todo[0]))
                    sandbox.broker.cut_all("a bad day")
                    await peer.gone()
                    break
                if fault != "none":
                    setattr(sandbox.broker.faults, fault, 1)
                patience_s = WAIT_S if fault == "none" else 0.03
                number = peer.send(UP, orjson.dumps(todo[0]))
                try:
                    await peer.until(lambda: number in peer.acked, patience_s)  # noqa: B023 - awaited here.
                except TimeoutError:
                    break
                todo.pop(0)
    await sandbox.broker.wait_closed()
    history = sandbox.world.history.of(SENSOR, Selection())
    assert [each.time_s for each in reversed(history)] == [T + n for n in range(ARRAYS * SIZE)]
    arrivals = [each for each in sandbox.journal.arrivals if each.message.thing == SENSOR]
    assert sum(not each.is_repeat for each in arrivals) == ARRAYS * SIZE
    fresh = [each.message.time_s for each in arrivals if not each.is_repeat]
    assert fresh == [T + n for n in range(ARRAYS * SIZE)]
    assert not sandbox.journal.violations
