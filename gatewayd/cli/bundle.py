"""`gatewayd bundle`: one archive for whoever is asked for help, without secrets."""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd import __version__
from gatewayd.cli import DONE
from gatewayd.errors import GatewayError

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config import Settings
    from gatewayd.redaction import Redactor

HELP = "pack one archive for support: configuration, status, ledger, versions, logs; no secrets"

EPILOG = """\
example:
  gatewayd bundle
  gatewayd bundle --output /tmp/boiler-room.tar.gz

Whatever the configuration or a cloud's token file calls secret is replaced by *** everywhere, and
the finished archive is searched once more: if anything is left, none is written. Look inside with
tar -tzf. It is made with and without a running daemon; run it as root, or some files are missing.
"""

JOURNAL = ("journalctl", "--unit", "gatewayd", "--lines", "2000", "--no-pager", "--output", "cat")
JOURNAL_S = 10.0

COMMANDS_MAX = 1000
"""The last commands that go with it."""

TEXT_MAX = 4 * 2**20
"""Characters of one member."""

KEPT_BYTES_MAX = 64 * 1024
"""A cloud's small file; a larger one is no token."""

LIBRARIES = ("aiohttp", "bleak", "gpiod", "orjson", "paho-mqtt", "pydantic", "pymodbus", "pyserial")


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("bundle", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--output", metavar="FILE", type=Path, help="default: gatewayd-ID.tar.gz")
    parser.add_argument("--json", action="store_true", help="say what is inside as one document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Collect, take the secrets out, prove it, write."""
    from gatewayd.config import salvage

    settings, problems = salvage(args.config)
    redactor = _redactor(args.config, settings)
    members: dict[str, str] = {}
    missing: dict[str, str] = {}
    sources = {
        "config.toml": lambda: _read(args.config),
        "check.txt": lambda: "\n".join(map(str, problems)) or "no problems",
        "versions.json": lambda: json.dumps(versions(), indent=1),
        "status.json": lambda: _ask(args.config, "status"),
        "ledger.json": lambda: _ask(args.config, "ledger"),
        "channels.json": lambda: _ask(args.config, "read"),
        "state.txt": lambda: "\n".join(_listing(settings)),
        "audit.jsonl": lambda: "\n".join(_commands(settings)),
        "log.txt": _journal,
    }
    for name, source in sources.items():
        _collect(name, source, members, missing)
    members = {name: redactor.redact(text[-TEXT_MAX:]) for name, text in members.items()}
    members["missing.txt"] = "".join(
        redactor.redact(f"{name}: {reason}\n") for name, reason in missing.items()
    )
    archive = pack(members)
    prove(archive, redactor)
    own = settings.gateway.id if settings and settings.gateway.id else "gateway"
    path = args.output or Path(f"gatewayd-{own}.tar.gz")
    _write(path, archive)
    if args.json:
        told = {"file": str(path), "members": sorted(members), "missing": missing}
        print(json.dumps(told))
    else:
        print(f"{path}: {len(archive) / 1024:.0f} KiB, {', '.join(members)}")
        for name, reason in missing.items():
            print(f"gatewayd: without {name}: {reason}", file=sys.stderr)
    return DONE


def pack(members: dict[str, str]) -> bytes:
    """Return a compressed tar archive of texts, the same for the same texts."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, text in members.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"gatewayd/{name}")
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def prove(archive: bytes, redactor: Redactor) -> None:
    """Read the finished archive again and search it.

    Raises:
        GatewayError: a secret is in it.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for entry in opened.getmembers():
            member = opened.extractfile(entry)
            if member is None or not redactor.is_clean(member.read().decode()):
                raise GatewayError(f"a secret is left in {entry.name}; no bundle is written")


def versions() -> dict[str, Any]:
    """Return what this machine is and what runs on it."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = None
    return {
        "gatewayd": __version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "system": _fact("/etc/os-release", "PRETTY_NAME="),
        "model": _fact("/proc/device-tree/model", ""),
        "memory": _fact("/proc/meminfo", "MemTotal:"),
        "uptime_s": _fact("/proc/uptime", ""),
        "load": list(os.getloadavg()),
        "libraries": found,
    }


def _redactor(config: Path, settings: Settings | None) -> Redactor:
    """Return what takes out every secret that can be known.

    The configuration is looked at by its keys too: it may be too broken for its settings.
    """
    import tomllib

    from gatewayd.redaction import (
        Redactor,
        secrets_in,
        secrets_kept,
        secrets_named,
        secrets_written,
    )

    secrets = set(secrets_in(settings))
    with suppress(OSError, tomllib.TOMLDecodeError):
        text = _read(config)
        secrets |= set(secrets_written(text))
        secrets |= set(secrets_named(tomllib.loads(text)))
    for variable, text in os.environ.items():
        if variable.startswith("GATEWAYD_"):
            secrets |= set(secrets_named({variable.rpartition("__")[2].lower(): text}))
    state_dir = _state_dir(settings)
    for file in (state_dir / "uplinks").glob("**/*"):
        with suppress(OSError, UnicodeDecodeError):
            if file.is_file() and file.stat().st_size <= KEPT_BYTES_MAX:
                secrets |= set(secrets_kept(file.read_text(encoding="utf-8")))
    ours = {settings.gateway.id, settings.gateway.name} if settings else set()
    return Redactor(secrets - ours - _names(settings))


def _names(settings: Settings | None) -> set[str]:
    """Return words that stand in token files too and are no secrets."""
    if settings is None:
        return set()
    channels = {
        f"{device.name}/{channel.id}"
        for device in settings.devices.values()
        for channel in device.channels
    }
    return channels | set(settings.uplinks) | set(settings.devices)


def _state_dir(settings: Settings | None) -> Path:
    from gatewayd.config.settings import Gateway

    return (settings.gateway if settings else Gateway()).state_dir


def _collect(
    name: str, source: Callable[[], str], members: dict[str, str], missing: dict[str, str]
) -> None:
    try:
        members[name] = source()
    except (GatewayError, OSError, subprocess.SubprocessError) as error:
        missing[name] = str(error)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _ask(config: Path, do: str) -> str:
    from gatewayd.cli._daemon import daemon

    with daemon(config) as control:
        told = control.ledger() if do == "ledger" else control.ask(do)
        return json.dumps(told, indent=1)


def _listing(settings: Settings | None) -> Iterator[str]:
    """Yield the files of the state folder with their sizes; what is in them stays there."""
    folder = _state_dir(settings)
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):
            found = path.lstat()
            yield f"{found.st_mode:o} {found.st_size:>12} {path.relative_to(folder)}"


def _commands(settings: Settings | None) -> Iterator[str]:
    from collections import deque

    from gatewayd.audit import read_audit

    for row in deque(read_audit(_state_dir(settings)), COMMANDS_MAX):
        yield json.dumps(row)


def _journal() -> str:
    finished = subprocess.run(  # noqa: S603  # A fixed command.
        JOURNAL, capture_output=True, timeout=JOURNAL_S, check=False
    )
    if finished.returncode:
        words = finished.stderr.decode(errors="replace").strip()
        raise GatewayError(words or f"journalctl ended with {finished.returncode}")
    return finished.stdout.decode(errors="replace")


def _fact(path: str, start: str) -> str | None:
    """Return what a file says after the first line's start, None where there is none."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return None
    found = (line[len(start) :] for line in lines if line.startswith(start))
    return next(found, "").strip(' "\0') or None


def _write(path: Path, archive: bytes) -> None:
    try:
        path.touch(mode=0o600)
        path.write_bytes(archive)
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror}") from error
