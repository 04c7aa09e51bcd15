"""The house rules on imports and calls, held by walking every file's syntax tree."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for folder in ("gatewayd", "drivers")
    for file in (ROOT / folder).rglob("*.py")
)

LEVELS = (
    ("gatewayd/__init__.py", 0),
    ("gatewayd/model.py", 0),
    ("gatewayd/errors.py", 0),
    ("gatewayd/clock.py", 0),
    ("gatewayd/fields.py", 0),
    ("gatewayd/small_files.py", 0),
    ("gatewayd/units.py", 0),
    ("gatewayd/setpoint.py", 1),
    ("gatewayd/routes.py", 1),
    ("gatewayd/output.py", 1),
    ("gatewayd/proof.py", 1),
    ("gatewayd/hand.py", 1),
    ("gatewayd/tray.py", 1),
    ("gatewayd/prover.py", 1),
    ("gatewayd/neighbours.py", 1),
    ("gatewayd/cycles.py", 1),
    ("gatewayd/ports/", 1),
    ("gatewayd/transports/", 1),
    ("gatewayd/bus.py", 1),
    ("gatewayd/board.py", 1),
    ("gatewayd/outbox", 1),
    ("gatewayd/supervise.py", 1),
    ("gatewayd/ladder.py", 1),
    ("gatewayd/progress.py", 1),
    ("gatewayd/step.py", 1),
    ("gatewayd/driver.py", 1),
    ("gatewayd/expression.py", 1),
    ("gatewayd/counting.py", 1),
    ("gatewayd/window.py", 1),
    ("gatewayd/tuning.py", 1),
    ("gatewayd/shaping.py", 1),
    ("gatewayd/card.py", 0),
    ("gatewayd/wear.py", 1),
    ("gatewayd/totals.py", 1),
    ("gatewayd/gauge.py", 2),
    ("gatewayd/sampler.py", 2),
    ("gatewayd/recorder.py", 2),
    ("gatewayd/recovery.py", 2),
    ("gatewayd/keeper.py", 2),
    ("gatewayd/desk.py", 3),
    ("gatewayd/audit.py", 3),
    ("gatewayd/uplink.py", 4),
    ("gatewayd/testing", 4),
    ("gatewayd/clouds/*/codec.py", 1),
    ("gatewayd/clouds/*/verbs", 7),  # What `gatewayd cloud` does there.
    ("gatewayd/sandbox", 4),
    ("gatewayd/clouds/__init__.py", 1),
    ("gatewayd/clouds/*/verbs", 7),
    ("gatewayd/clouds/", 5),
    ("drivers/", 5),
    ("gatewayd/config", 6),
)
"""Top-most match wins; what is not named here is the top of the house. A cloud's file
that its codec imports is as low as the codec."""

TOP = 7
SANDBOX = "gatewayd/clouds/*/sandbox"

ROOMS = {
    "aiohttp": (
        "gatewayd/transports/",
        "gatewayd/console/",
        SANDBOX,
        "gatewayd/sandbox",
        "gatewayd/cli/",
    ),
    "bleak": ("gatewayd/ports/ble*.py",),
    "cryptography": ("gatewayd/transports/certificates.py", "drivers/ble/_ccm.py"),
    "dbus_fast": ("gatewayd/machine.py", "gatewayd/ports/ble_adapter.py"),
    "gpiod": ("gatewayd/ports/",),
    "orjson": (
        "gatewayd/outbox",
        "gatewayd/clouds/",
        "gatewayd/sandbox",
        "gatewayd/console/",
        "gatewayd/cli/",
        "drivers/serial/lines.py",
    ),
    "paho": ("gatewayd/transports/",),
    "pydantic": ("gatewayd/config",),
    "pydantic_core": ("gatewayd/config", "gatewayd/fields.py"),
    "pydantic_settings": ("gatewayd/config",),
    "pymodbus": ("gatewayd/ports/",),
    "pynmeagps": ("drivers/serial/nmea.py",),
    "pyudev": ("gatewayd/ports/",),
    "serial": ("gatewayd/ports/", "gatewayd/cli/"),
    "simpleeval": ("gatewayd/expression.py",),
    "smbus2": ("gatewayd/ports/", "gatewayd/testing"),
    "structlog": (
        "gatewayd/sampler.py",
        "gatewayd/recorder.py",
        "gatewayd/recovery.py",
        "gatewayd/keeper.py",
        "gatewayd/uplink.py",
        "gatewayd/supervise.py",
        "gatewayd/clouds/",
        "gatewayd/app.py",
        "gatewayd/lookout.py",
        "gatewayd/logs.py",
        "gatewayd/machine.py",
        "gatewayd/console/",
        "gatewayd/cli/",
    ),
    "tomlkit": ("gatewayd/config", "gatewayd/drill", "gatewayd/scan"),
    "yarl": ("gatewayd/transports/http.py",),
}
"""The only places that may import each third party; one that is not named may be nowhere."""

IMPURE = {
    "asyncio",
    "socket",
    "ssl",
    "time",
    "random",
    "secrets",
    "logging",
    "threading",
    "structlog",
}
"""What a codec does without: the same bytes must always mean the same."""

THREADS = ("gatewayd/ports/worker.py", "gatewayd/outbox", "gatewayd/transports/mqtt*.py")
"""The blocking wires, the log, and paho, which brings its own."""

HUSHED = {
    "threading": THREADS,
    "_thread": THREADS,
    "concurrent.futures": (*THREADS, "gatewayd/testing"),
    "subprocess": ("gatewayd/cli/", "gatewayd/testing"),
    "multiprocessing": (),
}
"""Modules of the standard library with a room of their own."""


CATCHERS = (
    "gatewayd/supervise.py",
    "gatewayd/testing/clock.py",  # Its executor hands whatever a job raises to the job's future.
)


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def is_in(file: str, place: str) -> bool:
    """Return whether a file is one of a place: `*` is one folder or a part of a name."""
    pattern = place if place.endswith(".py") else f"{place.rstrip('/')}/**"
    path = Path(file)
    if place.endswith(".py"):
        return path.match(pattern) and len(path.parts) == len(Path(place).parts)
    wanted = Path(place).parts
    parts = path.parts[: len(wanted)]
    return len(parts) == len(wanted) and all(
        Path(part).match(want) or part == f"{want}.py"
        for part, want in zip(parts, wanted, strict=True)
    )


@cache
def codec_family() -> frozenset[str]:
    """Return the codecs and the files of their own clouds that they import."""
    seen: set[str] = set()
    todo = [file for file in FILES if is_in(file, "gatewayd/clouds/*/codec.py")]
    while todo:
        current = todo.pop()
        seen.add(current)
        targets = {own_file(name) for _, name in imports(current, typing_too=False)}
        todo += [t for t in targets if t and t.startswith("gatewayd/clouds/") and t not in seen]
    return frozenset(seen)


def level_of(file: str) -> int:
    if file in codec_family():
        return 1
    return next((level for place, level in LEVELS if is_in(file, place)), TOP)


def imports(file: str, *, typing_too: bool) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of every import, inside functions too."""
    for node in _walk(tree_of(file), typing_too=typing_too):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: relative import"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _walk(node: ast.AST, *, typing_too: bool) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test) and not typing_too:
            continue
        yield from _walk(child, typing_too=typing_too)


