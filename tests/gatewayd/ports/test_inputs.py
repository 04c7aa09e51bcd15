"""Inputs in their port: woken by a real descriptor, over a stand-in for libgpiod, and gpio-sim."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator
from pathlib import Path

import gpiod
import pytest

from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.ports import inputs as module
from gatewayd.ports.edges import Edge, InputSettings
from gatewayd.ports.line import LinePort, open_lines
from tests.peers.gpio import InputKernel

DEADLINE_S = 5.0
BOTH = InputSettings()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> InputKernel:
    kernel = InputKernel()
    monkeypatch.setattr(gpiod, "request_lines", kernel.request_lines)
    return kernel


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "gpiochip0").touch()
    return tmp_path


@pytest.fixture
async def port(kernel: InputKernel, dev: Path) -> AsyncIterator[LinePort]:
    port = await open_lines("gpio:0", dev=dev)
    yield port
    await port.close()


def now_ns() -> int:
    return time.monotonic_ns()


async def test_an_edge_wakes_who_waits_for_it(port: LinePort, kernel: InputKernel) -> None:
    """At once, not at the end of the wait."""
    async with port.inputs([17], BOTH) as inputs, asyncio.timeout(DEADLINE_S):
        assert inputs.has_edges
        waiting = asyncio.ensure_future(inputs.wait_edges(60.0))
        await asyncio.sleep(0)
        instant = now_ns()
        kernel.drive(17, True, instant)
        assert await waiting == [Edge(17, True, instant)]


async def test_silence_ends_a_wait_with_nothing(port: LinePort) -> None:
    """The caller has something else to do."""
    async with port.inputs([17], BOTH) as inputs, asyncio.timeout(DEADLINE_S):
        assert await inputs.wait_edges(0.01) == []
        assert await inputs.take_edges() == []


async def test_what_came_before_is_not_waited_for(port: LinePort, kernel: InputKernel) -> None:
    """Edges between two waits are in the kernel's queue."""
    async with port.inputs([17, "GPIO27"], BOTH) as inputs, asyncio.timeout(DEADLINE_S):
        kernel.drive(17, True, 1)
        kernel.drive(27, True, 2)
        assert await inputs.wait_edges(60.0) == [Edge(17, True, 1), Edge("GPIO27", True, 2)]


async def test_a_pending_edge_is_told_when_it_has_stood(
    port: LinePort, kernel: InputKernel
) -> None:
    """Debounced here, nothing else wakes the loop at that instant."""
    kernel.refuses["debounce"] = errno.EOPNOTSUPP
    settings = InputSettings(debounce_s=0.02)
    async with port.inputs([17], settings) as inputs, asyncio.timeout(DEADLINE_S):
        kernel.drive(17, True, now_ns())
        (edge,) = await inputs.wait_edges(60.0)
        assert edge.is_active
        assert inputs.now_ns() - edge.time_ns >= 20_000_000


