"""The commissioning report as one HTML file: made of what a gateway told at one moment; pure.

It stands alone (no script, no font, no address), is read on a screen and printed on A4, and every
text in it is escaped: names come from configuration files and from devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any

from gatewayd.fields import show_duration
from gatewayd.setpoint import show_value

Json = Mapping[str, Any]
Cells = Sequence[object]

FRESH_S = 1.0
"""Ages below this are shown as none."""

UNITS = {"Cel": "°C", "By": "B", "By/s": "B/s"}
"""What people write for the UCUM codes that they do not."""

NUMBERS = frozenset({"value", "age", "accepted", "delivered", "pending", "dropped"})
"""Columns that stand to the right."""

STYLE = """
:root { --ink: #17211f; --quiet: #55645f; --edge: #cfd8d5; --bad: #a52315; --good: #0b6b4f; }
* { box-sizing: border-box; }
body { font: 11pt/1.4 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: var(--ink);
  margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: #fff; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; border-bottom: 2px solid var(--ink);
  break-after: avoid; }
p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; color: var(--quiet); font-weight: 600; }
th, td { padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--edge); vertical-align: top;
  overflow-wrap: anywhere; }
th, .number { white-space: nowrap; }
th.number, .number { text-align: right; padding-right: 1rem; font-variant-numeric: tabular-nums; }
tr { break-inside: avoid; }
.quiet { color: var(--quiet); }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); font-weight: 600; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .8rem 0; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; }
.sign { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 2rem; margin-top: 4rem;
  break-inside: avoid; }
