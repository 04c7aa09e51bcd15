"""The gateway's link over HTTP: arrays by POST, for where there is no MQTT.

A gateway that has a key shows it as `Authorization: Bearer …`. There is no downlink here; commands
are read from the log.
"""

from __future__ import annotations

from gatewayd.clouds.thingsee.codec import TUID, sort_out
from gatewayd.clouds.thingsee.sandbox.call import Call, Route
from gatewayd.clouds.thingsee.sandbox.conformance import check_publish
from gatewayd.clouds.thingsee.sandbox.errors import bad, missing, unauthorized
from gatewayd.clouds.thingsee.sandbox.intake import Tally
from gatewayd.clouds.thingsee.sandbox.journal import Received
from gatewayd.errors import Malformed
from gatewayd.transports.mqtt_packets import Message as Packet


def report(call: Call) -> object:
    """Take the messages of a gateway; what is no message in an array is counted, not refused."""
    premises, gateway = call.premises, call.names["gateway"]
    if not TUID.fullmatch(gateway):
        raise missing(f"gateway {gateway[:40]}")
    if not premises.device_side.is_key(gateway, call.bearer):
        raise unauthorized("the gateway's key is wrong")
    number = premises.journal.next_number()
    packet = Packet(f"/thingsee/gw/{gateway}/up", call.raw, 1)
    tally, fault = Tally(), ""
    try:
        messages, faults = sort_out(call.raw)
        is_array = call.raw[:1] == b"["
        premises.intake.blame(gateway, check_publish(packet, len(messages), is_array=is_array))
        tally = premises.intake.take(messages, gateway, number)
        tally.refused += len(faults)
    except Malformed as error:
        faults, fault = [str(error)], f"malformed: {error}"
    premises.journal.counts["malformed"] += len(faults)
    premises.intake.blame(gateway, [("malformed", each) for each in faults])
    premises.journal.keep(
        Received(
            number,
            call.world.clock.now_ms(),
            "http",
            gateway,
            packet.topic,
            call.raw,
            1,
            False,
            False,
            tally.accepted,
            tally.repeats,
            fault or tally.verdict(),
        )
    )
    if fault:
        raise bad(fault)
    return {"accepted": tally.accepted, "repeats": tally.repeats, "refused": tally.refused}


ROUTES = (Route("POST", "/thingsee/gw/{gateway}/up", report, is_open=True),)
