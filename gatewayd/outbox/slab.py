"""A slab: consecutive readings of the log in one row, as columns.

Strategy: one SQLite row a reading would cost 1 µs of insert, 20 bytes of b-tree and a page of
flash a commit. Readings arrive and leave in groups, so a group is the row: channel numbers,
times as differences to one base, values, qualities, as JSON. Columns of like things compress to
a quarter on their way to the card.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import orjson

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId, Quality, Reading, Value, make_reading

SLAB_ROWS_MAX = 2048
"""Readings in one slab of the card. Twice as many gain 3 % of size and double the memory that a
drain holds; a tenth as many cost a third more flash."""

BODY_BYTES_MAX = 16 * 2**20
"""Nothing that we packed is larger; a body that unpacks to more is corrupt."""

COLUMN_BYTES = 8192
"""So much is unpacked at a time of a column: one of 2048 rows of a hundred channels is 6 kB."""

HOLE = -1
"""The channel number of a place whose reading was thinned out."""

MARK = "~"
"""How `boot` begins in rows that left, or may leave, though nobody knew their time. With nothing
behind it: it was settled when they were at the latest, and nobody will ever know better."""

SEALED = b"c"
"""How a body with a checksum begins; older ones begin with `[` or deflate's own first byte."""

_QUALITIES = tuple(Quality)

Columns = tuple[list[int], list[int], list[Value | None], list[int] | None]
"""Channel numbers, times, values, qualities."""


