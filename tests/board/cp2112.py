"""A Silicon Labs CP2112, USB to I²C with eight GPIO lines, made of /dev/uhid. Runs in the guest.

The stock driver hid-cp2112 binds to it and makes a real /dev/i2c-N and a real /dev/gpiochipN; this
process plays the chips on the bus (chips.py) and the wires on the pins.

    python -m tests.board.cp2112 /dev/virtio-ports/cp2112

It is told what to do there, a JSON document a line, and answers each:

    {"do": "pins"}                            the lines: directions, driven, seen (bit masks)
    {"do": "drive", "pin": 3, "high": true}   the world outside pulls an input
    {"do": "log"}                             [seconds, driven] of each change of an output so far
    {"do": "solder", "address": 118, "kind": "bme280"}      puts a chip of chips.py in place
    {"do": "measure", "address": 72, "temperature_c": 3.5}  changes the world that it is in
    {"do": "remove", "address": 118}          takes it out: nobody acknowledges
    {"do": "plug", "in": false}               pulls the adapter itself, or puts it back

Source: Silicon Labs AN495 (reports of the CP2112); Linux drivers/hid/hid-cp2112.c and
include/uapi/linux/uhid.h.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import time
from typing import Any

from tests.board.chips import KINDS

OUTPUT, GET_REPORT, GET_REPORT_REPLY, CREATE2, INPUT2, SET_REPORT, SET_REPORT_REPLY = (
    6, 9, 10, 11, 12, 13, 14,
)  # fmt: skip
"""Events of uhid.h."""

EVENT_BYTES = 4380
BUS_USB, VENDOR, PRODUCT = 3, 0x10C4, 0xEA90

FEATURES = {0x02: 4, 0x03: 1, 0x04: 2, 0x05: 2, 0x06: 13, 0x20: 1, 0x21: 9, 0x22: 62, 0x23: 62}
FEATURES[0x24] = 62
OUTPUTS = (0x10, 0x11, 0x12, 0x14, 0x15, 0x17)
INPUTS = (0x13, 0x16)

READ, WRITE_READ, FORCE_READ, READ_RESPONSE = 0x10, 0x11, 0x12, 0x13
WRITE, STATUS, STATUS_RESPONSE, CANCEL = 0x14, 0x15, 0x16, 0x17

COMPLETE, FAILED, SUCCEEDED, NOT_ACKNOWLEDGED = 0x02, 0x03, 0x05, 0x00
CHUNK_BYTES = 61


def descriptor() -> bytes:
    """Return a report descriptor with every report that the driver asks for."""
    said = bytes.fromhex("0600ff 0901 a101 1500 26ff00 7508")
    for report, count in FEATURES.items():
        said += bytes([0x85, report, 0x95, count, 0x09, 0x01, 0xB1, 0x02])
    for report in OUTPUTS:
        said += bytes([0x85, report, 0x95, 63, 0x09, 0x01, 0x91, 0x02])
    for report in INPUTS:
        said += bytes([0x85, report, 0x95, 63, 0x09, 0x01, 0x81, 0x02])
    return said + b"\xc0"


class Bus:
    """The chips, and the adapter's memory of the last transfer."""

    def __init__(self) -> None:
        self.chips: dict[int, Any] = {}  # Chip models; `measure` differs by kind.
        self._status = (0, 0, 0)
        self._data = b""

    def output(self, report: bytes) -> bytes | None:
        """Take one output report and return the input report that answers it, if any does."""
        kind = report[0]
        if kind in {READ, WRITE_READ, WRITE}:
            self._transfer(kind, report)
        elif kind == STATUS:
            first, second, count = self._status
            return bytes([STATUS_RESPONSE, first, second]) + struct.pack(">HH", 0, count)
        elif kind == FORCE_READ:
            count = min(int.from_bytes(report[1:3], "big"), CHUNK_BYTES)
            chunk, self._data = self._data[:count], self._data[count:]
            return bytes([READ_RESPONSE, COMPLETE, len(chunk)]) + chunk
        return None

    def _transfer(self, kind: int, report: bytes) -> None:
        self._data, self._status = b"", (FAILED, NOT_ACKNOWLEDGED, 0)
        chip = self.chips.get(report[1] >> 1)
        if chip is None:
            return
        try:
            if kind == WRITE:
                chip.write(report[3 : 3 + report[2]])
            else:
                if kind == WRITE_READ:
                    chip.write(report[5 : 5 + report[4]])
                self._data = chip.read(int.from_bytes(report[2:4], "big"))
        except OSError:
            return  # So a model says that it does not acknowledge.
        self._status = (COMPLETE, SUCCEEDED, len(self._data))


