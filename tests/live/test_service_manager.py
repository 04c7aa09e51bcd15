"""What systemd is told: ready when it is, progress while there is some, and the end."""

from __future__ import annotations

import signal
import time

from tests.live.daemon import House, until

WATCHDOG_S = 0.6


def furnish(house: House) -> None:
    """Give the house a sensor and an output."""
    house.devices["hall"] = {"driver": "sim", "channels": 5, "every": "100ms"}
    house.devices["pump"] = {"driver": "sim_relay", "safe": "off", "hold_max": "1h"}


async def test_ready_means_that_verbs_are_answered(house: House) -> None:
    """From READY=1 on, `status` finds the daemon; STOPPING=1 comes before the end."""
    furnish(house)
    async with house.daemon() as daemon:
        assert (await house.verb("status")).code == 0
        assert daemon.told()[:2] == ["READY=1", "STATUS=running"]
        assert await daemon.stop() == 0
        assert daemon.told()[-1] == "STOPPING=1"
    assert [event["level"] for event in house.logged("stopped")] == ["info"]


async def test_the_watchdog_is_fed_at_its_own_pace(house: House) -> None:
    """Three times within what systemd waits for, and not at all where it does not wait."""
    furnish(house)
    async with house.daemon() as daemon:
        await daemon.ask("status")
        assert "WATCHDOG=1" not in daemon.told()
    house.environ["WATCHDOG_USEC"] = str(round(WATCHDOG_S * 1e6))
    async with house.daemon() as daemon:
        start_s = time.monotonic()
        await until(lambda: daemon.told().count("WATCHDOG=1") >= 6, "fed", 10 * WATCHDOG_S)
        assert time.monotonic() - start_s < 5 * WATCHDOG_S


async def test_reloads_in_a_row_end_in_one_that_works(house: House) -> None:
    """Signals that come while one is obeyed are no reason to die, and the end comes in time."""
    furnish(house)
    async with house.daemon() as daemon:
        for count in range(2, 6):
            daemon.send(signal.SIGHUP)
            daemon.send(signal.SIGHUP)
            await daemon.wait_ready(count)
        assert (await house.verb("set", "pump/relay", "on")).code == 0
        daemon.send(signal.SIGHUP)
        assert await daemon.stop() == 0
    assert len(house.logged("stopped")) == 1


async def test_a_configuration_with_mistakes_is_told_at_once(house: House) -> None:
    """Exit code 78, on which systemd does not restart; all mistakes, and no traceback."""
    furnish(house)
    house.devices["pump"]["safe"] = "perhaps"
    house.devices["hall"]["chanels"] = 5
    house.write()
    run = await house.verb("run")
    assert run.code == 78
    assert "perhaps" in run.err
    assert "chanels" in run.err
    assert "Traceback" not in run.err


async def test_a_state_folder_that_cannot_be_made_is_a_sentence(house: House) -> None:
    """As any mistake of the configuration; the owner must act."""
    furnish(house)
    house.folder.joinpath("state").write_text("a file in its place")
    house.write()
    run = await house.verb("run")
    assert run.code == 78
    assert run.err.startswith(f"gatewayd: state_dir {house.state}")
    assert "Traceback" not in run.err
