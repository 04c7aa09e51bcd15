"""The board: a guest with an I²C bus, lines, a USB port and a radio, and gatewayd as its service.

The unit, its user, groups and modules are installed as the head of systemd/gatewayd.service says;
the Thing+ sandbox runs in the test's own process, and is all that the guest can reach.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from tests.board.cache import ROOT
from tests.board.guest import GATE, Guest, until
from tests.board.radio import ADDRESS as TAG_ADDRESS
from tests.board.radio import Tag, in_the_air
from tests.board.receiver import Receiver
from tests.board.wire import Wire, connected
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import GATEWAY
from tests.live.daemon import until as until_here

MQTT_PORT = 1883

SOCKETS = ("cp2112", "usb", "radio")
DEVICES = (
    "virtserialport,chardev=cp2112,name=cp2112",
    "virtconsole,chardev=radio",  # /dev/hvc0
    "qemu-xhci,id=xhci",
    "usb-serial,chardev=usb,bus=xhci.0,serial=BOARD1",
)

HERE = Path(__file__).parent
PYTHON = "/opt/gatewayd/bin/python"
SOCKET_CLIENT = (
    "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/gatewayd/gatewayd.sock'); "
    "s.sendall(%r); print(s.makefile().readline())"
)
"""A bare Python: a whole `gatewayd status` takes seconds on an emulated machine."""

GATEWAYD = "/opt/gatewayd/bin/gatewayd"

START_S = 240.0
"""Five seconds on an idle host."""

PATIENCE = b"[Service]\nTimeoutStartSec=240\nTimeoutStopSec=120\n"
"""On a busy host the emulated machine is a hundred times slower than any Pi, and `gatewayd safe`
would not be done within the unit's 30 s. What is tested is what the fences do, not how fast."""

CHIPS = {
    "climate": (0x76, "bme280"),
    "cabinet": (0x48, "lm75"),
    "attic": (0x44, "sht31"),
    "outside": (0x49, "lm75"),  # The kernel's own driver has it.
}
"""Address and kind by the name of the device."""

RELAY_LINE = 0
TAG_SILENT = "10s"
USB_TTY = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_BOARD1-if00-port0"

TYPES = {
    "climate/temperature": "temperature",
    "climate/humidity": "humidity",
    "climate/pressure": "number",
    "cabinet/temperature": "temperature",
    "attic/temperature": "temperature",
    "attic/humidity": "humidity",
    "outside/temperature": "temperature",
    "tag/temperature": "temperature",
    "tag/humidity": "humidity",
    "tag/rssi": "rssi",
    "gps/location": "location",
    "gps/speed": "speed",
    "gps/course": "number",
    "gps/satellites": "count",
    "gps/hdop": "number",
    "pump/relay": "powerSwitch",
}
"""What the cloud knows, by channel."""


@dataclass(slots=True)
class Board:
    """Everything that a test turns and looks at."""

    guest: Guest
    cloud: Cloud
    adapter: Wire
    tag: Tag
    receiver: Receiver = field(default_factory=Receiver)

    @property
    def usb(self) -> Path:
        """The socket that is the USB plug."""
        return self.guest.machine.folder / "usb"

    async def order(self, do: str, **order: Any) -> dict[str, Any]:
        """Have the adapter or its chips do something; see cp2112.py."""
        return await self.adapter.ask({"do": do, **order})

    async def solder(self, device: str) -> None:
        """Put the chip of a device on the bus."""
        address, kind = CHIPS[device]
        await self.order("solder", address=address, kind=kind)

    async def measure(self, device: str, **world: float) -> None:
        """Change the world around a chip."""
        await self.order("measure", address=CHIPS[device][0], **world)

    async def remove(self, device: str) -> None:
        """Take the chip of a device off the bus."""
        await self.order("remove", address=CHIPS[device][0])

    async def is_bound(self) -> bool:
        """Return whether the kernel's driver has taken the adapter."""
        return bool((await self.order("pins"))["is_bound"])

    async def bus(self) -> str:
        """Return the adapter's bus as the kernel shows it: /sys/bus/i2c/devices/i2c-0."""
        name = await self.guest.sh("grep -l CP2112 /sys/bus/i2c/devices/i2c-*/name")
        return name.strip().removesuffix("/name")

    async def is_relay_driven(self) -> bool:
        """Return whether the relay's line is driven high, as the chip behind the kernel sees it."""
        driven: int = (await self.order("pins"))["driven"]
        return bool(driven >> RELAY_LINE & 1)

    async def ask(self, do: str, **request: Any) -> Any:
        """Ask at the daemon's control socket and return the result."""
        return await ask(self.guest, do, **request)

    async def quality(self, channel: str) -> str:
        """Return what the newest reading of a channel is worth, or why it has no value."""
        (reading,) = await self.ask("read", channel=channel)
        return str(reading["quality"])

    async def edge(self, name: str) -> dict[str, Any]:
        """Return how a device or uplink is."""
        status = await self.ask("status")
        edges: list[dict[str, Any]] = [*status["devices"], *status["uplinks"]]
        return next(edge for edge in edges if edge["name"] == name)

    async def attach_radio(self) -> None:
        """Have the kernel take the UART for a Bluetooth adapter; `btattach` stays with it."""
        await self.guest.sh("systemd-run --quiet --unit=btattach btattach -B /dev/hvc0 -P h4")

    async def unit(self, name: str) -> str:
        """Return a property of the running service."""
        return (await self.guest.sh(f"systemctl show --value -p {name} gatewayd")).strip()

    async def running_pid(self) -> str | None:
        """Return the daemon's process, None while it is not up; both are asked in one instant."""
        told = await self.guest.sh("systemctl show -p ActiveState -p MainPID gatewayd")
        facts = dict(line.split("=", 1) for line in told.split())
        return facts["MainPID"] if facts["ActiveState"] == "active" else None


