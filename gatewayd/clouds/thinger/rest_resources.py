"""A device's resources through the cloud: read, set, called, described.

Every call runs the resource on the device; nothing is stored, and nothing is repeated: a call
that ends in `LinkLost` may have been carried out.

Source: Thinger.io REST API, Access Device Resources (v2); Thinger.io API description 2025 (v3);
v1 is what old clients of the vendor use.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gatewayd.clouds.json_fields import Json
from gatewayd.clouds.thinger.rest_calls import BYTES, Calls, as_object


class Version(StrEnum):
    """The three forms of the same calls. v2 wraps values in `in` and `out`."""

    V1 = "v1"
    V2 = "v2"
    V3 = "v3"


class Resources:
    """The resources of one device. A path is `tank/level`."""

    def __init__(self, calls: Calls, device: str, version: Version = Version.V2) -> None:
        self._calls = calls
        self._device = device
        self._version = version

    async def read(self, path: str) -> object:
        """Run an output and return its value; of an input, the state.

        Raises:
            NotFound: the device is away, or has no such resource.
            NoAnswer: it did not answer in time.
        """
        return self._unwrapped(await self._calls.get(self._path(path)))

    async def write(self, path: str, value: object) -> None:
        """Set an input. Raises as `read`; NotFound also when the device refuses the value."""
        await self.exchange(path, value)

    async def exchange(self, path: str, value: object) -> object:
        """Hand an input/output a value and return what it makes of it. Raises as `write`."""
        body = {"in": value} if self._version is Version.V2 else value
        return self._unwrapped(await self._calls.post(self._path(path), body))

    async def run(self, path: str) -> None:
        """Call a resource that takes and gives nothing. Raises as `read`."""
        await self._calls.get(self._path(path))

    async def send_bytes(self, path: str, data: bytes) -> object:
        """Hand an input bytes, which v3 alone can. Raises as `write`."""
        place = self._at(Version.V3, path)
        return await self._calls.call("POST", place, data, content_type=BYTES)

    async def listing(self) -> Json:
        """Return every resource with its kind (`fn`), as the device tells it."""
        if self._version is Version.V3:
            path = self._calls.path("v3", "devices", self._device, "resources")
        else:
            path = self._at(Version.V2, "api")
        return as_object(await self._calls.get(path))

    async def describe(self, path: str) -> Json:
        """Return one resource's present `in`, `out` or both. Raises NotFound."""
        return as_object(await self._calls.get(self._at(Version.V2, f"{path}/api")))

    def _unwrapped(self, content: object) -> object:
        if self._version is not Version.V2 or not isinstance(content, Mapping):
            return content
        return content.get("out", content.get("in", content))

    def _path(self, path: str) -> str:
        return self._at(self._version, path)

    def _at(self, version: Version, path: str) -> str:
        names = path.split("/")
        if version is Version.V3:
            names.insert(0, "resources")
        return self._calls.path(version.value, "devices", self._device, *names)
