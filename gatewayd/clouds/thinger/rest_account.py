"""What an account has besides devices and buckets: endpoints, tokens; and the server itself.

Source: Thinger.io API description 2025.
"""

from __future__ import annotations

from gatewayd.clouds.json_fields import Json
from gatewayd.clouds.places import place
from gatewayd.clouds.thinger.rest_calls import Calls, as_object, as_objects
from gatewayd.clouds.thinger.rest_types import Endpoint, NewEndpoint, NewUserToken, UserToken


class Endpoints:
    """`/v1/users/{user}/endpoints`: e-mails, HTTP requests and the like, called by name."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self) -> tuple[Endpoint, ...]:
        """Return the account's endpoints."""
        return tuple(map(Endpoint.of, as_objects(await self._calls.get(self._path()))))

    async def get(self, id: str) -> Endpoint:
        """Return one endpoint. Raises NotFound."""
        return Endpoint.of({"endpoint": id, **as_object(await self._calls.get(self._path(id)))})

    async def add(self, new: NewEndpoint) -> None:
        """Make an endpoint. Raises Invalid."""
        await self._calls.post(self._path(), new.body())

    async def delete(self, id: str) -> None:
        """Delete an endpoint."""
        await self._calls.delete(self._path(id))

    async def call(self, id: str, data: object) -> None:
        """Call an endpoint; the data fill its template. Raises NotFound, Invalid: disabled."""
        await self._calls.post(self._path(id, "call"), data)

    def _path(self, *names: str) -> str:
        return self._calls.path("v1", "endpoints", *names)


class UserTokens:
    """`/v1/users/{user}/tokens`: tokens that open what they say, for as long as they say."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self) -> tuple[UserToken, ...]:
        """Return the account's tokens."""
        return tuple(map(UserToken.of, as_objects(await self._calls.get(self._path()))))

    async def add(self, new: NewUserToken) -> UserToken:
        """Make a token. Raises Invalid."""
        found = as_object(await self._calls.post(self._path(), new.body()))
        return UserToken.of({"token": new.id, **found})

    async def delete(self, id: str) -> None:
        """Delete a token; it opens nothing any more."""
        await self._calls.delete(self._path(id))

    def _path(self, *names: str) -> str:
        return self._calls.path("v1", "tokens", *names)


class Server:
    """`/v1/server`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def version(self) -> Json:
        """Return what the server says about itself."""
        return as_object(await self._calls.get(place("v1", "server", "version")))

    async def check_health(self) -> None:
        """Return if the server is well. Raises ServerFailed."""
        await self._calls.get(place("v1", "server", "healthcheck"))
