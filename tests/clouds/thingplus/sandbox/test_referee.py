"""The sandbox as the referee of a bad day: faults at random, and the books still add up."""

from __future__ import annotations

import random

import orjson
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.device import BASE
from tests.clouds.thingplus.sandbox.scene import DI, TEMP, gateway
from tests.mqtt_peer import WAIT_S

T = 1_700_000_000_000
BATCHES = 40


@pytest.mark.parametrize("seed", range(3))
async def test_who_sends_again_until_acknowledged_is_stored_exactly_once(
    sandbox: Sandbox, seed: int
) -> None:
    """Lost and withheld acknowledgements, cut connections: every point once, in order.

    What came twice is counted as duplicates, and nothing is called late.
    """
    dice = random.Random(seed)
    batches: list[dict[str, list[float]]] = [
        {TEMP: [T + n, n, T + n + 1, n + 0.5], DI: [T + n, n % 2]} for n in range(0, 80, 2)
    ]
    assert len(batches) == BATCHES
    todo = list(batches)
    while todo:
        async with gateway(sandbox) as peer:
            while todo:
                fault = dice.choice(["none", "none", "lose_ack", "withhold", "kill"])
                if fault == "kill":
                    peer.send(BASE, orjson.dumps(todo[0]))
                    sandbox.broker.cut_all("a bad day")
                    await peer.gone()
                    break
                if fault != "none":
                    setattr(sandbox.broker.faults, fault, 1)
                patience_s = WAIT_S if fault == "none" else 0.03
                number = peer.send(BASE, orjson.dumps(todo[0]))
                try:
                    await peer.until(lambda: number in peer.acked, patience_s)  # noqa: B023 - awaited here.
                except TimeoutError:
                    break
                todo.pop(0)
    await sandbox.broker.wait_closed()
    for name in (TEMP, DI):
        flat = [each for batch in batches for each in batch[name]]
        times_ms, values = sandbox.world.sensors[name].series.page(0, 1000)
        assert [*times_ms] == flat[::2]
        assert values == flat[1::2]
    assert set(sandbox.journal.dropped) <= {"duplicate"}
    counts = sandbox.journal.counts
    assert counts["points_accepted"] == 3 * BATCHES
    assert counts["points_dropped"] == sandbox.journal.dropped["duplicate"]
