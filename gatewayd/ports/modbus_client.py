"""pymodbus, opened for one line and kept from reconnecting, logging and raising by itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from gatewayd.errors import ConfigError, DeviceAbsent
from gatewayd.ports.tty import Settings, open_device
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
    from pymodbus.framer import FramerBase

    Client: TypeAlias = AsyncModbusSerialClient | AsyncModbusTcpClient

RETRIES = 0
"""pymodbus's own; we ask again ourselves, each time with the patience that was learned."""

UNANSWERED_MAX = 16
"""Questions in a row after which pymodbus hangs up a network line: it may be dead without a word.
Fewer, and a few dead slaves would take the line from the others."""

CONNECT_S = 5.0
TCP_PORT = 502


@dataclass(slots=True)
class Ear:
    """Hears every byte of a line: tells silence from garbage, and keeps garbage from pymodbus.

    pymodbus lets a frame that it cannot decode fall through into the event loop as an exception.
    The ear decodes before it, and hides such a frame; and what comes while nobody is asked, so
    that a device which babbles costs no decoding.
    """

    heard: int = 0
    """Bytes of the answer that is waited for."""
    is_listening: bool = False
    """A question is out."""
    is_lost: bool = False
    """The connection died, or was closed; pymodbus does not reconnect, the supervisor does."""
    framer: FramerBase | None = None

    def trace(self, is_sending: bool, data: bytes) -> bytes:
        """Return the bytes that pymodbus may see."""
        from pymodbus.exceptions import ModbusException

        if is_sending or self.framer is None:
            return data
        if not self.is_listening:
            return b""
        self.heard = max(self.heard, len(data))  # pymodbus shows what came before along with it.
        try:
            self.framer.handleFrame(data, 0, 0)
        except ModbusException:
            return b""
        return data

    def trace_connect(self, is_connected: bool) -> None:
        """Learn that the connection was made or died."""
        self.is_lost = not is_connected


async def open_client(name: str, settings: Settings) -> tuple[Client, Ear]:
    """Return a connected client and its ear.

    Raises:
        ConfigError: impossible settings.
        DeviceAbsent: no such line, no right to it, or nobody listens there.
        DeviceFault: RS-485 direction control was asked for and the hardware has none.
    """
    # pymodbus dumps its packet history at ERROR; what went wrong is told by our own sentences.
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
    if not settings.is_network:
        settings = replace(settings, path=await _try_open(name, settings))
    ear = Ear()
    client = _make_client(settings, ear)
    client.ctx.max_until_disconnect = UNANSWERED_MAX
    ear.framer = client.ctx.framer
    try:
        is_open = await client.connect()
    except BaseException:  # A cancellation while it connects.
        client.close()
        raise
    if not is_open:
        raise DeviceAbsent(f"{settings.path} cannot be opened; is it on, and is the address right?")
    return client, ear


async def _try_open(name: str, settings: Settings) -> str:
    """Open and close a serial line once, and return its device: for a good sentence, and to set
    RS-485 direction control, which stays in the kernel's driver. pymodbus does neither."""

    def visit() -> str:
        device = open_device(settings)
        device.close()
        return str(device.port)

    worker = Worker(name)
    try:
        return await worker.run(visit, timeout_s=CONNECT_S)
    finally:
        await worker.close()


def _make_client(settings: Settings, ear: Ear) -> Client:
    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
    from pymodbus.framer import FramerType

    if settings.is_network:
        host, port = split_address(settings.path)
        return AsyncModbusTcpClient(
            host,
            port=port,
            framer=FramerType.SOCKET if settings.path.startswith("tcp:") else FramerType.RTU,
            reconnect_delay=0,
            timeout=CONNECT_S,
            retries=RETRIES,
            trace_packet=ear.trace,
            trace_connect=ear.trace_connect,
        )
    return AsyncModbusSerialClient(
        settings.path,
        baudrate=settings.baudrate,
        bytesize=settings.bytesize,
        parity=settings.parity[0].upper(),
        stopbits=settings.stopbits,
        reconnect_delay=0,
        timeout=CONNECT_S,
        retries=RETRIES,
        trace_packet=ear.trace,
        trace_connect=ear.trace_connect,
    )


def split_address(path: str) -> tuple[str, int]:
    """Return host and port of `tcp:host`, `tcp:host:port` or `socket://host:port`.

    Raises:
        ConfigError: another form.
    """
    scheme, _, rest = path.partition(":")
    host, separator, number = rest.removeprefix("//").rpartition(":")
    if not separator or number.endswith("]"):
        host, number = rest.removeprefix("//"), str(TCP_PORT)
    if scheme not in {"tcp", "socket"} or not host or not number.isdecimal():
        raise ConfigError(
            f'{path}: a Modbus line is "tcp:host:port", "socket://host:port" or a path'
        )
    return host.strip("[]"), int(number)