class Pins:
    """Eight lines, as bit masks."""

    def __init__(self) -> None:
        self.directions = 0
        self.outside = 0
        self.log: list[tuple[float, int]] = []
        self._latch = 0
        self._push_pull = 0xFF

    @property
    def driven(self) -> int:
        return self._latch & self.directions

    @property
    def seen(self) -> int:
        return self.driven | (self.outside & ~self.directions & 0xFF)

    def feature(self, report: int) -> bytes:
        """Return one of the reports about lines."""
        if report == 0x02:
            return bytes([report, self.directions, self._push_pull, 0, 0])
        return bytes([report, self.seen])

    def set_feature(self, data: bytes) -> None:
        """Take directions (0x02) or levels (0x04)."""
        before = self.driven
        if data[0] == 0x02:
            self.directions, self._push_pull = data[1], data[2]
        elif data[0] == 0x04:
            self._latch = (self._latch & ~data[2]) | (data[1] & data[2])
        if self.driven != before:
            self.log.append((round(time.monotonic(), 3), self.driven))


class Adapter:
    """The USB device as the kernel sees it."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.pins = Pins()
        self.file: int | None = None
        self.is_bound = False

    def plug(self, is_in: bool) -> None:
        """Put it in or pull it out."""
        if self.file is not None:
            os.close(self.file)
        self.file, self.is_bound = None, False
        if is_in:
            self.pins = Pins()  # It was without power.
            self.file = os.open("/dev/uhid", os.O_RDWR)
            reports = descriptor()
            about = (b"board cp2112", b"board/0", b"0001", len(reports))
            ids = (BUS_USB, VENDOR, PRODUCT, 0x0100, 0)
            head = struct.pack("<I128s64s64sHHIIII", CREATE2, *about, *ids)
            os.write(self.file, head + reports)

    def event(self, file: int) -> None:
        """Live through one event of the kernel's."""
        event = os.read(file, EVENT_BYTES)
        kind = int.from_bytes(event[:4], "little")
        if kind == OUTPUT:
            size = int.from_bytes(event[4100:4102], "little")
            answer = self.bus.output(event[4 : 4 + size])
            if answer is not None:
                answer = answer.ljust(64, b"\0")
                os.write(file, struct.pack("<IH", INPUT2, len(answer)) + answer)
        elif kind == GET_REPORT:
            id, report = struct.unpack_from("<IB", event, 4)
            data = self._feature(report)
            os.write(file, struct.pack("<IIHH", GET_REPORT_REPLY, id, 0, len(data)) + data)
        elif kind == SET_REPORT:
            id = int.from_bytes(event[4:8], "little")
            self.pins.set_feature(event[12:])
            os.write(file, struct.pack("<IIH", SET_REPORT_REPLY, id, 0))

    def _feature(self, report: int) -> bytes:
        if report in {0x02, 0x03}:
            return self.pins.feature(report)
        if report == 0x05:  # Part number and version.
            return bytes([report, 0x0C, 0x02])
        if report == 0x06:  # 100 kHz, no timeouts but the driver's own.
            return bytes([report]) + struct.pack(">IBBHHBH", 100_000, 2, 0, 100, 100, 0, 1)
        if report == 0x21:
            ids = (VENDOR, PRODUCT, 50, 0, 1, 0, 0)
            return bytes([report]) + struct.pack("<HHBBBBB", *ids)
        # 0x20 is the last that the driver asks for: then the bus and the lines are there.
        self.is_bound |= report == 0x20
        return bytes([report, 0])

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what this module's head says, and return the answer."""
        bus, pins = self.bus, self.pins
        match order["do"]:
            case "pins":
                return {
                    "is_bound": self.is_bound,
                    "directions": pins.directions,
                    "driven": pins.driven,
                    "seen": pins.seen,
                }
            case "drive":
                bit = 1 << order["pin"]
                pins.outside = pins.outside | bit if order["high"] else pins.outside & ~bit
            case "log":
                return {"log": pins.log}
            case "solder":
                bus.chips[order["address"]] = KINDS[order["kind"]]()
            case "measure":
                world = {key: order[key] for key in order if key not in {"do", "address"}}
                bus.chips[order["address"]].measure(**world)
            case "remove":
                del bus.chips[order["address"]]
            case "plug":
                self.plug(order["in"])
        return {}


def main() -> None:
    """Serve the kernel and the one who gives orders, for ever."""
    adapter = Adapter()
    adapter.plug(True)
    line = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
    rest = b""
    while True:
        files = [line] if adapter.file is None else [line, adapter.file]
        for file in select.select(files, [], [])[0]:
            if file == adapter.file:
                adapter.event(file)
            elif file == line:
                data = os.read(line, 65536)
                if not data:
                    time.sleep(0.05)  # Nobody is connected at the other end.
                *orders, rest = (rest + data).split(b"\n")
                for order in orders:
                    os.write(line, json.dumps(adapter.obey(json.loads(order))).encode() + b"\n")


if __name__ == "__main__":
    main()
