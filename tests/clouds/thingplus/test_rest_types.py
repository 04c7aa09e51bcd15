"""Gateways, devices and sensors, read and written."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.envelope import Envelope, Meta
from gatewayd.clouds.thingplus.rest_errors import Conflict
from gatewayd.clouds.thingplus.rest_types import (
    Device,
    Gateway,
    NewDevice,
    NewGateway,
    NewSensor,
    Registered,
    Sensor,
)
from gatewayd.errors import Malformed

SENSOR = NewSensor(
    id="g-0-temp",
    name="Boiler",
    type="temperature",
    category="sensor",
    model="jsonrpcTemp",
    driver_name="jsonrpcSensor",
    network="jsonrpc",
    device_id="g-0",
)


def test_a_gateway_is_read() -> None:
    """Numbers as texts, booleans as y and n, ids as a list."""
    gateway = Gateway.of(
        {
            "id": "b827eb000001",
            "name": "Boiler room",
            "model": "34",
            "reportInterval": "60000",
            "autoCreateDiscoverable": "y",
            "virtual": "n",
            "deviceModels": [{"id": "d", "model": "jsonrpcFullV1.0"}],
            "devices": ["g-0"],
            "sensors": ["g-0-temp"],
            "status": "status.gateway.1",
            "_site": "1",
            "ctime": "5",
        }
    )
    assert (gateway.report_interval_ms, gateway.is_discoverable, gateway.is_virtual) == (
        60_000,
        True,
        False,
    )
    assert gateway.device_models == ("jsonrpcFullV1.0",)
    assert (gateway.device_ids, gateway.sensor_ids) == (("g-0",), ("g-0-temp",))
    assert gateway.status is None


def test_embedded_sensors_are_objects() -> None:
    """With `embed` the ids become records, their statuses too."""
    sensor = {"id": "s", "category": "actuator", "status": {"value": "on"}}
    gateway = Gateway.of({"id": "g", "sensors": [sensor], "devices": [{"id": "d"}]})
    assert gateway.sensor_ids == ()
    assert gateway.devices == (Device("d"),)
    (found,) = gateway.sensors
    assert found.category == "actuator"
    assert found.status is not None
    assert found.status.value == "on"


def test_an_embedded_series_has_points() -> None:
    """A sensor read with embed=series."""
    sensor = Sensor.of({"id": "s", "series": {"time": 5, "value": "1", "data": ["1", 5]}}, Meta())
    assert sensor.series is not None
    assert len(sensor.series.points) == 1


def test_a_record_without_an_id_is_malformed() -> None:
    """Everything may be left out but that."""
    with pytest.raises(Malformed):
        Gateway.of({"name": "x"})


def test_a_new_sensor_has_the_vendors_names() -> None:
    """The body of the embedded guide."""
    assert SENSOR.body() == {
        "reqId": "g-0-temp",
        "category": "sensor",
        "type": "temperature",
        "model": "jsonrpcTemp",
        "driverName": "jsonrpcSensor",
        "network": "jsonrpc",
        "name": "Boiler",
        "deviceId": "g-0",
    }


def test_a_new_gateway_leaves_out_what_was_not_said() -> None:
    """Extra properties are refused by the cloud, empty ones too."""
    new = NewGateway(id="g", site_id="1", model="34", name="x")
    assert new.body() == {"id": "g", "params": {"siteId": "1", "model": "34", "name": "x"}}


def test_a_new_gateway_brings_its_devices_and_sensors() -> None:
    """All of it in one request."""
    new = NewGateway(
        id="g",
        site_id="1",
        model="34",
        name="x",
        report_interval_ms=60_000,
        is_discoverable=True,
        device_models=("jsonrpcFullV1.0",),
        devices=(NewDevice(id="g-0", name="Pi", model="jsonrpcFullV1.0"),),
        sensors=(SENSOR,),
    )
    assert new.body()["params"] == {
        "siteId": "1",
        "model": "34",
        "name": "x",
        "reportInterval": 60_000,
        "autoCreateDiscoverable": "y",
        "deviceModels": [{"id": "jsonrpcFullV1.0", "model": "jsonrpcFullV1.0"}],
        "devices": [{"reqId": "g-0", "name": "Pi", "model": "jsonrpcFullV1.0"}],
        "sensors": [SENSOR.body()],
    }


def test_a_partial_registration_has_problems() -> None:
    """207 is never taken for complete, not even without errors."""
    done = Envelope(201, {"id": "g"}, Meta())
    assert Registered.of(done).is_complete
    partial = Envelope(207, {"id": "g"}, Meta(), (Conflict(409, "CONFLICT"),))
    assert Registered.of(partial).problems[0].code == "CONFLICT"
    assert not Registered.of(Envelope(207, {"id": "g"}, Meta())).is_complete
