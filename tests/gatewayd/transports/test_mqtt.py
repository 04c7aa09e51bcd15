"""The MQTT scope against a real broker: acknowledged, ordered, bounded, and dead when it is."""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, LinkDenied, LinkLost
from gatewayd.fields import Secret
from gatewayd.transports.mqtt import Message, MqttSettings, Tls, Version, Will, open_mqtt
from tests.mosquitto import Mosquitto, make_certificates, other_side, running
from tests.peers.listening import listening, stay

USERS = {"gw": "right", "cloud": "cloud"}
LOGIN = ("cloud", "cloud")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path)) as broker:
        yield broker


def settings(port: int) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, client_id="gw", ack_timeout_s=5.0)


def network_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("mqtt")]


@asynccontextmanager
async def silent_peer(answer: bytes = b"") -> AsyncIterator[int]:
    """Take a connection, send `answer` after the first bytes, and say nothing more."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await stay(reader, writer)

    async with listening(serve) as port:
        yield port


@pytest.mark.parametrize("version", list(Version))
async def test_a_publish_returns_when_the_broker_has_it(
    broker: Mosquitto, version: Version
) -> None:
    """In every protocol version a message that `publish` returned for is with the broker."""
    async with other_side(broker.port) as cloud:
        async with open_mqtt(replace(settings(broker.port), version=version)) as session:
            await session.publish("a/b", b"one")
            await session.publish("a/b", b"two", qos=0)
            assert await cloud.wait("a/b", 2) == b"two"
        assert cloud.on("a/b") == [b"one", b"two"]


async def test_a_subscription_brings_messages_in_order(broker: Mosquitto) -> None:
    """After `subscribe` returns, what others publish comes out of `messages` in their order."""
    async with other_side(broker.port) as cloud, open_mqtt(settings(broker.port)) as session:
        await session.subscribe(["in/1", "in/2"])
        for number in range(20):
            cloud.say(f"in/{1 + number % 2}", b"%d" % number)
        heard = [message.payload async for message in take(session.messages(), 20)]
        assert heard == [b"%d" % number for number in range(20)]


async def test_nothing_outlives_the_scope(broker: Mosquitto) -> None:
    """When the block has ended, its thread has ended."""
    async with open_mqtt(settings(broker.port)) as session:
        assert network_threads()
        await session.publish("a", b"")
    assert not network_threads()


async def test_leaving_says_goodbye_and_the_will_stays_unpublished(broker: Mosquitto) -> None:
    """An orderly end is a DISCONNECT."""
    mine = replace(settings(broker.port), will=Will("will", b"err"))
    async with other_side(broker.port) as cloud:
        async with open_mqtt(mine) as session:
            await session.publish("a", b"1")
        async with open_mqtt(settings(broker.port)) as session:
            await session.publish("a", b"2")
        await cloud.wait("a", 2)
        assert not cloud.on("will")


async def test_a_connection_declared_dead_leaves_its_will(broker: Mosquitto) -> None:
    """A lost session drops the socket without DISCONNECT, so that the broker tells the others."""
    mine = replace(settings(broker.port), will=Will("will", b"err"))
    async with other_side(broker.port) as cloud:
        async with open_mqtt(mine) as session:
            session.lose("declared dead")
        assert await cloud.wait("will") == b"err"
    assert not network_threads()


async def test_a_wrong_password_is_denied(tmp_path: Path) -> None:
    """CONNACK 5 is a matter for the owner, not for a retry in a second."""
    with running(Mosquitto(tmp_path, users=USERS)) as broker:
        mine = replace(settings(broker.port), username="gw", password=Secret("guessed"))
        with pytest.raises(LinkDenied, match=r"(?i)authori") as caught:
            async with open_mqtt(mine):
                pass
        assert "guessed" not in str(caught.value)
        said = f"127.0.0.1:{broker.port}: refused by the broker: Not authorized (user name or key"
        assert str(caught.value).startswith(said)
        async with open_mqtt(replace(mine, password=Secret("right"))) as session:
            await session.publish("a", b"")
    assert not network_threads()


@pytest.mark.parametrize(("code", "error"), [(3, LinkLost), (4, LinkDenied), (5, LinkDenied)])
async def test_each_refusal_has_its_error(code: int, error: type[Exception]) -> None:
    """A server that is unavailable may come back; bad credentials will not."""
    async with silent_peer(bytes([0x20, 2, 0, code])) as port:
        with pytest.raises(error):
            async with open_mqtt(settings(port)):
                pass
    assert not network_threads()


async def test_nobody_listening_is_lost() -> None:
    """A refused TCP connection says so in words."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(LinkLost, match=f"^127.0.0.1:{port}: Connection refused$"):
            async with open_mqtt(settings(port)):
                pass
    assert not network_threads()


