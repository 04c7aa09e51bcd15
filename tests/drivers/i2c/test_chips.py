"""Every chip that is asked over I²C, by its maker's example and through everything that goes wrong.

The drivers run on the real ports and the real smbus2, over a small kernel with chip models, in
simulated time.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gatewayd.driver import Sensor
from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.ports.i2c import I2cPort, open_i2c
from gatewayd.shaping import tuned
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c import ChipModel, FakeI2cKernel
from gatewayd.testing.i2c_chips import CHIPS
from gatewayd.testing.i2c_models import Spoiled, StuckChip
from gatewayd.tuning import PLAIN
from tests.drivers.i2c.cases import CASES, Case

ALIKE = {"lm75": {"tmp102"}}
"""Chips that a driver may take for its own, because it reads them right."""

FOR_EVER = 1_000_000
OPEN_S, READ_S = 30.0, 10.0
"""What the application grants, where nothing else is said."""


@pytest.fixture
def model(case: Case) -> Any:
    """The chip, as after power-up; Any, because each has its own way to be changed."""
    return CHIPS[case.kind].make()


@pytest.fixture
def kernel(case: Case, model: ChipModel) -> FakeI2cKernel:
    return FakeI2cKernel({1: {case.address: model}})


def run(kernel: FakeI2cKernel, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run with this kernel under smbus2, and look that every file was closed."""
    with kernel.installed():
        run_simulated(main())
    assert kernel.open_files == {}


@asynccontextmanager
async def opened(case: Case, ports: Ports | None = None) -> AsyncIterator[Sensor]:
    """Open the device within the time that the application grants."""
    async with asyncio.timeout(OPEN_S) as deadline:
        async with case.driver.open(case.config(), ports or Ports()) as sensor:
            assert isinstance(sensor, Sensor)
            deadline.reschedule(None)
            yield sensor


async def reading(sensor: Sensor) -> Sequence[Measurement]:
    async with asyncio.timeout(READ_S):
        return await sensor.read()


def published(case: Case, measured: Sequence[Measurement]) -> dict[str, float | None]:
    """Return what the sampler would publish: values that can be, None for a FAULT."""
    channels: dict[str, Channel] = {each.id: each for each in case.driver.describe(case.config())}
    assert [each.channel for each in measured] == list(channels), "one measurement a channel"
    values: dict[str, float | None] = {}
    for each in measured:
        value, quality = tuned(each, channels[each.channel], PLAIN)
        assert value is None or isinstance(value, float)
        assert quality in {Quality.GOOD, Quality.FAULT}
        values[each.channel] = value
    return values


def is_the_example(case: Case, measured: Sequence[Measurement]) -> bool:
    wanted = {
        name: None if value is None else pytest.approx(value, abs=case.within)
        for name, value in case.values.items()
    }
    return published(case, measured) == wanted


def each_chip(*, having: Callable[[Case], object] = lambda case: True) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "case", [pytest.param(each, id=each.kind) for each in CASES if having(each)]
    )


def test_every_driver_of_a_chip_is_here() -> None:
    """A chip with a model and without a case would be tested by nobody."""
    assert {case.kind for case in CASES} == set(CHIPS)


@each_chip()
def test_the_worked_example_comes_out(case: Case, kernel: FakeI2cKernel) -> None:
    """The bytes that the data sheet shows are the values that it says, twice in a row."""

    async def main() -> None:
        async with opened(case) as sensor:
            assert is_the_example(case, await reading(sensor))
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip()
def test_nobody_at_the_address_is_absent(case: Case, kernel: FakeI2cKernel) -> None:
    """Not soldered, or another address."""
    kernel.buses[1].clear()

    async def main() -> None:
        with pytest.raises(DeviceAbsent):
            async with opened(case):
                pytest.fail("nobody is there")

    run(kernel, main)


@each_chip()
def test_a_chip_that_falls_silent_is_absent_wherever_it_does(
    case: Case, model: ChipModel, kernel: FakeI2cKernel
) -> None:
    """Not acknowledged from any message of a reading on; the next one begins from the beginning."""
    chip = kernel.buses[1][case.address] = Spoiled(model)

    async def main() -> None:
        async with opened(case) as sensor:
            chip.restart()
            await reading(sensor)
            for message in range(chip.messages):
                chip.restart()
                chip.silent_from = message
                with pytest.raises(DeviceAbsent):
                    await reading(sensor)
                chip.restart()
                assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip()
