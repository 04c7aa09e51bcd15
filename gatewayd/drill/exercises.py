"""What is exercised: each strikes one kind of fault, and says what it saw.

Every exercise finds a running daemon to which readings flow, and leaves one that can drain. That
nothing was lost, doubled or swapped is judged afterwards, for all of them alike.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gatewayd.drill.clouds import PATIENCE_S
from gatewayd.drill.daemon import DrillError
from gatewayd.drill.ground import ORPHAN_S, PROGRAM, SAFE_S, Ground
from gatewayd.drill.measure import resident_mib
from gatewayd.drill.shifted import VARIABLE, set_clock

TROUBLE_S = 3.0
"""How long a cloud or a wire is in trouble: longer than the gateway's patience in the drill."""

RETURN_S = 100.0
"""For a cloud that was away to be tried again: the gateway waits up to a minute between tries."""

KILLS = 3
SLACK_S = 1.5
"""Beside a time that is promised, for a busy machine."""

FLOOD_BURST, FLOOD_S = 60, 2.0
"""6,000 numbers a second: thirty times as many as otherwise, as a device gone mad says."""

FLOOD_COMMANDS = 200
MEMORY_MIB_MAX = 128.0
"""Half of what the service is allowed."""

CARD_SIZE, DISK_S = "3m", 5.0
FULL_BYTES = 64 * 1024
HOUR_MS = 3_600_000
STEP_S = 1.0
"""Between two jumps of the clock."""

Exercise = Callable[[Ground], Awaitable[None]]


class Skipped(Exception):
    """This machine does not let the exercise be made; the words say why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One exercise.

    Attributes:
        says: what it does, in a few words.
        program, wrapper: how the daemon is started, where not as usual; `{folder}` is the scratch.
    """

    name: str
    says: str
    run: Exercise
    program: tuple[str, ...] = PROGRAM
    wrapper: tuple[str, ...] = ()


async def link_loss(ground: Ground) -> None:
    """Both clouds are away; the pump that one of them had switched on is an orphan."""
    await ground.switch_pump()
    for cloud in ground.clouds:
        await cloud.refuse()
    await ground.wait_safe(ORPHAN_S + SLACK_S, "its cloud was gone")
    await asyncio.sleep(TROUBLE_S - ORPHAN_S)
    await _mend(ground)


async def hang(ground: Ground) -> None:
    """Both clouds are connected and answer nothing."""
    await ground.switch_pump()
    for cloud in ground.clouds:
        cloud.hang()
    noticed_s = PATIENCE_S + ORPHAN_S
    await ground.wait_safe(noticed_s + SLACK_S, "its cloud hung")
    await _mend(ground)


async def errors(ground: Ground) -> None:
    """Both clouds are there and answer with errors of their own: 500, unavailable."""
    for cloud in ground.clouds:
        cloud.fail()
    await asyncio.sleep(TROUBLE_S)
    await _mend(ground)


async def lost_answers(ground: Ground) -> None:
    """What the clouds took is not acknowledged: it is sent again, and known as a repeat."""
    for cloud in ground.clouds:
        cloud.lose_answers(2)
    await asyncio.sleep(TROUBLE_S)
    await _mend(ground)
    ground.expect(sum(cloud.repeats() for cloud in ground.clouds), "no answer was lost")


async def kill(ground: Ground) -> None:
    """SIGKILL, again and again, with the pump on; then `gatewayd safe`, as systemd does."""
    for _ in range(KILLS):
        await ground.switch_pump()
        await ground.daemon.kill()
        await _make_safe(ground)
        await ground.daemon.start()
        await ground.wait_news()


async def stop(ground: Ground) -> None:
    """SIGTERM with the clouds away: exit 0, outputs safe, the backlog is there afterwards."""
    await ground.switch_pump()
    for cloud in ground.clouds:
        await cloud.refuse()
    code = await ground.daemon.stop()
    ground.expect(code == 0, f"exit code {code} after SIGTERM")
    ground.expect(not ground.is_pump_on(), "the pump was on after an orderly end")
    await ground.daemon.start()
    await _mend(ground)


