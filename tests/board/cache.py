"""What is made once and kept: folders under .cache/board, named by a hash of what went in."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "board"


class CannotRun(Exception):
    """The board cannot be had on this machine; says why. A test that meets it is skipped."""


def cached(name: str, inputs: Iterable[str | bytes], make: Callable[[Path], None]) -> Path:
    """Return the folder of these inputs, made now where it is not there yet.

    A folder appears whole or not at all; its predecessors of other inputs are removed.
    """
    digest = hashlib.sha256()
    for each in inputs:
        data = each.encode() if isinstance(each, str) else each
        digest.update(len(data).to_bytes(8, "big") + data)
    folder = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    if not folder.is_dir():
        unfinished = CACHE / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old)
        unfinished.rename(folder)
    return folder


def run(
    command: Sequence[str | Path],
    *,
    deadline_s: float = 300.0,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        CannotRun: it is not there, or it failed; with the end of what it said.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            [str(each) for each in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline_s,
            env=environ,
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise CannotRun(f"there is no {name} on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"{name} took longer than {deadline_s:g} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CannotRun(f"{name} ended with {done.returncode}: {said[-600:]}")
    return done.stdout.decode()