def test_a_chip_that_falls_silent_while_it_is_opened_is_absent(
    case: Case, model: ChipModel, kernel: FakeI2cKernel
) -> None:
    """Nothing half open stays behind."""
    chip = kernel.buses[1][case.address] = Spoiled(model)

    async def main() -> None:
        async with opened(case):
            messages = chip.messages
        for message in range(messages):
            chip.restart()
            chip.silent_from = message
            with pytest.raises(DeviceAbsent):
                async with opened(case):
                    pytest.fail("it does not answer")
        chip.restart()
        async with opened(case) as sensor:
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip()
@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_a_line_held_at_one_level_is_no_value(case: Case, kernel: FakeI2cKernel, fill: int) -> None:
    """A short circuit, or a chip that died, while it was in use. Where no bit of an answer could
    tell it from a value, the table of cases says what it is taken for.
    """

    async def main() -> None:
        async with opened(case) as sensor:
            kernel.buses[1][case.address] = StuckChip(fill)
            try:
                values = published(case, await reading(sensor))
            except DeviceError:
                values = dict.fromkeys(case.values)
            assert set(values.values()) == {case.believed.get(fill)}

    run(kernel, main)


@each_chip(having=lambda case: case.is_proven)
@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_a_line_held_at_one_level_opens_nothing(
    case: Case, kernel: FakeI2cKernel, fill: int
) -> None:
    """It is a fault, not somebody absent: something must be looked at."""
    kernel.buses[1][case.address] = StuckChip(fill)

    async def main() -> None:
        with pytest.raises((DeviceFault, DeviceTimeout)):
            async with opened(case):
                pytest.fail("nobody is there")

    run(kernel, main)


@each_chip(having=lambda case: case.is_proven)
def test_another_chip_is_not_taken_for_this_one(case: Case, kernel: FakeI2cKernel) -> None:
    """Whatever else is soldered there: wrong id, wrong checksum, wrong register, silence."""

    async def main() -> None:
        for other in CHIPS.keys() - {case.kind} - ALIKE.get(case.kind, set()):
            kernel.buses[1][case.address] = CHIPS[other].make()
            with pytest.raises(DeviceError):
                async with opened(case):
                    pytest.fail(f"a {other} is no {case.kind}")

    run(kernel, main)


@each_chip(having=lambda case: case.sealed)
def test_one_wrong_bit_under_a_checksum_is_a_fault(
    case: Case, model: ChipModel, kernel: FakeI2cKernel
) -> None:
    """Each bit of each answer, the checksum's own included."""
    chip = kernel.buses[1][case.address] = Spoiled(model)

    async def main() -> None:
        async with opened(case) as sensor:
            chip.restart()
            await reading(sensor)
            lengths = chip.lengths
            assert set(case.sealed) <= set(range(len(lengths)))
            for read in case.sealed:
                for bit in range(8 * lengths[read]):
                    chip.restart()
                    chip.flip = read, bit
                    with pytest.raises(DeviceFault, match="checksum"):
                        await reading(sensor)
            chip.restart()
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip(having=lambda case: case.waits)
def test_a_busy_chip_is_waited_for(case: Case, model: Any, kernel: FakeI2cKernel) -> None:
    """It says "not yet" twice, and then it has a value."""

    async def main() -> None:
        async with opened(case) as sensor:
            setattr(model, case.waits, 2)
            assert is_the_example(case, await reading(sensor))
            assert getattr(model, case.waits) == 0

    run(kernel, main)


@each_chip(having=lambda case: case.waits)
def test_a_chip_that_stays_busy_is_given_up(case: Case, model: Any, kernel: FakeI2cKernel) -> None:
    """Within the time of one reading; and it may come to itself later."""

    async def main() -> None:
        async with opened(case) as sensor:
            setattr(model, case.waits, FOR_EVER)
            with pytest.raises((DeviceTimeout, DeviceAbsent)):
                await reading(sensor)
            setattr(model, case.waits, 0)
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip(having=lambda case: case.outside)
def test_what_cannot_be_is_a_fault(case: Case, model: Any, kernel: FakeI2cKernel) -> None:
    """The bytes are right and the checksum too: the value is beyond what the chip can measure."""
    assert case.outside is not None
    change, channel = case.outside

    async def main() -> None:
        async with opened(case) as sensor:
            assert published(case, await reading(sensor))[channel] is not None
            change(model)
            assert published(case, await reading(sensor))[channel] is None

    run(kernel, main)


