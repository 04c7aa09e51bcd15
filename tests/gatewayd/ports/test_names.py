"""What serial ports are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault
from gatewayd.ports.names import (
    USB_NODES,
    Adapter,
    Find,
    choose,
    locate,
    nodes_of,
    split_usb,
    stable_name,
)
from gatewayd.ports.tty import Settings

FTDI = Adapter("/dev/ttyUSB0", "0403", "6001", "A50285BI")
OTHER = Adapter("/dev/ttyUSB3", "0403", "6001", "A5XK3RJT")
CH340 = [Adapter(f"/dev/ttyUSB{n}", "1a86", "7523", "") for n in (1, 2)]
GPS = Adapter("/dev/ttyACM0", "1546", "01a8", "")


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("usb:A50285BI", "/dev/ttyUSB0"),
        ("usb:0403:6001:A5XK3RJT", "/dev/ttyUSB3"),
        ("usb:1546:01A8", "/dev/ttyACM0"),
    ],
)
def test_an_adapter_is_known_by_its_number_or_kind(name: str, device: str) -> None:
    """Wherever it is plugged in, and whatever Linux calls it today."""
    assert choose(name, [FTDI, OTHER, GPS, *CH340]) == device


def test_an_adapter_that_is_not_there_is_absent() -> None:
    """The sentence tells what is, as it would be written."""
    with pytest.raises(DeviceAbsent, match=r"usb:A1 is not plugged in; here is usb:0403:6001:A50"):
        choose("usb:A1", [FTDI])
    with pytest.raises(DeviceAbsent, match="here is no USB serial adapter"):
        locate("usb:no-such-number-anywhere")


def test_two_of_a_kind_are_not_chosen_by_chance() -> None:
    """A CH340 has no number of its own."""
    with pytest.raises(DeviceFault, match=r"is /dev/ttyUSB1 and /dev/ttyUSB2; .*by-path"):
        choose("usb:1a86:7523", CH340)


@pytest.mark.parametrize("name", ["usb:", "usb:0403:", "usb:zz:yy"])
def test_what_is_no_name_of_an_adapter_is_the_owners(name: str) -> None:
    """Neither a number nor a kind."""
    with pytest.raises(ConfigError, match="expected usb:SERIALNUMBER"):
        split_usb(name)


def test_other_names_are_opened_as_they_are() -> None:
    """Links and URLs mean what they say."""
    assert locate("/dev/serial/by-id/x") == "/dev/serial/by-id/x"
    assert locate("socket://moxa:4001") == "socket://moxa:4001"


def _plug(folder: Path, link: str, node: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / link).symlink_to(node)
    return folder / link


def test_a_number_of_plugging_has_a_better_name(tmp_path: Path) -> None:
    """By what it is; by its place where it has no number; and none where nothing is known."""
    by_id, by_path = tmp_path / "by-id", tmp_path / "by-path"
    ftdi, ch340, bare = (tmp_path / f"ttyUSB{n}" for n in range(3))
    best = _plug(by_id, "usb-FTDI_FT232R_A50285BI-if00-port0", ftdi)
    _plug(by_path, "platform-usb-0:1.1:1.0-port0", ftdi)
    _plug(by_id, "usb-1a86_USB_Serial-if00-port0", ch340)
    place = _plug(by_path, "platform-usb-0:1.2:1.0-port0", ch340)
    found = [stable_name(str(node), by_id, by_path) for node in (ftdi, ch340, bare)]
    assert found == [str(best), str(place), None]
    assert stable_name(str(ftdi), tmp_path / "no", tmp_path / "nor") is None


@pytest.mark.parametrize(
    ("name", "section", "nodes"),
    [
        ("/dev/serial/by-id/x", None, ("/dev/serial/by-id/x",)),
        ("rs485", {"type": "serial", "path": "/dev/ttyAMA0"}, ("/dev/ttyAMA0",)),
        ("rs485", {"type": "serial", "find": Find(slave=3, candidates=("/x/*",))}, ("/x/*",)),
        ("usb:A50285BI", None, USB_NODES),
        ("i2c:1", None, ("/dev/i2c-1",)),
        ("sensors", {"type": "i2c", "bus": 3}, ("/dev/i2c-3",)),
        ("gpio:0", None, ("/dev/gpiochip*",)),
        ("relays", {"type": "gpio", "chip": "/dev/gpiochip4"}, ("/dev/gpiochip4",)),
        ("tcp:10.0.0.7:502", None, ()),
        ("socket://moxa:4001", None, ()),
    ],
)
def test_what_has_to_appear_for_a_wire_to_be_back(
    name: str, section: dict[str, object] | None, nodes: tuple[str, ...]
) -> None:
    """Paths, where anything of a kind may be it patterns, and nothing behind a network."""
    assert nodes_of(name, section) == nodes


def test_a_port_is_named_once() -> None:
    """By a path or by a slave, not by both or by nothing."""
    for wrong in ({}, {"path": "/dev/ttyAMA0", "find": Find(slave=3)}):
        with pytest.raises(ValueError, match="a path, or find"):
            Settings(**wrong)  # type: ignore[arg-type]  # Of two types.
    with pytest.raises(ValueError, match="1 to 255"):
        Find(slave=0)
    with pytest.raises(ValueError, match="candidates"):
        Find(slave=1, candidates=())
