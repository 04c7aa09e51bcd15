"""The vendor's catalogue: sensor types, sensor drivers, gateway models; from `catalogue.json`.

Source: Thing+ sensor types of 2016/17, as its conformance tester and embedded guide list them.
"""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from gatewayd.sandbox.bodies import Document

FILE = Path(__file__).with_name("catalogue.json")

_ID_FORMATS = {
    "mac": re.compile(r"[0-9a-f]{12}"),
    "uuid": re.compile(r"[0-9a-f]{32}"),
    "imei": re.compile(r"[0-9]{14,16}"),
    "eui64": re.compile(r"[0-9a-f]{16}"),
    "custom": re.compile(r"[A-Za-z0-9._~-]{1,128}"),
}
_METHODS = ("setProperty", "getProperty", "poweroff", "reboot", "restart", "swUpdate", "swInfo")


class Catalogue:
    """The catalogue as the REST documents it is read as, by id."""

    def __init__(self) -> None:
        raw = orjson.loads(FILE.read_bytes())
        self.sensor_types: dict[str, Document] = {each["id"]: each for each in raw["sensorTypes"]}
        drivers: dict[str, Document] = raw["sensorDrivers"]
        self.sensor_drivers = {name: _driver(name, each) for name, each in drivers.items()}
        self.gateway_models = {
            each["id"]: _gateway_model(each, drivers) for each in raw["gatewayModels"]
        }
        self.device_models: dict[str, Document] = {
            device["id"]: device
            for model in self.gateway_models.values()
            for device in model["deviceModels"]
        }

    def is_actuator(self, type: str) -> bool:
        """Return whether this sensor type is one that takes commands."""
        return bool(self.sensor_types.get(type, {}).get("category") == "actuator")

    def is_number(self, type: str) -> bool:
        """Return whether the values of this sensor type are numbers."""
        return bool(self.sensor_types.get(type, {}).get("valueType") == "number")

    def is_gateway_id(self, gateway: str, model: str) -> bool:
        """Return whether an id has the form that its gateway model asks for.

        A model without a form asks for a MAC address: 12 hex digits, lower case.
        """
        name = self.gateway_models.get(model, {}).get("idFormat", "mac")
        return _ID_FORMATS[name].fullmatch(gateway) is not None

    def guess_traits(self, type: str) -> Document:
        """Return driver, model and network of the first sensor model of a type."""
        for name, driver in self.sensor_drivers.items():
            for model, types in driver["dataTypes"].items():
                if type in types:
                    network = driver["supportedNetworks"][0]
                    return {"driverName": name, "model": model, "network": network}
        return {"driverName": "jsonrpcSensor", "model": "jsonrpcNumber", "network": "jsonrpc"}


def _driver(name: str, raw: Document) -> Document:
    """Return a driver's document; its booleans are texts, as over the vendor's REST."""
    return {
        "id": name,
        "driverName": name,
        "displayName": name,
        "category": raw["category"],
        "models": list(raw["models"]),
        "dataTypes": {model: [type] for model, type in raw["models"].items()},
        "onChange": dict.fromkeys(raw["onChange"], True),
        "supportedNetworks": [raw["network"]],
        "discoverable": "true",
        "addressable": "false",
        "idTemplate": "{gatewayId}-{deviceAddress}-{type}-{sequence}",
    }


def _gateway_model(raw: Document, drivers: dict[str, Document]) -> Document:
    sensors = [
        {
            "network": drivers[name]["network"],
            "driverName": name,
            "model": model,
            "type": type,
            "category": drivers[name]["category"],
        }
        for name in raw["drivers"]
        for model, type in drivers[name]["models"].items()
    ]
    device = {
        "id": raw["deviceModel"],
        "displayName": raw["deviceModel"],
        "idTemplate": "{gatewayId}-{deviceAddress}",
        "discoverable": "y",
        "max": 1,
        "sensors": sensors,
    }
    support = {method: {"support": "y"} for method in _METHODS}
    management = {"reportInterval": {"show": "y", "change": "y"}, "DM": support}
    head = {key: raw[key] for key in ("id", "model", "displayName", "vendor")}
    if "idFormat" in raw:
        head["idFormat"] = raw["idFormat"]
    times = {"ctime": "1446336000000", "mtime": "1446336000000"}
    rest = {"reportInterval": "60000", "deviceMgmt": management, "deviceModels": [device]}
    return head | rest | times