@each_chip()
def test_a_bus_that_hangs_is_a_timeout(case: Case, kernel: FakeI2cKernel) -> None:
    """A stretched clock that never ends."""

    async def main() -> None:
        async with opened(case) as sensor:
            chips = kernel.buses[1].copy()
            kernel.buses[1].clear()
            kernel.nack_errno = errno.ETIMEDOUT
            with pytest.raises(DeviceTimeout):
                await reading(sensor)
            kernel.buses[1].update(chips)
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip()
def test_unplugged_and_put_back_it_works_again(case: Case, kernel: FakeI2cKernel) -> None:
    """The adapter goes with the chip; what comes back is as after power-up."""

    async def main() -> None:
        ports = Ports()
        async with opened(case, ports) as sensor:
            kernel.unplug(1)
            with pytest.raises(DeviceAbsent):
                await reading(sensor)
        kernel.buses[1] = {case.address: CHIPS[case.kind].make()}
        async with opened(case, ports) as sensor:
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip()
def test_a_chip_that_lost_power_says_nothing_wrong(case: Case, kernel: FakeI2cKernel) -> None:
    """Its settings are gone: it is right, or at fault until it is opened again."""

    async def main() -> None:
        ports = Ports()
        async with opened(case, ports) as sensor:
            await reading(sensor)
            kernel.buses[1][case.address] = CHIPS[case.kind].make()
            with suppress(DeviceError):
                assert is_the_example(case, await reading(sensor))
        async with opened(case, ports) as sensor:
            assert is_the_example(case, await reading(sensor))

    run(kernel, main)


@each_chip()
def test_a_chip_of_the_kernel_is_never_touched(
    case: Case, kernel: FakeI2cKernel, tmp_path: Path
) -> None:
    """Its driver would find its settings changed; the sentence names it."""
    (tmp_path / "drivers" / "lm75").mkdir(parents=True)
    (tmp_path / f"1-{case.address:04x}").mkdir()
    (tmp_path / f"1-{case.address:04x}" / "driver").symlink_to(tmp_path / "drivers" / "lm75")

    class Owned(Ports):
        def i2c(self, name: str) -> AbstractAsyncContextManager[I2cPort]:
            return self._enter(("i2c", name), lambda: open_i2c(name, sysfs=tmp_path))

    async def main() -> None:
        with pytest.raises(DeviceFault, match="belongs to the kernel driver lm75"):
            async with opened(case, Owned()):
                pytest.fail("it is the kernel's")

    run(kernel, main)
    assert kernel.messages == []


def test_chips_convert_at_the_same_time() -> None:
    """While one converts, the bus is the others': two that take 15.5 ms each take 15.5 together."""
    (case,) = (each for each in CASES if each.kind == "sht3x")
    chips = {address: CHIPS["sht3x"].make() for address in (0x44, 0x45)}

    async def main() -> None:
        ports, loop = Ports(), asyncio.get_running_loop()
        others = case.driver.config(port="i2c:1", address=0x45)
        async with opened(case, ports) as one, case.driver.open(others, ports) as two:
            assert isinstance(two, Sensor)
            began_s = loop.time()
            for measured in await asyncio.gather(one.read(), two.read()):
                assert is_the_example(case, measured)
            assert loop.time() - began_s == pytest.approx(0.0155)

    run(FakeI2cKernel({1: chips}), main)


async def test_chips_share_a_bus_and_its_thread() -> None:
    """In real time and with the port's own thread: each has its own values, none another's."""
    shared = [each for each in CASES if each.kind in {"aht20", "mlx90614", "sht4x", "tmp117"}]
    kernel = FakeI2cKernel({1: {each.address: CHIPS[each.kind].make() for each in shared}})
    ports = Ports()

    async def use(case: Case) -> None:
        async with opened(case, ports) as sensor:
            for _ in range(3):
                assert is_the_example(case, await reading(sensor))

    with kernel.installed():
        async with asyncio.TaskGroup() as tasks:
            for case in shared:
                tasks.create_task(use(case))
    assert kernel.open_files == {}
    assert {address for _, address, _, _ in kernel.messages} == {each.address for each in shared}
