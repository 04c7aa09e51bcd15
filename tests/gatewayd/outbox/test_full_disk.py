"""A card that is full, for real: a file system of two megabytes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import open_outbox
from gatewayd.outbox.places import BALLAST_NAME
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A = ChannelId("boiler/text")


@pytest.fixture
def small_card(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 2 MiB."""
    folder = tmp_path / "card"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system of two megabytes cannot be mounted here; root can")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_card_is_lived_through_and_heals(small_card: Path, tmp_path: Path) -> None:
    """While the disk is full the rows wait in memory and status says why; with room again they
    go to the card, and everything arrives."""

    async def main() -> None:
        async with open_outbox(small_card, tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            filler = small_card / "someone-else"
            with filler.open("wb") as file:
                try:
                    while file.write(b"x" * 65536):
                        file.flush()
                except OSError:
                    pass
            sent = []
            for i in range(200):
                sent.append(Reading(A, START_MS + i, os.urandom(2000).hex()))
                await outbox.append([sent[-1]])
                await outbox.commit()
            assert "full" in str(outbox.card_fault)
            assert not (small_card / BALLAST_NAME).exists()
            filler.unlink()
            await outbox.commit()
            assert not outbox.card_fault
            got: list[Reading] = []
            after = outbox.accounts["one"].cursor
            while batch := await outbox.next_batch("one", after, 50):
                got += batch.readings
                after = batch.through
                await outbox.ack("one", after, len(batch))
            assert got == sent
            [balance] = (await outbox.balance()).values()
            assert balance.is_balanced
            assert not balance.dropped

    run_simulated(main())
