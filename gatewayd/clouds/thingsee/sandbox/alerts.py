"""Which things have been silent for too long, and had been; pure.

The types are the vendor's, the rule is ours: a sensor that was silent for more than twice its
heartbeat has `heartbeat missed`, a gateway after ten minutes `gateway connection lost`. A thing
that was never heard has no alert. While an alert is on it has no end.

Source: Thingsee Open Services API, "Get alerts of a thing".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gatewayd.clouds.thingsee.sandbox.records import AlertSpan, Thing
from gatewayd.clouds.thingsee.sandbox.settings import SandboxSettings
from gatewayd.sandbox.bodies import Document

GATEWAY_LOST = "gateway connection lost"
HEARTBEAT_MISSED = "heartbeat missed"


def silence_of(thing: Thing, now_ms: int, settings: SandboxSettings) -> AlertSpan | None:
    """Return the alert that a thing's silence is now, or None."""
    if thing.heard_ms is None:
        return None
    if thing.is_gateway:
        kind, limit_s = GATEWAY_LOST, settings.gateway_silence_s
    else:
        kind, limit_s = HEARTBEAT_MISSED, 2 * (thing.heartbeat_s or settings.heartbeat_s)
    if now_ms - thing.heard_ms <= limit_s * 1000:
        return None
    return AlertSpan(kind, thing.heard_ms, None)


def end_silence(thing: Thing, now_ms: int, settings: SandboxSettings) -> None:
    """Note that a thing is heard; a silence that was too long becomes an alert that is over."""
    silence = silence_of(thing, now_ms, settings)
    if silence is not None:
        thing.alerts.append(AlertSpan(silence.type, silence.from_ms, now_ms))
    thing.heard_ms = now_ms


def alerts_of(thing: Thing, now_ms: int, settings: SandboxSettings) -> list[AlertSpan]:
    """Return all alerts of a thing, oldest first."""
    silence = silence_of(thing, now_ms, settings)
    return [*thing.alerts, *([silence] if silence else [])]


def is_alerting(thing: Thing, now_ms: int, settings: SandboxSettings) -> bool:
    """Return whether a thing has an alert that is on."""
    return any(alert.to_ms is None for alert in alerts_of(thing, now_ms, settings))


def as_documents(thing: Thing, alerts: Iterable[AlertSpan]) -> list[Document]:
    """Return alerts as the API shows them, by type."""
    by_type: dict[str, list[Document]] = {}
    for alert in alerts:
        span = {"from": iso_time(alert.from_ms)}
        if alert.to_ms is not None:
            span["to"] = iso_time(alert.to_ms)
        by_type.setdefault(alert.type, []).append(span)
    return [
        {"tuid": thing.tuid, "alert_type": kind, "alerts": spans} for kind, spans in by_type.items()
    ]


def iso_time(time_ms: int) -> str:
    """Return an instant as the API writes those of alerts: UTC, without saying so."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
