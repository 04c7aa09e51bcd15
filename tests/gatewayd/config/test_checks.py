from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.config import inspect
from gatewayd.ports.names import Find
from tests.gatewayd.config.written import PLACE, Check

BME = '[device.{0}]\ndriver = "bme280"\nport = "{1}"\naddress = 0x76\n'
GPIO = (
    '[device.{0}]\ndriver = "gpio_relay"\nport = "gpio:{1}"\nline = {2}\nactive = "low"\n'
    'safe = "off"\nhold_max = "1h"\n'
)
INPUT = '[device.{0}]\ndriver = "gpio_input"\nport = "gpio:0"\n{1}\n'
PWM = (
    '[device.{0}]\ndriver = "pwm"\nport = "sysfs:{0}"\nchip = "3f20c000.pwm"\noutput = {1}\n'
    'frequency = 50\nsafe = 0\nhold_max = "1h"\n'
)
NMEA = '[device.{0}]\ndriver = "nmea"\nport = "{1}"\n'
SERIAL = '[port.{0}]\ntype = "serial"\npath = "{1}"\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (BME.format("a", "i2c:1") + BME.format("b", "i2c:1"), "8:11"),
        (GPIO.format("a", "0", "17") + GPIO.format("b", "gpiochip0", '"GPIO17"'), "11:8"),
        (GPIO.format("a", "0", "17") + INPUT.format("b", "lines = { x = 4, y = 17 }"), "11:9"),
        (INPUT.format("a", "line = 0") + INPUT.format("b", "line = 0"), "8:8"),
        (PWM.format("a", 1) + PWM.format("b", 1), "13:10"),
        (NMEA.format("a", "/dev/ttyS0") + NMEA.format("b", "/dev/ttyS0"), "6:8"),
        (NMEA.format("a", "x") + SERIAL.format("x", "/dev/s") + NMEA.format("b", "/dev/s"), "9:8"),
    ],
    ids=["address", "line", "watched line", "line 0", "pwm", "serial", "serial by section"],
)
def test_two_devices_cannot_have_the_same_thing(check: Check, text: str, place: str) -> None:
    """One address of a bus, one line of a chip, one serial port, however they are named."""
    (line,) = check(text).said
    assert line.startswith(place)
    assert "is device a's already" in line


def test_the_same_address_on_another_bus_is_another_device(check: Check) -> None:
    """Two buses, two sensors."""
    assert not check(BME.format("a", "i2c:1") + BME.format("b", "i2c:3")).said


def test_another_output_of_a_pwm_chip_is_another_device(check: Check) -> None:
    """Two outputs, two fans; a sensor of the kernel's may be read by two devices."""
    assert not check(PWM.format("a", 0) + PWM.format("b", 1)).said


def test_kernel_files_may_have_a_section(check: Check) -> None:
    """A device names its thread's label, a folder, or a section with a folder."""
    chip = '[device.{0}]\ndriver = "sysfs"\nport = "{1}"\nchip = "bme280"\n'
    assert not check(chip.format("a", "sysfs:i2c-1") + chip.format("b", "/sys")).said
    section = '[port.chips]\ntype = "files"\nroot = "/sys"\n'
    assert not check(section + chip.format("a", "chips")).said
    wrong = SERIAL.format("chips", "/dev/s") + chip.format("a", "chips")
    assert check(wrong).said == [
        '6:8: port "chips" is of type "serial"; expected one of type "files"'
    ]


def test_an_unknown_port_is_named_with_the_nearest(check: Check) -> None:
    """A device may name its wire directly, or a section that exists."""
    text = SERIAL.format("rs485", "/dev/serial/by-id/x") + NMEA.format("a", "rs458")
    assert check(text).said == [
        "1:7: warning: port rs485 is not used; remove it, or name it in a device",
        '6:8: unknown port "rs458"; expected a [port.NAME], or a wire such as i2c:1, gpio:0, '
        "/dev/serial/by-id/…; nearest: rs485",
    ]


def test_a_port_of_another_type_does_not_fit(check: Check) -> None:
    """A climate sensor is not on a serial line."""
    text = SERIAL.format("rs485", "/dev/serial/by-id/x") + BME.format("a", "rs485")
    assert check(text).said == [
        '6:8: port "rs485" is of type "serial"; expected one of type "i2c"',
    ]


