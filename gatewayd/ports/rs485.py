"""RS-485 direction control by the kernel: who may speak on the two wires, this side or the other.

The setting stays in the port's driver after the file is closed, so that whoever opens the line
next, pymodbus too, finds it set.

Source: Linux, Documentation/driver-api/serial/serial-rs485.rst; include/uapi/linux/serial.h.
"""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import dataclass
from fcntl import ioctl
from typing import Literal

from gatewayd.fields import Seconds

TIOCSRS485 = 0x542F
LAYOUT = "=8I"
"""struct serial_rs485: flags, delay before and after sending in ms, five spare words."""

ENABLED, RTS_ON_SEND, RTS_AFTER_SEND, RX_DURING_TX = 1, 2, 4, 16

DELAY_MAX_S = 0.1
"""The kernel takes no longer delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rs485:
    """`rs485 = { … }` of a serial port; `true` is all of it as it stands here.

    Attributes:
        delay_before, delay_after: from RTS to the first bit, and from the last bit to RTS; for
            transceivers behind slow optocouplers.
        rts: the level of RTS while sending.
        hear_self: keep listening while sending; drivers here expect not to.
    """

    delay_before: Seconds = 0.0
    delay_after: Seconds = 0.0
    rts: Literal["high", "low"] = "high"
    hear_self: bool = False

    def __post_init__(self) -> None:
        """Refuse what the kernel would quietly cut."""
        if not (0 <= self.delay_before <= DELAY_MAX_S and 0 <= self.delay_after <= DELAY_MAX_S):
            raise ValueError('delay_before and delay_after are "0ms" to "100ms"')


def encode(wanted: Rs485) -> bytes:
    """Return the kernel's structure."""
    flags = ENABLED | (RTS_ON_SEND if wanted.rts == "high" else RTS_AFTER_SEND)
    flags |= RX_DURING_TX if wanted.hear_self else 0
    before_ms, after_ms = round(wanted.delay_before * 1000), round(wanted.delay_after * 1000)
    return struct.pack(LAYOUT, flags, before_ms, after_ms, 0, 0, 0, 0, 0)


def switch(file: int, wanted: Rs485) -> None:
    """Let the kernel switch the direction.

    Raises:
        OSError: the hardware cannot (ENOTTY, also where the kernel takes the setting and leaves
            it off).
    """
    taken = ioctl(file, TIOCSRS485, encode(wanted))
    if not struct.unpack(LAYOUT, taken)[0] & ENABLED:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
