"""The console of a real daemon, seen and operated by a real browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.live.browser import Browser, find_browser, open_browser
from tests.live.daemon import Daemon, House, until
from tests.peers.listening import free_port, listening

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(
        find_browser() is None, reason="no browser here; `make test-page` installs chromium"
    ),
]

PASSWORD = "boiler room 3"
SPARK = '[data-channel="boiler/temperature"] .spark path'
VALUE = '[data-channel="boiler/temperature"] .value'
MOOD = "document.querySelector('[data-channel=\"{}\"]').dataset.mood"
TOLD = ".output .told"


@dataclass
class Site:
    """A daemon with a console, and a browser that looks at it."""

    house: House
    daemon: Daemon
    browser: Browser
    address: str

    def relay(self) -> bool:
        """Return what the relay really does."""
        relays: dict[str, bool] = json.loads((self.house.folder / "pump.json").read_text())
        return relays["relay"]


def furnish(house: House, **console: str) -> str:
    """Give a house a boiler that is measured, a pump, a console; return the console's address."""
    listen = f"127.0.0.1:{free_port()}"
    house.sections["console"] = {"listen": listen, **console}
    signals = {
        "temperature": {"kind": "temperature", "unit": "Cel", "mean": 61.5, "noise": 0.2},
        "level": {"kind": "level", "unit": "%", "mean": 40.0, "dropout": 1.0},
    }
    house.devices["boiler"] = {"driver": "sim", "every": "200ms", "signals": signals}
    house.devices["pump"] = {
        "driver": "sim_relay",
        "state_file": str(house.folder / "pump.json"),
        "safe": "off",
        "hold_max": "1h",
    }
    return f"http://{listen}/"


@pytest.fixture
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
async def site(house: House, browser: Browser) -> AsyncIterator[Site]:
    address = furnish(house)
    async with house.daemon() as daemon:
        await daemon.wait_up("boiler", "pump")
        await until(lambda: house.logged("console listens"), "the console listens")
        await browser.resize(1280, 900)
        await browser.open(address)
        await browser.wait('document.querySelector("#live")?.innerText === "live"')
        yield Site(house, daemon, browser, address)


async def test_the_page_shows_a_reading_with_its_unit_age_and_plot(site: Site) -> None:
    """As it changes; and nothing goes wrong in the page while it does."""
    first = await site.browser.text(VALUE)
    assert first.endswith(" °C")
    assert 60 < float(first.split()[0]) < 63
    await site.browser.wait(f"document.querySelector({VALUE!r}).innerText !== {first!r}")
    await site.browser.wait(f"document.querySelector({SPARK!r})?.getAttribute('d').length > 20")
    assert await site.browser.text('[data-channel="boiler/temperature"] .age') == "now"
    assert await site.browser.text("#health") == "healthy"
    assert not site.browser.complaints


async def test_what_has_no_value_shows_the_reason_and_never_a_zero(site: Site) -> None:
    """In words, and marked."""
    words = await site.browser.text('[data-channel="boiler/level"] .value')
    assert words in ("does not answer", "answers nonsense", "answers too late")
    assert await site.browser.eval(MOOD.format("boiler/level")) == "missing"
    assert await site.browser.eval(MOOD.format("boiler/temperature")) == "fresh"


async def test_a_click_switches_the_relay_and_shows_the_outcome(site: Site) -> None:
    """What is shown is what was read back; the contact is looked at from outside."""
    assert not site.relay()
    await site.browser.click(".output button[value=on]")
    await site.browser.wait(f"document.querySelector({TOLD!r}).innerText.includes('done')")
    assert "it is on (read back)" in await site.browser.text(TOLD)
    assert site.relay()
    await site.browser.wait("document.querySelector('.output .pill').innerText === 'on'")
    assert "goes back to off in" in await site.browser.text(".output .left")
    row = await site.browser.text("#commands tbody tr")
    assert "pump/relay" in row
    assert "local" in row
    assert not site.browser.complaints


async def test_keys_alone_do_it_too(site: Site) -> None:
    """Focus and Enter, for who has no mouse."""
    await site.browser.wait("document.querySelector('.output button[value=on]') !== null")
    await site.browser.eval("document.querySelector('.output button[value=on]').focus()")
    await site.browser.press("Enter", 13, "\r")
    await site.browser.wait(f"document.querySelector({TOLD!r}).innerText.includes('done')")
    assert site.relay()


async def test_what_another_hand_does_is_seen(site: Site) -> None:
    """The page follows the output, not its own buttons."""
    command = {"channel": "pump/relay", "value": True, "request_id": "1"}
    assert (await site.daemon.ask("set", **command))["status"] == "done"
    await site.browser.wait("document.querySelector('.output .pill')?.innerText === 'on'")


async def test_a_gateway_that_is_gone_is_told_and_found_again(site: Site) -> None:
    """What is shown then is marked as old; the page comes back by itself."""
    await site.daemon.stop()
    await site.browser.wait("document.body.classList.contains('lost')")
    assert "No connection to the gateway since" in await site.browser.text("#alarm")
    async with site.house.daemon():
        await site.browser.wait("!document.body.classList.contains('lost')")
        assert await site.browser.text("#live") == "live"


