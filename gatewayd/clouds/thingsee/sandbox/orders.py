"""Commands on their way to things: who may be told what, the log, and the way there.

A command is handed to the gateway that relayed its thing last, at once; whether anybody takes it
is not waited for. Nothing is kept for a gateway that is away: a setpoint of yesterday must not
arrive today.

Source: Thingsee Open Services API, "Send a command to a thing"; Haltian developer site, message
commands.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from gatewayd.clouds.thingsee.adjusting import ALLOWED
from gatewayd.clouds.thingsee.codec import Message, encode
from gatewayd.clouds.thingsee.sandbox.disorder import Disorder
from gatewayd.clouds.thingsee.sandbox.played import play
from gatewayd.clouds.thingsee.sandbox.records import LoggedCommand, Thing
from gatewayd.clouds.thingsee.sandbox.world import World
from gatewayd.clouds.thingsee.topics import fill_topic
from gatewayd.sandbox.errands import Errands
from gatewayd.transports.mqtt_packets import Message as Packet

UPLINK, DOWNLINK = "thingsee/gw/{gw}/up", "thingsee/gw/{gw}/down"

LENIENT = ALLOWED | {1101, 1402, 1502, 1503, 1504, 1505, 1600, 11210, 11211}
LENIENT |= {12210, 12211, 12212, 16200, 17110, 17220, 18200, 24200, 24201}
"""What devices understand, and the vendor's own app sends through the same endpoint in part."""

Take = Callable[[Sequence[Message], str], None]
"""Takes messages as if a gateway had sent them."""


class Orders:
    """Brings commands to things."""

    def __init__(
        self,
        world: World,
        publish: Callable[[Packet], int],
        errands: Errands,
        counts: Counter[str],
    ) -> None:
        self.downlink = Disorder[Packet]()
        self.delay_s = 0.0
        self._world = world
        self._publish = publish
        self._errands = errands
        self._counts = counts

    def allowed(self) -> frozenset[int]:
        """Return the messages that the API admits."""
        return LENIENT if self._world.settings.is_lenient else ALLOWED

    def give(
        self, thing: Thing, commands: Sequence[Message], responsible: str, take: Take
    ) -> list[Message]:
        """Log commands and send them on; return them as they were sent.

        `take` is where a played sensor's answer goes.
        """
        now_s = self._world.now_s()
        sent = [replace(each, time_s=now_s, thing="", destination=thing.tuid) for each in commands]
        logged = [LoggedCommand(now_s, responsible, each) for each in sent]
        thing.commands.extend(logged)
        self._counts["commands"] += len(sent)
        if thing.played is not None:
            for each in sent:
                self._errands.send(self._play(thing, each, take))
        else:
            self._errands.send(self._carry(thing.way, sent, logged))
        return sent

    def send(self, gateway: str, messages: Sequence[Message]) -> int:
        """Send messages to a gateway as they are, at once; return how many it reached."""
        packet = Packet(fill_topic(DOWNLINK, gateway, ""), encode(messages), 1)
        return sum(self._publish(each) for each in self.downlink.pass_on(packet))

    def mend(self) -> None:
        """Put the way right and let go of what was held back."""
        self.delay_s = 0.0
        for packet in self.downlink.mend():
            self._publish(packet)

    async def _carry(
        self, gateway: str, sent: Sequence[Message], logged: Sequence[LoggedCommand]
    ) -> None:
        await asyncio.sleep(self.delay_s)
        reached = self.send(gateway, sent) if gateway else 0
        for each in logged:
            each.reached += reached
        self._counts["undelivered"] += 0 if reached else len(sent)

    async def _play(self, thing: Thing, request: Message, take: Take) -> None:
        assert thing.played is not None
        await asyncio.sleep(self.delay_s + thing.played.delay_s)
        answer = play(thing, request, self._world.history, self._world.now_s())
        if answer is not None:
            take([answer], thing.gateway)


def find_logged(thing: Thing, answer: Message) -> LoggedCommand | None:
    """Return the logged command that an answer is to: the newest that fits."""
    for logged in reversed(thing.commands):
        asked = logged.command
        is_same = asked.transaction == answer.transaction and asked.event + 1 == answer.event
        if is_same and (asked.id == answer.id or asked.id in (1000, 1101, 11211)):
            return logged
    return None
