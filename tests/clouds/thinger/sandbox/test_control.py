"""The control plane: the world made, looked at, broken, put right, and begun anew."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.events import KeepAlive, Operation, Run, StartStream
from gatewayd.clouds.thinger.sandbox import Sandbox
from tests.clouds.thinger.device import DEVICE, Device, open_device
from tests.clouds.thinger.sandbox.conftest import Control


async def test_it_says_where_it_listens_and_what_it_does(
    control: Control, sandbox: Sandbox
) -> None:
    """Every verb with a word about it."""
    found = await control("GET", "/")
    assert found["socket"] == sandbox.socket_port
    assert found["iotmp"] == sandbox.iotmp_port
    assert (found["socket_tls"], found["tls"]) == (None, "switched off")
    assert all(each["does"] for each in found["verbs"])


async def test_an_account_is_made_in_one_document(control: Control, sandbox: Sandbox) -> None:
    """Devices with credentials, buckets, endpoints, properties; tokens come back."""
    body = {
        "accounts": [
            {
                "user": "alice",
                "devices": [{"device": "gw01"}, {"device": "web", "type": "HTTP"}],
                "buckets": [{"bucket": "b"}],
                "endpoints": [{"endpoint": "e"}],
                "properties": {"gw01": {"p": 5}},
            }
        ]
    }
    (made,) = (await control("POST", "/provision", body))["accounts"]
    credentials = made["devices"][0]["credentials"]
    async with open_device(sandbox.socket_port, user="alice", credentials=credentials) as device:
        assert device.answers[0].is_ok
        device.answers.clear()
        assert (await device.call(0, Operation.GET_PROPERTY, "p")).payload == 5
    again = await control("POST", "/provision", body)
    assert again["accounts"][0]["devices"][0]["device"] == "gw01"
    token = (await control("POST", "/token", {"user": "alice"}))["access_token"]
    assert sandbox.doors.caller(token).account.id == "alice"


@pytest.mark.parametrize(
    "body",
    [
        {"accounts": [{"user": "no user"}]},
        {"devices": [{"device": "no device"}]},
        {"devices": [{"device": "a", "credentials": "x"}]},
        {"properties": {"none": {}}},
        {"properties": {"gw01": 5}},
        {"things": []},
        [],
    ],
)
async def test_what_cannot_be_made_is_refused(control: Control, body: object) -> None:
    """With a sentence."""
    status = 404 if body == {"properties": {"none": {}}} else 400
    assert (await control("POST", "/provision", body, status=status))["error"]


async def test_everything_that_came_is_there(
    control: Control, device: Device, sandbox: Sandbox
) -> None:
    """Messages, points, calls, the device itself, and counts."""
    await device.call(1, Operation.WRITE_BUCKET, "boiler", {"ts": 5, "t": 1})
    device.send(KeepAlive())
    await device.until(lambda: device.alive == 1)
    (message,) = (await control("GET", f"/messages?device={DEVICE}&what=WRITE"))["messages"]
    assert (message["way"], message["content"]) == ("classic", {"ts": 5, "t": 1})
    assert (await control("GET", f"/messages?after={message['number']}&way=mqtt"))["messages"] == []
    assert (await control("GET", "/buckets/boiler"))["points"] == [[5, {"t": 1}]]
    found = await control("GET", f"/devices/{DEVICE}")
    assert (found["stats"]["connected"], found["protocol"]) == (True, "classic")
    stats = await control("GET", "/stats")
    assert (stats["points"], stats["values"], stats["connected"]) == (1, 1, [DEVICE])
    for path in ("/buckets/none", "/devices/none", "/endpoints/none"):
        await control("GET", path, status=404)
    sandbox.provision({"endpoints": [{"endpoint": "e"}]})
    await device.call(2, Operation.CALL_ENDPOINT, "e", 7)
    assert (await control("GET", "/endpoints/e"))["calls"] == [7]


async def test_the_socket_is_broken_and_put_right(control: Control, sandbox: Sandbox) -> None:
    """Every fault by its name, and gone together."""
    faults = {
        "login": "refuse",
        "swallow_keep_alives": True,
        "withhold": 1,
        "lose_ack": 2,
        "error_ack": 3,
        "ack_delay_s": 0.5,
        "lose_request": 4,
        "delay_request_s": 0.25,
        "split": True,
        "hang": True,
        "refuse": True,
    }
    found = await control("POST", "/faults/socket", faults)
    assert found["socket"] == faults
    await control("POST", "/faults/mqtt", {"connack_code": 5, "refuse": True})
    await control("POST", "/faults/socket", {"login": "sing"}, status=400)
    found = await control("DELETE", "/faults")
    assert not any(found["socket"].values())
    assert not any(found["mqtt"].values())
    async with open_device(sandbox.socket_port) as device:
        assert device.answers[0].is_ok


async def test_a_device_is_sent_anything(control: Control, device: Device) -> None:
    """Two frames in one segment, half a frame, an unknown field; what is no hex is refused."""
    frames = "0112080226720d4a0b74656d7065726174757265" * 2
    assert (await control("POST", "/raw", {"device": DEVICE, "hex": frames}))["sent"] == 40
    await device.until(lambda: len(device.runs) == 2)
    # Field 7 with a varint, and a padded id.
    odd = "0115" + "3801" + "088200" + "26720d4a0b74656d7065726174757265"
    await control("POST", "/raw", {"device": DEVICE, "hex": odd})
    await device.until(lambda: len(device.runs) == 3)
    await control("POST", "/raw", {"device": DEVICE, "hex": "0x"}, status=400)
    await control("POST", "/raw", {"device": DEVICE, "hex": "0112", "cut": True})
    await device.until(lambda: device.is_gone)
    await control("POST", "/raw", {"device": DEVICE, "hex": ""}, status=404)


async def test_a_resource_is_run(control: Control, device: Device) -> None:
    """With an answer, or with no id and none."""
    body = {"device": DEVICE, "path": "tank/level"}
    assert (await control("POST", "/run", body))["payload"] == {"m": 42}
    await control("POST", "/run", {**body, "path": "relay", "payload": True, "silent": True})
    await device.until(lambda: len(device.runs) == 2)
    assert device.runs[1] == Run(0, ("relay",), True)
    device.is_mute = True
    await control("POST", "/run", body, status=504)


async def test_streams_of_anything_are_started(control: Control, device: Device) -> None:
    """Also of what there is not, and stopped without having begun."""
    body = {"device": DEVICE, "path": "nope", "interval_ms": 100}
    assert (await control("POST", "/stream", body))["is_ok"] is False
    assert (await control("POST", "/stream", {**body, "stop": True}))["is_ok"] is True
    assert (await control("POST", "/streams/restart", {"device": DEVICE}))["restarted"] == 0
    assert isinstance(device.asked[0], StartStream)


async def test_connections_are_cut(control: Control, sandbox: Sandbox, device: Device) -> None:
    """One device's, or all."""
    assert (await control("POST", "/kill", {"device": "none"}))["killed"] == 0
    assert (await control("POST", "/kill", {"device": DEVICE}))["killed"] == 1
    await device.until(lambda: device.is_gone)
    async with open_device(sandbox.socket_port, device="other") as other:
        assert (await control("POST", "/kill"))["killed"] >= 1
        await other.until(lambda: other.is_gone)


