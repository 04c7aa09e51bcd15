"""One virtual machine under QEMU: booted, asked through its agent, gone at the end of the block.

No network is needed to control it: QMP and the guest's agent are unix sockets. The guest reaches
nothing outside but the ports that `Machine.forwards` names.
"""

from __future__ import annotations

import asyncio
import base64
import shlex
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.board.image import Image
from tests.board.wire import Wire, connected

MEMORY_MIB = 512

BOOT_S = 120.0
"""Ten seconds on an idle machine."""

WAIT_S = 30.0
LOOK_S = 0.1

GATE = "10.0.2.100"
"""What the guest calls this side."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class GuestError(Exception):
    """The machine did not boot, or a command in it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is screwed together.

    Attributes:
        image: what it boots from; writes are thrown away.
        disks: raw images beside it, the same.
        folder: for its sockets and logs; a short path, since a socket's has 107 bytes.
        sockets: names of character devices, each a socket `folder/NAME` on this side.
        devices: QEMU's `-device` words; `chardev=NAME` is one of the sockets.
        forwards: ports that the guest finds at `GATE`, and where they lead on this machine.
        kernel_words: more of the kernel's command line.
        words: more of QEMU's.
    """

    image: Image
    folder: Path
    disks: Sequence[Path] = ()
    sockets: Sequence[str] = ()
    devices: Sequence[str] = ()
    forwards: dict[int, int] = field(default_factory=dict)
    kernel_words: str = "panic=-1"
    words: Sequence[str] = ()

    def command(self) -> list[str]:
        """Return QEMU's command line.

        One processor: with two, kernel 6.12 under QEMU 7.2 panicked in some boots, and a second
        tests nothing. Never KVM: nested or para-virtual ones open and then hang.
        """
        line = ["qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "max", "-smp", "1"]
        line += ["-m", str(MEMORY_MIB), "-nodefaults", "-display", "none", "-no-reboot"]
        line += ["-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)]
        line += ["-append", f"console=ttyS0 net.ifnames=0 quiet {self.kernel_words}"]
        line += ["-serial", f"file:{self.folder / 'console.log'}"]
        line += ["-qmp", f"unix:{self.folder / 'qmp'},server=on,wait=off"]
        for number, disk in enumerate((self.image.disk, *self.disks)):
            line += ["-drive", f"file={disk},format=raw,snapshot=on,if=none,id=disk{number}"]
            line += ["-device", f"virtio-blk-pci,drive=disk{number}"]
        line += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        for name in ("agent", *self.sockets):
            line += ["-chardev", f"socket,id={name},path={self.folder / name},server=on,wait=off"]
        line += ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        for device in self.devices:
            line += ["-device", device]
        net = ["user,id=net,restrict=on"]
        for port, target in self.forwards.items():
            net.append(f"guestfwd=tcp:{GATE}:{port}-cmd:socat - TCP:127.0.0.1:{target}")
        line += ["-netdev", ",".join(net), "-device", "virtio-net-pci,netdev=net"]
        return [*line, *self.words]


@dataclass(slots=True)
class Guest:
    """A machine that runs."""

    machine: Machine
    process: subprocess.Popen[bytes]
    qmp: Wire
    agent: Wire

    async def sh(self, script: str, *, deadline_s: float = 60.0, is_checked: bool = True) -> str:
        """Run a script as root and return what it printed.

        Raises:
            GuestError: it failed, unless that is said not to matter, or it has not ended in time.
        """
        started = await self.agent.execute(
            "guest-exec",
            path="/bin/sh",
            arg=["-c", script],
            env=[f"PATH={PATH}", "HOME=/root"],
            **{"capture-output": True},
        )
        try:
            async with asyncio.timeout(deadline_s):
                state = await self._ended(started["pid"])
        except TimeoutError as error:
            raise GuestError(f"not done within {deadline_s:g} s: {script}") from error
        out, err = (
            base64.b64decode(state.get(name, "")).decode(errors="replace")
            for name in ("out-data", "err-data")
        )
        if is_checked and state.get("exitcode") != 0:
            raise GuestError(f"{script}\n{out}\n{err}")
        return out

    async def _ended(self, pid: int) -> dict[str, Any]:
        """Return what became of a process once it has ended; the agent tells nobody unasked."""
        while True:
            state: dict[str, Any] = await self.agent.execute("guest-exec-status", pid=pid)
            if state["exited"]:
                return state
            await asyncio.sleep(LOOK_S)

    async def put(self, path: str, data: bytes, mode: str = "644", group: str = "root") -> None:
        """Write a file, with the folders above it."""
        quoted = shlex.quote(path)
        await self.sh(f"mkdir -p $(dirname {quoted})")
        handle = await self.agent.execute("guest-file-open", path=path, mode="w")
        for start in range(0, len(data), 1 << 16):
            chunk = base64.b64encode(data[start : start + (1 << 16)]).decode()
            await self.agent.execute("guest-file-write", handle=handle, **{"buf-b64": chunk})
        await self.agent.execute("guest-file-close", handle=handle)
        await self.sh(f"chmod {mode} {quoted} && chgrp {group} {quoted}")

    def lose_power(self) -> None:
        """Switch it off, this very moment."""
        self.process.kill()
        self.process.wait()

    async def monitor(self, line: str) -> str:
        """Run a line of QEMU's human monitor."""
        said: str = await self.qmp.execute("human-monitor-command", **{"command-line": line})
        return said


async def until(
    is_so: Callable[[], Awaitable[object]], what: str, deadline_s: float = WAIT_S
) -> None:
    """Wait for something to become true, at the guest's pace, or fail and say what."""
    end_s = time.monotonic() + deadline_s
    while not await is_so():
        assert time.monotonic() < end_s, f"not within {deadline_s:g} s: {what}"
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def booted(machine: Machine) -> AsyncIterator[Guest]:
    """Boot a machine; it answers when the block begins, and is switched off at its end."""
    process = _spawn(machine)
    try:
        async with AsyncExitStack() as stack:
            try:
                qmp = await stack.enter_async_context(connected(machine.folder / "qmp"))
                agent = await stack.enter_async_context(connected(machine.folder / "agent"))
                async with asyncio.timeout(BOOT_S):
                    await qmp.hear()
                    await qmp.execute("qmp_capabilities")
                    await _greet(agent)
            except (OSError, TimeoutError) as error:
                logs = (machine.folder / name for name in ("qemu.log", "console.log"))
                said = [log.read_text(errors="replace")[-800:] for log in logs if log.exists()]
                raise GuestError(f"the machine did not boot: {''.join(said)}") from error
            yield Guest(machine, process, qmp, agent)
    finally:
        process.kill()
        process.wait()


def _spawn(machine: Machine) -> subprocess.Popen[bytes]:
    with (machine.folder / "qemu.log").open("wb") as log:
        return subprocess.Popen(machine.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)


async def _greet(agent: Wire) -> None:
    """Wait until the agent is there. What is asked before that waits in the line for it."""
    await agent.say({"execute": "guest-sync", "arguments": {"id": 1}})
    while (await agent.hear()).get("return") != 1:
        pass
