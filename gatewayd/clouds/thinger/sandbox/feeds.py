"""Buckets that the cloud fills by itself: from a device's resource, or from a topic.

Source: Thinger.io documentation, Buckets (data source).
"""

from __future__ import annotations

from gatewayd.clouds.thinger.sandbox.intake import Intake
from gatewayd.clouds.thinger.sandbox.records import Account, Bucket
from gatewayd.clouds.thinger.sandbox.streams import Consumer, Streams
from gatewayd.sandbox.errors import ApiError
from gatewayd.transports.mqtt_topics import is_match


class Feeds:
    """Which stream feeds which bucket."""

    def __init__(self, streams: Streams, intake: Intake) -> None:
        self._streams = streams
        self._intake = intake
        self._consumers: dict[tuple[str, str], Consumer] = {}

    def clear(self) -> None:
        """Forget every feed."""
        for consumer in self._consumers.values():
            self._streams.remove(consumer)
        self._consumers.clear()

    def settle(self, account: Account, id: str) -> None:
        """Begin, change or end the stream of a bucket, so that it is as the bucket says."""
        consumer = self._consumers.pop((account.id, id), None)
        if consumer is not None:
            self._streams.remove(consumer)
        bucket = account.buckets.get(id)
        config = bucket.config if bucket else {}
        if bucket is None or bucket.source != "device" or config.get("update") == "none":
            return
        seconds = config.get("interval", 0)
        is_timed = config.get("update", "interval") == "interval"
        interval_ms = round(seconds * 1000) if is_timed and isinstance(seconds, int | float) else 0
        consumer = Consumer(
            account.id,
            str(config.get("device")),
            tuple(str(config["resource"]).split("/")),
            interval_ms,
            lambda value: self._store(account, bucket, value),
        )
        self._consumers[account.id, id] = consumer
        self._streams.add(consumer)

    def published(self, account: Account, topic: str, value: object) -> None:
        """Store what was published where a bucket listens."""
        for bucket in tuple(account.buckets.values()):
            if bucket.source == "mqtt" and is_match(str(bucket.config.get("topic")), topic):
                self._store(account, bucket, value)

    def _store(self, account: Account, bucket: Bucket, value: object) -> None:
        try:
            self._intake.store_stream(account, bucket, value)
        except ApiError:
            return  # A disabled bucket, or an odd time: nobody hears of it.