.sign div { border-top: 1px solid var(--ink); padding-top: .2rem; font-size: .85rem; }
@page { size: A4; margin: 15mm; }
@media print { body { padding: 0; max-width: none; font-size: 9.5pt; } }
"""


@dataclass(frozen=True, slots=True)
class Told:
    """All that a report is made of.

    Attributes:
        status: the status document.
        ledger: the ledger document.
        readings: every channel's latest reading.
        channels: every channel's description.
        limits: of every output, rows of name and value, by global name.
        versions: what the machine is and what runs on it.
        problems: sentences of `gatewayd check`.
        made_ms: when.
    """

    status: Json
    ledger: Json
    readings: Sequence[Json]
    channels: Sequence[Json]
    limits: Mapping[str, Sequence[tuple[str, str]]]
    versions: Json
    problems: Sequence[str]
    made_ms: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    """What was set for a device: its driver and its wire, by name."""


def report_of(told: Told) -> str:
    """Return the report."""
    gateway = told.status["gateway"]
    title = f"Commissioning report: {gateway['name']}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(str(gateway['name']))}</h1>",
        f'<p class="quiet">Commissioning report of {_time(told.made_ms)}</p>',
        *_facts(told),
        *_devices(told),
        *_outputs(told),
        *_uplinks(told),
        *_problems(told.problems),
        '<div class="sign"><div>Place, date</div><div>Installer</div><div>Customer</div></div>',
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _facts(told: Told) -> Iterable[str]:
    status, versions = told.status, told.versions
    gateway, clock, card = status["gateway"], status["clock"], status["outbox"].get("card") or {}
    health = status["health"]
    known = "synchronised" if clock["is_synchronised"] else "NOT SYNCHRONISED"
    rows: list[tuple[str, str, str]] = [
        ("Gateway", f"{gateway['id']}, gatewayd {gateway['version']}", ""),
        ("Health", "ok" if health["is_ok"] else health["reason"], _grade(health["is_ok"])),
        ("Running for", show_duration(gateway["uptime_s"]), ""),
        ("Clock", f"{_time(clock['time_ms'])}, {known}", _grade(clock["is_synchronised"])),
        ("Machine", _machine(versions), ""),
        ("Software", f"Python {versions['python']}, Linux {versions['kernel']}", ""),
        ("Card", _card(card, status["outbox"]), _grade(not status["outbox"]["card_fault"])),
        ("State", str(gateway["state_dir"]), ""),
    ]
    yield '<dl class="facts">'
    for name, text, grade in rows:
        yield f'<dt>{escape(name)}</dt><dd class="{grade}">{escape(text)}</dd>'
    yield "</dl>"


def _machine(versions: Json) -> str:
    known = (versions.get("model"), versions.get("machine"), versions.get("system"))
    return ", ".join(str(each) for each in known if each)


def _card(card: Json, outbox: Json) -> str:
    if outbox["card_fault"]:
        return str(outbox["card_fault"])
    if not card.get("device"):
        return "no card is known to hold the state"
    text = str(card["device"])
    if card.get("size_bytes"):
        text += f", {card['size_bytes'] / 1e9:.0f} GB"
    if card.get("years_left") is not None:
        years = card["years_left"]
        text += f", lasts {years:.0f} years at this rate" if years < 100 else ", outlasts us"
    return text


def _devices(told: Told) -> Iterable[str]:
    readings = {each["channel"]: each for each in told.readings}
    kinds = {each["channel"]: each for each in told.channels}
    yield "<h2>Devices and what they show</h2>"
    rows: list[tuple[Cells, Cells]] = []
    for device in told.status["devices"]:
        mine = [name for name in kinds if name.startswith(f"{device['name']}/")]
        state = "up" if device["is_up"] else f"down: {device['reason']}"
        state = device.get("stopped") or state
        for place, name in enumerate(mine or [device["name"]]):
            first = place == 0
            reading = readings.get(name, {})
            value, age = _value(reading), _age(reading.get("age_s"))
            is_good = reading.get("quality") in ("good", "off")
            head = (device["name"], told.settings.get(device["name"], device["driver"]), state)
            cells = (
                *(head if first else ("", "", "")),
                name.partition("/")[2],
                value,
                age if reading else "",
            )
            is_well = device["is_up"] and not device.get("stopped")
            grades = ("", "quiet", _grade(is_well), "", f"number {_grade(is_good)}", "number")
            rows.append((cells, grades))
    yield from _table(("device", "driver", "state", "channel", "value", "age"), rows)


def _value(reading: Json) -> str:
    if not reading:
        return ""
    value = reading["value"]
    if value is None:
        return f"none ({reading['quality']})"
    decimals = reading.get("decimals")
    if isinstance(value, float) and decimals is not None:
        value = f"{value:.{decimals}f}"
    shown = show_value(value) if isinstance(value, bool) else str(value)
    unit = reading.get("unit") or ""
    return f"{shown} {UNITS.get(unit, unit)}".strip()


def _outputs(told: Told) -> Iterable[str]:
    outputs = told.status["outputs"]
    if not outputs:
        return
    yield "<h2>Outputs, their limits and what they do when in doubt</h2>"
    rows: list[tuple[Cells, Cells]] = []
    for output in outputs:
        limits = "; ".join(f"{name} {value}" for name, value in told.limits[output["channel"]])
        known = output["value"] is not None
        now = show_value(output["value"]) if known else "nobody knows"
        proof = "read back" if output["is_verified"] else "assumed"
        cells = (
            output["channel"],
            show_value(output["safe"]),
            limits or "none",
            f"{now} ({output.get('verified_by') or proof})" if known else now,
            "yes" if output["is_safe"] else "NO",
        )
        rows.append((cells, ("", "", "", _grade(known), _grade(output["is_safe"]))))
    yield from _table(("output", "safe value", "limits", "now", "is safe"), rows)


def _uplinks(told: Told) -> Iterable[str]:
    uplinks = told.status["uplinks"]
    if not uplinks:
        return
    yield "<h2>Clouds, and what became of every reading</h2>"
    rows: list[tuple[Cells, Cells]] = []
    for uplink in uplinks:
        line = told.ledger["uplinks"].get(uplink["name"], {})
        dropped = line.get("dropped", {})
        lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        is_good = uplink["is_up"] and not uplink.get("stopped")
        cells = (
            uplink["name"],
            uplink["kind"],
            "up" if is_good else uplink.get("stopped") or f"down: {uplink['reason']}",
            line.get("accepted", ""),
            line.get("delivered", ""),
            line.get("pending", ""),
            lost or 0,
            "yes" if line.get("is_balanced") else "NO",
        )
        numbers = ("number",) * 3
        grades = ("", "", _grade(is_good), *numbers, f"number {_grade(not lost)}")
        rows.append((cells, (*grades, _grade(line.get("is_balanced", False)))))
    head = ("uplink", "kind", "state", "accepted", "delivered", "pending", "dropped", "balanced")
    yield from _table(head, rows)


def _problems(problems: Sequence[str]) -> Iterable[str]:
    yield "<h2>What the check of the configuration says</h2>"
    if not problems:
        yield '<p class="good">No mistakes, no warnings.</p>'
        return
    yield "<ul>"
    yield from (f"<li>{escape(each)}</li>" for each in problems)
    yield "</ul>"


def _table(head: Sequence[str], rows: Iterable[tuple[Cells, Cells]]) -> Iterable[str]:
    """Yield a table; each row has its cells and their classes."""
    yield "<table><thead><tr>"
    kinds = ["number" if name in NUMBERS else "" for name in head]
    yield "".join(
        f'<th class="{kind}">{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    yield "</tr></thead><tbody>"
    for cells, classes in rows:
        shown = (
            f'<td class="{kind}">{escape(str(cell))}</td>'
            for cell, kind in zip(cells, classes, strict=True)
        )
        yield f"<tr>{''.join(shown)}</tr>"
    yield "</tbody></table>"


def _grade(is_good: object) -> str:
    return "" if is_good else "bad"


def _age(age_s: float | None) -> str:
    if age_s is None:
        return ""
    return show_duration(round(age_s)) if age_s >= FRESH_S else "now"


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
