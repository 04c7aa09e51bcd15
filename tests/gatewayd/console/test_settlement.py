"""The ledger's requests over the control socket: what clouds refused is shown and goes again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gatewayd.cli.ledger import rejected_rows, show_rejected, show_retried
from gatewayd.console.answers import answer
from gatewayd.console.client import Control, open_control
from gatewayd.console.settlement import PAGE
from gatewayd.console.socket import bind_control, serve_control
from gatewayd.console.surface import ControlSurface
from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Balance, Outbox, open_outbox
from gatewayd.testing.clock import START_MS, SimulatedClock
from tests.gatewayd.console.test_answers import make_surface

T = TypeVar("T")
A = ChannelId("boiler/temperature")


async def refuse(outbox: Outbox, count: int) -> None:
    """Have the cloud refuse so many readings."""
    await outbox.append([Reading(A, START_MS + at, float(at)) for at in range(count)])
    batch = await outbox.next_batch("cloud", outbox.accounts["cloud"].cursor, count)
    assert batch
    pairs = zip(batch.seqs, batch.readings, strict=True)
    await outbox.ack(
        "cloud", batch.through, 0, [(seq, each, "no such sensor") for seq, each in pairs]
    )


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
        await outbox.subscribe({"cloud": frozenset({A}), "other": frozenset({A})})
        yield outbox


def surface_over(outbox: Outbox) -> ControlSurface:
    return replace(
        make_surface(),
        ledger=outbox.balance,
        losses=lambda: outbox.losses,
        rejected=outbox.rejected,
        uplinks=lambda: tuple(outbox.accounts),
        retry=outbox.retry,
    )


@asynccontextmanager
async def served(folder: Path, surface: ControlSurface) -> AsyncIterator[Path]:
    path = folder / "gatewayd.sock"
    with bind_control(folder, [path]) as listener:
        serving = asyncio.ensure_future(
            serve_control(listener, replace(surface, state_dir=str(folder)))
        )
        try:
            yield path
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def asked(folder: Path, path: Path, ask: Callable[[Control], T]) -> T:
    """Ask as a verb does, from another thread."""

    def blocking() -> T:
        with open_control(folder, [path]) as control:
            return ask(control)

    return await asyncio.get_running_loop().run_in_executor(None, blocking)


async def result(surface: ControlSurface, do: str, **request: object) -> Any:
    told = await answer(surface, {"do": do, **request})
    assert told["ok"], told
    return told["result"]


async def test_all_that_was_refused_is_shown_page_by_page(outbox: Outbox, tmp_path: Path) -> None:
    """With the cloud's answer, the oldest first, of one uplink or of all."""
    await refuse(outbox, PAGE + 20)
    async with served(tmp_path, surface_over(outbox)) as path:
        rows = await asked(tmp_path, path, lambda control: list(rejected_rows(control, None)))
    assert [row["value"] for row in rows] == [float(at) for at in range(PAGE + 20)]
    assert {(row["uplink"], row["channel"], row["reason"]) for row in rows} == {
        ("cloud", A, "no such sensor")
    }
    head, first, *_ = show_rejected(rows).splitlines()
    assert "the cloud said" in head
    assert first.split()[:2] == ["cloud", A]
    assert "no such sensor" in first


async def test_what_was_refused_goes_again(outbox: Outbox) -> None:
    """Of one uplink, or of all; the ledger balances before and after."""
    surface = surface_over(outbox)
    await refuse(outbox, 3)
    assert await result(surface, "retry", uplink="other") == {"other": 0}
    counts = await result(surface, "retry")
    assert counts == {"cloud": 3, "other": 0}
    assert show_retried(counts).startswith("cloud: 3 readings go out again")
    ledger = await result(surface, "ledger")
    assert ledger["is_balanced"]
    assert ledger["uplinks"]["cloud"]["pending"] == 3
    assert await result(surface, "rejected", uplink="cloud") == []


async def test_the_ledger_tells_what_no_log_could_take(outbox: Outbox) -> None:
    """By place."""
    await outbox.lose("bus", 7)
    assert (await result(surface_over(outbox), "ledger"))["lost"] == {"bus": 7}


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"do": "rejected"}, "no uplink is called"),
        ({"do": "rejected", "uplink": "clod"}, "there are cloud, other"),
        ({"do": "rejected", "uplink": ["cloud"]}, "no uplink is called"),
        ({"do": "rejected", "uplink": "cloud", "after": "x"}, "after is not a whole number"),
        ({"do": "rejected", "uplink": "cloud", "after": 2**70}, "after is not a whole number"),
        ({"do": "retry", "uplink": "clod"}, "no uplink is called"),
    ],
)
async def test_a_wrong_request_is_a_sentence(
    outbox: Outbox, request_: dict[str, object], sentence: str
) -> None:
    """Whatever is wrong with it."""
    told = await answer(surface_over(outbox), request_)
    assert not told["ok"]
    assert sentence in str(told["error"])


async def test_who_had_what_sent_again_is_written_down(outbox: Outbox) -> None:
    """Done and refused alike, by whom and for which uplink."""
    await refuse(outbox, 2)
    rows: list[Mapping[str, Any]] = []
    surface = replace(surface_over(outbox), audit=rows.append)
    await answer(surface, {"do": "retry", "uplink": "clod"}, "local:unix/eve")
    await answer(surface, {"do": "retry"}, "local:unix/alice")
    told = [(row["origin"], row["act"], row["uplink"], row["outcome"]) for row in rows]
    assert told == [
        ("local:unix/eve", "retry", "clod", "refused"),
        ("local:unix/alice", "retry", "cloud", "done"),
        ("local:unix/alice", "retry", "other", "done"),
    ]
    assert rows[1]["detail"] == "2 readings go out again"
    assert rows[0]["time_ms"]


async def test_a_long_count_is_told_as_it_goes(outbox: Outbox, tmp_path: Path) -> None:
    """Who asks is told how far it is, over the socket and to the verb, and then the ledger."""
    steps: list[float | None] = [0.25, 0.75]
    is_counted = asyncio.Event()

    async def count() -> Mapping[str, Balance]:
        await is_counted.wait()
        return await outbox.balance()

    def counted() -> float | None:
        step = steps.pop(0)
        if not steps:
            is_counted.set()
        return step

    surface = replace(surface_over(outbox), ledger=count, counted=counted)
    told: list[float | None] = []
    async with served(tmp_path, surface) as path:
        ledger = await asked(tmp_path, path, lambda control: control.ledger(told.append))
    assert ledger["is_balanced"]
    assert told == [0.25, 0.75, None]
