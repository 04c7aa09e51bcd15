"""Resources of all four kinds, in all three forms, and how each of them fails."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson
import pytest

from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import Denied, Invalid, NoAnswer, NotFound
from gatewayd.clouds.thinger.rest_resources import Version
from gatewayd.clouds.thinger.sandbox import Sandbox
from tests.clouds.thinger.device import DEVICE, Device, open_device

VERSIONS = pytest.mark.parametrize("version", list(Version))


async def plain(
    sandbox: Sandbox, method: str, path: str, body: bytes | None = None
) -> tuple[int, object]:
    """Ask as curl would, and return the status and the JSON body."""
    token = sandbox.doors.pair(sandbox.world.account("sandbox"))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, sandbox.rest_url + path, data=body, headers=headers) as answer,
    ):
        raw = await answer.read()
        return answer.status, orjson.loads(raw) if raw else None


@VERSIONS
async def test_an_output_is_read(api: Rest, device: Device, version: Version) -> None:
    """Every call runs it; nested ones too."""
    resources = api.devices.resources(DEVICE, version)
    assert await resources.read("temperature") == 21.5
    device.resources["temperature",].state = 22
    assert await resources.read("temperature") == 22
    assert await resources.read("tank/level") == {"m": 42}


async def test_values_are_wrapped_in_v2_alone(sandbox: Sandbox, device: Device) -> None:
    """`{"out": …}`; v1 and v3 answer the value itself."""
    place = f"users/sandbox/devices/{DEVICE}"
    assert await plain(sandbox, "GET", f"/v2/{place}/temperature") == (200, {"out": 21.5})
    assert await plain(sandbox, "GET", f"/v1/{place}/temperature") == (200, 21.5)
    assert await plain(sandbox, "GET", f"/v3/{place}/resources/temperature") == (200, 21.5)


@VERSIONS
async def test_an_input_is_set(api: Rest, device: Device, version: Version) -> None:
    """Any JSON value reaches the device; its state is read back."""
    resources = api.devices.resources(DEVICE, version)
    for value in (True, 7, "New customer: 101 today!", {"r": 0, "g": 255}, [1, 2]):
        await resources.write("relay", value)
        assert device.resources["relay",].state == value
    assert await resources.read("relay") == [1, 2]
    assert len(device.runs) == 5


@VERSIONS
async def test_an_input_output_answers(api: Rest, device: Device, version: Version) -> None:
    """The vendor's own example."""
    found = await api.devices.resources(DEVICE, version).exchange(
        "sum", {"value1": 20, "value2": 10}
    )
    assert found == {"sum": 30, "mult": 200}


async def test_a_body_without_in_is_the_value(sandbox: Sandbox, device: Device) -> None:
    """As the vendor's curl sends it."""
    path = f"/v2/users/sandbox/devices/{DEVICE}/sum"
    found = await plain(sandbox, "POST", path, b'{"value1":20,"value2":10}')
    assert found == (200, {"out": {"sum": 30, "mult": 200}})


@VERSIONS
async def test_a_resource_without_values_is_run(
    api: Rest, sandbox: Sandbox, device: Device, version: Version
) -> None:
    """Once, with no payload; the answer is empty."""
    await api.devices.resources(DEVICE, version).run("reset")
    assert [(each.path, each.payload) for each in device.runs] == [(("reset",), UNSET)]
    path = f"/v3/users/sandbox/devices/{DEVICE}/resources/reset"
    assert await plain(sandbox, "POST", path, b"") == (200, None)


@VERSIONS
async def test_a_device_that_is_away_is_not_found(api: Rest, version: Version) -> None:
    """404 for all kinds, whether it exists or not."""
    for id in (DEVICE, "none"):
        resources = api.devices.resources(id, version)
        with pytest.raises(NotFound, match="device not found"):
            await resources.read("temperature")
        with pytest.raises(NotFound, match="device not found"):
            await resources.write("relay", True)
        with pytest.raises(NotFound, match="device not found"):
            await resources.run("reset")
        with pytest.raises(NotFound, match="device not found"):
            await resources.listing()


@VERSIONS
async def test_an_unknown_resource_is_not_found(
    api: Rest, device: Device, version: Version
) -> None:
    """404, and what a device refuses as well."""
    resources = api.devices.resources(DEVICE, version)
    with pytest.raises(NotFound):
        await resources.read("nope")
    with pytest.raises(NotFound):
        await resources.exchange("nope", 1)
    with pytest.raises(NotFound):
        await resources.write("stuck", 5)
    with pytest.raises(NotFound):
        await resources.describe("nope")


