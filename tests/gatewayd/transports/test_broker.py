"""The broker against paho, mosquitto's own clients, and raw bytes that break the protocol."""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from gatewayd.transports import mqtt_packets as mqtt
from gatewayd.transports.broker import (
    Broker,
    Listener,
    open_broker,
    open_listener,
)
from gatewayd.transports.broker_host import NOT_AUTHORISED, BrokerLimits, Client, Manners
from gatewayd.transports.mqtt_packets import Connect, Message
from tests.mqtt_peer import WAIT_S, Login, mqtt_peer


@dataclass
class Porter:
    """A host that lets everybody in but `mallory`, everything but `secret/…`, and remembers."""

    log: list[tuple[str, ...]] = field(default_factory=list)
    received_: list[tuple[Message, bool]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def admit(self, login: Connect) -> int:
        return NOT_AUTHORISED if login.username == "mallory" else 0

    def may_publish(self, client: Client, topic: str) -> bool:
        return not topic.startswith("secret/")

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        return not pattern.startswith("secret/")

    def connected(self, client: Client) -> None:
        self._note("connected", client.login.client_id)

    def subscribed(self, client: Client, pattern: str) -> None:
        self._note("subscribed", pattern)

    def received(self, client: Client, message: Message, *, is_duplicate: bool) -> None:
        self.received_.append((message, is_duplicate))
        self._note("received", message.topic)

    def withheld(self, client: Client, message: Message) -> None:
        self._note("withheld", message.topic)

    def disconnected(self, client: Client, reason: str) -> None:
        self._note("disconnected", reason)

    def _note(self, *words: str) -> None:
        self.log.append(words)
        self.news.set()

    async def until(self, is_so: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_so():
                self.news.clear()
                await self.news.wait()

    def reasons(self) -> list[str]:
        return [words[1] for words in self.log if words[0] == "disconnected"]


@dataclass(frozen=True)
class House:
    porter: Porter
    broker: Broker
    listener: Listener

    @property
    def port(self) -> int:
        return self.listener.port


@pytest.fixture
async def house() -> AsyncIterator[House]:
    porter = Porter()
    limits = BrokerLimits(clients_max=5, packet_bytes_max=200_000, subscriptions_max=3)
    async with (
        open_broker(porter, limits) as broker,
        open_listener(broker, 0) as listener,
    ):
        yield House(porter, broker, listener)


async def raw(house: House, *packets: bytes) -> bytes:
    """Send bytes and return all that comes back before the broker closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        writer.write(b"".join(packets))
        async with asyncio.timeout(WAIT_S):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def connect(client_id: bytes = b"raw", flags: int = 2, keep_alive_s: int = 60) -> bytes:
    """Return a CONNECT of MQTT 3.1.1 as it stands in the standard."""
    body = b"\x00\x04MQTT\x04" + bytes((flags,)) + struct.pack(">HH", keep_alive_s, len(client_id))
    body += client_id
    return b"\x10" + bytes((len(body),)) + body


async def test_a_message_reaches_who_subscribed(house: House) -> None:
    """Publish, acknowledge, deliver; and the host heard it first."""
    async with (
        mqtt_peer(house.port, Login(client_id="a")) as a,
        mqtt_peer(house.port, Login(client_id="b")) as b,
    ):
        assert await b.subscribe("v/+/x") == [1]
        await a.publish("v/1/x", b"hello")
        assert await b.payloads(1) == [b"hello"]
        assert b.messages[0].qos == 1
    assert house.porter.received_[0] == (Message("v/1/x", b"hello", 1), False)


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv31, MQTTProtocolVersion.MQTTv311])
async def test_both_versions_of_the_protocol_are_spoken(
    house: House, version: MQTTProtocolVersion
) -> None:
    """`MQIsdp` 3 and `MQTT` 4 both get in."""
    async with mqtt_peer(house.port, Login(version=version)) as peer:
        await peer.publish("t", b"x", 0)
        await peer.publish("t", b"y", 1)
        assert [message.payload for message, _ in house.porter.received_] == [b"x", b"y"]


async def test_an_unknown_version_is_refused_with_its_code(house: House) -> None:
    """MQTT 5 gets CONNACK 1, and the door closes."""
    assert await raw(house, connect().replace(b"MQTT\x04", b"MQTT\x05")) == b"\x20\x02\x00\x01"


async def test_a_client_without_a_name_is_given_one_for_a_clean_session(house: House) -> None:
    """Otherwise CONNACK 2."""
    assert await raw(house, connect(b"", flags=0)) == b"\x20\x02\x00\x02"
    assert await raw(house, connect(b""), b"\xe0\x00") == b"\x20\x02\x00\x00"
    assert house.porter.log[0] == ("connected", "unnamed-1")


async def test_a_wrong_login_is_refused_with_its_code(house: House) -> None:
    """CONNACK 5; nothing of it reaches the host."""
    login = Login(username="mallory", password="x")
    async with mqtt_peer(house.port, login) as peer:
        await peer.gone()
    assert peer.connack not in (0, None)
    assert house.porter.log == []


async def test_qos_2_is_granted_as_1(house: House) -> None:
    """A subscription asks for 2 and is told 1."""
    async with mqtt_peer(house.port) as peer:
        assert await peer.subscribe("t", 2) == [1]


async def test_too_many_subscriptions_are_refused(house: House) -> None:
    """The fourth gets 0x80, the others stay."""
    async with mqtt_peer(house.port) as peer:
        codes = [(await peer.subscribe(f"t/{number}"))[0] for number in range(4)]
    assert codes == [1, 1, 1, 128]


@pytest.mark.parametrize("act", ["publish", "subscribe"])
async def test_a_forbidden_topic_closes_the_connection(house: House, act: str) -> None:
    """Neither is answered; the host is told why."""
    async with mqtt_peer(house.port) as peer:
        if act == "publish":
            peer.send("secret/a", b"x")
        else:
            peer.client.subscribe("secret/a")
        await peer.gone()
        await house.porter.until(lambda: bool(house.porter.reasons()))
    assert "may not" in house.porter.reasons()[0]
    assert house.porter.received_ == []


async def test_a_retained_message_waits_for_late_subscribers(house: House) -> None:
    """It comes with the retain flag; an empty one removes it."""
    async with mqtt_peer(house.port, Login(client_id="a")) as a:
        await a.publish("r", b"kept", retain=True)
        async with mqtt_peer(house.port, Login(client_id="b")) as b:
            await b.subscribe("r")
            assert await b.payloads(1) == [b"kept"]
            assert b.messages[0].retain
        await a.publish("r", b"", retain=True)
    assert house.broker.retained == {}


async def test_a_will_is_sent_when_the_connection_breaks(house: House) -> None:
    """And it is retained if it says so."""
    async with mqtt_peer(house.port, Login(will=("w", b"err", 1, True))) as peer:
        house.broker.cut_all("test")
        await peer.gone()
        await house.porter.until(lambda: bool(house.porter.reasons()))
    assert house.porter.received_ == [(Message("w", b"err", 1, True), False)]
    assert house.broker.retained["w"].payload == b"err"


async def test_a_will_is_not_sent_after_a_disconnect(house: House) -> None:
    """An orderly end is no death."""
    async with mqtt_peer(house.port, Login(will=("w", b"err", 1, True))):
        pass
    await house.porter.until(lambda: house.porter.reasons() == [""])
    assert house.porter.received_ == []


async def test_a_silent_client_is_dropped_after_one_and_a_half_keep_alives(house: House) -> None:
    """One second of keep-alive: gone after 1.5 s, with its will."""
    started = asyncio.get_running_loop().time()
    assert await raw(house, connect(keep_alive_s=1)) == b"\x20\x02\x00\x00"
    assert 1.4 <= asyncio.get_running_loop().time() - started < 3
    assert house.porter.reasons() == ["silent for 1.5 s"]


async def test_pings_keep_a_connection(house: House) -> None:
    """PINGREQ is answered, and counts as a sign of life."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(connect() + b"\xc0\x00")
    assert await reader.readexactly(6) == b"\x20\x02\x00\x00\xd0\x00"
    writer.close()


async def test_a_newer_connection_takes_over_the_client_id(house: House) -> None:
    """The older one is closed, the newer one stays in the book."""
    async with (
        mqtt_peer(house.port, Login(client_id="same")) as old,
        mqtt_peer(house.port, Login(client_id="same")) as new,
    ):
        await old.gone()
        await new.publish("t", b"still here")
        assert list(house.broker.clients) == ["same"]
    assert "taken over by a newer connection" in house.porter.reasons()


async def test_the_will_of_who_is_taken_over_comes_before_the_newer_ones_words(
    house: House,
) -> None:
    """Even if those came along with its CONNECT: the last word is the newer one's."""
    who = Login(client_id="raw", will=("w", b"err", 1, True))
    async with mqtt_peer(house.port, who) as old:
        message = mqtt.encode_publish(Message("w", b"on", 1, is_retained=True), 1)
        await raw(house, connect(b"raw") + message + b"\xe0\x00")
        await old.gone()
    await house.porter.until(lambda: len(house.porter.reasons()) == 2)
    assert [message.payload for message, _ in house.porter.received_] == [b"err", b"on"]
    assert house.broker.retained["w"].payload == b"on"


async def test_a_withheld_message_is_neither_taken_nor_acknowledged(house: House) -> None:
    """One is swallowed, the next goes through."""
    async with mqtt_peer(house.port) as peer:
        house.broker.faults.withhold = 1
        first = peer.send("t", b"1")
        await peer.publish("t", b"2")
        assert first not in peer.acked
    assert [message.payload for message, _ in house.porter.received_] == [b"2"]
    assert ("withheld", "t") in house.porter.log


async def test_a_lost_acknowledgement_is_of_a_message_that_was_taken(house: House) -> None:
    """The host has it, the client does not know."""
    async with mqtt_peer(house.port) as peer:
        house.broker.faults.lose_ack = 1
        first = peer.send("t", b"1")
        await peer.publish("t", b"2")
        assert first not in peer.acked
    assert [message.payload for message, _ in house.porter.received_] == [b"1", b"2"]


async def test_an_acknowledgement_may_come_late(house: House) -> None:
    """The message is taken at once."""
    async with mqtt_peer(house.port) as peer:
        house.broker.faults.ack_delay_s = 0.1
        started = asyncio.get_running_loop().time()
        await peer.publish("t", b"1")
        assert asyncio.get_running_loop().time() - started >= 0.09


async def test_a_fault_may_last(house: House) -> None:
    """-1 strikes until it is set back."""
    async with mqtt_peer(house.port) as peer:
        house.broker.faults.withhold = -1
        for _ in range(3):
            peer.send("t", b"lost")
        await peer.subscribe("x")
        house.broker.faults.withhold = 0
        await peer.publish("t", b"kept")
    assert [message.payload for message, _ in house.porter.received_] == [b"kept"]


async def test_a_broker_that_hangs_goes_on_where_it_stopped(house: House) -> None:
    """Connections stay open and nothing is answered until it thaws."""
    async with mqtt_peer(house.port) as peer:
        house.broker.hang(is_hung=True)
        number = peer.send("t", b"1")
        with pytest.raises(TimeoutError):
            await peer.until(lambda: number in peer.acked, 0.1)
        house.broker.hang(is_hung=False)
        await peer.until(lambda: number in peer.acked)


async def test_a_shut_listener_refuses_and_opens_on_the_same_port(house: House) -> None:
    """Connection refused in between; who was in stays in."""
    port = house.port
    async with mqtt_peer(port) as peer:
        house.listener.shut()
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", port))
        await peer.publish("t", b"1")
        await house.listener.open()
        assert house.port == port
        async with mqtt_peer(port, Login(client_id="two")) as two:
            assert two.connack == 0


async def test_a_connack_code_can_be_forced(house: House) -> None:
    """For clients that must learn to live with it."""
    house.broker.faults.connack_code = 3
    assert await raw(house, connect()) == b"\x20\x02\x00\x03"


@pytest.mark.parametrize(
    ("packets", "what"),
    [
        ((b"\xff\xff\xff\xff\xff",), "a length of five bytes"),
        ((b"\x10\xff\xff\x7f",), "a packet over the limit"),
        ((b"\x30\x03\x00\x01t",), "a message before CONNECT"),
        ((connect(flags=3),), "a reserved flag"),
        ((connect(), connect()), "a second CONNECT"),
        ((connect(), b"\x36\x05\x00\x01t\x00\x01"), "QoS 3"),
        ((connect(), b"\x34\x05\x00\x01t\x00\x01"), "QoS 2"),
        ((connect(), b"\x82\x02\x00\x01"), "a SUBSCRIBE of nothing"),
        ((connect(), b"\x80\x06\x00\x01\x00\x01t\x01"), "a SUBSCRIBE without its flag"),
        ((connect(), b"\x32\x05\x00\x01t\x00\x00"), "packet id 0"),
        ((connect(), b"\x32\x05\x00\x01#\x00\x01"), "a wildcard to publish on"),
        ((connect(), b"\xf0\x00"), "a packet type of MQTT 5"),
    ],
)
async def test_who_breaks_the_protocol_is_closed(
    house: House, packets: tuple[bytes, ...], what: str
) -> None:
    """No answer but the CONNACK that was due, and the broker lives on."""
    assert await raw(house, *packets) in (b"", b"\x20\x02\x00\x00"), what
    async with mqtt_peer(house.port, Login(client_id="next")) as peer:
        assert peer.connack == 0
    assert house.porter.received_ == []


async def test_more_clients_than_allowed_are_turned_away(house: House) -> None:
    """The sixth connection is closed at once."""
    pairs = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(5)]
    for number, (reader, writer) in enumerate(pairs):
        writer.write(connect(b"%d" % number))
        assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    assert await raw(house, connect(b"6")) == b""
    for _, writer in pairs:
        writer.close()


async def test_a_reader_that_does_not_read_is_cut(house: House) -> None:
    """What waits for it is bounded; the others are not held up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1024)
    writer.write(connect(b"slow") + b"\x82\x06\x00\x01\x00\x01t\x00")
    assert await reader.readexactly(4 + 5) == b"\x20\x02\x00\x00\x90\x03\x00\x01\x00"
    payload = bytes(150_000)
    async with mqtt_peer(house.port, Login(client_id="loud")) as loud:
        for _ in range(120):
            await loud.publish("t", payload)
            if house.porter.reasons():
                break
        await house.porter.until(lambda: "reads too slowly" in house.porter.reasons())
    writer.transport.abort()


async def test_bytes_may_come_in_any_slices(house: House) -> None:
    """One byte at a time is as good as all at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    for byte in connect() + b"\x32\x06\x00\x01t\x00\x07!":
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(WAIT_S):
        assert await reader.readexactly(8) == b"\x20\x02\x00\x00\x40\x02\x00\x07"
    writer.close()


async def test_the_cloud_can_publish_by_itself(house: House) -> None:
    """`publish` says how many it reached."""
    async with mqtt_peer(house.port) as peer:
        assert house.broker.publish(Message("t", b"0", 1)) == 0
        await peer.subscribe("t")
        assert house.broker.publish(Message("t", b"1", 1)) == 1
        assert await peer.payloads(1) == [b"1"]


@pytest.mark.skipif(shutil.which("mosquitto_pub") is None, reason="mosquitto clients not installed")
async def test_mosquittos_own_clients_get_along_with_it(house: House) -> None:
    """mosquitto_sub hears what mosquitto_pub says, both exit 0."""
    place = ("-h", "127.0.0.1", "-p", str(house.port), "-q", "1", "-t", "m/1")
    listener = await asyncio.create_subprocess_exec(
        "mosquitto_sub", *place, "-C", "1", "-W", "5", stdout=asyncio.subprocess.PIPE
    )
    await house.porter.until(lambda: ("subscribed", "m/1") in house.porter.log)
    speaker = await asyncio.create_subprocess_exec("mosquitto_pub", *place, "-m", "hi there")
    async with asyncio.timeout(WAIT_S):
        assert await speaker.wait() == 0
        heard, _ = await listener.communicate()
    assert (heard, listener.returncode) == (b"hi there\n", 0)


def test_a_delivery_has_the_smaller_qos() -> None:
    """Encoded at QoS 0 there is no packet id in it."""
    assert mqtt.encode_publish(Message("t", b"x")) == b"\x30\x04\x00\x01tx"
    assert mqtt.encode_publish(Message("t", b"x", 1), 7) == b"\x32\x06\x00\x01t\x00\x07x"


@pytest.fixture
async def mild_house() -> AsyncIterator[House]:
    """A broker that relays nothing by itself and refuses with a code."""
    porter, manners = Porter(), Manners(is_relay=False, is_curt=False)
    async with (
        open_broker(porter, manners=manners) as broker,
        open_listener(broker, 0) as listener,
    ):
        yield House(porter, broker, listener)


async def test_a_host_can_say_itself_what_subscribers_get(mild_house: House) -> None:
    """The published message is taken and acknowledged, and goes nowhere, retained or not."""
    async with mqtt_peer(mild_house.port) as peer:
        await peer.subscribe("t")
        await peer.publish("t", b"as published", retain=True)
        mild_house.broker.publish(Message("t", b"as the host says", 1))
        assert await peer.payloads(1) == [b"as the host says"]
    assert [message.topic for message, _ in mild_house.porter.received_] == ["t"]
    assert not mild_house.broker.retained


async def test_a_mild_refusal_is_a_code_and_the_connection_stays(mild_house: House) -> None:
    """0x80 for what is not allowed, then business as usual."""
    async with mqtt_peer(mild_house.port) as peer:
        assert await peer.subscribe("secret/x") == [128]
        assert await peer.subscribe("t") == [1]
        mild_house.broker.publish(Message("secret/x", b"no", 1))
        mild_house.broker.publish(Message("t", b"yes", 1))
        assert await peer.payloads(1) == [b"yes"]
    assert ("subscribed", "secret/x") not in mild_house.porter.log
