"""thethings.iO's calls of a thing, answered on the spot by this gateway.

    POST v2/things/TOKEN                         {"values": [{"key": …, "value": …}]}
    GET  v2/things/TOKEN?keepAlive=MS            the subscription, see local_stream
    GET  v2/things/TOKEN/resources               what there is
    GET  v2/things/TOKEN/resources/KEY           ?limit&startDate&endDate, see local_view
    GET  v2/things/TOKEN/all_resources           ?limit

The token is the console's own and was looked at there. No cloud is asked.

A write sets outputs, one entry after the other. It is looked at whole first, and nothing moves
where an entry is none, or is too old. The cloud answers `created` before a gateway has heard of
it; here the answer is what became of it. Whoever leaves before it comes ends the write with the
command that is under way. Listeners are told of entries that were carried out and of each
outcome, as the link tells the cloud; of commands that came another way they see the output's
state alone. `store` and `broadcast` mean nothing here: the board keeps what outputs do, and shows
it to everybody.

Source: thethings.iO API reference, thing write, thing read, thing subscribe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatewayd.clouds.local import Asked, Site, Told, new_id, tell
from gatewayd.clouds.thethingsio.answers import encode_refused, encode_status
from gatewayd.clouds.thethingsio.codec import Entry, decode_write, encode_entry, encode_push
from gatewayd.clouds.thethingsio.local_stream import Subscriptions
from gatewayd.clouds.thethingsio.local_view import View
from gatewayd.clouds.thethingsio.queries import (
    KEEP_ALIVE_MS,
    Query,
    limit_of,
    number_of,
    stretch_of,
)
from gatewayd.clouds.thethingsio.report import reply_entries
from gatewayd.clouds.thethingsio.requests import command_value
from gatewayd.clouds.thethingsio.settings import Config, names_of
from gatewayd.desk import find_staleness
from gatewayd.errors import Malformed
from gatewayd.model import Command, Outcome, Status
from gatewayd.setpoint import legal_value

KEEP_ALIVE_MS_MIN = 500
KEEP_ALIVE_MS_MAX = 300_000
"""More often would be work for nothing; a listener that died without a word is noticed by what
it is sent. Who asks for more or less gets this: his own patience is a second longer than that."""

VALUES_MAX = 5000
"""Values of all resources together in one answer, some 400 kB and a tenth of a second."""

SENTENCE_MAX = 1000


def open_local(site: Site) -> LocalThethingsio:
    """Return what answers thethings.iO's calls.

    Raises:
        ConfigError: illegal names.
    """
    return LocalThethingsio(site)


class LocalThethingsio:
    """Answers for one thing."""

    def __init__(self, site: Site) -> None:
        premises = site.premises
        config = site.config if isinstance(site.config, Config) else Config()
        self._names = names_of(config, premises.channels)
        self._outputs = {each.command: each for each in self._names.values() if each.command}
        self._channels, self._clock, self._board = premises.channels, premises.clock, premises.board
        self._submit = site.submit
        self._view = View(self._names, premises.board)
        self._subscriptions = Subscriptions(self._view, premises.board)
        self._acks: dict[str, Entry] = {}

    async def answer(self, asked: Asked) -> Told:
        """Return the answer to a call."""
        # Clients write slashes at the end, and two for one.
        place = [part for part in asked.path.split("/") if part]
        try:
            match asked.method, place:
                case "POST", ["v2", "things", _]:
                    return await self._write(asked)
                case "GET", ["v2", "things", _]:
                    return Told(200, stream=self._subscriptions.listen(_keep_alive_s(asked.query)))
                case "GET", ["v2", "things", _, "resources"]:
                    return tell({"status": "success", "resources": self._view.keys})
                case "GET", ["v2", "things", _, "resources", key]:
                    return self._read(key, asked.query)
                case "GET", ["v2", "things", _, "all_resources"]:
                    return self._read_all(asked.query)
        except Malformed as error:
            return _refuse(400, str(error))
        return _refuse(404, "This call is not answered by the gateway itself")

    # Writes.

    async def _write(self, asked: Asked) -> Told:
        entries = decode_write(asked.body)
        commands = [self._command_of(entry, asked.origin) for entry in entries]
        asking = list(zip(entries, commands, strict=True))
        # One that is refused whatever the outputs do is asked alone: the record of commands has
        # it then, and nothing else of the write moves.
        hopeless = [each for each in asking if self._is_hopeless(each[1])]
        outcomes = [(each[0].key, await self._carry_out(*each)) for each in hopeless[:1] or asking]
        missed = [(key, each) for key, each in outcomes if each.status is not Status.DONE]
        done = len(outcomes) - len(missed)
        if done == len(entries):
            return Told(201, encode_status("created", "created"))
        words = [each.detail or each.status.value for _, each in missed]
        if len(entries) > 1:
            named = (f"{key}: {word}" for (key, _), word in zip(missed, words, strict=True))
            words = [f"{done} of {len(entries)} done", *named]
        has_failed = any(each.status is Status.FAILED for _, each in missed)
        return _refuse(500 if has_failed else 400, "; ".join(words)[:SENTENCE_MAX])

    def _command_of(self, entry: Entry, origin: str) -> Command:
        """Return the command that an entry is. Raises Malformed: it is none."""
        resource = self._outputs.get(entry.key)
        if resource is None:
            raise Malformed(f"{entry.key} sets no output of this gateway")
        if entry.value is None:
            raise Malformed(f"{entry.key} has no value")
        value = command_value(entry.value)
        return Command(origin, new_id(), resource.channel, value, issued_ms=entry.time_ms)

    def _is_hopeless(self, command: Command) -> bool:
        try:
            legal_value(self._channels[command.channel], command.value)
        except ValueError:
            return True
        return find_staleness(command, self._clock) is not None

    async def _carry_out(self, entry: Entry, command: Command) -> Outcome:
        """Return what became of a command, when everybody was told."""
        outcome = await self._submit(command)
        if outcome.status is Status.DONE:
            self._subscriptions.tell([entry])
        latest, now_ms = self._board.latest(command.channel), self._clock.now_ms()
        value = latest.value if latest is not None else None
        time_ms = now_ms if self._clock.is_synchronised() else None
        reply = reply_entries(self._names[command.channel], outcome, value, time_ms)
        ack = reply[-1]
        self._acks[ack.key] = ack._replace(time_ms=now_ms)
        self._subscriptions.tell(reply)
        return outcome

    # Reads.

    def _read(self, key: str, query: Query) -> Told:
        rows = self._find_rows(key)
        if rows is None:
            return _refuse(404, f"Resource {key[:128]} not found")
        limit, (start_ms, end_ms) = limit_of(query), stretch_of(query)
        found = [row for row in rows if _is_within(row.time_ms, start_ms, end_ms)]
        return Told(200, encode_push(found[:limit]))

    def _read_all(self, query: Query) -> Told:
        limit = min(limit_of(query), max(1, VALUES_MAX // max(1, len(self._view.keys))))
        rows = ((key, self._find_rows(key) or ()) for key in self._view.keys)
        return tell([_last_of(key, found[:limit]) for key, found in rows if found])

    def _find_rows(self, key: str) -> Sequence[Entry] | None:
        """Return a resource's values, the newest first, or None where there is no such resource."""
        if key in self._acks:
            return [self._acks[key]]
        return self._view.rows(key) if key in self._view.keys else None


def _last_of(key: str, rows: Sequence[Entry]) -> Mapping[str, object]:
    return {"key": key, "values": [encode_entry(row) for row in rows]}


def _is_within(time_ms: int | None, start_ms: int | None, end_ms: int | None) -> bool:
    at_ms = time_ms or 0
    return (start_ms is None or start_ms <= at_ms) and (end_ms is None or at_ms < end_ms)


def _keep_alive_s(query: Query) -> float:
    """Return after how much silence a listener wants a sign of life. Raises Malformed."""
    asked_ms = number_of(query, "keepAlive", KEEP_ALIVE_MS)
    return max(KEEP_ALIVE_MS_MIN, min(asked_ms, KEEP_ALIVE_MS_MAX)) / 1000


def _refuse(status: int, sentence: str) -> Told:
    return Told(status, encode_refused(status, sentence))
