"""Files, after the card, a power cut or somebody else has had them: its own, and its owner's.

What cannot be read is none, or a sentence; what can be read can be kept again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from gatewayd import audit, cycles, totals
from gatewayd.clouds.key_ring import KeyRing
from gatewayd.clouds.thethingsio import activation, handled
from gatewayd.clouds.thethingsio.rest_auth import SessionFile
from gatewayd.clouds.thinger import edges, unanswered, wishes
from gatewayd.clouds.thingplus import interval
from gatewayd.clouds.thingsee import answered
from gatewayd.clouds.thingsee import kept as thingsee_kept
from gatewayd.clouds.thingsee.tokens import TokenFile
from gatewayd.config import inspect
from gatewayd.config.edit import ConfigFile
from gatewayd.counting import Count
from gatewayd.errors import ConfigError, Malformed
from gatewayd.model import ChannelId
from gatewayd.outbox.files import COUNTERS, COUNTERS_NAME, open_files
from gatewayd.scan.toml import append
from gatewayd.testing.clock import START_MS, SimulatedClock, SimulatedLoop
from gatewayd.testing.recording import read_recording
from tests.fuzz.target import Run, Target, plain

Read = Callable[[Path], object]
"""Reads the file in a folder, and keeps what was in it again."""

URL = "https://cloud.example"
CODE = "code"


def _taken(folder: Path) -> None:
    handled.store_taken(folder, handled.load_taken(folder))


def _points(folder: Path) -> None:
    edges.store_points(folder, edges.load_points(folder))


def _unanswered(folder: Path) -> None:
    unanswered.store_unanswered(folder, START_MS, unanswered.take_unanswered(folder, START_MS))


def _answered(folder: Path) -> None:
    answered.store_answered(folder, answered.load_answered(folder, START_MS))


def _settings(folder: Path) -> None:
    thingsee_kept.Kept.load(folder).to_json()


@cache
def _clock() -> SimulatedClock:
    """Return a clock that stands still."""
    loop = SimulatedLoop()
    loop.close()
    return SimulatedClock(loop)


def _cycles(folder: Path) -> None:
    kept = cycles.Cycles(_clock(), None, folder)
    for name in list(kept._stamps):
        kept.find_objection(name, 3)
        kept.count(name, 3)
    kept._packed()


def _totals(folder: Path) -> None:
    kept = totals.Totals(None, folder)
    totals.packed(kept._counts, "x")


def _audit(folder: Path) -> None:
    for row in audit.read_audit(folder, START_MS):
        audit.line_of(row)


def _ring(folder: Path) -> None:
    ring = KeyRing(folder / "ring", URL)
    ring.write(ring.read())


def _configuration(folder: Path) -> None:
    found, problems = inspect(folder / "config.toml", {})
    assert found is not None or problems


def _recording(folder: Path) -> None:
    with suppress(Malformed):
        read_recording(folder / "recording.jsonl")


def _edited(folder: Path) -> None:
    """What `scan --write` and `cloud … login` do to the owner's own file."""
    path = folder / "config.toml"
    with suppress(ConfigError):
        append(path, ['[device.new]\ndriver = "sim"\n'])
    edit = ConfigFile(path)
    edit.set(("uplink", "cloud", "token"), "x")
    edit.set(("device",), {"hall": "y"})
    edit.save()