@dataclass(slots=True)
class Slab:
    """Readings `first` to `last` of the log, all numbers of that range, in order.

    `times` are milliseconds after `base_ms`. `boot` is the boot id under which the wall clock was
    not yet synchronised, else None; then `offset_ms` is wall time minus time since boot as it was
    believed, so that one addition puts the whole slab right. See `MARK` too.
    """

    first: int
    last: int
    base_ms: int
    numbers: list[int]
    times: list[int]
    values: list[Value | None]
    qualities: list[int] | None
    boot: str | None = None
    offset_ms: int = 0

    @property
    def holes(self) -> int:
        """How many places are empty."""
        return self.numbers.count(HOLE)

    @property
    def is_waiting(self) -> bool:
        """Whether these rows must not leave before their time is known."""
        return self.boot is not None and not self.boot.startswith(MARK)

    def body(self, *, is_packed: bool) -> bytes:
        """Return the columns as bytes, deflated where space is dearer than time."""
        raw = orjson.dumps([self.numbers, self.times, self.values, self.qualities])
        payload = zlib.compress(raw, 6) if is_packed else raw
        return SEALED + _seal(self.head, payload) + payload

    @property
    def head(self) -> tuple[object, ...]:
        """The columns of the row that stand beside the body, all under its checksum."""
        return (self.last, self.first, self.base_ms, self.boot, self.offset_ms)

    def readings(self, names: Sequence[ChannelId], start: int, stop: int) -> list[Reading]:
        """Return the readings at positions `start` to `stop`; `names` translates the numbers."""
        base, span = self.base_ms, slice(start, stop)
        channels = [names[number] for number in self.numbers[span]]
        times = [base + time for time in self.times[span]]
        qualities: Iterable[Quality] = repeat(Quality.GOOD)
        if self.qualities is not None or self.boot is not None:
            qualities = self._qualities_of((self.qualities or [0] * len(self.numbers))[span])
        columns = zip(channels, times, self.values[span], qualities, strict=False)
        return list(map(make_reading, columns))

    def pick(self, names: Sequence[ChannelId], places: Sequence[int]) -> list[Reading]:
        """Return the readings at some positions."""
        numbers, times, values = self.numbers, self.times, self.values
        told = self.qualities or [0] * len(numbers)
        qualities = self._qualities_of([told[i] for i in places])
        return [
            make_reading((names[numbers[i]], self.base_ms + times[i], values[i], quality))
            for i, quality in zip(places, qualities, strict=True)
        ]

    def _qualities_of(self, told: Sequence[int]) -> list[Quality]:
        floor = Quality.GOOD if self.boot is None else Quality.UNCERTAIN
        return [_QUALITIES[max(quality, floor)] for quality in told]


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a slab's times, which the card could not be told.

    Attributes:
        was: `first` and `boot` as they are written, by which it is known.
        head: base_ms, boot, offset_ms as they are.
        columns: times and qualities, where those changed.
    """

    was: tuple[int, str | None]
    head: tuple[int, str | None, int]
    columns: tuple[list[int], list[int] | None] | None

    def of(self, slab: Slab) -> Slab:
        """Return the slab as it is; one that was written anew meanwhile stays."""
        if (slab.first, slab.boot) != self.was:
            return slab
        base_ms, boot, offset_ms = self.head
        times, qualities = self.columns or (slab.times, slab.qualities)
        moved = replace(slab, base_ms=base_ms, boot=boot, offset_ms=offset_ms)
        moved.times, moved.qualities = times, qualities
        return moved


def make_slab(first: int, readings: Sequence[Reading], numbers: Mapping[ChannelId, int]) -> Slab:
    """Return the slab that holds these readings; `numbers` knows every channel of them."""
    base = readings[0].time_ms
    qualities = [int(r[3]) for r in readings]
    return Slab(
        first,
        first + len(readings) - 1,
        base,
        [numbers[r[0]] for r in readings],
        [r[1] - base for r in readings],
        [r[2] for r in readings],
        qualities if any(qualities) else None,
    )


def parse_slab(head: tuple[int, int, int, str | None, int], body: bytes) -> Slab:
    """Return the slab of one row.

    Args:
        head: last, first, base_ms, boot, offset_ms, as `Slab.head`.

    Raises:
        OutboxError: the row is not what was written.
    """
    last, first, base_ms, boot, offset_ms = head
    slab = Slab(first, last, base_ms, *_parse_columns(_unsealed(head, body)), boot, offset_ms)
    _check_rows(head, slab.numbers)
    return slab


def parse_numbers(head: tuple[int, int, int, str | None, int], body: bytes) -> list[int]:
    """Return the channel numbers of one row, its first column, without reading the others.

    Raises:
        OutboxError: the row is not what was written.
    """
    body, column = _unsealed(head, body), b""
    try:
        if body[:1] == b"[":
            column = body
        else:
            inflate = zlib.decompressobj()
            while body and b"]" not in column and len(column) < BODY_BYTES_MAX:
                column += inflate.decompress(body, COLUMN_BYTES)
                body = inflate.unconsumed_tail
        numbers = orjson.loads(column[1 : column.index(b"]") + 1])
    except (zlib.error, ValueError) as error:
        raise OutboxError(f"a slab of the log is unreadable: {error}") from error
    if not isinstance(numbers, list):
        raise OutboxError("a slab of the log is unreadable: no numbers")
    _check_rows(head, numbers)
    return numbers


def _unsealed(head: tuple[int, int, int, str | None, int], body: object) -> bytes:
    """Return a body without its checksum, which is right; raises OutboxError."""
    last, first = head[0], head[1]
    if not (isinstance(body, bytes) and isinstance(first, int)):  # SQLite takes anything anywhere.
        raise OutboxError(f"slab {last} of the log is no slab")
    if body[:1] != SEALED:
        return body
    if _seal(head, body[5:]) != body[1:5]:
        raise OutboxError(f"slab {last} of the log has a wrong checksum")
    return body[5:]


def _check_rows(head: tuple[int, int, int, str | None, int], numbers: list[int]) -> None:
    last, first = head[0], head[1]
    if len(numbers) != last - first + 1:
        raise OutboxError(f"slab {last} of the log has {len(numbers)} rows")


def resealed(head: tuple[object, ...], body: bytes) -> bytes:
    """Return a body under the checksum of a changed head; one without a checksum stays so."""
    return SEALED + _seal(head, body[5:]) + body[5:] if body[:1] == SEALED else body


def _seal(head: tuple[object, ...], payload: bytes) -> bytes:
    return zlib.crc32(payload, zlib.crc32(repr(head).encode())).to_bytes(4, "big")


def _parse_columns(body: bytes) -> Columns:
    try:
        if body[:1] != b"[":
            inflate = zlib.decompressobj()
            body = inflate.decompress(body, BODY_BYTES_MAX)
        numbers, times, values, qualities = orjson.loads(body)
        is_even = len(numbers) == len(times) == len(values) == len(qualities or numbers)
    except (zlib.error, ValueError, TypeError) as error:
        raise OutboxError(f"a slab of the log is unreadable: {error}") from error
    if not is_even:
        raise OutboxError("a slab of the log has columns of different length")
    return numbers, times, values, qualities


def can_join(left: Slab, right: Slab) -> bool:
    """Return whether two slabs may become one row: neighbours, of one boot, not too large."""
    return (
        right.first == left.last + 1
        and right.boot == left.boot
        and right.offset_ms == left.offset_ms
        and right.last - left.first < SLAB_ROWS_MAX
    )


def join(left: Slab, right: Slab) -> Slab:
    """Return one slab with the readings of both."""
    shift = right.base_ms - left.base_ms
    qualities = None
    if left.qualities is not None or right.qualities is not None:
        qualities = (left.qualities or [0] * len(left.numbers)) + (
            right.qualities or [0] * len(right.numbers)
        )
    return Slab(
        left.first,
        right.last,
        left.base_ms,
        left.numbers + right.numbers,
        left.times + [time + shift for time in right.times],
        left.values + right.values,
        qualities,
        left.boot,
        left.offset_ms,
    )
