"""What a serial line is called, how it is set, and how it is opened."""

from __future__ import annotations

import errno
import termios
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault
from gatewayd.ports.names import Find, locate
from gatewayd.ports.rs485 import Rs485, switch

if TYPE_CHECKING:
    import serial

SLICE_S = 0.1
"""The longest that the thread waits without looking up: how late a timeout can be noticed."""

WRITE_S = 2.0
"""For the kernel to take what is written; its buffer empties in that time at 19200 baud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of a `[port.NAME]` section with `type = "serial"`.

    Attributes:
        path: `/dev/serial/by-id/…`, `/dev/serial/by-path/…`, `usb:SERIALNUMBER`, `/dev/ttyAMA0`,
            `socket://host:port` or `rfc2217://host:port`; see `gatewayd.ports.names`.
        find: instead of a path, `{ slave = 3 }`: the adapter behind which that Modbus slave
            answers; looked for again when it does not any more.
        rs485: let the kernel switch the direction of an RS-485 transceiver with RTS. Only for
            the Pi's own UARTs; USB adapters switch by themselves. A table sets delays and level.
    """

    path: str = ""
    find: Find | None = None
    baudrate: int = 9600
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Literal["N", "E", "O", "none", "even", "odd"] = "N"
    stopbits: Literal[1, 2] = 1
    rs485: bool | Rs485 = False

    def __post_init__(self) -> None:
        """Hold that the port is named, once."""
        if bool(self.path) == (self.find is not None):
            raise ValueError("a serial port has a path, or find = { slave = … }")
        if self.rs485 and self.is_network:
            raise ValueError("rs485 is for a UART here, not for a line behind a network")

    @property
    def is_network(self) -> bool:
        """True when the line is behind a network."""
        return "://" in self.path or self.path.startswith("tcp:")


def settings_of(name: str, wanted: Mapping[str, object]) -> Settings:
    """Return the settings of the line `name`, its own path where the section names none.

    Raises:
        ConfigError: an unknown key, or a section of another type.
    """
    known = {key: value for key, value in wanted.items() if key != "type"}
    if wanted.get("type", "serial") != "serial":
        raise ConfigError(f'port {name} has type "{wanted["type"]}", not "serial"')
    if unknown := known.keys() - {each.name for each in fields(Settings)}:
        raise ConfigError(f"port {name}: unknown key {', '.join(sorted(unknown))}")
    own = {} if "find" in known else {"path": name}
    return Settings(**{**own, **known})  # type: ignore[arg-type]  # Checked by config.


def open_device(settings: Settings) -> serial.Serial:
    """Return the open pyserial device, its input empty; blocks. Raises as `open_serial`."""
    import serial

    path = locate(settings.path)
    exclusive = {} if settings.is_network else {"exclusive": True}
    try:
        device = serial.serial_for_url(
            path,
            baudrate=settings.baudrate,
            bytesize=settings.bytesize,
            parity=settings.parity[0].upper(),
            stopbits=settings.stopbits,
            timeout=SLICE_S,
            write_timeout=WRITE_S,
            **exclusive,
        )
    except (OSError, termios.error) as error:
        raise DeviceAbsent(why_closed(settings.path, error)) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigError(f"serial line {settings.path}: {error}") from error
    if settings.rs485:
        written = "true" if settings.rs485 is True else "{ … }"
        try:
            switch(device.fileno(), Rs485() if settings.rs485 is True else settings.rs485)
        except OSError as error:
            device.close()
            raise DeviceFault(
                f"{settings.path} has no RS-485 direction control ({error.strerror}); most "
                f"adapters switch by themselves: remove rs485 = {written}"
            ) from error
    return device


def why_closed(path: str, error: Exception) -> str:
    """Return a sentence that tells a technician why a line cannot be opened."""
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"{path} is not there; is the adapter plugged in?"
        case errno.EACCES | errno.EPERM:
            return f"no right to open {path}; the group dialout has it"
        case errno.EAGAIN | errno.EBUSY:
            return f"{path} is in use by another program or by another kind of driver"
    return f"{path} cannot be opened: {error}"