async def test_on_a_phone_nothing_is_cut_off(site: Site) -> None:
    """The page is as wide as the screen, in the dark too."""
    await site.browser.resize(360, 740, is_dark=True)
    await site.browser.text(VALUE)
    wide = await site.browser.eval("document.documentElement.scrollWidth")
    assert wide <= 360
    box = await site.browser.eval(
        "document.querySelector('.output button').getBoundingClientRect().height"
    )
    assert box >= 40  # A thumb.


async def test_a_password_is_asked_for_and_opens_the_page(house: House, browser: Browser) -> None:
    """A wrong one is told; the right one leads to the page, the logout back."""
    address = furnish(house, password=PASSWORD)
    async with house.daemon() as daemon:
        await daemon.wait_up("boiler", "pump")
        await until(lambda: house.logged("console listens"), "the console listens")
        await browser.open(address)
        for password in ("wrong", PASSWORD):
            await browser.wait("document.querySelector('#password') !== null")
            await browser.eval(f"document.querySelector('#password').value = {password!r}")
            await browser.click("button[type=submit]")
            if password == "wrong":
                assert await browser.text("#told") == "the password is wrong"
        await browser.wait('document.querySelector("#live")?.innerText === "live"')
        await browser.click("#leave button")
        await browser.wait("location.pathname === '/login'")
    assert PASSWORD not in house.log.read_text()


async def test_who_may_only_look_is_offered_no_button(house: House, browser: Browser) -> None:
    """Greyed out and said why, on a phone too; what the output does is shown all the same."""
    address = furnish(house, password=PASSWORD, password_role="read")
    async with house.daemon() as daemon:
        await daemon.wait_up("boiler", "pump")
        await until(lambda: house.logged("console listens"), "the console listens")
        await browser.resize(360, 740)
        await browser.open(address)
        await browser.wait("document.querySelector('#password') !== null")
        await browser.eval(f"document.querySelector('#password').value = {PASSWORD!r}")
        await browser.click("button[type=submit]")
        await browser.wait("document.querySelector('.output .told')?.innerText.length > 0")
        assert await browser.text(TOLD) == "this login may look, not operate"
        assert await browser.text(".output .pill") == "off"
        controls = "[...document.querySelectorAll('.output :is(button, select)')]"
        assert await browser.eval(f"{controls}.length") == 3
        assert await browser.eval(f"{controls}.every((each) => each.disabled)")
        await browser.eval("document.querySelector('.output button[value=on]').click()")
        command = {"channel": "pump/relay", "value": True, "request_id": "1"}
        assert (await daemon.ask("set", **command))["status"] == "done"
        await browser.wait("document.querySelector('.output .pill').innerText === 'on'")
        assert await browser.eval(f"{controls}.every((each) => each.disabled)")
        assert len((await daemon.ask("status"))["commands"]) == 1
        assert not browser.complaints


async def test_what_the_next_try_of_a_dead_device_begins_with_is_shown(
    house: House, browser: Browser
) -> None:
    """The reason, how often it failed, and the rung of the ladder."""
    address = furnish(house)
    house.devices["meter"] = {
        "driver": "lines",
        "port": f"socket://127.0.0.1:{free_port()}",
        "format": "csv",
        "fields": {"power": {"kind": "power", "unit": "W", "column": 1}},
    }
    reason = "[data-device=meter] .why"
    async with house.daemon() as daemon:
        await daemon.wait_up("boiler", "pump")
        await until(lambda: house.logged("console listens"), "the console listens")
        await browser.open(address)
        said = f"document.querySelector({reason!r})?.innerText ?? ''"
        pattern = r"/\d failures in a row; next try after .+, with a (device|port) reset first/"
        await browser.wait(f"{pattern}.test({said})", 60.0)
        assert "refused" in await browser.text(reason)
        assert await browser.text("[data-device=meter] .pill") == "down"
        assert not browser.complaints


async def test_a_strangers_page_gets_nothing(site: Site) -> None:
    """Another origin on this very machine, in the same browser."""
    async with listening(_serve_evil) as port:
        await site.browser.open(f"http://127.0.0.1:{port}/")
        await site.browser.wait("document.title === 'evil'")
        for kind in ("application/json", "text/plain"):
            post = (
                f"fetch('{site.address}api/outputs/pump/relay', {{method: 'POST', mode: "
                f"'{'cors' if kind == 'application/json' else 'no-cors'}', "
                f"headers: {{'Content-Type': '{kind}'}}, body: '{{\"value\": true}}'}})"
                ".then((answer) => answer.status, () => -1)"
            )
            assert await site.browser.eval(post) in (-1, 0)
        read = f"fetch('{site.address}api/status').then(() => 'read', () => 'blocked')"
        assert await site.browser.eval(read) == "blocked"
    assert not site.relay()
    assert (await site.daemon.ask("status"))["commands"] == []


async def _serve_evil(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    page = b"<!doctype html><title>evil</title>"
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n" + page)
    await writer.drain()
