"""Waiting for an adapter, in a real folder; udev's word comes through a real socket."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayd.ports import hotplug as module
from gatewayd.ports.hotplug import LOOK_S, SETTLE_S, Hotplug, nodes

DEADLINE_S = 5.0
LATER_S = 0.05


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return tmp_path / "usb-FTDI_0001"


@pytest.fixture
def standing(node: Path) -> Path:
    """The node, there already."""
    node.touch()
    return node


class Netlink:
    """A listener as udev's: readable when there is something, asked until there is nothing."""

    def __init__(self) -> None:
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)

    def fileno(self) -> int:
        return self._ear.fileno()

    def poll(self, timeout: float) -> bytes | None:
        try:
            return self._ear.recv(1)
        except BlockingIOError:
            return None

    def tell(self) -> None:
        self._mouth.send(b"+")

    def close(self) -> None:
        self._ear.close()
        self._mouth.close()


@pytest.fixture
def netlink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Netlink]:
    """Put a listener in the place of pyudev's, so that a test can speak as udev does."""
    netlink = Netlink()
    monkeypatch.setattr(module, "_open_monitor", lambda: netlink)
    yield netlink
    netlink.close()


@pytest.fixture
def no_netlink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let netlink be denied, as it is in many containers."""

    def denied() -> None:
        raise PermissionError("netlink")

    monkeypatch.setattr(module, "_open_monitor", denied)


async def _arrival(hotplug: Hotplug, *patterns: Path, timeout_s: float = DEADLINE_S) -> bool:
    return await hotplug.wait_arrival([str(pattern) for pattern in patterns], timeout_s)


async def test_a_node_that_appears_ends_the_wait(node: Path, no_netlink: None) -> None:
    """Also where nobody tells: the folder is looked at."""
    asyncio.get_running_loop().call_later(LATER_S, node.touch)
    assert await _arrival(Hotplug(), node)


async def test_udevs_word_makes_it_quick(node: Path, netlink: Netlink) -> None:
    """Sooner than the next look would be."""
    began_s = time.monotonic()

    def plug() -> None:
        node.touch()
        netlink.tell()

    asyncio.get_running_loop().call_later(LATER_S, plug)
    assert await _arrival(Hotplug(), node)
    assert time.monotonic() - began_s < LATER_S + SETTLE_S + LOOK_S / 2


async def test_news_of_others_is_no_arrival(node: Path, netlink: Netlink) -> None:
    """Somebody plugged a mouse in."""
    asyncio.get_running_loop().call_later(LATER_S, netlink.tell)
    assert not await _arrival(Hotplug(), node, timeout_s=3 * LATER_S)


async def test_what_stands_there_already_is_no_news(standing: Path, no_netlink: None) -> None:
    """Its device failed for another reason, and the back-off goes on."""
    assert not await _arrival(Hotplug(), standing, timeout_s=LATER_S)


@pytest.mark.parametrize("between_s", [0.0, 1.2 * LOOK_S])
async def test_an_adapter_that_left_and_came_back_is_news(
    standing: Path, no_netlink: None, between_s: float
) -> None:
    """Whether or not anybody looked in between."""
    loop = asyncio.get_running_loop()
    loop.call_later(LATER_S, os.replace, standing, standing.with_name("pulled"))
    loop.call_later(2 * LATER_S + between_s, standing.touch)
    assert await _arrival(Hotplug(), standing)


def test_a_link_to_nowhere_is_not_there(node: Path) -> None:
    """What by-id holds for a moment after an adapter was pulled."""
    node.symlink_to("nowhere")
    assert nodes([str(node)]) == frozenset()


async def test_any_of_a_kind_may_be_waited_for(tmp_path: Path, no_netlink: None) -> None:
    """An adapter that is known by its serial number may get any name."""
    asyncio.get_running_loop().call_later(LATER_S, (tmp_path / "ttyUSB1").touch)
    assert await _arrival(Hotplug(), tmp_path / "ttyUSB*")


async def test_nothing_to_look_for_is_plain_waiting() -> None:
    """A network line has no node."""
    assert not await Hotplug().wait_arrival([], LATER_S)


async def test_nobody_listens_when_nobody_waits(node: Path) -> None:
    """With the real netlink, where this machine has it: no descriptor stays behind."""
    hotplug = Hotplug()
    await _arrival(hotplug, node, timeout_s=LATER_S)  # Loads libudev.
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 — Counted, not looked at.
    for _ in range(3):
        await asyncio.gather(*[_arrival(hotplug, node, timeout_s=LATER_S) for _ in range(3)])
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208 — As above.
