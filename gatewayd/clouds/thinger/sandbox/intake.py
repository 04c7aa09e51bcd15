"""What devices hand over, by whichever way: into buckets, properties and endpoints.

Source: Thinger.io documentation, Buckets (`ts`, sources, one point a minute from streams).
"""

from __future__ import annotations

import asyncio

from gatewayd.clouds.thinger.sandbox.hub import Hub
from gatewayd.clouds.thinger.sandbox.journal import Journal
from gatewayd.clouds.thinger.sandbox.records import Account, Bucket, Device
from gatewayd.clouds.thinger.sandbox.world import DAY_MS, World
from gatewayd.sandbox.errors import invalid

TIME = "ts"


class Intake:
    """Stores, counts, and tells who listens."""

    def __init__(self, world: World, journal: Journal, hub: Hub) -> None:
        self._world = world
        self._journal = journal
        self._hub = hub

    def store(self, account: Account, bucket: Bucket, value: object) -> None:
        """Add a point; `ts` in an object says of when it is.

        Raises:
            ApiError: 400, the bucket is disabled or the time is odd.
        """
        if not bucket.is_enabled:
            raise invalid(f"bucket {bucket.id} is disabled")
        now_ms = self._world.clock.now_ms()
        time_ms = now_ms
        if isinstance(value, dict) and TIME in value:
            said = value[TIME]
            value = {name: each for name, each in value.items() if name != TIME}
            is_number = isinstance(said, int | float) and not isinstance(said, bool)
            if not is_number or not 0 <= said <= now_ms + DAY_MS:
                raise invalid("ts is before 1970 or more than a day ahead")
            time_ms = int(said)
        is_new = bucket.points.put(time_ms, value)
        values = len(value) if isinstance(value, dict) else 1
        self._journal.counts["points"] += 1
        self._journal.counts["values"] += values if is_new else 0
        self._journal.counts["overwritten"] += not is_new
        self._hub.emit(account.id, "bucket_write", bucket=bucket.id, payload=value)

    def store_stream(self, account: Account, bucket: Bucket, value: object) -> None:
        """Add a point of a stream or topic, unless it comes too soon after the last one."""
        now_s = asyncio.get_running_loop().time()
        least_s = self._world.settings.min_store_interval_s
        if bucket.stored_s is not None and now_s - bucket.stored_s < least_s:
            self._journal.counts["points_too_fast"] += 1
            return
        bucket.stored_s = now_s
        self.store(account, bucket, value)

    def call(self, account: Account, endpoint_id: str, data: object) -> None:
        """Note an endpoint's call; nothing is done. Raises ApiError: 404, or 400 if disabled."""
        endpoint = self._world.endpoint(account, endpoint_id)
        if not endpoint.is_enabled:
            raise invalid(f"endpoint {endpoint_id} is disabled")
        endpoint.calls.append(data)
        self._journal.counts["endpoint_calls"] += 1
        self._hub.emit(account.id, "endpoint_call", endpoint=endpoint_id, payload=data)

    def set_property(self, account: Account, device: Device, id: str, value: object) -> None:
        """Keep a device's property."""
        device.properties[id] = value
        self._hub.emit(
            account.id, "device_property_update", device=device.id, property=id, value=value
        )

    def set_connected(self, account: Account, device: Device, *, is_connected: bool) -> None:
        """Note that a device came or went."""
        now_ms = self._world.clock.now_ms()
        device.is_connected, device.changed_ms = is_connected, now_ms
        if is_connected:
            device.connected_ms = now_ms
        state = "connected" if is_connected else "disconnected"
        self._hub.emit(account.id, "device_state_change", device=device.id, state=state)