def test_port_sections_are_checked_by_their_type(check: Check) -> None:
    """Each type of wire has its own keys; what is given is kept, without defaults."""
    text = SERIAL.format("x", "/dev/s") + "baudrate = 4800\n" + NMEA.format("a", "x")
    assert check(text).good.ports == {"x": {"type": "serial", "path": "/dev/s", "baudrate": 4800}}
    bad = '[port.y]\ntype = "serail"\n[port.z]\ntype = "i2c"\nbuss = 1\n[port.w]\n'
    assert [line.partition(";")[0] for line in check(bad).said if "warning" not in line] == [
        '2:8: found "serail"',
        '3:7: no "bus"',
        '5:1: unknown key "buss"',
        '6:7: no "type" for port w',
    ]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("", "1:1: warning: no device; "),
        (NMEA.format("a", "/dev/ttyUSB0"), "3:8: warning: found /dev/ttyUSB0; "),
        (NMEA.format("a", "/dev/ttyS0") + 'every = "50ms"', "4:9: warning: a is asked every 50 ms"),
        ('[device.a]\ndriver = "sim"', "1:9: warning: a has no channel; "),
        ('[device.a]\ndriver = "sim_relay"\nsafe = 0', "1:9: warning: no hold_max for a/relay; "),
        (BME.format("a", "i2c:1") + '[outbox]\ncommit_interval = "50ms"', "6:19: warning: commit_"),
        (
            SERIAL.format("x", "/dev/ttyUSB1") + NMEA.format("a", "x"),
            "3:8: warning: found /dev/tty",
        ),
    ],
)
def test_what_is_legal_but_unwise_is_warned_of(check: Check, text: str, warning: str) -> None:
    """Each warning has a place and a reason, and the file is still good."""
    checked = check(text)
    assert [line[: len(warning)] for line in checked.said] == [warning]
    assert checked.good


def test_a_port_may_be_found_by_a_slave(check: Check) -> None:
    """Instead of its path; it is one or the other, and the slave is one that can be."""
    text = '[port.x]\ntype = "serial"\nfind = {{ slave = {} }}\n' + NMEA.format("a", "x")
    assert check(text.format(3)).good.ports["x"]["find"] == Find(slave=3)
    assert check(text.format(0)).said[0].startswith("3:8: ")
    both = text.format(3).replace("find", 'path = "/dev/ttyAMA0"\nfind')
    assert "a serial port has a path, or find" in check(both).said[0]


def test_an_adapter_may_be_named_by_its_number(check: Check) -> None:
    """It needs no section and no warning."""
    assert not check(NMEA.format("a", "usb:A50285BI")).said


def test_a_runtime_folder_on_a_disk_is_told(tmp_path: Path) -> None:
    """It is not used, and the owner may have meant something by it."""
    path = tmp_path / "config.toml"
    path.write_text(PLACE.replace("/dev/shm/gw", "/proc/gw") + '[device.a]\ndriver="pi"')
    [problem] = inspect(path, {})[1]
    assert "/proc/gw is not in memory (tmpfs)" in str(problem)


def test_a_machine_without_memory_files_costs_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without memory for the newest readings the check says what that means."""
    monkeypatch.setattr("gatewayd.outbox.places.SHM", Path("/proc"))
    path = tmp_path / "config.toml"
    path.write_text(PLACE.replace("/dev/shm/gw", "/proc/gw") + '[device.a]\ndriver="pi"')
    assert "neither /proc/gw nor /proc is in memory (tmpfs); readings not yet on the card" in str(
        inspect(path, {})[1][0]
    )


def test_secrets_in_a_file_for_everybody_are_warned_of(tmp_path: Path, cloud: str) -> None:
    """Only those written in the file itself, and only while others may read it."""
    path = tmp_path / "config.toml"
    text = f'[device.a]\ndriver = "pi"\n[uplink.u]\nkind = "{cloud}"\nhost = "h"\n'
    text += 'sensors."a/temperature" = { id = "x" }\n'
    path.write_text(f'{text}api_key = "k"\n{PLACE}')
    path.chmod(0o644)
    open_to_all = [str(problem) for problem in inspect(path, {})[1]]
    path.chmod(0o640)
    assert not [problem for problem in inspect(path, {})[1] if "everybody" in str(problem)]
    assert any(":7:11: warning: api_key stands in a file that everybody" in p for p in open_to_all)


EXPANDER = """\
[device.contacts]
driver = "expander_input"
port = "i2c:1"
chip = "mcp23017"
address = 0x20
active = "low"
inputs = {{ door = 0 }}
[device.relays]
driver = "expander_relay"
port = "i2c:1"
chip = "mcp23017"
address = 0x20
active = "low"
safe = "off"
hold_max = "1h"
relays = {{ pump = {0} }}
"""


def test_contacts_and_relays_share_a_chip_but_no_pin(check: Check) -> None:
    """An expander is two devices: one is read, one is written."""
    assert check(EXPANDER.format(1)).said == []
    (said,) = check(EXPANDER.format(0)).said
    assert "pin 0 of address 0x20 on i2c:1 is device contacts's already" in said
