"""A command through the cloud as its apps give it, and what the gateway says became of it.

thethings.iO carries no answers. So the gateway writes one into the output's `…_ack` resource
(see names), and whoever asked listens there before he asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.names import Resource
from gatewayd.clouds.thethingsio.rest import Rest
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.model import Status


@dataclass(frozen=True, slots=True)
class Answered:
    """What the gateway wrote: `done`, or `refused: …`, `failed: …`."""

    words: str

    @property
    def is_done(self) -> bool:
        """Whether the output did what was asked."""
        return self.words.partition(":")[0] == Status.DONE.value


async def command(
    api: Rest, thing_id: str, output: Resource, value: object, timeout_s: float
) -> Answered:
    """Set an output as a user's app does; return what the gateway says.

    Raises:
        ThethingsioError: the cloud refused it: nothing was done.
        LinkLost: nobody knows whether the cloud took it.
        TimeoutError: the cloud took it, and the gateway did not answer.
    """
    async with asyncio.timeout(timeout_s), api.resources.listen(output.ack) as pushes:
        await api.resources.write(output.command, thing_id, [value])
        return await _answer(pushes, {"id": thing_id})


async def command_own(thing: Thing, output: Resource, value: object, timeout_s: float) -> Answered:
    """Set an output with the thing's own token; return and raise as `command`."""
    async with asyncio.timeout(timeout_s), thing.listen() as pushes:
        await thing.write([Entry(output.command, value)])
        return await _answer(pushes, {"key": output.ack})


async def _answer(pushes: AsyncIterator[object], wanted: Mapping[str, str]) -> Answered:
    """Return the first value pushed that has these members."""
    async for push in pushes:
        for row in push if isinstance(push, list) else ():
            if isinstance(row, Mapping) and wanted.items() <= row.items():
                return Answered(str(row.get("value")))
    raise AssertionError("a stream ends with an exception")