@pytest.mark.parametrize(
    ("host", "why"), [("does-not-exist.invalid", "[Nn]ame"), ("bad..name", "no host name")]
)
async def test_an_unknown_name_is_lost(host: str, why: str) -> None:
    """A name that does not resolve, or is none, is a connection that is not there."""
    with pytest.raises(LinkLost, match=f"^{host}:1: .*{why}"):
        async with open_mqtt(replace(settings(1), host=host)):
            pass


async def test_a_peer_that_never_answers_has_a_deadline() -> None:
    """A CONNACK that does not come is a lost link, after `open_timeout_s`."""
    async with silent_peer() as port:
        with pytest.raises(LinkLost, match=r"0\.2 s"):
            async with open_mqtt(replace(settings(port), open_timeout_s=0.2)):
                pass
    assert not network_threads()


@pytest.mark.parametrize(
    "junk",
    [
        b"\x30\x02\xff\xff",  # A PUBLISH whose topic is longer than the packet.
        b"\x30\x80\x80\x80\x80\x80\x01",  # A length of more than four bytes.
        b"\x00\x00",  # A packet type that does not exist.
        b"\x90\x00",  # A SUBACK of nothing.
        b"\x40\x01\x00",  # Half a PUBACK.
    ],
)
async def test_nonsense_from_the_broker_is_a_lost_link(junk: bytes) -> None:
    """Bytes that are no MQTT end the connection with a reason; they never hang it."""
    async with silent_peer(b"\x20\x02\x00\x00" + junk) as port, asyncio.timeout(5):
        with pytest.raises(LinkLost):
            async with open_mqtt(settings(port)) as session:
                await session.wait_lost()
    assert not network_threads()


async def test_a_topic_that_is_no_text_is_dropped() -> None:
    """A PUBLISH with a topic outside UTF-8 is counted; the connection goes on."""
    packet = b"\x30\x05\x00\x02\xff\xfeX" + b"\x30\x04\x00\x01aX"
    answer = b"\x20\x02\x00\x00" + packet
    async with silent_peer(answer) as port, open_mqtt(settings(port)) as session:
        messages = [message.topic async for message in take(session.messages(), 1)]
        assert (messages, session.dropped) == (["a"], 1)


async def test_a_silent_broker_is_lost_after_the_ack_timeout(broker: Mosquitto) -> None:
    """No PUBACK in time: the publish raises, and so does everything else that waits."""
    mine = replace(settings(broker.port), ack_timeout_s=0.3)
    async with asyncio.timeout(5):
        with pytest.raises(LinkLost, match="no PUBACK within"):
            async with open_mqtt(mine) as session:
                broker.freeze()
                lost = asyncio.ensure_future(session.wait_lost())
                with pytest.raises(LinkLost, match="no PUBACK within"):
                    await session.publish("a", b"1")
                await lost
    broker.thaw()
    assert not network_threads()


async def test_a_full_socket_does_not_hold_the_scope(broker: Mosquitto) -> None:
    """A broker that stopped reading cannot keep the block from ending."""
    mine = replace(settings(broker.port), ack_timeout_s=0.3)
    started = time.monotonic()
    with pytest.raises(LinkLost):
        async with open_mqtt(mine) as session:
            broker.freeze()
            await asyncio.gather(*(session.publish("a", bytes(1 << 20)) for _ in range(10)))
    assert time.monotonic() - started < 5
    assert not network_threads()


async def test_a_broker_that_dies_ends_every_wait(broker: Mosquitto) -> None:
    """Publish, messages and wait_lost all raise when the connection breaks."""
    async with open_mqtt(settings(broker.port)) as session:
        await session.subscribe(["in"])
        waits = [
            asyncio.ensure_future(session.wait_lost()),
            asyncio.ensure_future(anext(session.messages())),
        ]
        broker.stop()
        ends = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 5)
        assert [type(end) for end in ends] == [LinkLost, LinkLost]
        with pytest.raises(LinkLost):
            await session.publish("a", b"")
        with pytest.raises(LinkLost):
            await session.subscribe(["b"])
        with pytest.raises(LinkLost):
            await anext(session.messages())
    broker.start()
    async with open_mqtt(settings(broker.port)) as session:
        await session.publish("a", b"")


async def test_a_full_inbox_drops_the_newest_and_counts(broker: Mosquitto) -> None:
    """Messages beyond `inbox_max` that nobody takes are dropped, the oldest are kept."""
    mine = replace(settings(broker.port), inbox_max=3)
    async with other_side(broker.port) as cloud, open_mqtt(mine) as session:
        await session.subscribe(["in"])
        for number in range(10):
            cloud.say("in", b"%d" % number)
        async with asyncio.timeout(5):
            while session.dropped < 7:
                await session.publish("tick", b"")
        heard = [message.payload async for message in take(session.messages(), 3)]
        assert (heard, session.dropped) == ([b"0", b"1", b"2"], 7)


