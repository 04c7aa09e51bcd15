"""REST: endpoints, an account's tokens, and the server itself.

Source: Thinger.io API description 2025; the bodies of the server's answers are unknown.
"""

from __future__ import annotations

from gatewayd.clouds.thinger.sandbox.call import EMPTY, Call, Route
from gatewayd.sandbox.errors import not_found

ENDPOINTS = "/v1/users/{user}/endpoints"
ENDPOINT = ENDPOINTS + "/{endpoint}"
TOKENS = "/v1/users/{user}/tokens"


async def list_endpoints(call: Call) -> object:
    """All endpoints."""
    return [each.shown() for each in call.account.endpoints.values()]


async def add_endpoint(call: Call) -> object:
    """Make an endpoint."""
    call.world.add_endpoint(call.account, call.body())
    return EMPTY


async def get_endpoint(call: Call) -> object:
    """One endpoint."""
    return call.world.endpoint(call.account, call.name("endpoint")).shown()


async def delete_endpoint(call: Call) -> object:
    """Delete an endpoint."""
    del call.account.endpoints[call.world.endpoint(call.account, call.name("endpoint")).id]
    return EMPTY


async def call_endpoint(call: Call) -> object:
    """Call an endpoint: the call is kept, nothing is done."""
    call.premises.intake.call(call.account, call.name("endpoint"), call.body())
    return EMPTY


async def list_tokens(call: Call) -> object:
    """The account's tokens, without their texts."""
    return [each.shown() for each in call.account.tokens.values()]


async def add_token(call: Call) -> object:
    """Make a token; its text is shown now and never again."""
    token = call.premises.doors.add_user_token(call.account, call.body())
    return {**token.shown(), "access_token": token.token}


async def delete_token(call: Call) -> object:
    """Delete a token; it opens nothing any more."""
    if call.account.tokens.pop(call.name("token"), None) is None:
        raise not_found("the token")
    return EMPTY


async def version(call: Call) -> object:
    """What the server says about itself."""
    return {"version": "emulator"}


async def health(call: Call) -> object:
    """Nothing, if the server is well."""
    return EMPTY


ROUTES = (
    Route("GET", ENDPOINTS, list_endpoints, "Endpoint", "ListEndpoints"),
    Route("POST", ENDPOINTS, add_endpoint, "Endpoint", "CreateEndpoint"),
    Route("GET", ENDPOINT, get_endpoint, "Endpoint", "ReadEndpoint"),
    Route("DELETE", ENDPOINT, delete_endpoint, "Endpoint", "DeleteEndpoint"),
    Route("POST", ENDPOINT + "/call", call_endpoint, "Endpoint", "CallEndpoint"),
    Route("GET", TOKENS, list_tokens, "Token", "ListTokens"),
    Route("POST", TOKENS, add_token, "Token", "CreateToken"),
    Route("DELETE", TOKENS + "/{token}", delete_token, "Token", "DeleteToken"),
    Route("GET", "/v1/server/version", version, "Server", "ReadVersion"),
    Route("GET", "/v1/server/healthcheck", health, is_open=True),
)