@VERSIONS
async def test_nobody_without_a_token_gets_to_a_device(
    bad: Rest, device: Device, version: Version
) -> None:
    """401, and nothing reaches it."""
    resources = bad.devices.resources(DEVICE, version)
    for each in (resources.read("temperature"), resources.run("reset"), resources.listing()):
        with pytest.raises(Denied):
            await each
    with pytest.raises(Denied):
        await resources.write("relay", True)
    assert not device.asked


@VERSIONS
async def test_a_silent_device_is_nobodys_answer(
    api: Rest, device: Device, version: Version
) -> None:
    """504: it may have acted."""
    device.is_mute = True
    with pytest.raises(NoAnswer):
        await api.devices.resources(DEVICE, version).write("relay", True)
    assert len(device.runs) == 1


async def test_a_device_that_leaves_is_not_found(api: Rest, device: Device) -> None:
    """Also while an answer is waited for."""
    device.is_mute = True
    asking = asyncio.create_task(api.devices.resources(DEVICE).write("relay", True))
    await device.until(lambda: bool(device.runs))
    device.writer.close()
    with pytest.raises(NotFound):
        await asking


@pytest.mark.parametrize("version", [Version.V2, Version.V3])
async def test_resources_are_listed(api: Rest, device: Device, version: Version) -> None:
    """With their kinds, as the device says."""
    found = await api.devices.resources(DEVICE, version).listing()
    assert found["relay"] == {"al": 0, "fn": 2}
    assert found["tank"] == {"/": {"level": {"al": 0, "fn": 3}}}


async def test_a_resource_is_described(api: Rest, device: Device) -> None:
    """Its present values; nothing moves."""
    resources = api.devices.resources(DEVICE)
    assert await resources.describe("relay") == {"in": False}
    assert await resources.describe("tank/level") == {"out": {"m": 42}}
    assert await resources.describe("reset") == {}
    assert not device.runs


async def test_bytes_reach_the_device(api: Rest, device: Device) -> None:
    """As they are."""
    await api.devices.resources(DEVICE).send_bytes("relay", b"\xde\xad")
    assert device.resources["relay",].state == b"\xde\xad"


async def test_bytes_and_odd_numbers_have_a_form_in_json(api: Rest, device: Device) -> None:
    """Base64, and null for what is no number."""
    device.resources["temperature",].state = {"a": b"\xde\xad", "b": float("nan"), "c": None}
    found = await api.devices.resources(DEVICE).read("temperature")
    assert found == {"a": "3q0=", "b": None, "c": None}


async def test_a_quoted_name_is_one_name(api: Rest, device: Device) -> None:
    """A slash that is quoted makes no second level."""
    place = f"/v2/users/sandbox/devices/{DEVICE}/tank%2Flevel"
    with pytest.raises(NotFound):
        await api.devices.resources(DEVICE)._calls.get(place)
    assert device.runs[-1].path == ("tank/level",)


async def test_what_is_no_json_is_refused(sandbox: Sandbox, device: Device) -> None:
    """400, and nothing reaches the device."""
    path = f"/v2/users/sandbox/devices/{DEVICE}/relay"
    status, _ = await plain(sandbox, "POST", path, b"{on")
    assert status == 400
    assert not device.runs


async def test_what_the_wire_cannot_say_is_refused(
    api: Rest, device: Device, sandbox: Sandbox
) -> None:
    """More than 32 containers inside each other."""
    value: object = 1
    for _ in range(40):
        value = [value]
    with pytest.raises(Invalid):
        await api.devices.resources(DEVICE).write("relay", value)


async def test_a_lost_answer_is_not_asked_for_again(
    api: Rest, sandbox: Sandbox, device: Device
) -> None:
    """The server's own question got lost: 504, and the device was never asked."""
    sandbox.sockets.faults.lose_request = 1
    with pytest.raises(NoAnswer):
        await api.devices.resources(DEVICE).write("relay", True)
    assert not device.runs
    await api.devices.resources(DEVICE).write("relay", True)
    assert len(device.runs) == 1


async def test_a_newer_protocol_tells_why(api: Rest, sandbox: Sandbox) -> None:
    """IOTMP: the same calls, and a refusal's own code and words."""
    from gatewayd.clouds.thinger.codec import Dialect

    async with open_device(sandbox.iotmp_port, dialect=Dialect.IOTMP) as device:
        assert device.answers[0].is_ok
        resources = api.devices.resources(DEVICE)
        assert await resources.read("temperature") == 21.5
        await resources.write("relay", True)
        assert device.resources["relay",].state is True
        with pytest.raises(NotFound):
            await resources.read("nope")