FILES: dict[str, tuple[str, str, Read, bytes]] = {
    "thethingsio token": (
        "gatewayd.clouds.thethingsio.activation",
        activation.token_file(Path(), CODE).name,
        lambda folder: activation.load_token(folder, CODE),
        b'{"thingToken":"abc"}',
    ),
    "thethingsio commands": (
        "gatewayd.clouds.thethingsio.handled",
        handled.FILE,
        _taken,
        b'{"pump.relay":{"digest":"ab","time_ms":NOW,"is_dated":true}}',
    ),
    "thethingsio session": (
        "gatewayd.clouds.thethingsio.rest_auth",
        "session",
        lambda folder: SessionFile(folder / "session", URL).read(),
        b'{"url":"https://cloud.example","token":"t","expires_ms":"NOW"}',
    ),
    "thinger points": (
        "gatewayd.clouds.thinger.edges",
        edges.FILE,
        _points,
        b'{"hall":{"ts":NOW,"members":{"t":21.5}}}',
    ),
    "thinger wish": ("gatewayd.clouds.thinger.wishes", wishes.FILE, wishes.load_wish_ms, b"NOW"),
    "thinger unanswered": (
        "gatewayd.clouds.thinger.unanswered",
        unanswered.FILE,
        _unanswered,
        b'{"left_ms":NOW,"commands":[[1,["pump","relay"],true,"id"],[2,["x"],null,""]]}',
    ),
    "thingplus interval": (
        "gatewayd.clouds.thingplus.interval",
        interval.FILE,
        lambda folder: interval.load_interval(folder, 60.0),
        b'{"report_interval_s":30,"configured_s":60}',
    ),
    "thingsee answered": (
        "gatewayd.clouds.thingsee.answered",
        answered.FILE,
        _answered,
        b'{"pump:1":NOW}',
    ),
    "thingsee settings": (
        "gatewayd.clouds.thingsee.kept",
        thingsee_kept.FILE,
        _settings,
        b'{"settings":{"x":{"1500":{"a":1},"1503":{"b":2}}},"configured":{"c":1.5},"started":{}}',
    ),
    "thingsee token": (
        "gatewayd.clouds.thingsee.tokens",
        "token",
        lambda folder: TokenFile(folder / "token", URL).read(),
        b'{"url":"https://cloud.example","token":"t","got_ms":"NOW"}',
    ),
    "key ring": (
        "gatewayd.clouds.key_ring",
        "ring",
        _ring,
        b'{"url":"https://cloud.example","a":"b"}',
    ),
    "cycles": (
        "gatewayd.cycles",
        cycles.NAME,
        _cycles,
        b'{"of":"HERE","boot":"boot-1","boottime_ms":0,"time_ms":NOW,"ages_ms":{"a/b":[9,8]}}',
    ),
    "totals": (
        "gatewayd.totals",
        totals.NAME,
        _totals,
        totals.packed({ChannelId("a/b"): Count(1.0, 2.0)}, "x"),
    ),
    "audit": (
        "gatewayd.audit",
        audit.NAME,
        _audit,
        b'{"time_ms":NOW,"origin":"x"}\n{"time_ms":1}\n{"time',
    ),
    "counters": (
        "gatewayd.outbox.files",
        COUNTERS_NAME,
        lambda folder: open_files(folder, None).db.close(),
        json.dumps({table: [["x", 2, 3], [1, "y", None]] for table in COUNTERS}).encode(),
    ),
    "configuration": (
        "gatewayd.config",
        "config.toml",
        _configuration,
        b'[device.hall]\ndriver = "sim"\nevery = "1s"\n[uplink.cloud]\nkind = "thingplus"\n',
    ),
    "recording": ("gatewayd.testing.recording", "recording.jsonl", _recording, b""),
    "edited": (
        "gatewayd.config.edit",
        "config.toml",
        _edited,
        b'# a house\n[gateway]\nid = "x" # y\n[device.hall]\nevery = [1, 2]\n[[route]]\n',
    ),
}
"""Each with whose tests hold others, its name, who reads it, and a good one. `HERE` stands for its
folder, `NOW` for the time: some files belong to one gateway, or to ten minutes."""


def _target(name: str, module: str, file: str, read: Read, good: bytes) -> Target:
    @contextmanager
    def opened() -> Iterator[Run]:
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder) / "state"

            def run(data: bytes) -> None:
                here.mkdir()
                data = data.replace(b"HERE", bytes(here)).replace(b"NOW", b"%d" % START_MS)
                (here / file).write_bytes(data)
                try:
                    with suppress(ConfigError):
                        read(here)
                finally:
                    for each in here.iterdir():
                        each.unlink()
                    here.rmdir()

            yield run

    return Target(f"file {name}", module, opened, good)


def _environment(data: bytes) -> None:
    """A variable's name and value; the configuration is the example's."""
    name, _, value = data.partition(b"\0")
    text, said = name.decode("latin-1"), value.decode("utf-8", "surrogateescape")
    example = Path("config.example.toml")
    found, problems = inspect(example, {f"GATEWAYD_{text}": said})
    assert found is not None or problems


def kept_targets() -> list[Target]:
    """Return the files, and the environment."""
    files = [_target(name, *rest) for name, rest in FILES.items()]
    return [*files, plain("file environment", "gatewayd.config.environment", _environment)]
