"""The device socket: who gets in, who stays, what devices may ask, and what goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import Answer, Call, KeepAlive, Login, Operation, Sample
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.fields import Secret
from tests.clouds.thinger.device import CREDENTIALS, DEVICE, WAIT_S, Device, Resource, open_device


def points(sandbox: Sandbox, bucket: str = "boiler") -> list[object]:
    found = sandbox.world.accounts["sandbox"].buckets[bucket].points
    return [value for _, value in found.select(None, None, None, is_ascending=True)]


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_device_logs_in(sandbox: Sandbox, dialect: Dialect) -> None:
    """And counts as connected until it leaves."""
    port = sandbox.sockets_plain[dialect].port
    record = sandbox.world.accounts["sandbox"].devices[DEVICE]
    async with open_device(port, dialect=dialect) as device:
        assert device.answers == [Answer(7 if dialect is Dialect.IOTMP else 0, is_ok=True)]
        assert record.is_connected
        assert sandbox.connection(DEVICE) is not None
    async with asyncio.timeout(WAIT_S):
        await sandbox.sockets.wait_closed()
    assert not record.is_connected


@pytest.mark.parametrize(
    "who",
    [
        {"credentials": "wrong"},
        {"device": "none"},
        {"user": "nobody"},
        {"device": "off"},
        {"device": "mqtt1"},
        {"user": "ann"},
    ],
)
async def test_a_wrong_log_in_is_refused(sandbox: Sandbox, who: dict[str, str]) -> None:
    """An error, and then the connection ends."""
    async with open_device(sandbox.socket_port, **who) as device:  # type: ignore[arg-type]  # Texts.
        await device.until(lambda: device.is_gone)
        assert device.answers == [Answer(0, is_ok=False)]
    assert sandbox.journal.counts["logins_refused"] == 1


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x02\x00", b"\x01\xff\xff\x7f"])
async def test_who_does_not_log_in_is_left(sandbox: Sandbox, data: bytes) -> None:
    """Silence, another protocol, a keep-alive, half a frame."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.socket_port)
    writer.write(data)
    async with asyncio.timeout(WAIT_S):
        assert await reader.read() == b""
    writer.close()
    assert sandbox.journal.counts["logins_odd"] == 1


async def test_the_newest_connection_wins(sandbox: Sandbox, device: Device) -> None:
    """The older one is cut, and the device stays connected."""
    async with open_device(sandbox.socket_port) as newer:
        await device.until(lambda: device.is_gone)
        assert newer.answers[0].is_ok
        assert sandbox.world.accounts["sandbox"].devices[DEVICE].is_connected


async def test_a_keep_alive_is_echoed(sandbox: Sandbox, device: Device) -> None:
    """And none comes unasked."""
    device.send(KeepAlive())
    device.send(KeepAlive())
    await device.until(lambda: device.alive == 2)
    assert sandbox.journal.counts["keep_alives"] == 2


async def test_a_silent_device_is_dropped(sandbox: Sandbox) -> None:
    """Whatever else it says: it is the keep-alive that counts."""
    sandbox.world.settings = replace(sandbox.settings, silence_s=0.3)
    async with open_device(sandbox.socket_port) as device:
        await device.call(1, Operation.WRITE_BUCKET, "boiler", 1)
        await device.until(lambda: device.is_gone)
    assert sandbox.journal.counts["dropped_silent"] == 1


async def test_a_point_goes_into_its_bucket(sandbox: Sandbox, device: Device) -> None:
    """Acknowledged with the id it came with; silently without."""
    answer = await device.call(
        9, Operation.WRITE_BUCKET, "boiler", {"ts": 1_671_536_877_360, "t": 1}
    )
    assert answer == Answer(9, is_ok=True)
    await device.call(10, Operation.WRITE_BUCKET, "boiler", {"ts": 1_671_536_877_360, "t": 1})
    assert points(sandbox) == [{"t": 1}]
    assert sandbox.journal.counts["values"] == 1


@pytest.mark.parametrize("bucket", ["none", "closed", "web"])
async def test_a_point_that_has_no_place_is_refused(
    sandbox: Sandbox, device: Device, bucket: str
) -> None:
    """No bucket, a disabled one, one that devices do not write."""
    assert await device.call(9, Operation.WRITE_BUCKET, bucket, 1) == Answer(9, is_ok=False)
    assert not points(sandbox)


async def test_a_device_calls_another(sandbox: Sandbox, device: Device) -> None:
    """Of the same user, with a value and an answer."""
    async with open_device(sandbox.socket_port, device="other") as other:
        answer = await device.call(
            3, Operation.CALL_DEVICE, "other", {"value1": 2, "value2": 3}, ("sum",)
        )
        assert answer == Answer(3, is_ok=True, payload={"sum": 5, "mult": 6})
        assert len(other.runs) == 1
        assert not (await device.call(4, Operation.CALL_DEVICE, "other", 1, ("no",))).is_ok
        other.is_mute = True
        assert not (await device.call(5, Operation.CALL_DEVICE, "other", 1, ("sum",))).is_ok
    assert not (await device.call(6, Operation.CALL_DEVICE, "none", 1, ("sum",))).is_ok


async def test_answers_and_samples_of_nothing_are_counted(sandbox: Sandbox, device: Device) -> None:
    """And ignored."""
    device.send(Answer(77, is_ok=True))
    device.send(Sample(78, {"out": 1}))
    device.send(KeepAlive())
    await device.until(lambda: device.alive == 1)
    assert sandbox.journal.counts["answers_unexpected"] == 1
    verdicts = [each.verdict for each in sandbox.journal.messages]
    assert verdicts == ["unexpected", "no such stream"]


