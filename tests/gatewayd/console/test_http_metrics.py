"""The Prometheus text, from documents alone."""

from __future__ import annotations

import re
from typing import Any

from gatewayd.console.http_metrics import Usage, metrics_of, process_usage

SAMPLE = re.compile(r'^[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? -?[0-9.e+-]+$')


def make_status(**changes: Any) -> dict[str, Any]:
    edge = {"is_up": True, "reason": "", "retry_s": None, "ends": 2}
    uplink = {"accepted": 10, "delivered": 6, "pending": 3, "dropped": {"rejected": 1}}
    return {
        "gateway": {"id": "b827eb000001", "version": "1.2.3", "uptime_s": 12.5},
        "health": {"is_ok": True, "reason": None},
        "clock": {"is_synchronised": False},
        "devices": [{"name": "boiler", "driver": "bme280", "samples": 7, **edge}],
        "uplinks": [{"name": "up", "kind": "thingplus", **edge, **uplink}],
        "outputs": [{"channel": "pump/relay", "value": True, "is_safe": False}],
        "outbox": {
            "card_fault": None,
            "recorded": 9,
            "lost": {"bus": 4, "outbox": 0},
            "mismatch": None,
        },
        **changes,
    }


def channel(name: str, value: object, age_s: float | None = 1.0) -> dict[str, Any]:
    return {"channel": name, "kind": "temperature", "unit": "Cel", "value": value, "age_s": age_s}


def lines(status: dict[str, Any], *channels: dict[str, Any]) -> list[str]:
    return metrics_of(status, channels, Usage(1024, 0.5)).splitlines()


def test_every_count_of_the_status_is_told() -> None:
    """Uplinks with their drops by reason, devices, outputs, losses, the process."""
    told = lines(make_status())
    for line in (
        'gatewayd_info{version="1.2.3",gateway="b827eb000001"} 1',
        "gatewayd_uptime_seconds 12.5",
        "gatewayd_clock_synchronised 0",
        'gatewayd_uplink_accepted_total{uplink="up",kind="thingplus"} 10',
        'gatewayd_uplink_delivered_total{uplink="up",kind="thingplus"} 6',
        'gatewayd_uplink_pending{uplink="up",kind="thingplus"} 3',
        'gatewayd_uplink_dropped_total{uplink="up",kind="thingplus",reason="rejected"} 1',
        'gatewayd_device_up{device="boiler",driver="bme280"} 1',
        'gatewayd_device_ends_total{device="boiler",driver="bme280"} 2',
        'gatewayd_device_samples_total{device="boiler",driver="bme280"} 7',
        'gatewayd_output_value{channel="pump/relay"} 1',
        'gatewayd_output_safe{channel="pump/relay"} 0',
        'gatewayd_readings_lost_total{place="bus"} 4',
        "gatewayd_outbox_card_fault 0",
        "process_resident_memory_bytes 1024",
        "process_cpu_seconds_total 0.5",
    ):
        assert line in told


def test_what_has_no_value_has_no_sample() -> None:
    """An unknown output and a dead sensor are missing, not zero; so is a text."""
    status = make_status(outputs=[{"channel": "pump/relay", "value": None, "is_safe": False}])
    told = "\n".join(
        lines(status, channel("a/b", None), channel("c/d", "text"), channel("e/f", 2.5))
    )
    assert "gatewayd_output_value" not in told
    assert re.findall(r"gatewayd_reading\{.*", told) == [
        'gatewayd_reading{channel="e/f",kind="temperature",unit="Cel"} 2.5'
    ]


def test_a_channel_never_heard_of_has_no_age() -> None:
    """Nor a value."""
    assert not [line for line in lines(make_status(), channel("a/b", None, None)) if "a/b" in line]


def test_a_card_fault_is_a_one() -> None:
    """For an alert."""
    outbox = {"card_fault": "the card is full", "recorded": 0, "lost": {}, "mismatch": "one"}
    told = lines(make_status(outbox=outbox))
    assert "gatewayd_outbox_card_fault 1" in told
    assert "gatewayd_ledger_balanced 0" in told


def test_every_line_is_of_the_format_whatever_the_names() -> None:
    """A label may hold anything; each family is described once, before its samples."""
    status = make_status(outputs=[{"channel": 'a"\\\n/b', "value": 1, "is_safe": True}])
    seen: set[str] = set()
    for line in lines(status, channel("x/y", -1e-7)):
        if line.startswith("#"):
            _, word, name, *_ = line.split(" ")
            assert word in ("HELP", "TYPE")
            assert word == "TYPE" or name not in seen
            seen.add(name)
        else:
            assert SAMPLE.match(line), line
            assert line.partition("{")[0].partition(" ")[0] in seen


def test_the_process_knows_what_it_takes() -> None:
    """Some memory, some time."""
    usage = process_usage()
    assert usage.resident_bytes > 2**20
    assert usage.cpu_s > 0


def test_the_card_is_counted_where_it_is_known() -> None:
    """What nobody can say has no sample."""
    card = {
        "device": "mmcblk0",
        "written_bytes": 5000,
        "own_bytes_a_day": 24000,
        "device_bytes_a_day": None,
        "budget_bytes_a_day": 8_760_000,
        "years_left": 12.5,
    }
    status = make_status()
    status["outbox"]["card"] = card
    told = [line for line in lines(status) if line.startswith("gatewayd_card_")]
    assert told == [
        'gatewayd_card_written_bytes_total{device="mmcblk0"} 5000',
        'gatewayd_card_own_bytes_a_day{device="mmcblk0"} 24000',
        'gatewayd_card_budget_bytes_a_day{device="mmcblk0"} 8760000',
        'gatewayd_card_years_left{device="mmcblk0"} 12.5',
    ]


def test_a_bluetooth_adapter_tells_how_it_is() -> None:
    """Deaf, asking, and what it heard; a wire that is no radio says nothing here."""
    radio = {"scan": "active", "reason": "asked", "heard": 12, "dropped": 1, "is_hearing": False}
    ports = [{"name": "ble:hci0", **radio}, {"name": "/dev/ttyUSB0", "slaves": 3}]
    told = [line for line in lines(make_status(ports=ports)) if "bluetooth" in line]
    assert [line for line in told if line[0] != "#"] == [
        'gatewayd_bluetooth_hearing{port="ble:hci0"} 0',
        'gatewayd_bluetooth_scan_passive{port="ble:hci0"} 0',
        'gatewayd_bluetooth_heard_total{port="ble:hci0"} 12',
        'gatewayd_bluetooth_dropped_total{port="ble:hci0"} 1',
    ]
    assert not any("bluetooth" in line for line in lines(make_status(ports=[])))