async def clock_jump(ground: Ground) -> None:
    """The wall clock goes an hour forwards, two back, and one forwards again."""
    await ground.switch_pump()
    for shift_ms in (HOUR_MS, -HOUR_MS, 0):
        set_clock(ground.folder / "clock", shift_ms)
        await asyncio.sleep(STEP_S)
    await ground.daemon.verb("set", "pump/relay", "on", "--hold", "1s")
    set_clock(ground.folder / "clock", -HOUR_MS)
    await ground.wait_safe(1.0 + SLACK_S, "its hold was over, the clock an hour back")
    set_clock(ground.folder / "clock", 0)


async def wrong_year(ground: Ground) -> None:
    """Started in 1970; the time arrives later, and no reading leaves with a wrong one."""
    clock = ground.folder / "clock"
    await ground.daemon.stop()
    dated = ground.counter.number
    set_clock(clock, -_now_ms(ground) + 86_400_000, is_synchronised=False)
    await ground.daemon.start()
    await asyncio.sleep(TROUBLE_S)
    early = [cloud.name for cloud in ground.clouds if cloud.newest() > dated]
    ground.expect(not early, f"readings left for {early} before the time was known")
    set_clock(clock, 0)
    await ground.wait_news()
    for cloud in ground.clouds:
        times_ms = [row.time_ms for row in cloud.rows()]
        wrong = sum(not -60_000 < _now_ms(ground) - each < 600_000 for each in times_ms)
        ground.expect(not wrong, f"{cloud.name}: {wrong} readings with a wrong time")


async def full_disk(ground: Ground) -> None:
    """The card is full while the clouds are away, and has room again later."""
    root = Path(f"/proc/{ground.daemon.pid}/root")  # With what is mounted for it alone.
    hog = root / ground.state.relative_to("/") / "hog"
    for cloud in ground.clouds:
        await cloud.refuse()
    is_told = False
    for _ in range(round(DISK_S)):
        _fill(hog)  # Again: the gateway frees a reserve of its own.
        await asyncio.sleep(1.0)
        outbox = (await ground.daemon.ask("status"))["outbox"]
        is_told |= outbox["card_fault"] is not None
    lost = outbox["lost"]
    ground.expect(is_told, "a full card was not told")
    ground.expect(not any(lost.values()), f"readings lost with the card full: {lost}")
    await ground.daemon.verb("set", "pump/relay", "on")
    ground.expect(ground.is_pump_on(), "no command was carried out with the card full")
    ground.expect(await ground.daemon.verb("safe") == 0, "`gatewayd safe` failed on a full card")
    ground.expect(not ground.is_pump_on(), "the pump was on after `gatewayd safe`")
    hog.unlink()
    await _mend(ground)


async def unplug(ground: Ground) -> None:
    """The device's wire is pulled: no value is shown, and why; then it is plugged in again."""
    ground.counter.unplug()
    reason = ""
    for _ in range(round(TROUBLE_S / 0.1)):
        [row] = await ground.daemon.ask("read", channel="counter/count")
        reason = row["quality"]
        if row["value"] is None:
            break
        await asyncio.sleep(0.1)
    ground.expect(reason in ("absent", "timeout"), f"unplugged, and its value is {reason}")
    await ground.counter.plug_in()