async def test_a_frame_that_cannot_be_ends_the_connection(sandbox: Sandbox, device: Device) -> None:
    """What stood before it counts."""
    device.send(KeepAlive())
    device.writer.write(b"\x09\x00")
    await device.until(lambda: device.is_gone)
    assert device.alive == 1
    assert sandbox.journal.counts["malformed"] == 1


async def test_frames_come_in_any_pieces(sandbox: Sandbox, device: Device) -> None:
    """Byte by byte, both ways."""
    sandbox.sockets.faults.split = True
    async with open_device(sandbox.socket_port, device="other") as other:
        answer = await sandbox.sockets.ask("sandbox", "other", ("temperature",))
        assert answer.payload == 21.5
        for byte in other.codec.encode(KeepAlive()):
            other.writer.write(bytes((byte,)))
            await other.writer.drain()
        await other.until(lambda: other.alive == 1)


@pytest.mark.parametrize(("fault", "answers"), [("refuse", 1), ("close", 0), ("silent", 0)])
async def test_log_ins_can_fail(sandbox: Sandbox, fault: str, answers: int) -> None:
    """Refused, left without a word, never answered."""
    sandbox.sockets.faults.login = fault
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.socket_port)
    codec = Codec(Dialect.CLASSIC)
    writer.write(codec.encode(Login("sandbox", DEVICE, Secret(CREDENTIALS))))
    if fault == "silent":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
    else:
        async with asyncio.timeout(WAIT_S):
            assert len(list(codec.feed(await reader.read()))) == answers
    writer.close()


async def test_acknowledgements_can_fail(sandbox: Sandbox, device: Device) -> None:
    """Withheld, lost, turned into errors, late."""
    faults = sandbox.sockets.faults
    faults.withhold = 1
    device.send(Call(1, Operation.WRITE_BUCKET, "boiler", 1))
    faults_then = await device.call(2, Operation.WRITE_BUCKET, "boiler", {"ts": 1, "n": 2})
    assert faults_then.id == 2
    assert points(sandbox) == [{"n": 2}]
    faults.lose_ack = 1
    device.send(Call(3, Operation.WRITE_BUCKET, "boiler", {"ts": 2, "n": 3}))
    assert (await device.call(4, Operation.WRITE_BUCKET, "boiler", {"ts": 3, "n": 4})).id == 4
    assert points(sandbox) == [{"n": 2}, {"n": 3}, {"n": 4}]
    faults.error_ack = 1
    refused = await device.call(5, Operation.WRITE_BUCKET, "boiler", {"ts": 4, "n": 5})
    assert not refused.is_ok
    assert len(points(sandbox)) == 3
    faults.ack_delay_s = 0.05
    assert (await device.call(6, Operation.WRITE_BUCKET, "boiler", {"ts": 5, "n": 6})).is_ok


async def test_keep_alives_can_be_swallowed(sandbox: Sandbox, device: Device) -> None:
    """The rest works."""
    sandbox.sockets.faults.swallow_keep_alives = True
    device.send(KeepAlive())
    await device.call(1, Operation.WRITE_BUCKET, "boiler", 1)
    assert device.alive == 0


async def test_the_socket_can_hang_and_go_on(sandbox: Sandbox, device: Device) -> None:
    """Nothing is read until then; nothing is lost."""
    sandbox.sockets.hang(is_hung=True)
    device.send(KeepAlive())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await device.until(lambda: device.alive == 1)
    sandbox.sockets.hang(is_hung=False)
    await device.until(lambda: device.alive == 1)


async def test_the_cloud_can_be_down(sandbox: Sandbox, device: Device) -> None:
    """Connections are cut and refused; then it is back on the same port."""
    port = sandbox.socket_port
    await sandbox.refuse_connections()
    await device.until(lambda: device.is_gone)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await sandbox.accept_connections()
    async with open_device(port) as again:
        assert again.answers[0].is_ok


async def test_ids_wrap_around_and_are_never_in_use_twice(sandbox: Sandbox, device: Device) -> None:
    """1 after 65535, those of streams left out."""
    connection = sandbox.connection(DEVICE)
    assert connection is not None
    connection.streams[1] = ("temperature",)
    connection._last_id = 65534
    assert [connection.next_id() for _ in range(2)] == [65535, 2]


async def test_an_odd_listing_is_no_listing(sandbox: Sandbox, device: Device) -> None:
    """The resource is then run as it is."""
    connection = sandbox.connection(DEVICE)
    assert connection is not None
    device.resources = {("x",): Resource(99)}  # type: ignore[arg-type]  # No kind at all.
    assert await connection.kind_of(("x",), 1) is None
    assert await connection.kind_of(("none", "deeper"), 1) is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), is_logged_in=st.booleans())
async def test_any_bytes_harm_nobody_else(
    sandbox: Sandbox, data: bytes, *, is_logged_in: bool
) -> None:
    """Before the log-in and after it, whole or cut: others are served as before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.socket_port)
    if is_logged_in:
        login = Login("sandbox", "other", Secret(CREDENTIALS))
        writer.write(Codec(Dialect.CLASSIC).encode(login))
        assert await reader.read(4) == bytes.fromhex("01021001")
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(WAIT_S):
        await reader.read()
    writer.close()
    async with open_device(sandbox.socket_port) as device:
        assert device.answers[0].is_ok
        device.answers.clear()
        assert (await device.call(1, Operation.WRITE_BUCKET, "boiler", 1)).is_ok
