"""The gate before a sandbox's endpoints: the rate limit and the armed faults come first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.faults import RestFault, RestFaults

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What answers a request that meets no fault."""

Refusing = Callable[[web.Request, ApiError], web.Response]
"""How the cloud words an error; its code is empty where an armed fault names none."""


class Gate:
    """Lets requests through to `answer`, spoiled where a fault is armed for them."""

    def __init__(
        self, faults: RestFaults, counts: Counter[str], answer: Answering, refuse: Refusing
    ) -> None:
        self._faults = faults
        self._counts = counts
        self._answer = answer
        self._refuse = refuse

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        self._counts["rest_requests"] += 1
        wait_s = self._faults.retry_after_s(asyncio.get_running_loop().time())
        if wait_s is not None:
            return self._refused(request, ApiError(429, "", "too many requests"), wait_s)
        fault = self._faults.strike(request.method, request.path)
        if fault is None:
            return await self._answer(request)
        self._counts["rest_faults"] += 1
        return await self._spoil(request, fault)

    async def _spoil(self, request: web.Request, fault: RestFault) -> web.StreamResponse:
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        is_plain = fault.status is None and not fault.cut
        if fault.after or (is_plain and not fault.hang):
            response = await self._answer(request)
        if fault.hang:
            await self._faults.wait_cleared()
        if fault.cut and request.transport is not None:
            request.transport.abort()
        if fault.status is not None:
            error = ApiError(fault.status, fault.code or "", fault.message)
            return self._refused(request, error, fault.retry_after_s)
        return response if is_plain and not fault.hang else web.Response(status=500)

    def _refused(
        self, request: web.Request, error: ApiError, retry_after_s: int | None
    ) -> web.Response:
        response = self._refuse(request, error)
        if retry_after_s is not None:
            response.headers["Retry-After"] = str(retry_after_s)
        return response