def own_file(name: str) -> str | None:
    """Return the file of this project that an import means, or None."""
    path = name.replace(".", "/")
    for candidate in (path, path.rpartition("/")[0]):
        for file in (f"{candidate}.py", f"{candidate}/__init__.py"):
            if file in FILES:
                return file
    return None


def calls(file: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of everything that is called."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


@pytest.mark.parametrize("file", FILES)
def test_imports_go_downwards(file: str) -> None:
    """A file imports files of its own level or below; the root of a package counts as its file."""
    own = level_of(file)
    wrong = [
        f"{file}:{line}: level {own} imports {target}, level {level_of(target)}"
        for line, name in imports(file, typing_too=False)
        if (target := own_file(name)) is not None and level_of(target) > own
    ]
    assert not wrong


@pytest.mark.parametrize("file", FILES)
def test_third_parties_stay_in_their_rooms(file: str) -> None:
    """Each library is imported where the table says, and one that it does not name nowhere."""
    wrong = []
    for line, name in imports(file, typing_too=False):
        root = name.partition(".")[0]
        if root in sys.stdlib_module_names or own_file(name) or root in ("gatewayd", "drivers"):
            continue
        if not any(is_in(file, room) for room in ROOMS.get(root, ())):
            wrong.append(f"{file}:{line}: imports {root}")
    assert not wrong


@pytest.mark.parametrize("file", sorted(codec_family()))
def test_a_codec_is_pure(file: str) -> None:
    """It and whatever it imports of its own cloud know no loop, socket, clock, dice or log."""
    wrong = [
        f"{file}:{line}: imports {name}"
        for line, name in imports(file, typing_too=False)
        if name.partition(".")[0] in IMPURE
    ]
    assert not wrong


@pytest.mark.parametrize("file", FILES)
def test_the_time_of_day_comes_from_the_clock(file: str) -> None:
    """Nobody but clock.py asks the machine what time it is: tests must be able to jump."""
    if file == "gatewayd/clock.py":
        return
    asked = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today"}
    asked |= {f"datetime.{name}" for name in asked} | {"date.today", "datetime.date.today"}
    wrong = [f"{file}:{line}: {name}()" for line, name in calls(file) if name in asked]
    wrong += [
        f"{file}:{line}: imports {name}"
        for line, name in imports(file, typing_too=False)
        if name in ("time.time", "time.time_ns")
    ]
    assert not wrong


FORKING = "gatewayd/cli/_apart.py"


@pytest.mark.parametrize("file", FILES)
def test_threads_and_processes_have_rooms_of_their_own(file: str) -> None:
    """Threads live under a wire's worker and in the outbox; nothing forks but the reading of the
    configuration, before there is a thread or a loop."""
    wrong = [
        f"{file}:{line}: imports {name}"
        for line, name in imports(file, typing_too=False)
        for module, rooms in HUSHED.items()
        if (name == module or name.startswith(f"{module}."))
        and not any(is_in(file, room) for room in rooms)
    ]
    wrong += [
        f"{file}:{line}: {name}()"
        for line, name in calls(file)
        if name in ("asyncio.to_thread", "os.system", "os.fork", "asyncio.ensure_future_in_thread")
        and not (name == "os.fork" and file == FORKING)
    ]
    assert not wrong


@pytest.mark.parametrize("file", FILES)
def test_only_supervise_catches_everything(file: str) -> None:
    """A bare except, `except Exception` or `suppress(Exception)` hides bugs; cleaning up and
    raising again does not."""
    if file in CATCHERS:
        return
    everything = {"Exception", "BaseException"}
    wrong = []
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ExceptHandler):
            names = {name.id for name in ast.walk(node.type or node) if isinstance(name, ast.Name)}
            last = node.body[-1]
            is_passed_on = isinstance(last, ast.Raise) and last.exc is None
            if (node.type is None or names & everything) and not is_passed_on:
                wrong.append(f"{file}:{node.lineno}: catches everything")
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("suppress")
            and {ast.unparse(argument) for argument in node.args} & everything
        ):
            wrong.append(f"{file}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong


@pytest.mark.parametrize("file", FILES)
def test_files_stay_readable(file: str) -> None:
    """No file has more than 400 lines, no drawer is called utils, helpers or common."""
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= 400
    assert Path(file).stem not in ("utils", "helpers", "common")


def test_the_rules_see_what_they_forbid() -> None:
    """The walk finds imports inside functions, and the tables match what they name."""
    assert "tomllib" in {name for _, name in imports("gatewayd/config/reader.py", typing_too=False)}
    inside = {name for _, name in imports("gatewayd/fields.py", typing_too=False)}
    assert "pydantic_core.core_schema" in inside
    assert level_of("gatewayd/clouds/thingplus/rest_calls.py") == 5
    assert level_of("gatewayd/clouds/thingplus/codec.py") == 1
    assert level_of("gatewayd/outbox/store.py") == level_of("gatewayd/outbox.py") == 1
    assert level_of("gatewayd/cli/check.py") == TOP
    assert not is_in("gatewayd/config_extra.py", "gatewayd/config")