async def ask(guest: Guest, do: str, **request: Any) -> Any:
    """Ask at the control socket of a guest's daemon and return the result."""
    question = json.dumps({"do": do, **request}) + "\n"
    script = shlex.quote(SOCKET_CLIENT % question.encode())
    answer = json.loads(await guest.sh(f"python3 -ISc {script}"))
    assert answer["ok"], answer
    return answer["result"]


def document(bus: int) -> Mapping[str, Any]:
    """Return the configuration, as a technician would write it."""
    return {
        "gateway": {"id": GATEWAY, "name": "Board"},
        "device": {
            "climate": {"driver": "bme280", **_at("climate", bus)},
            "cabinet": {"driver": "lm75", **_at("cabinet", bus)},
            "attic": {"driver": "sht3x", **_at("attic", bus)},
            "outside": {
                "driver": "sysfs",
                "port": "sysfs:hwmon",
                "chip": "lm75",
                "parent": f"{bus}-{CHIPS['outside'][0]:04x}",
                "every": "1s",
            },
            "tag": {
                "driver": "bthome",
                "port": "ble:0",
                "address": TAG_ADDRESS,
                "objects": ["temperature", "humidity"],
                "silent_after": TAG_SILENT,
            },
            "gps": {"driver": "nmea", "port": USB_TTY, "silence": "5s"},
            "pump": {
                "driver": "gpio_relay",
                "port": "gpio:cp2112_gpio",
                "line": RELAY_LINE,
                "active": "high",
                "safe": "off",
                "hold_max": "1h",
            },
        },
        "uplink": {
            "sandbox": {
                "kind": "thingplus",
                "host": GATE,
                "port": MQTT_PORT,
                "tls": False,
                "api_key": API_KEY,
                "series_interval": "0s",
                "reconnect_min": "0s",
            }
        },
    }


def _at(device: str, bus: int) -> Mapping[str, Any]:
    return {"port": f"i2c:{bus}", "address": CHIPS[device][0], "every": "1s"}


@asynccontextmanager
async def furnished(guest: Guest, cloud: Cloud, radio: Path) -> AsyncIterator[Board]:
    """Put the hardware in place: the adapter with its chips, bound by its driver, and the radio."""
    for name in ("cp2112.py", "chips.py"):
        await guest.put(f"/opt/board/tests/board/{name}", (HERE / name).read_bytes())
    await guest.sh(
        "modprobe -a uhid hid_cp2112 i2c-dev ftdi_sio hci_uart lm75 && systemd-run --quiet "
        "--unit=cp2112 --working-directory=/opt/board "
        f"{PYTHON} -m tests.board.cp2112 /dev/virtio-ports/cp2112"
    )
    folder = guest.machine.folder
    async with connected(folder / "cp2112") as adapter, in_the_air(folder / "radio", radio) as tag:
        board = Board(guest, cloud, adapter, tag)
        for device in CHIPS:
            await board.solder(device)
        await until(board.is_bound, "the kernel's driver has bound the adapter")
        address = CHIPS["outside"][0]
        await guest.sh(f"echo lm75 {address} > {await board.bus()}/new_device")
        await board.attach_radio()
        yield board


async def install(board: Board) -> None:
    """Install the service, and write its configuration."""
    await install_unit(board.guest)
    bus = int((await board.bus()).rpartition("-")[2])
    await configure(board.guest, document(bus))


async def install_unit(guest: Guest) -> None:
    """Install the service by the steps in the head of its unit."""
    systemd = ROOT / "systemd"
    places = {
        "gatewayd.sysusers": "/usr/lib/sysusers.d/gatewayd.conf",
        "gatewayd.modules-load": "/usr/lib/modules-load.d/gatewayd.conf",
        "gatewayd.service": "/etc/systemd/system/gatewayd.service",
    }
    for name, place in places.items():
        await guest.put(place, (systemd / name).read_bytes())
    await guest.put("/etc/systemd/system/gatewayd.service.d/patience.conf", PATIENCE)
    await guest.sh("systemd-sysusers && systemctl restart systemd-modules-load")
    await guest.sh("install -d -m 750 -g gatewayd /etc/gatewayd && systemctl daemon-reload")


async def configure(guest: Guest, document: Mapping[str, Any]) -> None:
    """Write the configuration, and have it checked."""
    text = tomlkit.dumps(document)
    await guest.put("/etc/gatewayd/config.toml", text.encode(), "640", "gatewayd")
    await guest.sh(f"runuser -u gatewayd -- {GATEWAYD} check >&2")


async def start(board: Board) -> None:
    """Start the service; it is ready when this returns. The cloud has it then, too."""
    board.cloud.register(TYPES)
    await board.guest.sh(
        "systemctl start gatewayd || { journalctl -u gatewayd -n 20 --no-pager >&2; false; }",
        deadline_s=START_S,
    )
    await until_here(lambda: board.cloud.word() == "on", "the cloud has it", START_S)