async def test_the_clouds_clock_is_moved(control: Control, sandbox: Sandbox) -> None:
    """And tokens end by it; or are revoked."""
    pair = await control("POST", "/token")
    sandbox.doors.caller(pair["access_token"])
    assert (await control("POST", "/clock", {"shift_ms": 7_200_000}))["shift_ms"] == 7_200_000
    from gatewayd.sandbox.errors import ApiError

    with pytest.raises(ApiError, match="expired"):
        sandbox.doors.caller(pair["access_token"])
    pair = await control("POST", "/token")
    await control("POST", "/revoke", {"refresh": False})
    with pytest.raises(ApiError):
        sandbox.doors.caller(pair["access_token"])
    assert sandbox.doors.refresh(pair["refresh_token"])
    await control("POST", "/revoke")
    with pytest.raises(ApiError):
        sandbox.doors.refresh(pair["refresh_token"])


async def test_it_begins_anew(control: Control, sandbox: Sandbox, device: Device) -> None:
    """Nothing received, nobody there, the first account only."""
    await device.call(1, Operation.WRITE_BUCKET, "boiler", 1)
    await control("POST", "/reset")
    await device.until(lambda: device.is_gone)
    assert list(sandbox.world.accounts) == ["sandbox"]
    assert not sandbox.world.accounts["sandbox"].devices
    assert (await control("GET", "/stats"))["messages"] == 0


async def test_the_cloud_publishes_by_mqtt(control: Control) -> None:
    """To nobody, here."""
    body = {"topic": "a/b", "payload": "x"}
    assert (await control("POST", "/publish", body))["delivered"] == 0