async def flood(ground: Ground) -> None:
    """A device gone mad and an app in a loop: all is taken, memory stays bounded."""
    usual, ground.counter.burst = ground.counter.burst, FLOOD_BURST
    outcomes = await asyncio.gather(*(_command(ground, i) for i in range(FLOOD_COMMANDS)))
    await asyncio.sleep(FLOOD_S)
    ground.counter.burst = usual
    ground.facts["commands"] = {word: outcomes.count(word) for word in sorted(set(outcomes))}
    ground.expect("done" in outcomes, "no command of a flood was done")
    ground.expect("failed" not in outcomes, "commands of a flood failed")
    status = await ground.daemon.ask("status")
    ground.expect(not status["outbox"]["lost"]["bus"], "readings of the flood were lost")
    memory_mib = resident_mib(ground.daemon.pid)
    ground.facts["memory_mib"] = round(memory_mib, 1)
    ground.expect(memory_mib < MEMORY_MIB_MAX, f"the daemon took {memory_mib:.0f} MiB")


SHIFTED = (sys.executable, "-m", "gatewayd.drill.shifted")
CLOCK = ("env", f"{VARIABLE}={{folder}}/clock")
SMALL_CARD = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    f'mount -t tmpfs -o size={CARD_SIZE} drill "{{folder}}/state" && exec "$@"',
    "sh",
)
"""A card of some megabytes for the daemon alone, without being root. Source: unshare(1)."""

PLANS: Sequence[Plan] = (
    Plan("link", "both clouds away, a pump left on", link_loss),
    Plan("hang", "clouds that answer nothing", hang),
    Plan("error", "clouds that answer 500, unavailable", errors),
    Plan("lost-ack", "answers lost on their way", lost_answers),
    Plan("kill", "SIGKILL three times, a pump left on", kill),
    Plan("stop", "SIGTERM with a backlog, a pump left on", stop),
    Plan("clock", "the clock jumps by hours", clock_jump, SHIFTED, CLOCK),
    Plan("1970", "started without the time", wrong_year, SHIFTED, CLOCK),
    Plan("disk", "a full card", full_disk, wrapper=SMALL_CARD),
    Plan("unplug", "a sensor's wire pulled", unplug),
    Plan("flood", "a device and an app gone mad", flood),
)


async def _mend(ground: Ground) -> None:
    for cloud in ground.clouds:
        await cloud.mend()
    await ground.wait_news(RETURN_S)


async def _command(ground: Ground, number: int) -> str:
    """Send one command of many at once; return what became of it."""
    request = {"value": bool(number % 2), "request_id": f"flood-{number}"}
    try:
        outcome = await ground.daemon.ask("set", channel="pump/relay", **request)
    except (OSError, DrillError):
        return "turned away"
    return str(outcome["status"])


async def _make_safe(ground: Ground) -> None:
    """Do what `ExecStopPost=` does, and hold it to its time."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    code = await ground.daemon.verb("safe")
    took_s = loop.time() - began_s
    ground.facts["safe_s"] = round(max(took_s, ground.facts.get("safe_s", 0.0)), 2)
    ground.expect(code == 0, f"`gatewayd safe` ended with {code}")
    ground.expect(not ground.is_pump_on(), "the pump was on after `gatewayd safe`")
    ground.expect(took_s < SAFE_S, f"`gatewayd safe` took {took_s:.1f} s, {SAFE_S:g} at most")


def _now_ms(ground: Ground) -> int:
    return ground.clouds[0].now_ms()


def _fill(hog: Path) -> None:
    """Let a file grow until there is no room for another byte."""
    with suppress(OSError), hog.open("ab", buffering=0) as file:
        for size in (FULL_BYTES, 4096, 512, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


async def check_wrapper(plan: Plan) -> None:
    """Find out whether this machine lets the daemon be started that way.

    Raises:
        Skipped: it does not.
    """
    if not plan.wrapper or plan.wrapper[0] == "env":
        return
    if shutil.which(plan.wrapper[0]) is None:
        raise Skipped(f"needs {plan.wrapper[0]}")
    probe = await asyncio.create_subprocess_exec(
        *plan.wrapper[:3],
        "mount",
        "-t",
        "tmpfs",
        "drill",
        "/mnt",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await probe.wait():
        raise Skipped("this user may not limit a folder here (user namespaces are off)")
