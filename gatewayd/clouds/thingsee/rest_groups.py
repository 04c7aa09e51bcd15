"""Deployment groups in the Thingsee REST API."""

from __future__ import annotations

from gatewayd.clouds.json_fields import flag
from gatewayd.clouds.places import place
from gatewayd.clouds.thingsee.envelope import record_in, records_in
from gatewayd.clouds.thingsee.rest_calls import Calls
from gatewayd.clouds.thingsee.rest_types import Group, GroupThings, Renamed

UNASSIGNED = "unassigned"
"""The group of things that are in none; no group may be called so."""


class Groups:
    """`/groups`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(self, group: str, description: str = "") -> Group:
        """Make a group; its name has no spaces, and lower case is what clients send.

        Raises:
            Conflict: it exists.
        """
        body = {"group_id": group}
        if description:
            body["group_description"] = description
        return Group.of(record_in(await self._calls.post("/groups", body)))

    async def rename(self, group: str, new: str) -> Renamed:
        """Give a group another name."""
        data = await self._calls.post(place("groups", group, "rename"), {"group_id": new})
        return Renamed.of(data)

    async def delete(self, group: str) -> bool:
        """Delete a group; return whether that has happened.

        Raises:
            Conflict: it still has things.
        """
        return flag(record_in(await self._calls.delete(place("groups", group))), "deleted") is True

    async def all(self, part: str = "", limit: int | None = None) -> tuple[Group, ...]:
        """Return the groups, those whose name has this part in it."""
        asked: dict[str, str | int] = {}
        if part:
            asked["q"] = part
        if limit is not None:
            asked["limit"] = limit
        return tuple(map(Group.of, records_in(await self._calls.get("/groups", asked))))

    async def get(self, group: str) -> Group:
        """Return one group."""
        return Group.of(record_in(await self._calls.get(place("groups", group))))

    async def things(self, group: str) -> GroupThings:
        """Return the TUIDs of a group."""
        return GroupThings.of(await self._calls.get(place("groups", group, "things")))
