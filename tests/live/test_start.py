"""The daemon's first act: outputs are safe before anything that may take its time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gatewayd.outbox.files import CARD_NAME
from tests.live.cloud import Cloud
from tests.live.daemon import House, until
from tests.live.plant import SAFE, UNSAFE, UPLINK, planted, switch_all

SOON_S = 4.0
"""The program's start, on a machine that the tests share."""


@contextmanager
def held(card: Path) -> Iterator[None]:
    """Keep a card's file to ourselves, as a tool for backups may: who opens it waits, twice."""
    with closing(sqlite3.connect(card, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


async def test_outputs_are_safe_before_the_log_is_open(house: House, cloud: Cloud) -> None:
    """After a power cut nobody ran `gatewayd safe`; a store that is mended for ten seconds keeps
    no pump running meanwhile.
    """
    async with planted(house, cloud) as plant:
        async with house.daemon() as daemon:
            await daemon.wait_up(*house.devices, UPLINK)
            await switch_all(cloud)
            daemon.kill()
        assert plant.contacts() == UNSAFE
        assert house.hot is not None
        with held(house.state / CARD_NAME):
            async with house.daemon(is_awaited=False) as daemon:
                await plant.wait_safe(SOON_S)
                assert "READY=1" not in daemon.told(), "the log is not open yet"
                await daemon.wait_ready()
                await daemon.wait_up(*house.devices, UPLINK)
                assert (await daemon.ask("ledger"))["is_balanced"]
                await switch_all(cloud)
                await until(lambda: plant.contacts() == UNSAFE, "commands work")
        assert plant.contacts() == SAFE
