"""A Bluetooth controller for the guest, and a tag in its air that advertises. Runs on this side.

    tag.py unix:SOCKET ADDRESS

SOCKET is the one of the guest's /dev/hvc0, where `btattach` speaks H4. It is told what
to advertise on stdin, a JSON document a line, and answers each with `{}`:

    {"service": 64722, "hex": "40…"}        service data of a 16-bit UUID (BTHome: 0xFCD2)
    {"maker": 1177, "hex": "05…"}           manufacturer data (Ruuvi: 0x0499)
    {}                                      silence

Both controllers are bumble's, joined in memory.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from typing import Any

from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

ADAPTER = "C0:FF:EE:00:00:01"
INTERVAL_MS = 500.0
"""Tags take one second or ten; each packet costs the emulated machine some milliseconds."""


class Adapter(Controller):  # type: ignore[misc]  # Bumble is not there when types are checked.
    """The guest's controller. Bumble's reset forgets nothing; a real one's does."""

    def on_hci_reset_command(self, command: Any) -> Any:
        self.le_scan_enable = False
        return super().on_hci_reset_command(command)


def advertisement(order: dict[str, Any]) -> bytes:
    """Return the payload of one order."""
    data = bytes.fromhex(order["hex"])
    if "service" in order:
        kind, company = AdvertisingData.SERVICE_DATA_16_BIT_UUID, order["service"]
    else:
        kind, company = AdvertisingData.MANUFACTURER_SPECIFIC_DATA, order["maker"]
    parts = [(AdvertisingData.FLAGS, b"\x06"), (kind, struct.pack("<H", company) + data)]
    return bytes(AdvertisingData(parts))


async def main() -> None:
    """Join the two controllers, then advertise as told."""
    air = LocalLink()
    controller = Controller("tag", link=air, public_address="F6:F7:F8:F9:FA:FB")
    tag = Device(
        name="tag", address=Address(sys.argv[2]), host=Host(controller, AsyncPipeSink(controller))
    )
    async with await open_transport(sys.argv[1]) as hci:
        Adapter(
            "guest", host_source=hci.source, host_sink=hci.sink, link=air, public_address=ADAPTER
        )
        await tag.power_on()
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            if tag.is_advertising:
                await tag.stop_advertising()
            if order:
                tag.advertising_data = advertisement(order)
                await tag.start_advertising(
                    auto_restart=True,
                    advertising_interval_min=INTERVAL_MS,
                    advertising_interval_max=INTERVAL_MS,
                )
            print("{}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
