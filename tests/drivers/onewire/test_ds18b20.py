"""DS18B20 sensors, in trees as w1_therm shows them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.onewire.ds18b20 import CONVERT_S, Config, describe, open_driver
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.ports.files import Tree
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.files import FakeFiles
from gatewayd.testing.ports import FakePorts

ONE, TWO, THREE = "28-01191b5c2dff", "28-0000072e4c1a", "28-3c01b607a2b4"
POWER_UP = "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000"
HOT = "50 05 4b 46 7f ff 10 10 bd : crc=bd YES\n50 05 4b 46 7f ff 10 10 bd t=85000"


@dataclass
class Bus:
    """A 1-Wire master as the kernel shows it."""

    root: Path
    number: int = 1

    @property
    def folder(self) -> Path:
        return self.root / f"devices/w1_bus_master{self.number}"

    @property
    def bulk(self) -> Path:
        return self.folder / "therm_bulk_read"

    def plug(self, sensor: str, temperature: str = "25062", power: str = "1") -> Path:
        """Plug a sensor in."""
        folder = self.folder / sensor
        folder.mkdir(parents=True)
        files = {"temperature": temperature, "features": "0", "ext_power": power, "w1_slave": ""}
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
        listing = self.root / "bus/w1/devices"
        listing.mkdir(parents=True, exist_ok=True)
        (listing / sensor).symlink_to(folder)
        return folder

    def unplug(self, sensor: str) -> None:
        """Take it away."""
        (self.root / "bus/w1/devices" / sensor).unlink()
        for file in (self.folder / sensor).iterdir():
            file.unlink()
        (self.folder / sensor).rmdir()


@dataclass(frozen=True)
class Kernel(Tree):
    """A tree whose bulk conversion is under way for so many looks."""

    looks: list[str] = field(default_factory=list)

    def read(self, path: str) -> str:
        if path.endswith("therm_bulk_read") and self.looks:
            return self.looks.pop(0)
        return super().read(path)


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    return Bus(tmp_path)


def config(bus: Bus, **keys: object) -> Config:
    return Config(port=str(bus.root), **keys)  # type: ignore[arg-type]  # By name.


async def read(wanted: Config) -> dict[str, Measurement]:
    async with open_driver(wanted, Ports()) as sensors:
        return {each.channel: each for each in await sensors.read()}


def faked(bus: Bus, looks: list[str]) -> tuple[FakePorts, FakeFiles]:
    ports = FakePorts()
    files = ports.attach_files(str(bus.root), bus.root)
    files.tree = Kernel(bus.root, looks)
    return ports, files


async def test_one_sensor_is_read_by_its_number(bus: Bus) -> None:
    """Thousandths of a degree."""
    bus.plug(ONE)
    assert await read(config(bus, sensor=ONE)) == {
        "temperature": Measurement("temperature", 25.062)
    }


async def test_all_sensors_of_a_bus_convert_at_once(bus: Bus) -> None:
    """One trigger, then each is read; the new line counts."""
    bus.plug(ONE, "25062")
    bus.plug(TWO, "-10125")
    bus.bulk.write_text("0\n")
    ports, files = faked(bus, ["-1", "-1", "1"])
    async with open_driver(config(bus, sensors={"flow": ONE, "return": TWO}), ports) as sensors:
        assert [each.value for each in await sensors.read()] == [25.062, -10.125]
        bulk = [text for path, text in files.written if path.endswith("therm_bulk_read")]
        assert bulk == ["trigger\n"]


async def test_two_buses_convert_each(bus: Bus) -> None:
    """A second master has a trigger of its own."""
    other = Bus(bus.root, 2)
    bus.plug(ONE)
    other.plug(TWO)
    bus.bulk.write_text("0")
    other.bulk.write_text("0")
    await read(config(bus, sensors={"flow": ONE, "return": TWO}))
    assert bus.bulk.read_text() == other.bulk.read_text() == "trigger\n"


def test_a_conversion_without_end_is_late(bus: Bus) -> None:
    """The bus hangs; nobody waits for ever."""
    bus.plug(ONE)
    bus.bulk.write_text("-1")

    async def main() -> None:
        ports, _ = faked(bus, ["-1"] * 1000)
        async with open_driver(config(bus, sensor=ONE), ports) as sensors:
            with pytest.raises(DeviceTimeout, match="still converting"):
                await sensors.read()
        assert asyncio.get_running_loop().time() == pytest.approx(CONVERT_S)

    run_simulated(main())


async def test_the_kernel_is_told_to_refuse_power_up_values(bus: Bus) -> None:
    """3 on external power, 1 on parasite power, where a conversion must not be interrupted."""
    powered, parasite = bus.plug(ONE), bus.plug(TWO, power="0")
    await read(config(bus, sensors={"flow": ONE, "return": TWO}))
    assert (powered / "features").read_text() == "3"
    assert (parasite / "features").read_text() == "1"


async def test_without_the_right_to_write_it_is_read_all_the_same(bus: Bus) -> None:
    """No udev rule: slower, and checked here alone."""
    folder = bus.plug(ONE)
    (folder / "features").unlink()
    assert (await read(config(bus, sensor=ONE)))["temperature"].value == 25.062


async def test_85_degrees_that_are_none_are_a_fault(bus: Bus) -> None:
    """The sensor lost its power between the conversion and the read."""
    folder = bus.plug(ONE, "85000")
    (folder / "w1_slave").write_text(POWER_UP)
    with pytest.raises(DeviceFault, match="just started"):
        await read(config(bus, sensor=ONE))


async def test_85_degrees_that_are_some_are_told(bus: Bus) -> None:
    """A solar collector passes them twice a day."""
    folder = bus.plug(ONE, "85000")
    (folder / "w1_slave").write_text(HOT)
    assert (await read(config(bus, sensor=ONE)))["temperature"].value == 85.0


@pytest.mark.parametrize("said", ["", "noise", POWER_UP.replace("50 05", "50 04")])
async def test_85_degrees_without_proof_are_a_fault(bus: Bus, said: str) -> None:
    """The second conversion failed, or its CRC is wrong."""
    folder = bus.plug(ONE, "85000")
    (folder / "w1_slave").write_text(said)
    with pytest.raises(DeviceFault):
        await read(config(bus, sensor=ONE))


async def test_an_empty_file_is_read_again_when_the_conversion_is_over(bus: Bus) -> None:
    """Another program has just triggered one."""
    folder = bus.plug(ONE, "")

    class Converting(Kernel):
        def read(self, path: str) -> str:
            text = super().read(path)
            if path.endswith("temperature"):
                (folder / "temperature").write_text("21000")
            return text

    ports, files = faked(bus, [])
    files.tree = Converting(bus.root)
    async with open_driver(config(bus, sensor=ONE), ports) as sensors:
        assert [each.value for each in await sensors.read()] == [21.0]


async def test_a_file_that_stays_empty_is_a_fault(bus: Bus) -> None:
    """That is how the kernel shows a failed conversion; it is not zero degrees."""
    bus.plug(ONE, "")
    with pytest.raises(DeviceFault, match="gives no temperature"):
        await read(config(bus, sensor=ONE))


async def test_a_missing_sensor_costs_the_others_nothing(bus: Bus) -> None:
    """Each has its value or its reason; the one that fails for real too."""
    bus.plug(ONE)
    broken = bus.plug(THREE)
    (broken / "temperature").unlink()
    (broken / "temperature").symlink_to("/proc/self/mem")
    found = await read(config(bus, sensors={"flow": ONE, "return": TWO, "air": THREE}))
    assert found == {
        "flow": Measurement("flow", 25.062),
        "return": Measurement("return", None, Quality.ABSENT),
        "air": Measurement("air", None, Quality.FAULT),
    }


async def test_a_sensor_that_comes_back_is_prepared_again(bus: Bus) -> None:
    """Pulled out and plugged in under an open device."""
    bus.plug(ONE)
    bus.plug(TWO)
    wanted = config(bus, sensors={"flow": ONE, "return": TWO})
    async with open_driver(wanted, Ports()) as sensors:
        await sensors.read()
        bus.unplug(TWO)
        assert [each.quality for each in await sensors.read()] == [Quality.GOOD, Quality.ABSENT]
        folder = bus.plug(TWO, "1000")
        assert [each.value for each in await sensors.read()] == [25.062, 1.0]
        assert (folder / "features").read_text() == "3"


async def test_a_device_without_any_of_its_sensors_is_absent(bus: Bus) -> None:
    """The message tells which are there."""
    bus.plug(TWO)
    with pytest.raises(DeviceAbsent, match=f"no 1-Wire bus has {ONE}; there are {TWO}"):
        await read(config(bus, sensor=ONE))
    bus.plug(ONE)
    async with open_driver(config(bus, sensor=ONE), Ports()) as sensors:
        bus.unplug(ONE)
        with pytest.raises(DeviceAbsent):
            await sensors.read()


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"sensor": ONE, "sensors": {"flow": TWO}},
        {"sensor": "10-000801b5fe81"},
        {"sensor": "28-01191B5C2DFF"},
        {"sensor": "../../x"},
        {"sensors": {f"s{n}": f"28-{n:012x}" for n in range(65)}},
    ],
)
def test_what_names_no_sensor_is_refused(keys: dict[str, object]) -> None:
    """Neither or both keys, another family, a path."""
    with pytest.raises(ValueError, match=r"28-|sensors"):
        Config(port="sysfs:w1", **keys)  # type: ignore[arg-type]  # By name.


def test_every_sensor_has_a_channel_within_the_chips_range() -> None:
    """−55 to 125 °C: 127.94 is never reported."""
    channels = describe(Config(port="sysfs:w1", sensors={"flow": ONE, "return": TWO}))
    assert [(each.id, each.minimum, each.maximum) for each in channels] == [
        ("flow", -55, 125),
        ("return", -55, 125),
    ]
