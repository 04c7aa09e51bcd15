"""The commissioning report and the bench against the real daemon."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import House
from tests.live.plant import HALL_C, UPLINK, planted

EVIL = '<script>alert("x")</script>'


class Words(HTMLParser):
    """The words that a reader sees, and the tags around them."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style" and data.strip():
            self.words.append(data.strip())

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


async def test_a_report_tells_all_on_one_page(house: House, cloud: Cloud) -> None:
    """Devices, values, outputs with limits, the ledger; no key, no address to load, no script."""
    async with planted(house, cloud) as plant:
        plant.limit(min_off="5s")
        async with house.daemon() as daemon:
            await daemon.wait_up("pump", "fans", "hall", UPLINK)
            await daemon.wait_line(UPLINK, lambda line: line["delivered"] >= 10)
            file = house.folder / "report.html"
            finished = await house.verb("report", "--output", str(file))
            told = await house.verb("report", "--json")
        late = await house.verb("report", "--output", str(file))
    assert (finished.code, finished.out.strip()) == (0, str(file)), finished
    text = file.read_text()
    page = Words()
    page.feed(text)
    whole = " ".join(page.words)
    for expected in ("pump/vent", "hold_max 1h", "min_off 5s", f"{HALL_C:.2f} °C", UPLINK):
        assert expected in whole, expected
    assert "modbus_relay at" in whole
    assert API_KEY not in text
    assert "script" not in page.tags
    assert not re.search(r'(src|href)="', text)
    assert told.json["ledger"]["is_balanced"]
    assert late.code == 69
    assert "no daemon" in late.err


async def test_a_name_in_a_report_is_a_text(house: House) -> None:
    """Whatever somebody called the gateway."""
    house.devices["hall"] = {"driver": "sim", "signals": {"temperature": {"mean": 21.0}}}
    document = house.document()
    document["gateway"]["name"] = EVIL
    house.document = lambda: document  # type: ignore[method-assign]  # The name is this test's own.
    async with house.daemon() as daemon:
        await daemon.wait_up("hall")
        file = house.folder / "report.html"
        assert (await house.verb("report", "--output", str(file))).code == 0
    text = file.read_text()
    assert EVIL not in text
    assert "&lt;script&gt;" in text


async def test_the_bench_measures_this_machine(house: House) -> None:
    """Every figure, as one document."""
    finished = await house.verb("bench", "--scratch", str(house.folder), "--json")
    assert finished.code == 0, finished
    figures = finished.json
    assert figures["flood_per_s"] > 1000
    assert 10 < figures["memory_mib"] < 100
    assert 0 < figures["socket_p50_ms"] <= figures["socket_p99_ms"] < 5000
    assert 0 < figures["cloud_p50_ms"] <= figures["cloud_p99_ms"] < 5000
    assert list(house.folder.iterdir()) == []
