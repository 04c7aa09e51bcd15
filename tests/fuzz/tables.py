"""Chips and devices that are tables: whatever bytes stand where a table says, found by type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from drivers.i2c._table import Field
from drivers.modbus._registers import Register
from drivers.modbus._registers import decode as decode_register
from gatewayd.errors import DeviceFault
from tests.fuzz.finding import modules
from tests.fuzz.target import Run, Target, check_believed, plain


def table_targets() -> Iterator[Target]:
    """Yield a target for each module of a driver that keeps fields or registers."""
    for module in modules():
        if module.__name__.startswith("drivers."):
            rows = list(_rows(module))
            if rows:
                yield plain(f"{module.__name__} table", module.__name__, _run(rows))


def _rows(module: ModuleType) -> Iterator[Field | Register]:
    seen: set[int] = set()
    for name, value in vars(module).items():
        if not name.startswith("__"):
            yield from _inside(value, seen, 0)


def _inside(value: Any, seen: set[int], depth: int) -> Iterator[Field | Register]:
    if depth > 5 or id(value) in seen or isinstance(value, type | str | bytes | int):
        return
    if isinstance(value, Field | Register):
        seen.add(id(value))
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _inside(each, seen, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _inside(each, seen, depth + 1)
    elif is_dataclass(value) and type(value).__module__.startswith("drivers."):
        for field in fields(value):
            yield from _inside(getattr(value, field.name, None), seen, depth + 1)


def _run(rows: list[Field | Register]) -> Run:
    def run(data: bytes) -> None:
        words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, 8, 2)]
        for row in rows:
            try:
                if isinstance(row, Field):
                    told: object = row.decode(data.ljust(row.start + row.size, b"\0"))
                else:
                    told = decode_register(words[: row.size], row)
            except DeviceFault:
                continue
            check_believed(told)

    return run
