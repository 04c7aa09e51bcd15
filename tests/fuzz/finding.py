"""Every decoder there is, found by its name and its types: nobody has to list a new one.

A decoder is a plain function called `decode…`, `parse…`, `split…`, `read…`, `recognise…` and the
like, or a class that is fed (`feed`, `hear`, `decode`, `take`), whose arguments can be made of
bytes. It may raise what means a broken peer, and what its own docstring says that it raises.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isfunction, isgenerator
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from gatewayd import errors
from gatewayd.errors import DeviceError, LinkError, Malformed
from gatewayd.fields import Secret
from tests.fuzz.making import KnownInt, KnownStr, NotMakeable, Source, arguments, call_plan, make
from tests.fuzz.target import Target, check_believed, plain

ROOT = Path(__file__).parent.parent.parent

PLACES = ("drivers", "gatewayd/clouds", "gatewayd/transports", "gatewayd/ports", "gatewayd/testing")
ALSO = ("gatewayd/fields.py", "gatewayd/expression.py", "gatewayd/outbox/slab.py")
LEFT_OUT = re.compile(r"/(sandbox|verbs)/|/testing/(?!recording)|/report$")
"""Sandboxes are for training, on the loopback; verbs read what their own user
typed, reports write."""

FUNCTIONS = re.compile(
    r"(decode|parse|split|read|recognise|open_envelope|sort_out|of_json|bytes_of|maybe_gunzip"
    r"|maybe_number|command_value|refusal|retry_after)(_\w+)?"
)
NOT_ALONE = frozenset(
    {
        "drivers.ble.bthome.decode",
        "drivers.i2c.bme280.decode_burst",
        "drivers.serial.sml.decode",
    }
)
"""Need what another decoder made; the two together are a target, here or in targets.py."""

METHODS = ("feed", "hear", "decode", "take")

WORD = re.compile(r"[!-~]{1,40}")
"""May be a key; what has spaces or is longer is a sentence."""

PIECES_MAX = 64
"""Bytes that arrive at once."""

OUR_OWN = MappingProxyType(
    {
        "drivers.host.pi": "the kernel's own files on this machine",
        "drivers.sysfs._quantities": "the kernel's own files and the owner's configuration",
        "drivers.modbus._registers": "tables of registers are ours; see tables.py",
        "drivers.i2c._table": "tables of fields are ours; see tables.py",
        "drivers.i2c.registers": "the owner's configuration",
        "gatewayd.ports.modbus_client": "the owner's configuration",
        "gatewayd.ports.names": "the owner's configuration",
        "gatewayd.clouds.thingsee.tuid": "typed by the owner, refused as a ConfigError",
    }
)
"""Modules whose text comes from no stranger."""

LENGTHS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "drivers.ble._ruuvi.decode_3": {"data": (14,)},
    "drivers.ble._ruuvi.decode_5": {"data": (24,)},
    "drivers.ble._ruuvi.decode_6": {"data": (20,)},
    "drivers.ble._ruuvi.decode_e1": {"data": (40,)},
    "drivers.ble.atc.decode_atc1441": {"data": (13,)},
    "drivers.ble.atc.decode_pvvx": {"data": (15,)},
    "drivers.ble.atc.decode_sealed": {"body": (3, 6)},
    "drivers.ble.govee.decode_packed": {"raw": (4,)},
    "drivers.ble.govee.decode_plain": {"raw": (5,)},
    "drivers.i2c.bme280.decode_trim": {"low": (26,), "high": (0, 7)},
    "drivers.modbus.senseair_s8.decode": {"words": (4,)},
    "drivers.onewire._scratchpad.decode_scratchpad": {"pad": (9,)},
    "drivers.serial.pms5003.decode": {"frame": (32,)},
}
"""What whoever calls has counted already: a bus gives as many bytes as were asked for, and the
decoder above looks at the length. Those above are targets too, with any length."""

DEFAULTS: Mapping[type, list[Any]] = {
    Secret: [Secret("231d39c1d7cc1ab1aee224cd096db932")],
}


def modules() -> Iterator[ModuleType]:
    """Import everything that may hold a decoder."""
    files = [file for place in PLACES for file in (ROOT / place).rglob("*.py")]
    files += [ROOT / file for file in ALSO]
    for file in sorted(files):
        name = file.relative_to(ROOT).with_suffix("").as_posix()
        if not LEFT_OUT.search(f"/{name}") and not name.endswith("__init__"):
            yield importlib.import_module(name.replace("/", "."))


def found_targets() -> Iterator[Target]:
    """Yield a target for every decoder."""
    for module in modules():
        if module.__name__ in OUR_OWN:
            continue
        consts = _constants(module)
        for name, each in sorted(vars(module).items()):
            if getattr(each, "__module__", "") != module.__name__ or name.startswith("_"):
                continue
            full = f"{module.__name__}.{name}"
            try:
                if isfunction(each) and FUNCTIONS.fullmatch(name) and full not in NOT_ALONE:
                    yield _function(full, module, each, consts)
                elif isclass(each):
                    yield from _methods(full, module, each, consts)
            except NotMakeable:
                continue


def _constants(module: ModuleType) -> dict[type, list[Any]]:
    """Return what a module keeps ready of its own types, and of those of its neighbours."""
    consts: dict[type, list[Any]] = {kind: list(values) for kind, values in DEFAULTS.items()}
    for value in vars(module).values():
        kind = type(value)
        if kind.__module__.startswith(("drivers", "gatewayd")) and not callable(value):
            consts.setdefault(kind, []).append(value)
    named = sorted({*_named(module)}, key=lambda each: (str(type(each)), each))
    consts[KnownInt] = [each for each in named if isinstance(each, int)]
    consts[KnownStr] = [each for each in named if isinstance(each, str)]
    return consts


def _named(module: ModuleType) -> Iterator[int | str]:
    """Yield the numbers and words that a module names, or has made of them."""
    written = [each.value for each in ast.walk(_tree(module)) if isinstance(each, ast.Constant)]
    near = {getattr(each, "__module__", None) for each in vars(module).values()}
    package = module.__name__.rpartition(".")[0]
    modules = [sys.modules[name] for name in near if name and name.startswith(package)]
    spaces = (vars(each).items() for each in (module, *modules))
    made = [value for each in spaces for name, value in each if not name.startswith("__")]
    for value in [*written, *made]:
        if type(value) is int or (isinstance(value, str) and WORD.fullmatch(value)):
            yield value


def _tree(module: ModuleType) -> ast.AST:
    return ast.parse(Path(module.__file__ or "").read_bytes())


def _function(
    name: str, module: ModuleType, function: Callable[..., Any], consts: Mapping[type, list[Any]]
) -> Target:
    if iscoroutinefunction(function) or isasyncgenfunction(function):
        raise NotMakeable(name)
    plan = call_plan(function, consts)
    if not plan:
        raise NotMakeable(name)
    refusals = allowed(function)

    def run(data: bytes) -> None:
        try:
            given = arguments(plan, Source(data), consts)
            for word, sizes in LENGTHS.get(name, {}).items():
                given[word] = _cut(given[word], sizes[len(data) % len(sizes)])
            told = function(**given)
            told = list(told) if isgenerator(told) else told
        except refusals:
            return
        _check(module, told)

    return plain(name, module.__name__, run)


def _methods(
    name: str, module: ModuleType, kind: type, consts: Mapping[type, list[Any]]
) -> Iterator[Target]:
    for method in METHODS:
        function = vars(kind).get(method)
        if not isfunction(function) or iscoroutinefunction(function):
            continue
        making, feeding = call_plan(kind, consts), call_plan(function, consts)
        if len(feeding) != 1 or not _is_hostile(feeding[0][1]):
            continue
        (word, wanted), refusals = feeding[0], allowed(function)

        def run(
            data: bytes,
            method: str = method,
            making: list[tuple[str, Any]] = making,
            word: str = word,
            wanted: Any = wanted,
            refusals: tuple[type[Exception], ...] = refusals,
        ) -> None:
            source = Source(data)
            size = 1 + source.tail()[0] % PIECES_MAX
            try:
                fed = kind(**arguments(making, source, consts))
                for _ in range(len(data) // size + 1):
                    given = source.front(size) if wanted is bytes else make(wanted, source, consts)
                    told = getattr(fed, method)(**{word: given})
                    _check(module, list(told) if isgenerator(told) else told)
            except refusals:
                return

        yield plain(f"{name}.{method}", module.__name__, run)


def _cut(given: Any, size: int) -> Any:
    """Return bytes or words of one length."""
    if isinstance(given, bytes):
        return given[:size].ljust(size, b"\0")
    return [*given, *[0] * size][:size]


def _is_hostile(kind: Any) -> bool:
    """Return whether a stranger's bytes are in what a method is fed with."""
    return kind in (bytes, str) or is_dataclass(kind)


def allowed(function: Callable[..., Any]) -> tuple[type[Exception], ...]:
    """Return what means a broken peer, and what the docstring says that it raises."""
    words = re.findall(r"\w+", (function.__doc__ or "").partition("Raises")[2])
    known = vars(builtins) | vars(errors) | function.__globals__
    told = [known.get(word) for word in words]
    named = [each for each in told if isclass(each) and issubclass(each, Exception)]
    return (Malformed, DeviceError, LinkError, NotMakeable, *named)


def _check(module: ModuleType, told: object) -> None:
    if module.__name__.startswith("drivers."):
        check_believed(told)