async def test_lines_without_interrupts_are_looked_at(
    port: LinePort, kernel: InputKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slower, but seen."""
    monkeypatch.setattr(module, "POLL_S", 0.005)
    kernel.refuses["edges"] = errno.ENODEV
    async with port.inputs([17], BOTH) as inputs, asyncio.timeout(DEADLINE_S):
        assert not inputs.has_edges
        waiting = asyncio.ensure_future(inputs.wait_edges(60.0))
        await asyncio.sleep(0)
        kernel.drive(17, True, now_ns())
        ((line, is_active, *_),) = await waiting
        assert (line, is_active) == (17, True)


async def test_the_levels_are_told_at_any_time(port: LinePort, kernel: InputKernel) -> None:
    """At open and for a heartbeat; active low turns them round."""
    kernel.pins[27] = True
    async with port.inputs([17, "GPIO27"], InputSettings(active_low=True)) as inputs:
        assert await inputs.levels() == {17: True, "GPIO27": False}


async def test_lines_are_released_at_the_end_of_their_scope(
    port: LinePort, kernel: InputKernel
) -> None:
    """Also by who is cancelled while waiting; the descriptor is no longer watched."""

    is_inside = asyncio.Event()

    async def wait() -> None:
        async with port.inputs([17], BOTH) as inputs:
            is_inside.set()
            await inputs.wait_edges(60.0)

    waiting = asyncio.create_task(wait())
    async with asyncio.timeout(DEADLINE_S):
        await is_inside.wait()
        assert kernel.requests
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not kernel.requests
        async with port.inputs([17], BOTH):
            assert len(kernel.requests) == 1
    assert not port.is_broken


async def test_a_held_line_is_refused(port: LinePort) -> None:
    """By another program, a driver of the kernel's, or a second device."""
    async with port.inputs([17], BOTH):
        with pytest.raises(DeviceFault, match="line 27, 17 of gpio:0 is held"):
            async with port.inputs([27, 17], BOTH):
                pytest.fail("nobody may hold a line twice")


@pytest.mark.parametrize("lines", [[99], ["GPIO99"], [17, "GPIO17"]])
async def test_a_line_that_is_not_there_is_named(
    port: LinePort, kernel: InputKernel, lines: list[int | str]
) -> None:
    """Or one that is named twice."""
    with pytest.raises(DeviceFault, match=f"no line .*{lines[-1]}, or one twice"):
        async with port.inputs(lines, BOTH):
            pytest.fail("there is no such line")


async def test_a_chip_that_is_gone_wakes_who_waits(port: LinePort, kernel: InputKernel) -> None:
    """The kernel hangs up the descriptor; reading says the rest."""
    async with asyncio.timeout(DEADLINE_S):
        async with port.inputs([17], BOTH) as inputs:
            waiting = asyncio.ensure_future(inputs.wait_edges(60.0))
            await asyncio.sleep(0)
            kernel.hang_up()
            with pytest.raises(DeviceAbsent):
                await waiting
    assert port.is_broken


async def test_a_chip_that_leaves_without_a_word_is_noticed_at_the_next_look(
    port: LinePort, dev: Path
) -> None:
    """Its node is gone."""
    async with port.inputs([17], BOTH) as inputs:
        (dev / "gpiochip0").unlink()
        with pytest.raises(DeviceAbsent, match="gpio:0 is gone"):
            await inputs.levels()


async def test_closing_the_port_releases_inputs_too(kernel: InputKernel, dev: Path) -> None:
    """Nothing outlives the wire."""
    port = await open_lines("gpio:0", dev=dev)
    async with port.inputs([17], BOTH) as inputs:
        await port.close()
        assert not kernel.requests
        with pytest.raises(DeviceAbsent):
            await inputs.levels()


def _gpio_sim() -> tuple[Path, Path] | None:
    """Return the node and the control folder of a chip made by the kernel's gpio-sim."""
    for path in sorted(Path("/dev").glob("gpiochip*")):
        try:
            with gpiod.Chip(str(path)) as chip:
                is_ours = "gpio-sim" in chip.get_info().label
        except OSError:
            continue
        banks = sorted(Path("/sys/devices/platform").glob(f"gpio-sim.*/{path.name}"))
        if is_ours and banks:
            return path, banks[0]
    return None


@pytest.mark.skipif(_gpio_sim() is None, reason="this kernel shows no gpio-sim chip in /dev")
async def test_a_real_kernel_keeps_the_same_promises() -> None:
    """The same claims against the kernel's own simulator: an edge, its number, its instant."""
    found = _gpio_sim()
    assert found is not None
    path, bank = found
    port = await open_lines("sim", {"type": "gpio", "chip": str(path)})
    pull = bank / "sim_gpio1/pull"
    pull.write_text("pull-down")
    settings = InputSettings(debounce_s=0.005)
    try:
        async with port.inputs([1], settings) as inputs, asyncio.timeout(DEADLINE_S):
            assert await inputs.levels() == {1: False}
            pull.write_text("pull-up")
            (edge,) = await inputs.wait_edges(DEADLINE_S)
            assert (edge.line, edge.is_active, edge.missed) == (1, True, 0)
            assert 0 <= inputs.now_ns() - edge.time_ns < 5_000_000_000
            assert await inputs.levels() == {1: True}
    finally:
        await port.close()
