"""What the vendor's own conformance tester asks of a gateway, as plain checks.

Source: Thing+ embedded test application; embedded guide 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatewayd.clouds.thingplus.codec import Form, StatusItem, encode_topic
from gatewayd.clouds.thingplus.sandbox.records import Gateway
from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.violations import Findings
from gatewayd.transports.mqtt_packets import Connect, Message

KEEP_ALIVE_MAX_S = 600


def check_login(login: Connect, gateway: Gateway) -> Findings:
    """Return what is wrong with how a gateway connects."""
    found: Findings = []
    if login.client_id != gateway.id:
        found.append(("client-id", f"client id {login.client_id!r} is not the gateway id"))
    if not login.clean_session:
        found.append(("clean-session", "the session is not clean"))
    expected_s = min(KEEP_ALIVE_MAX_S, 2 * gateway.report_interval_ms // 1000)
    if login.keep_alive_s != expected_s:
        found.append(("keep-alive", f"keep alive {login.keep_alive_s} s, {expected_s} s expected"))
    will = Message(encode_topic(gateway.id, Form.CONNECTION), b"err", 1, is_retained=True)
    if login.will != will:
        found.append(("will", f"the will is not err at QoS 1, retained, on {will.topic}"))
    return found


def check_statuses(items: Sequence[StatusItem], gateway: Gateway) -> tuple[Findings, Findings]:
    """Return violations and notes about a status message of a gateway."""
    unknown = [item.sensor for item in items if item.sensor and item.sensor not in gateway.sensors]
    errs = [item.sensor or "the topic's own" for item in items if item.word == "err"]
    violations = [("unknown-sensor", f"status of {each}, not registered") for each in unknown]
    notes = [("status-word", f"status err of {each}; the tester rejects it") for each in errs]
    return violations, notes


def check_qos(message: Message) -> Findings:
    """Return what is wrong with how a message is published."""
    return [] if message.qos == 1 else [("qos", f"QoS {message.qos} on {message.topic[:200]}")]


def check_response(response: Mapping[str, object]) -> Findings:
    """Return what is wrong with a response that is a JSON object with a known id."""
    if ("result" in response) == ("error" in response):
        return [("response", "a response needs a result or an error, and not both")]
    if "result" in response:
        if isinstance(response["result"], str | dict):
            return []
        return [("response", "a result is text or an object")]
    error = response["error"]
    is_whole = (
        isinstance(error, dict)
        and isinstance(error.get("code"), int)
        and isinstance(error.get("message"), str)
    )
    return [] if is_whole else [("response", "an error needs a code and a message")]


def unseen(gateway: Gateway) -> list[Document]:
    """Return the sensors that have not appeared in a status, or sensors not in values, so far."""
    return [
        {"gateway": gateway.id, "sensor": sensor.id, "in": place}
        for sensor in gateway.sensors.values()
        for place, was_seen in (
            ("status", sensor.was_in_status),
            ("values", sensor.was_in_values or sensor.is_actuator),
        )
        if not was_seen
    ]
