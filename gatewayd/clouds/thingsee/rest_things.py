"""Things in the Thingsee REST API: what they said, what they were told, how they are installed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from gatewayd.clouds.json_fields import texts, whole
from gatewayd.clouds.places import place
from gatewayd.clouds.thingsee.codec import Message, of_json, to_json
from gatewayd.clouds.thingsee.envelope import record_in, records_in
from gatewayd.clouds.thingsee.rest_calls import Asked, Calls
from gatewayd.clouds.thingsee.rest_types import (
    Alert,
    GroupOfThing,
    Installation,
    LoggedCommand,
    Selection,
    Sent,
    ThingInfo,
)
from gatewayd.errors import Malformed

PAGE = 1000
"""Messages of one page; the vendor names no largest one."""

PAGE_MAX = 16 * PAGE
"""A page that is all of one second grows up to here."""

PAGES_MAX = 1000


class Things:
    """`/things`: of all, and of each by its TUID."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def alerting(self) -> tuple[str, ...]:
        """Return the TUIDs of all things with an alert that is on."""
        return texts(record_in(await self._calls.get("/things/alerts")), "alerting_tuids")

    async def alert_count(self) -> int:
        """Return how many things have an alert that is on; the cloud writes it as text."""
        count = whole(record_in(await self._calls.get("/things/alerts/count")), "alert_count")
        if count is None:
            raise Malformed("the cloud counts alerts in something else than numbers")
        return count

    async def alerts(
        self, tuid: str, from_s: int | None = None, to_s: int | None = None
    ) -> tuple[Alert, ...]:
        """Return the alerts of a thing, over or not, between two instants."""
        asked = Selection(from_s=from_s, to_s=to_s).asked()
        data = await self._calls.get(_path(tuid, "alerts"), asked)
        return tuple(map(Alert.of, records_in(data)))

    async def info(self, tuid: str) -> ThingInfo:
        """Return a thing in general: battery, last event, place, gateway, version."""
        return ThingInfo.of(tuid, await self._calls.get(_path(tuid)))

    async def messages(self, tuid: str, selection: Selection) -> tuple[Message, ...]:
        """Return messages of a thing, oldest first; the cloud wants a limit."""
        data = await self._calls.get(_path(tuid, "messages"), selection.asked())
        found = map(of_json, records_in(data))
        # The vendor says nothing about their order.
        return tuple(sorted(found, key=lambda message: message.time_s or 0.0))

    async def all_messages(self, tuid: str, selection: Selection) -> AsyncIterator[Message]:
        """Yield every selected message once, newest first, page after page.

        A page ends where the next one begins, in the same second: what was there already is
        passed over. `limit` is the size of a page.

        Raises:
            Malformed: more than `PAGE_MAX` messages in one second, or no end of pages.
        """
        asked = replace(selection, limit=selection.limit or PAGE)
        seen: set[tuple[int, float, int | None]] = set()
        for _ in range(PAGES_MAX):
            size = asked.limit or PAGE
            page = await self.messages(tuid, asked)
            fresh = [each for each in page if _key(each) not in seen]
            for message in reversed(fresh):
                yield message
            if len(page) < size:
                return
            if not fresh:
                if size >= PAGE_MAX:
                    raise Malformed(f"{tuid} has more than {PAGE_MAX} messages in one second")
                asked = replace(asked, limit=2 * size)
                continue
            oldest_s = int(page[0].time_s or 0)
            seen = {_key(each) for each in page if int(each.time_s or 0) == oldest_s}
            asked = replace(asked, to_s=oldest_s, limit=max(size, selection.limit or PAGE))
        raise Malformed(f"{tuid}: the messages do not end after {PAGES_MAX} pages")

    async def commands(
        self, tuid: str, selection: Selection | None = None
    ) -> tuple[LoggedCommand, ...]:
        """Return the commands that were sent to a thing, oldest first."""
        asked = (selection or Selection()).asked()
        data = await self._calls.get(_path(tuid, "commands"), asked)
        return tuple(map(LoggedCommand.of, records_in(data)))

    async def send(self, tuid: str, commands: Sequence[Message]) -> Sent:
        """Send commands to a thing. Its answers come in the data stream, not here.

        Raises:
            ThingseeError: 400, the API does not admit such messages: 1500, 1501, 12200 and 13200
                are what it documents.
        """
        body = [to_json(command) for command in commands]
        return Sent.of(await self._calls.post(_path(tuid, "commands"), body))

    async def send_each(self, commands: Sequence[Message]) -> Sent:
        """Send commands to the things that they name in `destination`, by the other endpoint."""
        body = [to_json(command) for command in commands]
        return Sent.of(await self._calls.post("/messages", body))

    async def installations(self, tuid: str, limit: int | None = None) -> tuple[Installation, ...]:
        """Return the statuses that a thing has had, the current one first."""
        asked: Asked = {} if limit is None else {"limit": limit}
        data = await self._calls.get(_path(tuid, "installations"), asked)
        return tuple(map(Installation.of, records_in(data)))

    async def install(self, tuid: str, status: str) -> Installation:
        """Set a thing's status; `installed` begins its warranty."""
        body = {"installation_status": status}
        data = await self._calls.post(_path(tuid, "installations"), body)
        return Installation.of(record_in(data))

    async def group(self, tuid: str) -> str:
        """Return the deployment group of a thing; `unassigned` where it has none."""
        return GroupOfThing.of(await self._calls.get(_path(tuid, "group"))).group

    async def set_group(self, tuid: str, group: str) -> str:
        """Put a thing into a deployment group and return it."""
        data = await self._calls.post(_path(tuid, "group"), {"group_id": group})
        return GroupOfThing.of(data).group


def _path(tuid: str, *words: str) -> str:
    return place("things", tuid, *words)


def _key(message: Message) -> tuple[int, float, int | None]:
    return message.id, message.time_s or 0.0, message.transaction