async def test_a_message_that_is_too_large_is_dropped(broker: Mosquitto) -> None:
    """A payload above the limit is counted, the next one arrives."""
    mine = replace(settings(broker.port), payload_bytes_max=10)
    async with other_side(broker.port) as cloud, open_mqtt(mine) as session:
        await session.subscribe(["in"])
        cloud.say("in", bytes(11))
        cloud.say("in", b"small")
        heard = [message.payload async for message in take(session.messages(), 1)]
        assert (heard, session.dropped) == ([b"small"], 1)


async def test_tls_trusts_only_the_named_authority(tmp_path: Path) -> None:
    """With the CA file it connects; without it the certificate is not trusted, in words."""
    certificates = make_certificates(tmp_path)
    with running(Mosquitto(tmp_path, certificates=certificates, host="0.0.0.0")) as broker:
        mine = replace(settings(broker.port), tls=Tls(ca_file=certificates.ca_file))
        async with open_mqtt(mine) as session:
            await session.publish("a", bytes(200_000))
        for stranger in (replace(mine, tls=Tls()), replace(mine, host="127.0.0.2")):
            with pytest.raises(LinkLost, match="certificate not trusted"):
                async with open_mqtt(stranger):
                    pass
        async with open_mqtt(replace(mine, tls=Tls(is_verified=False))) as session:
            await session.publish("a", b"")
    assert not network_threads()


async def test_plain_bytes_to_a_tls_port_are_lost(tmp_path: Path) -> None:
    """Without TLS on a TLS port the broker hangs up; the owner is asked which port it is."""
    certificates = make_certificates(tmp_path)
    with (
        running(Mosquitto(tmp_path, certificates=certificates)) as broker,
        pytest.raises(LinkLost, match=rf":{broker.port}: .*\(is this a TLS port\? set tls = t"),
    ):
        async with open_mqtt(settings(broker.port)):
            pass


async def test_tls_to_a_plain_port_is_asked_about(broker: Mosquitto) -> None:
    """Whether the peer hangs up on the handshake or answers in words of its own."""
    question = r"\(is this the TLS port\? set tls = false for a plain one\)$"
    async with silent_peer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        for each in (port, broker.port):
            with pytest.raises(LinkLost, match=f"^127.0.0.1:{each}: .*{question}"):
                async with open_mqtt(replace(settings(each), tls=Tls(is_verified=False))):
                    pass


@pytest.mark.parametrize("version", [Version.V311, Version.V5])
async def test_a_session_that_is_taken_over_asks_for_the_other(
    broker: Mosquitto, version: Version
) -> None:
    """Two gateways with one id throw each other out."""
    mine = replace(settings(broker.port), version=version)
    async with open_mqtt(mine) as other, asyncio.timeout(5), open_mqtt(mine):
        with pytest.raises(LinkLost, match=f":{broker.port}: .*another gateway use the same"):
            await other.wait_lost()


async def test_a_certificate_file_that_is_none_is_the_owners_mistake(tmp_path: Path) -> None:
    """A missing or damaged PEM names the file."""
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("no certificate")
    for file in (tmp_path / "missing.pem", damaged):
        with pytest.raises(ConfigError, match=file.name):
            async with open_mqtt(replace(settings(1), tls=Tls(ca_file=file))):
                pass


async def test_cancelling_ends_the_scope(broker: Mosquitto) -> None:
    """A cancelled user of the session leaves neither thread nor connection."""

    async def use() -> None:
        async with open_mqtt(settings(broker.port)) as session:
            opened.set()
            await session.wait_lost()

    opened = asyncio.Event()
    task = asyncio.ensure_future(use())
    await asyncio.wait_for(opened.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not network_threads()


async def test_a_round_trip_takes_milliseconds(broker: Mosquitto) -> None:
    """A question and its answer, both QoS 1, are not held back by Nagle or a sleeping thread."""
    async with other_side(broker.port) as cloud, open_mqtt(settings(broker.port)) as session:
        await session.subscribe(["in"])
        messages, times_s = session.messages(), []
        for number in range(50):
            started = time.perf_counter()
            cloud.say("in", b"%d" % number)
            message = await anext(messages)
            await session.publish("out", message.payload)
            times_s.append(time.perf_counter() - started)
        assert statistics.median(times_s) < 0.03  # 2 ms on a quiet machine; this one is shared.


async def take(source: AsyncIterator[Message], count: int) -> AsyncIterator[Message]:
    """Yield the first `count` things, each within a deadline."""
    for _ in range(count):
        yield await asyncio.wait_for(anext(source), 5)
