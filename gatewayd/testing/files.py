"""Kernel files without a kernel: a folder of the test's, which remembers what was written to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.errors import DeviceError
from gatewayd.ports.files import Tree
from gatewayd.testing.wires import Gate

NOWHERE = Path("/nonexistent")
"""A folder in which nothing is found."""


@dataclass(slots=True)
class FakeFiles:
    """A folder of kernel files; the surface of `FilesPort`.

    Attributes:
        tree: the folder.
        written: (path, text), in order.
        fault: raised instead of doing anything.
    """

    name: str
    gate: Gate
    tree: Tree
    written: list[tuple[str, str]] = field(default_factory=list)
    fault: DeviceError | None = None
    is_broken: bool = False

    async def read(self, path: str) -> str:
        """Return what a file says."""
        await self._begin()
        return self.tree.read(path)

    async def write(self, path: str, text: str) -> None:
        """Write a file."""
        await self._begin()
        self.tree.write(path, text)
        self.written.append((path, text))

    async def find(self, pattern: str) -> list[str]:
        """Return the paths that a pattern matches."""
        await self._begin()
        return self.tree.find(pattern)

    async def resolve(self, path: str) -> str:
        """Return where a path really leads."""
        await self._begin()
        return self.tree.resolve(path)

    async def may_write(self, path: str) -> bool:
        """Return whether a file may be written."""
        await self._begin()
        return self.tree.may_write(path)

    async def close(self) -> None:
        """Forget nothing: a test may look at what was written afterwards."""

    async def _begin(self) -> None:
        await self.gate.pass_through()
        if self.fault is not None:
            raise self.fault
