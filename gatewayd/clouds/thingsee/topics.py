"""Topics of Thingsee: templates of the gateway's link, and the customer's MQTT stream; pure.

Source: Haltian developer site, MQTT data stream. The gateway's own link is not public; its
topics are the owner's templates.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.errors import Malformed

PLACES = frozenset({"gw", "group", "tuid", "tsmId"})
"""What may stand in braces in a template."""

OF_MESSAGE = frozenset({"tuid", "tsmId"})
"""Those of them that every message fills in anew."""

_PLACE = re.compile(r"\{(\w*)\}")


def places_in(template: str) -> set[str]:
    """Return the names in braces of a topic's template."""
    return set(_PLACE.findall(template))


def fill_topic(template: str, gateway: str, group: str, message: Message | None = None) -> str:
    """Return the topic of a template; `{tuid}` and `{tsmId}` are those of the message."""
    known = {"gw": gateway, "group": group}
    if message is not None:
        known |= {"tuid": message.thing, "tsmId": str(message.id)}
    return _PLACE.sub(lambda place: known.get(place[1], place[0]), template)


class StreamTopic(NamedTuple):
    """One topic of the customer's MQTT stream."""

    environment: str
    country: str
    group: str
    thing: str
    message: int


_STREAM = re.compile(r"cloudext/json/([^/]+)/([^/]+)/([^/]+)/([A-Z0-9]{1,32})/([0-9]{1,6})")
_GROUP = re.compile(r"(pr|rd|dm|un)([a-z]{2})\d\d.*", re.DOTALL)


def encode_stream_topic(group: str, thing: str, message: int) -> str:
    """Return where the customer's stream publishes a message.

    A well-formed group begins with its environment and country, `prfi00samplegroup`; others are
    under `pr/fi`, as the vendor's demonstration group `office` is.
    """
    match = _GROUP.fullmatch(group)
    environment, country = match.groups() if match else ("pr", "fi")
    return f"cloudext/json/{environment}/{country}/{group}/{thing}/{message}"


def parse_stream_topic(topic: str) -> StreamTopic:
    """Return what a topic of the customer's stream is about.

    Raises:
        Malformed: it is none.
    """
    match = _STREAM.fullmatch(topic)
    if match is None:
        raise Malformed(f"no topic of the Thingsee stream: {topic[:120]!r}")
    environment, country, group, thing, message = match.groups()
    return StreamTopic(environment, country, group, thing, int(message))
