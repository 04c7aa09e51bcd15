"""Which messages and commands a query of the REST API means, for whoever answers one; pure.

Source: Thingsee Open Services API, messages and commands of a thing. Chosen where it is silent:
both ends of a time are included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.errors import Malformed

T = TypeVar("T")

IDS_MAX = 100
"""Ids in one list of a query."""


def read_selection(asked: Mapping[str, str]) -> Selection:
    """Return what a query selects. Raises Malformed."""
    return Selection(
        message_ids=_ids(asked, "messageid"),
        event_ids=_ids(asked, "eventid"),
        from_s=read_whole(asked, "from"),
        to_s=read_whole(asked, "to"),
        limit=read_whole(asked, "limit"),
    )


def read_whole(asked: Mapping[str, str], name: str) -> int | None:
    """Return a whole number of a query, None if it is not there. Raises Malformed."""
    text = asked.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise Malformed(f"{name} is not a whole number")
    return int(text)


def _ids(asked: Mapping[str, str], name: str) -> tuple[int, ...]:
    words = [each.strip() for each in asked.get(name, "").split(",") if each.strip()]
    if len(words) > IDS_MAX or not all(
        each.isascii() and each.isdecimal() and len(each) < 10 for each in words
    ):
        raise Malformed(f"{name} is not a list of at most {IDS_MAX} whole numbers")
    return tuple(map(int, words))


def is_selected(message: Message, selection: Selection) -> bool:
    """Return whether a query means a message."""
    time_s = message.time_s or 0.0
    return (
        (not selection.message_ids or message.id in selection.message_ids)
        and (not selection.event_ids or message.event in selection.event_ids)
        and (selection.from_s is None or time_s >= selection.from_s)
        and (selection.to_s is None or int(time_s) <= selection.to_s)
    )


def newest(found: list[T], limit: int | None) -> list[T]:
    """Return the last `limit` of a list; None and 0 = all."""
    return found[-limit:] if limit else found
