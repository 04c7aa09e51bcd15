"""Contacts on GPIO lines."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

import gpiod
import pytest

from drivers.gpio.gpio_input import Config, describe, open_driver
from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Measurement
from gatewayd.ports import Ports
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.wires import FakeLines
from tests.peers.gpio import InputKernel

DOORS = Config(port="gpio:0", lines={"cellar": 17, "attic": "GPIO27"}, refresh=60.0)
ONE = Config(port="gpio:0", line=17, active="low", bias="pull-up")


def attached() -> tuple[FakePorts, FakeLines]:
    ports = FakePorts()
    return ports, ports.attach_lines("gpio:0")


def test_the_states_are_told_when_the_device_is_opened() -> None:
    """Nobody waits for a door to move to learn whether it is open."""

    async def main() -> None:
        ports, lines = attached()
        lines.levels[17] = True
        async with open_driver(DOORS, ports) as contacts:
            told = await anext(contacts.measurements())
        assert told == [Measurement("cellar", True), Measurement("attic", False)]

    run_simulated(main())


def test_every_change_is_told_a_short_press_too() -> None:
    """Two changes between two looks are two measurements."""

    async def main() -> None:
        ports, lines = attached()
        async with (
            open_driver(DOORS, ports) as contacts,
            aclosing(contacts.measurements()) as heard,  # type: ignore[type-var]  # A generator.
        ):
            await anext(heard)
            lines.drive(17, True)
            lines.drive(17, False)
            lines.drive("GPIO27", True)
            assert [await anext(heard) for _ in range(3)] == [
                [Measurement("cellar", True)],
                [Measurement("cellar", False)],
                [Measurement("attic", True)],
            ]

    run_simulated(main())


def test_an_active_low_contact_is_on_when_its_pin_is_low() -> None:
    """Closed to ground, with a pull-up; the channel of a single line is called contact."""

    async def main() -> None:
        ports, lines = attached()
        lines.levels[17] = True
        async with open_driver(ONE, ports) as contacts:
            heard = contacts.measurements()
            assert await anext(heard) == [Measurement("contact", False)]
            lines.drive(17, False)
            assert await anext(heard) == [Measurement("contact", True)]
            assert lines.watched[0].settings.bias == "pull-up"

    run_simulated(main())


def test_all_states_are_told_again_after_a_while_also_on_a_busy_line() -> None:
    """A line that chatters does not keep the others from being looked at."""

    async def main() -> None:
        ports, lines = attached()
        loop = asyncio.get_running_loop()
        async with open_driver(DOORS, ports) as contacts:
            heard = contacts.measurements()
            await anext(heard)
            for _ in range(7):
                loop.call_later(9.0, lines.drive, 17, True)
                if len(told := await anext(heard)) == 2:
                    break
        assert [each.channel for each in told] == ["cellar", "attic"]
        assert loop.time() == pytest.approx(60.0)

    run_simulated(main())


def test_lost_changes_are_made_up_for_at_once() -> None:
    """The kernel dropped some: whose, only the levels can tell."""

    async def main() -> None:
        ports, lines = attached()
        async with open_driver(DOORS, ports) as contacts:
            heard = contacts.measurements()
            await anext(heard)
            lines.levels["GPIO27"] = True  # Nobody saw that.
            lines.drive(17, True, missed=5)
            assert await anext(heard) == [Measurement("cellar", True)]
            assert await anext(heard) == [Measurement("cellar", True), Measurement("attic", True)]
        assert asyncio.get_running_loop().time() == 0

    run_simulated(main())


def test_a_chip_that_is_unplugged_ends_the_listening_at_once() -> None:
    """And the lines are free for the next one."""

    async def main() -> None:
        ports, lines = attached()
        async with open_driver(DOORS, ports) as contacts:
            heard = contacts.measurements()
            await anext(heard)
            asyncio.get_running_loop().call_later(1.0, lines.unplug)
            with pytest.raises(DeviceAbsent):
                await anext(heard)
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        assert not lines.held

    run_simulated(main())


async def test_a_line_that_another_device_holds_is_refused() -> None:
    """An output is never watched by accident."""
    ports, lines = attached()
    async with lines.output(17, active_low=False, initial=False):
        with pytest.raises(DeviceFault, match="held"):
            async with open_driver(DOORS, ports):
                pytest.fail("the line is an output")


async def test_through_the_real_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked to debounce, and its descriptor wakes the listener."""
    kernel = InputKernel()
    monkeypatch.setattr(gpiod, "request_lines", kernel.request_lines)
    (tmp_path / "gpiochip0").touch()
    ports = Ports({"chip": {"type": "gpio", "chip": str(tmp_path / "gpiochip0")}})
    config = Config(port="chip", lines={"cellar": 17, "attic": "GPIO27"}, debounce=0.03)
    async with asyncio.timeout(5), open_driver(config, ports) as contacts:
        heard = contacts.measurements()
        await anext(heard)
        assert kernel.asked[0].debounce_period.total_seconds() == 0.03
        waiting = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0)
        kernel.drive(27, True, time.monotonic_ns())
        assert await waiting == [Measurement("attic", True)]
    assert not kernel.requests


def test_every_line_is_a_switch() -> None:
    """By the owner's names, in the owner's order."""
    assert [(each.id, each.kind) for each in describe(DOORS)] == [
        ("cellar", "switch"),
        ("attic", "switch"),
    ]
    assert [each.id for each in describe(Config(port="gpio:0", line=0))] == ["contact"]
    assert Config(port="gpio:0", line=0).wanted == {"contact": 0}


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"line": 17, "lines": {"a": 18}},
        {"line": -1},
        {"lines": {"a": 17, "b": 17}},
        {"lines": {f"l{n}": n for n in range(65)}},
        {"line": 17, "debounce": 0.0},
        {"line": 17, "debounce": 11.0},
        {"line": 17, "refresh": 0.0},
    ],
)
def test_what_cannot_be_watched_is_refused(keys: dict[str, object]) -> None:
    """Before the hardware is touched."""
    with pytest.raises(ValueError, match=r"line|debounce"):
        Config(port="gpio:0", **keys)  # type: ignore[arg-type]  # By name.
