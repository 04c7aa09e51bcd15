"""The status as Prometheus text, exposition format 0.0.4.

A writer of its own: sixty lines against two megabytes for a library whose counters would only be
copies of what the status knows already. A sensor without a value has no sample: never a zero.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STATM = Path("/proc/self/statm")

Labels = Mapping[str, object]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process takes from the machine."""

    resident_bytes: int
    cpu_s: float


def process_usage() -> Usage:
    """Return this process's resident memory and the processor time it has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resident = 0
    if STATM.exists():
        resident = int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(resident, used.ru_utime + used.ru_stime)


def metrics_of(
    status: Mapping[str, Any], channels: Iterable[Mapping[str, Any]], usage: Usage
) -> str:
    """Return everything that is counted, as text.

    Args:
        status: the status document.
        channels: every channel with its latest reading, as `/api/channels` shows them.
    """
    lines: list[str] = []
    for name, kind, told, samples in (
        *_process(usage),
        *_own(status),
        *_devices(status["devices"]),
        *_radios(status.get("ports", [])),
        *_uplinks(status["uplinks"]),
        *_outputs(status["outputs"]),
        *_readings(list(channels)),
    ):
        if samples:
            lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


Family = tuple[str, str, str, list[Sample]]
"""Name, type, help, samples."""


def _process(usage: Usage) -> Iterator[Family]:
    """The names are those that every exporter uses, so that dashboards know them."""
    memory = "Memory of this process."
    yield "process_resident_memory_bytes", "gauge", memory, [({}, usage.resident_bytes)]
    yield "process_cpu_seconds_total", "counter", "Processor time.", [({}, usage.cpu_s)]


def _own(status: Mapping[str, Any]) -> Iterator[Family]:
    gateway, outbox = status["gateway"], status["outbox"]
    about = {"version": gateway["version"], "gateway": gateway["id"]}
    yield "gatewayd_info", "gauge", "Which gateway and version this is.", [(about, 1)]
    for name, told, value in (
        ("uptime_seconds", "Since start.", gateway["uptime_s"]),
        ("healthy", "Whether it does its work.", status["health"]["is_ok"]),
        ("clock_synchronised", "Whether it knows the time.", status["clock"]["is_synchronised"]),
        ("outbox_card_fault", "Whether the card is at fault.", outbox["card_fault"] is not None),
        ("ledger_balanced", "Whether every reading is accounted for.", not outbox["mismatch"]),
    ):
        yield f"gatewayd_{name}", "gauge", told, [({}, value)]
    if card := outbox.get("card"):
        yield from _card(card)
    recorded: list[Sample] = [({}, outbox["recorded"])]
    yield "gatewayd_readings_recorded_total", "counter", "Readings in the log.", recorded
    lost: list[Sample] = [({"place": place}, count) for place, count in outbox["lost"].items()]
    yield "gatewayd_readings_lost_total", "counter", "Readings that no log could take.", lost


def _card(card: Mapping[str, Any]) -> Iterator[Family]:
    labels: list[dict[str, object]] = [{"device": card["device"] or ""}]
    for key, kind, told in (
        ("written_bytes", "counter", "Written to the card by this process."),
        ("own_bytes_a_day", "gauge", "The same in a day, at the rate of the last."),
        ("device_bytes_a_day", "gauge", "Written to the card by everybody in a day."),
        ("budget_bytes_a_day", "gauge", "What the owner allows in a day."),
        ("years_left", "gauge", "How long a new card lasts at this rate."),
    ):
        name = f"gatewayd_card_{key}" + ("_total" if kind == "counter" else "")
        yield name, kind, told, _of(labels, [card], key)


def _devices(devices: list[Mapping[str, Any]]) -> Iterator[Family]:
    labels = [{"device": each["name"], "driver": each["driver"]} for each in devices]
    yield "gatewayd_device_up", "gauge", "Whether it is connected.", _of(labels, devices, "is_up")
    yield (
        "gatewayd_device_ends_total",
        "counter",
        "Connections that ended.",
        _of(labels, devices, "ends"),
    )
    told = "Answers that it gave."
    yield "gatewayd_device_samples_total", "counter", told, _of(labels, devices, "samples")


def _radios(ports: list[Mapping[str, Any]]) -> Iterator[Family]:
    """Tell of Bluetooth adapters; other wires count nothing of their own."""
    radios = [each for each in ports if "is_hearing" in each]
    labels: list[dict[str, object]] = [{"port": each["name"]} for each in radios]
    for key, name, kind, told in (
        ("is_hearing", "hearing", "gauge", "Whether the adapter hears anything; deaf ones hang."),
        ("is_passive", "scan_passive", "gauge", "Whether it listens without asking."),
        ("heard", "heard_total", "counter", "Messages of known devices that it heard."),
        ("dropped", "dropped_total", "counter", "Messages that nobody took in time."),
    ):
        rows: list[Mapping[str, Any]] = [
            {**each, "is_passive": each.get("scan") == "passive"} for each in radios
        ]
        yield f"gatewayd_bluetooth_{name}", kind, told, _of(labels, rows, key)


def _uplinks(uplinks: list[Mapping[str, Any]]) -> Iterator[Family]:
    labels = [{"uplink": each["name"], "kind": each["kind"]} for each in uplinks]
    yield "gatewayd_uplink_up", "gauge", "Whether it is connected.", _of(labels, uplinks, "is_up")
    yield (
        "gatewayd_uplink_ends_total",
        "counter",
        "Connections that ended.",
        _of(labels, uplinks, "ends"),
    )
    for key, kind, told in (
        ("accepted", "counter", "Readings that the log took for it."),
        ("delivered", "counter", "Readings that its cloud has acknowledged."),
        ("pending", "gauge", "Readings that the log holds for it."),
    ):
        name = f"gatewayd_uplink_{key}" + ("_total" if kind == "counter" else "")
        yield name, kind, told, _of(labels, uplinks, key)
    told = "Readings sent again without an answer to the first time."
    yield "gatewayd_uplink_repeated_total", "counter", told, _of(labels, uplinks, "repeated")
    dropped: list[Sample] = [
        (mine | {"reason": reason}, count)
        for mine, each in zip(labels, uplinks, strict=True)
        for reason, count in each["dropped"].items()
    ]
    yield (
        "gatewayd_uplink_dropped_total",
        "counter",
        "Readings that its cloud will never get.",
        dropped,
    )


def _outputs(outputs: list[Mapping[str, Any]]) -> Iterator[Family]:
    labels = [{"channel": each["channel"]} for each in outputs]
    yield (
        "gatewayd_output_value",
        "gauge",
        "What it does, where known.",
        _of(labels, outputs, "value"),
    )
    yield (
        "gatewayd_output_safe",
        "gauge",
        "Whether it is known to be safe.",
        _of(labels, outputs, "is_safe"),
    )


def _readings(channels: list[Mapping[str, Any]]) -> Iterator[Family]:
    labels = [
        {"channel": each["channel"], "kind": each["kind"], "unit": each["unit"]}
        for each in channels
    ]
    yield (
        "gatewayd_reading",
        "gauge",
        "The latest value, where there is one.",
        _of(labels, channels, "value"),
    )
    told = "How old the latest reading is, value or not."
    yield "gatewayd_reading_age_seconds", "gauge", told, _of(labels, channels, "age_s")


def _of(labels: list[dict[str, object]], rows: list[Mapping[str, Any]], key: str) -> list[Sample]:
    """Return the samples of one key; what is no number (a text, nothing) has none."""
    return [
        (mine, row[key])
        for mine, row in zip(labels, rows, strict=True)
        if isinstance(row.get(key), bool | int | float)
    ]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(str(value))}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return f"{int(value)}" if isinstance(value, bool | int) else repr(float(value))
