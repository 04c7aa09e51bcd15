"""The configuration, read by a child, so that what reads it leaves nothing in this process.

Strategy: pydantic and what it imports are some 10 MiB, a quarter of the daemon, and needed for a
third of a second. So a fork reads the file and sends the settings through a pipe; meanwhile this
process imports what a gateway needs. If the child does not manage, because of mistakes in the file
or anything else, it is done here, and told.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from gatewayd.config import load

if TYPE_CHECKING:
    from gatewayd.config.settings import Settings


def load_apart(path: Path, meanwhile: Callable[[], object]) -> Settings:
    """Return the settings of a file without mistakes. For a process that has no threads yet.

    Args:
        meanwhile: done while the child reads.

    Raises:
        ConfigInvalid: with all problems of the file.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _send(path, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        meanwhile()
        data = stream.read()  # Ends with the child, which waits for nobody.
    _, status = os.waitpid(child, 0)
    if status != 0:
        return load(path)
    settings: Settings = pickle.loads(data)  # noqa: S301  # From our own child.
    return settings


def _send(path: Path, writing: int) -> NoReturn:
    code = 1
    try:
        data = pickled(load(path))
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)
        code = 0
    finally:
        os._exit(code)  # Nothing of the parent's is tidied up by the child.


def pickled(settings: Settings) -> bytes:
    """Return settings as bytes; drivers and clouds go by their names."""
    data = io.BytesIO()
    _Pickler(data).dump(settings)
    return data.getvalue()


class _Pickler(pickle.Pickler):
    """Knows two kinds of values that pickle does not."""

    def reducer_override(self, value: object) -> Any:
        """Return how to make a value again."""
        if isinstance(value, ModuleType):
            return importlib.import_module, (value.__name__,)
        if isinstance(value, MappingProxyType):
            return MappingProxyType, (dict(value),)
        return NotImplemented
