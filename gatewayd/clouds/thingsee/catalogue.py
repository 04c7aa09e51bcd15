"""Thingsee's messages: what each is called, which way it goes and what it may hold; pure.

A field is written as `name type`, `?` where it may be missing from a whole message: n number,
s text, b true or false, buf bytes (Node's Buffer), list, map. An event-triggered message may hold
only what changed, so nothing here makes a message illegal; it is for looking up. `transactionId`
is in every request and answer and not listed.

Source: Haltian developer site, message profiles; Thingsee Toolbox (field names of 2020 to 2023).
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import NamedTuple


class Way(Enum):
    """Who sends a message."""

    UP = "device to cloud"
    DOWN = "cloud to device"
    BOTH = "request to the device, answer from it"


class Kind(Enum):
    """What a field holds."""

    NUMBER = "n"
    TEXT = "s"
    FLAG = "b"
    BYTES = "buf"
    LIST = "list"
    MAP = "map"


class Field(NamedTuple):
    """One field of a message."""

    name: str
    kind: Kind
    is_optional: bool


class Entry(NamedTuple):
    """One message of the catalogue; `layout` lists its fields."""

    id: int
    name: str
    way: Way
    layout: str = ""


_UP, _DOWN, _BOTH = Way.UP, Way.DOWN, Way.BOTH
_BEACON = "beaconChannels n, reportInterval n, txPower n"
_BINARY = "binaryUrl s, binaryVersion s, binarySHA s"
_CELL = "cellRsrp n?, cellRsrq n?, cellSinr n?, cellRssi n?, cellRscp n?, cellEcn0 n?"
_CO2 = "averaging n, rounding n, samples n, staticFilter n, dynamicFilter n, autoCalibration n"
_HISTOGRAM = ", ".join(f"histogram{digit} n" for digit in range(10))
_NEIGHBOUR = "rssi n, rssiDbm n?, neighNodeInfo n?, neighRadioPower n?, neighRadioPowerDbm n?"
_NODE = "nodeAccessCycle n, nodeRole n, nodeVoltage n, nodeMaxBufferUsage n"
_RANGING = "rangingMode n, rangingTimingBudget n, rangingROI list"
_WEATHER = "temperatureHysteresis n, humidityHysteresis n, pressureHysteresis n, lightHysteresis n"
_WIREPAS = "srcEndpoint n, dstEndpoint n"

CATALOGUE: dict[int, Entry] = {
    entry.id: entry
    for entry in (
        # Common, 1000 to 1999.
        Entry(1000, "network connection", _UP),
        Entry(1100, "system info", _UP, "swVersion s, modelCode s?, psn s?"),
        Entry(1101, "information request", _DOWN, "requestTsmId n"),
        Entry(1102, "information unavailable", _UP, "requestTsmId n"),
        Entry(1110, "battery", _UP, "batl n, chrg n?"),
        Entry(1111, "orientation", _UP, "accx n, accy n, accz n"),
        Entry(1112, "uptime", _UP, "uptime n"),
        Entry(1113, "temperature", _UP, "temp n"),
        Entry(1200, "Wirepas neighbour", _UP, f"wpnode s, {_NEIGHBOUR}"),
        Entry(1201, "TUID of a Wirepas node", _BOTH, "wpnode n, tuid s?"),
        Entry(1202, "neighbour by TUID", _UP, f"tuid s, {_NEIGHBOUR}"),
        Entry(1203, "TUID of a Bluetooth name", _BOTH, "btid s, tuid s?"),
        Entry(1205, "network ids of a TUID", _BOTH, "tuid s, btid s?, wpnode s?"),
        Entry(1206, "iBeacon", _BOTH, f"beaconData buf, beaconMajor n, beaconMinor n, {_BEACON}"),
        Entry(1207, "Eddystone", _BOTH, f"beaconFrame n, beaconData buf, {_BEACON}"),
        Entry(1208, "generic beacon", _BOTH, f"index n, beaconData buf, {_BEACON}"),
        Entry(1210, "cellular location", _UP, "lat n, lon n, lacr n"),
        Entry(
            1211, "cellular radio", _UP, f"{_CELL}, cellLac n?, cellId n?, cellTac n?, cellRat s?"
        ),
        Entry(1212, "cellular identity", _UP, "imei s?, imsi s?, mcc_mnc s?, operatorName s?"),
        Entry(
            1220,
            "Wirepas node diagnostics",
            _UP,
            f"{_NODE}, nodeAverageBufferUsage n, nodeMemAllocFails n, nodeScannings n, "
            "nodeDroppedPackets n, nodeDutyCycle n, nodeCurrentAntenna n",
        ),
        Entry(1221, "scratchpad sequence", _UP, "scratchpadSeqNumber n"),
        Entry(
            1222,
            "Wirepas traffic",
            _UP,
            "nodeAccessCycle n, nodeClusterChannel n, nodeChannelReliability n, nodeRxAmount n, "
            "nodeTxAmount n, nodeAlohaRxRatio n, nodeReservedRxSuccessRatio n",
        ),
        Entry(1300, "gateway firmware update", _DOWN, "binaries list"),
        Entry(1301, "gateway firmware status", _UP, "result s, resultReason s"),
        Entry(
            1302,
            "Wirepas firmware update",
            _DOWN,
            f"{_BINARY}, binaryFlags n, scratchpadSeqNumber n, targetNodeIds list",
        ),
        Entry(1303, "Wirepas firmware status", _UP, "result s, resultReason s"),
        Entry(1312, "firmware binary version", _UP, "binaryType s, binaryVersion s"),
        Entry(1313, "hardware id", _UP, "hwid s"),
        Entry(1400, "diagnostics", _UP, "diagGroup n, diagType s, diagData s"),
        Entry(
            1401,
            "diagnostics request",
            _DOWN,
            "diagGroup n, diagExpiry n, diagInterval n?, diagLevel n?",
        ),
        Entry(1402, "remote command", _BOTH, "command s?, payload s, result n?"),
        Entry(1403, "error info", _UP, "errorType s, errorCause s"),
        Entry(1404, "reset request", _DOWN),
        Entry(1500, "intervals", _BOTH, "measurementInterval n, reportInterval n"),
        Entry(1501, "Wirepas role", _BOTH, "nodeRole n, autoRole n, lowLatency n"),
        Entry(1502, "access cycle", _BOTH, "nodeAccessCycle n"),
        Entry(1503, "battery profile", _BOTH, "profileId n"),
        Entry(1504, "storage mode", _BOTH, "enabled n"),
        Entry(1505, "LED", _BOTH, "profileId n, duration n"),
        Entry(1600, "ping", _BOTH, "wpnode n?"),
        # Analytics and edge, 2000 to 3999.
        Entry(2100, "occupancy", _UP, "state n"),
        Entry(2101, "jam", _UP, "state n"),
        Entry(3100, "edge core state", _UP, "state n"),
        Entry(
            3200,
            "edge database sync",
            _BOTH,
            "binaryType s?, data map, result s?, resultReason s?",
        ),
        Entry(3300, "edge statistics", _BOTH, "data s?"),
        Entry(3400, "edge binary event", _UP, "payload buf, index n, count n, checksum s"),
        # Gateway, 11000 to 11999.
        Entry(11200, "heartbeats", _UP, "slotInterval n, slotBitCount n, heartbeats list"),
        Entry(
            11201,
            "heartbeat of one device",
            _UP,
            "tuid s, slotInterval n, slotBitCount n, slotBits n",
        ),
        Entry(
            11210,
            "heartbeat configuration",
            _BOTH,
            "heartbeatInterval n, reportInterval n, instantMode b, updateSinkCost b, "
            "sinkCostMin n, sinkCostMax n, sinkCostStep n",
        ),
        Entry(11211, "heartbeat request", _DOWN),
        Entry(
            11310, "send a Wirepas packet", _BOTH, f"wpnode n?, payload buf?, {_WIREPAS}, result n?"
        ),
        Entry(11311, "received Wirepas packet", _UP, f"wpnode n, payload buf, {_WIREPAS}"),
        Entry(11312, "packet reception", _BOTH, "receiveEndpoints list, diagSrcEndpoints list"),
        Entry(11320, "Wirepas application data", _BOTH, "appConfigData buf"),
        Entry(
            11500,
            "secondary MQTT",
            _BOTH,
            "host s, port n, tls b, anonymous b, username s, password s, publishTopic s",
        ),
        Entry(11501, "secondary MQTT control", _BOTH, "enabled b, tsopsMode n"),
        # Environment, 12000 to 12999.
        Entry(12100, "weather", _UP, "airp n?, humd n?, temp n?, lght n?"),
        Entry(12101, "magnet switch", _UP, "hall n, hallCount n?"),
        Entry(12102, "leakage", _UP, "resistance n"),
        Entry(
            12200,
            "environment modes",
            _BOTH,
            "accelerometerMode n, weatherMode n, hallMode n, leakageMode n",
        ),
        Entry(12210, "weather tuning", _BOTH, f"intervalMultiplier n, weatherMode n, {_WEATHER}"),
        Entry(12211, "magnet tuning", _BOTH, "intervalMultiplier n, hallMode n"),
        Entry(
            12212,
            "leakage tuning",
            _BOTH,
            "intervalMultiplier n, leakageMode n, resistanceHysteresis n",
        ),
        # Presence, 13000 to 13999.
        Entry(13100, "movement count", _UP, "moveCount n"),
        Entry(13102, "occupancy count", _UP, "count n, duration n?"),
        Entry(
            13103,
            "people counter",
            _UP,
            "in n, out n, totalIn n, totalOut n, amountIn n?, historicalIn n?, historicalOut n?",
        ),
        Entry(
            13200,
            "PIR configuration",
            _BOTH,
            "threshold n, enableLed n, mode n, passiveReportInterval n",
        ),
        Entry(
            13210,
            "occupancy light",
            _BOTH,
            "mode n, index n, staticFilter n, threshold n, duration n",
        ),
        Entry(13211, "single light", _BOTH, "index n, max n"),
        # Machine, distance, angle, air and others.
        Entry(16100, "vibration", _UP, f"activityLevel n, energyLevel n, {_HISTOGRAM}"),
        Entry(
            16200,
            "accelerometer configuration",
            _BOTH,
            "intervalMultiplier n, accelerometerMode n, orientationHysteresis n, "
            "energyLevelThreshold n, activityLevelThreshold n, impactThreshold n, fullScale n",
        ),
        Entry(17100, "distance", _UP, "dist n"),
        Entry(17110, "distance profile", _BOTH, "profileId n"),
        Entry(
            17200,
            "distance with quality",
            _UP,
            "dist n, status n, ambientRate n?, numberOfSPADs n?, signalPerSPAD n?",
        ),
        Entry(17201, "distance grid", _UP, "dist list"),
        Entry(17210, "distance sensor temperature", _UP, "temp n"),
        Entry(
            17220,
            "distance configuration",
            _BOTH,
            f"{_RANGING}, reportingHysteresisAbsolute n, reportingHysteresisRelative n, "
            "reportingIgnoreErrors n, reportingEnableDebug n, accelerometerMode n, "
            "temperatureMode n, mode n, peopleCountingOrientation n, "
            "peopleCountingDistanceThreshold n",
        ),
        Entry(18100, "angle", _UP, "angle n"),
        Entry(18101, "angle sensor temperature", _UP, "temp n"),
        Entry(18200, "angle sensor LED", _BOTH, "profileId n, duration n"),
        Entry(24100, "carbon dioxide", _UP, "carbonDioxide n, status n?"),
        Entry(24101, "volatile organic compounds", _UP, "tvoc n"),
        Entry(
            24200,
            "carbon dioxide configuration",
            _BOTH,
            f"{_CO2}, calibrationValue n, pressureCompensate n, carbonDioxideHysteresis n",
        ),
        Entry(24201, "carbon dioxide calibration", _BOTH, "calibrationValue n"),
        Entry(24202, "volatile compounds configuration", _BOTH),
        Entry(24500, "carbon dioxide hardware", _BOTH),
        Entry(24501, "volatile compounds reset", _BOTH),
        Entry(25100, "power cover", _UP, "usbState n"),
        Entry(28009, "radar", _UP, "state n, dist n, echo n"),
    )
}


@cache
def fields_of(id: int) -> dict[str, Field]:
    """Return the fields of a message by name, `transactionId` not among them; empty if unknown."""
    entry = CATALOGUE.get(id)
    found = {}
    for part in entry.layout.split(", ") if entry and entry.layout else ():
        name, kind = part.split(" ")
        found[name] = Field(name, Kind(kind.rstrip("?")), kind.endswith("?"))
    return found
