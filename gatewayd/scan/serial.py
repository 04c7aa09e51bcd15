"""Devices on serial ports: those that speak by themselves, those that answer, and Modbus slaves.

Strategy: a port is opened with each line setting (baudrate, parity) that some driver has, and
listened to; then the drivers' own questions are asked, which change nothing on any device known
here; then Modbus slaves are asked for one register each. The first proof ends the search on that
port, except on a Modbus line, where many may answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.driver import Driver, Evidence
from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.scan import Found, Guess, View, drivers_on, ranked

if TYPE_CHECKING:
    from gatewayd.ports.modbus import Slave
    from gatewayd.ports.serial import SerialPort

WIRE = "serial"

HEARD_BYTES_MAX = 64 * 1024
"""A telegram of a meter is two thousand; a wrong baudrate makes noise without end."""

SLAVE_S = 0.2
"""For one Modbus slave that may not be there: a frame at 9600 baud and a slow device."""

OTHER_LINES: tuple[Line, ...] = ({"baudrate": 19200}, {"baudrate": 19200, "parity": "even"})
"""How Modbus devices leave the factory besides: the second is the specification's own default."""

UNKNOWN_UART = "0"
"""What the kernel says of the ports that a PC might have."""

Line = Mapping[str, Any]


async def find(view: View) -> AsyncIterator[Found]:
    """Yield what every port is, port by port."""
    for port in ports_of(view.root):
        user = _user(view, port)
        if user is not None:
            yield Found(WIRE, port, remark=f"is in use by {user}")
            continue
        try:
            found = [each async for each in _look(view, port)]
        except DeviceError as error:
            yield Found(WIRE, port, remark=str(error))
            continue
        for each in found or [Found(WIRE, port)]:
            yield each


def ports_of(root: Path) -> list[str]:
    """Return the serial ports by the names that stay when another adapter is plugged in."""
    seen: dict[Path, str] = {}
    for pattern in ("serial/by-id/*", "serial/by-path/*", "ttyAMA*", "ttyACM*", "ttyUSB*"):
        for path in sorted((root / "dev").glob(pattern)):
            seen.setdefault(path.resolve(), str(path))
    for path in sorted((root / "dev").glob("ttyS*")):
        with suppress(OSError):
            kind = (root / "sys/class/tty" / path.name / "type").read_text().strip()
            if kind != UNKNOWN_UART:
                seen.setdefault(path.resolve(), str(path))
    return list(seen.values())


def lines_of(drivers: Sequence[Driver]) -> Iterator[tuple[Line, list[Driver]]]:
    """Yield each setting of a line with the drivers that have it, the commonest first."""
    groups: dict[tuple[tuple[str, Any], ...], list[Driver]] = {}
    for driver in drivers:
        line = driver.scan.get("LINE", {})
        groups.setdefault(tuple(sorted(line.items())), []).append(driver)
    for settings, group in sorted(groups.items(), key=lambda item: -len(item[1])):
        yield dict(settings), group


async def _look(view: View, port: str) -> AsyncIterator[Found]:
    speaking = [driver for driver in drivers_on(WIRE) if not driver.scan.get("QUESTION")]
    asked = [driver for driver in drivers_on(WIRE) if driver.scan.get("QUESTION")]
    groups = list(lines_of(speaking))
    hints: list[Guess] = []
    for line, group in groups:
        view.tell(f"{port}: listening at {line.get('baudrate', 9600)} baud")
        async with view.ports.serial(port, **line) as wire:
            heard = await _hear(wire, view.patience_s / len(groups))
        hints += _guesses(port, heard, group)
        if _has_proof(hints):
            yield Found(WIRE, port, ranked(hints))
            return
    for line, group in lines_of(asked):
        async with view.ports.serial(port, **line) as wire:
            for driver in group:
                view.tell(f"{port}: asking for {driver.kind}")
                await wire.write(driver.scan["QUESTION"])
                hints += _guesses(port, await _hear(wire, view.answer_s), [driver])
        if _has_proof(hints):
            yield Found(WIRE, port, ranked(hints))
            return
    if hints:
        yield Found(WIRE, port, tuple(hints))
    async for each in _look_for_slaves(view, port):
        yield each


async def _look_for_slaves(view: View, port: str) -> AsyncIterator[Found]:
    drivers = drivers_on("modbus")
    for line in [*(line for line, _ in lines_of(drivers)), *OTHER_LINES]:
        is_any = False
        with suppress(DeviceAbsent):  # An adapter may not be able to do this setting.
            async with view.ports.modbus(port, **line) as wire:
                for number in range(1, view.slaves + 1):
                    view.tell(f"{port}: Modbus slave {number} at {line.get('baudrate', 9600)} baud")
                    slave = wire.slave(number, timeout_s=SLAVE_S)
                    if await _is_there(slave):
                        is_any = True
                        yield await _name_slave(slave, port, line, drivers)
        if is_any:
            return  # The other settings are not this line's.


async def _name_slave(slave: Slave, port: str, line: Line, drivers: Sequence[Driver]) -> Found:
    guesses = []
    for driver in drivers:
        assert driver.recognise is not None, "drivers_on returns no others"
        usual = driver.scan.get("LINE", {})
        unusual = {key: value for key, value in line.items() if usual.get(key) != value}
        with suppress(DeviceError):
            evidence = await driver.recognise(slave)
            if evidence is not None:
                section = {"port": port, "slave": slave.id, **unusual}
                guesses.append(Guess(driver.kind, evidence, section))
    place = f"{port} slave {slave.id}"
    if guesses:
        return Found("modbus", place, ranked(guesses))
    settings = ", ".join(f"{key} {value}" for key, value in line.items())
    return Found("modbus", place, remark=f"answers Modbus ({settings}): see the driver modbus")


async def _is_there(slave: Slave) -> bool:
    try:
        await slave.read_registers("holding", 0, 1)
    except DeviceTimeout:
        return False
    except DeviceFault as error:
        return "garbage" not in str(error)  # A refusal is an answer.
    return True


async def _hear(port: SerialPort, listen_s: float) -> bytes:
    heard = bytearray()
    with suppress(TimeoutError, DeviceTimeout):
        async with asyncio.timeout(listen_s):
            async for chunk in port.chunks(silence_s=listen_s):
                heard += chunk
                if len(heard) >= HEARD_BYTES_MAX:
                    break
    return bytes(heard)


def _guesses(port: str, heard: bytes, drivers: Sequence[Driver]) -> list[Guess]:
    guesses = []
    for driver in drivers:
        assert driver.recognise is not None, "drivers_on returns no others"
        evidence: Evidence | None = driver.recognise(heard) if heard else None
        if evidence is not None:
            guesses.append(Guess(driver.kind, evidence, {"port": port}))
    return guesses


def _has_proof(guesses: Sequence[Guess]) -> bool:
    return any(guess.evidence.is_proof for guess in guesses)


def _user(view: View, port: str) -> str | None:
    """Return the configured device that has this port, under whichever of its names."""
    real = Path(port).resolve()
    for (wire, place), device in view.used.items():
        if place is None and wire.startswith("/") and Path(wire).resolve() == real:
            return device
    return None
