"""The Thinger.io device socket against a real TCP peer: log-in, resources, streams, points."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import timeout
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from gatewayd.clouds.thinger.calls import CallEntry
from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.device_link import DeviceLink
from gatewayd.clouds.thinger.events import (
    Answer,
    Call,
    Describe,
    KeepAlive,
    Operation,
    Run,
    Sample,
    StopStream,
)
from gatewayd.clouds.thinger.link import Config, open_link
from gatewayd.clouds.thinger.names import NameEntry
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.clouds.thinger.writing import WAITS_MAX
from gatewayd.errors import BatchRefused, LinkDenied, LinkLost, Throttled
from gatewayd.fields import Secret
from gatewayd.model import Access, Channel, ChannelId, Outcome, Quality, Reading, Status
from gatewayd.outbox import open_outbox
from gatewayd.uplink import drain
from tests.frames.thinger.vectors import load_vectors
from tests.mosquitto import make_certificates
from tests.peers.house import DOOR, RELAY, H, House, Life, T, alive
from tests.peers.thinger import PASSWORD, USER, Server, open_server


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with open_server() as server:
        yield server


async def test_tls_is_verified(house: House, tmp_path: Path) -> None:
    """The server's certificate is trusted by the given authority, and by no other."""
    made = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate_file, made.key_file)
    async with open_server(context) as server:
        async with living(server, house, transport="tls", ca_file=made.ca_file) as (link, _):
            await link.send(house.batch(house.reading(T, 21.5)))
        assert len(server.points("boiler")) == 1
        with pytest.raises(LinkDenied, match="certificate"):
            async with opened(server, house, transport="tls"):
                pass


@asynccontextmanager
async def opened(server: Server, house: House, **changes: Any) -> AsyncIterator[DeviceLink]:
    """Open a link that nobody tends yet."""
    config = Config(
        user=USER,
        credentials=Secret(PASSWORD),
        transport="tcp",
        protocol="iotmp" if server.dialect is Dialect.IOTMP else "classic",
        host="127.0.0.1",
        port=server.port,
        timeout=2.0,
    )
    async with open_link(replace(config, **changes), house.premises) as link:
        assert isinstance(link, DeviceLink)
        yield link


@asynccontextmanager
async def living(
    server: Server, house: House, outcome: Outcome | None = None, **changes: Any
) -> AsyncIterator[tuple[DeviceLink, Life]]:
    """Open a link and live it."""
    async with opened(server, house, **changes) as link, alive(link, house, outcome) as life:
        yield link, life


# Log-in and the connection's end.


async def test_the_first_frame_is_the_login_of_the_documents(server: Server, house: House) -> None:
    """User, device and credentials, in the vendor's own bytes."""
    async with opened(server, house):
        assert server.received.hex().startswith(
            "011d10052672184a05616c6963654a04677730314a097333637265742d5057"
        )


@pytest.mark.parametrize("answer", ["01021002", ""], ids=["said", "hung up"])
async def test_wrong_credentials_are_denied(server: Server, house: House, answer: str) -> None:
    """Whether the server says so or just closes; and the password is in no message."""
    server.answer_login = bytes.fromhex(answer)
    with pytest.raises(LinkDenied) as caught:
        async with opened(server, house):
            pass
    assert PASSWORD not in str(caught.value)


async def test_an_unanswered_login_is_lost(server: Server, house: House) -> None:
    """A server that says nothing is one that is not there."""
    server.is_silent = True
    with pytest.raises(LinkLost, match="no answer"):
        async with opened(server, house, timeout=0.05):
            pass


@pytest.mark.parametrize("noise", ["0200", "0112080226720d4a0b74656d7065726174757265", "ff00"])
async def test_a_server_that_says_something_else_is_lost(
    server: Server, house: House, noise: str
) -> None:
    """Nothing but an answer may come first."""
    server.answer_login = bytes.fromhex(noise)
    with pytest.raises(LinkLost, match="breaks the protocol"):
        async with opened(server, house):
            pass


async def test_nobody_there_is_lost(server: Server, house: House) -> None:
    """A refused connection is named with its place."""
    async with open_server() as gone:
        port = gone.port
    with pytest.raises(LinkLost, match=str(port)):
        async with opened(server, house, port=port):
            pass


async def test_requests_right_behind_the_login_are_answered(server: Server, house: House) -> None:
    """The server subscribes at once, in the segment that lets us in."""
    house.reading(T, 21.5)
    server.early = Codec(Dialect.CLASSIC).encode(Run(7, ("boiler", "temperature")))
    async with opened(server, house):
        assert (await server.answer(7)).payload == 21.5


async def test_a_keep_alive_is_sent_and_its_echo_keeps_the_link(
    server: Server, house: House
) -> None:
    """An echo is not echoed."""
    async with living(server, house, keep_alive=0.02) as (_, life):
        await server.wait(lambda: len(server.of(KeepAlive)) >= 4)
        assert life.ended is None
        server.say(KeepAlive(), KeepAlive())
        answer = await server.ask("gateway")
        assert answer.is_ok


async def test_a_server_without_echo_is_lost(server: Server, house: House) -> None:
    """After one more interval, whatever else it says."""
    server.echoes = False
    async with living(server, house, keep_alive=0.05) as (_, life):
        await eventually(lambda: life.ended)
    assert isinstance(life.ended, LinkLost)
    assert "keep-alive" in str(life.ended)
    assert len(server.of(KeepAlive)) == 1


async def test_a_cut_connection_ends_everything_that_waits(server: Server, house: House) -> None:
    """A send that waits for its acknowledgement learns it at once."""
    server.acks = False
    async with living(server, house) as (link, life):
        sending = asyncio.ensure_future(link.send(house.batch(house.reading(T, 20.5))))
        await server.wait(lambda: server.of(Call))
        server.cut()
        with pytest.raises(LinkLost):
            await sending
        await eventually(lambda: life.ended)
    assert isinstance(life.ended, LinkLost)


async def eventually(is_true: Callable[[], object]) -> None:
    """Wait for something on our own side of the wire."""
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 - the link has no event for what only a test sees.
            await asyncio.sleep(0.001)


async def test_nonsense_from_the_server_ends_the_link(server: Server, house: House) -> None:
    """An oversized length is not waited for."""
    async with living(server, house) as (_, life):
        server.say_bytes(bytes.fromhex("01ffffffff0f"))
        await eventually(lambda: life.ended)
    assert "breaks the protocol" in str(life.ended)


# Resources.


async def test_a_device_is_one_resource_with_its_age(server: Server, house: House) -> None:
    """All channels in one object; what has no value says why."""
    house.reading(T, 21.5, age_ms=3000)
    house.reading(H, None, Quality.TIMEOUT)
    async with living(server, house):
        answer = await server.ask("boiler")
    assert answer.payload == {
        "temperature": 21.5,
        "humidity": None,
        "humidity_quality": "TIMEOUT",
        "age_s": 3.0,
    }


async def test_one_channel_is_a_bare_value(server: Server, house: House) -> None:
    """Or null: never a zero, and never an old value as a fresh one."""
    async with living(server, house, stale_after=60.0):
        assert (await server.ask("boiler/temperature")).payload is None
        house.reading(T, 21.5)
        assert (await server.ask("boiler/temperature")).payload == 21.5
        house.reading(T, 20.5, age_ms=61_000)
        assert (await server.ask("boiler/temperature")).payload is None
        reading = (await server.ask("boiler/temperature/reading")).payload
        assert reading == {
            "value": None,
            "quality": "TIMEOUT",
            "ts": house.clock.now_ms() - 61_000,
            "age_s": 61.0,
        }


async def test_the_listing_names_every_resource(server: Server, house: House) -> None:
    """Nested, with the number of each kind; what the owner does not allow is not there."""
    async with living(server, house):
        server.say(Describe(9))
        listing = (await server.answer(9)).payload
    assert isinstance(listing, dict)
    assert list(listing) == ["gateway", "boiler", "shed", "pump"]
    assert listing["boiler"]["fn"] == 3
    assert listing["boiler"]["/"]["temperature"]["fn"] == 3
    relay = listing["pump"]["/"]["relay"]
    assert (relay["fn"], relay["al"], relay["/"]["blink"]["fn"]) == (2, 0, 1)
    assert listing["gateway"]["/"] == {"history": {"al": 0, "fn": 4}}


async def test_a_description_shows_state_and_moves_nothing(server: Server, house: House) -> None:
    """An input's `in` has the type that it takes, known or not."""
    async with living(server, house) as (_, life):
        for path, shown in (
            ("pump/relay", {"in": False}),
            ("boiler/temperature", {"out": None}),
            ("pump/relay/blink", {}),
        ):
            id = server.next_id()
            server.say(Describe(id, tuple(path.split("/"))))
            assert (await server.answer(id)).payload == shown
        house.reading(RELAY, True)
        server.say(Describe(99, ("pump", "relay")))
        assert (await server.answer(99)).payload == {"in": True}
        assert life.commands == []


@pytest.mark.parametrize(
    "path", ["nope", "boiler/nope", "nope/temperature", "boiler/temperature/x"]
)
async def test_an_unknown_resource_is_an_error(server: Server, house: House, path: str) -> None:
    """To run, to describe, to subscribe."""
    async with living(server, house):
        assert not (await server.ask(path)).is_ok
        server.say(Describe(77, tuple(path.split("/"))))
        assert not (await server.answer(77)).is_ok


async def test_broken_paths_are_answered(server: Server, house: House) -> None:
    """No resource and a number in it are errors; an empty path is fine; no id, no answer."""
    async with living(server, house):
        for frame in ("0102081b", "0107081c2672020805", "0105081d267200", "01032672 00"):
            server.say_bytes(bytes.fromhex(frame))
        answers = [await server.answer(id) for id in (0x1B, 0x1C, 0x1D)]
        assert [answer.is_ok for answer in answers] == [False, False, True]
        assert len(server.of(Answer)) == 3


async def test_history_is_a_question_with_an_answer(server: Server, house: House) -> None:
    """The last readings of a channel, the oldest first."""
    for value in (1.5, 2.5, 3.5):
        house.reading(T, value)
    async with living(server, house):
        answer = await server.ask("gateway/history", {"channel": T, "items": 2})
        shown = answer.payload
        assert isinstance(shown, list)
        assert [point["value"] for point in shown] == [2.5, 3.5]
        assert (await server.ask("gateway/history", {"channel": "no/such"})).payload == []


async def test_health_is_told(server: Server, house: House) -> None:
    """Who this is, and how many channels are without a value."""
    house.reading(T, 1.5)
    async with living(server, house):
        health = (await server.ask("gateway")).payload
    assert isinstance(health, dict)
    assert (health["id"], health["version"]) == ("gw01", "1.2.3")
    assert (health["channels"], health["channels_without_value"]) == (4, 3)


async def test_reset_restarts_where_the_owner_allows_it(server: Server, house: House) -> None:
    """It is answered first, because the answer might not come later."""
    restarted = asyncio.Event()

    async def restart() -> None:
        restarted.set()

    async with living(server, house):
        assert not (await server.ask("gateway/reset")).is_ok
    house.manage["restart"] = restart
    async with living(server, house):
        assert (await server.ask("gateway/reset", id=300)).is_ok
        async with asyncio.timeout(5):
            await restarted.wait()


# Commands.


async def test_a_write_is_a_command_and_its_outcome_the_answer(
    server: Server, house: House
) -> None:
    """Answered when the keeper has done it."""
    async with living(server, house) as (_, life):
        answer = await server.ask("pump/relay", True)
        assert answer.is_ok
        assert answer.payload is UNSET
        (command,) = life.commands
        assert (command.origin, command.channel, command.value) == ("up", RELAY, True)
        assert (await server.ask("pump/relay", {"value": True, "hold_s": 30})).is_ok
        assert life.commands[1].hold_s == 30.0


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FAILED])
async def test_a_command_not_done_is_an_error(server: Server, house: House, status: Status) -> None:
    """The protocol has no room for a reason, so a resource tells it."""
    async with living(server, house, Outcome(status, "interlocked")):
        assert not (await server.ask("pump/relay", True)).is_ok
        told = (await server.ask("pump/relay/outcome")).payload
    assert isinstance(told, dict)
    assert (told["status"], told["detail"]) == (status.name, "interlocked")


async def test_a_write_of_nothing_moves_nothing(server: Server, house: House) -> None:
    """No payload and an unset one say nothing; null and bytes are no setpoints."""
    async with living(server, house) as (_, life):
        assert (await server.ask("pump/relay")).is_ok
        server.say_bytes(bytes.fromhex("011408632672 0d 4a04") + b"pump" + b"\x4a\x05relay\x36\x78")
        assert (await server.answer(0x63)).is_ok
        assert not (await server.ask("pump/relay", None)).is_ok
        assert not (await server.ask("pump/relay", b"\x01")).is_ok
        assert life.commands == []


async def test_blink_runs_the_keepers_pattern(server: Server, house: House) -> None:
    """A resource without a parameter; the next command ends it."""
    async with living(server, house, blink_interval=0.25) as (_, life):
        assert (await server.ask("pump/relay/blink")).is_ok
    (command,) = life.commands
    assert (command.value, command.blink_s) == (True, 0.25)


async def test_a_sensor_cannot_be_written(server: Server, house: House) -> None:
    """A payload for an output resource is ignored, as the vendor's devices do."""
    house.reading(T, 21.5)
    async with living(server, house) as (_, life):
        assert (await server.ask("boiler/temperature", 5)).payload == 21.5
        assert life.commands == []


async def test_the_same_request_at_once_moves_once(server: Server, house: House) -> None:
    """While it is under way it is answered once; right after, it is the same to the desk."""
    async with living(server, house) as (_, life):
        life.gate.clear()
        server.say(Run(5, ("pump", "relay"), True), Run(5, ("pump", "relay"), True))
        await server.ask("gateway")
        life.gate.set()
        await server.answer(5)
        assert len(life.commands) == 1
        server.say(Run(5, ("pump", "relay"), True))
        await server.answer(5, count=2)
        assert life.commands[0] == life.commands[1]


async def test_an_id_used_again_for_something_else_is_a_new_request(
    server: Server, house: House
) -> None:
    """Servers reuse ids, and start again after a reconnect."""
    async with living(server, house) as (_, first):
        await server.ask("pump/relay", True, id=1)
        server.say(Run(1, ("pump", "relay"), False))
        await server.answer(1, count=2)
    server.heard.clear()
    house.clock.time_ms += 1000
    async with living(server, house) as (_, second):
        await server.ask("pump/relay", True, id=1)
    ids = [command.request_id for command in (*first.commands, *second.commands)]
    assert len(set(ids)) == 3


async def test_a_command_that_takes_too_long_is_answered_all_the_same(
    server: Server, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an error; what it did is told by the state's echo, not by a second answer."""
    monkeypatch.setattr("gatewayd.clouds.thinger.requests.ANSWER_S", 0.05)
    async with living(server, house) as (_, life):
        id = await server.start("pump/relay")
        life.gate.clear()
        assert not (await server.ask("pump/relay", True, id=6)).is_ok
        life.gate.set()
        await server.wait(lambda: [s for s in server.samples(id) if s.payload == {"in": True}])
        assert len([each for each in server.of(Answer) if each.id == 6]) == 1


@pytest.mark.parametrize(("id", "is_same"), [(5, True), (6, False)])
async def test_a_command_whose_link_dies_is_known_again(
    server: Server, house: House, id: int, is_same: bool
) -> None:
    """It is not answered on the next connection by itself; asked again it is the same to the
    desk, which moves nothing twice. Another id is another command."""
    async with living(server, house) as (_, life):
        life.gate.clear()
        server.say(Run(5, ("pump", "relay"), True))
        await eventually(lambda: life.commands)
        server.cut()
        await eventually(lambda: life.ended)
    house.clock.time_ms += 1000
    async with living(server, house) as (_, again):
        await server.ask("gateway", id=900)
        assert [each.id for each in server.of(Answer)] == [900]
        assert again.commands == []
        assert (await server.ask("pump/relay", True, id=id)).is_ok
    assert (life.commands == again.commands) is is_same


async def test_an_answered_command_is_not_known_again(server: Server, house: House) -> None:
    """The next connection's ids may begin anew: the same words are a new wish then."""
    async with living(server, house) as (_, life):
        await server.ask("pump/relay", True, id=1)
    server.heard.clear()
    house.clock.time_ms += 1000
    async with living(server, house) as (_, again):
        await server.ask("pump/relay", True, id=1)
    assert life.commands != again.commands


async def test_too_many_commands_are_refused_not_queued(server: Server, house: House) -> None:
    """A flood is told no; the link lives and reads are answered."""
    async with opened(server, house):
        paths = ("pump", "relay")
        server.say(*[Run(id, paths, id % 2 == 0) for id in range(1, 101)])
        await server.wait(lambda: len(server.of(Answer)) >= 36)
        assert {each.is_ok for each in server.of(Answer)} == {False}
        assert (await server.ask("gateway", id=500)).is_ok


# The vendor's own frames.

LEVEL = ChannelId("tank/level")
SAME = """read_output write_input_bool api_of_input read_input_without_payload api_of_output
read_nested_output api_of_nested_output unknown_resource unknown_nested unknown_parent
request_without_resource non_string_path empty_path byte_by_byte big_stream_id stream_id_300
start_stream_output_interval stop_stream_output start_stream_input stop_stream_input
start_stream_unknown interleave_server_request unknown_len_field unknown_varint_field
read_output_with_payload"""


async def test_the_vendors_requests_get_the_vendors_answers(server: Server, tmp_path: Path) -> None:
    """Byte for byte what the vendor's own device answers, for resources of the same names."""
    channels = {
        T: Channel(T, "temperature", "Cel"),
        LEVEL: Channel(LEVEL, "level"),
        RELAY: Channel(RELAY, "switch", access=Access.WRITE),
    }
    house = House(tmp_path, channels=channels)
    house.reading(T, 21.5)
    house.reading(LEVEL, 42)
    house.reading(RELAY, False)
    vectors = {v.name: v.data for v in load_vectors("classic", "server->device", "device->server")}
    vectors["interleave_server_request_reply"] = vectors["interleave_reply"]
    paths = {T: NameEntry(path="temperature")}
    outputs = {RELAY: NameEntry(path="relay")}
    async with living(server, house, sensors=paths, actuators=outputs):
        server.received.clear()
        for name in SAME.split():
            for byte in vectors[name] if name == "byte_by_byte" else [vectors[name]]:
                server.say_bytes(bytes([byte]) if isinstance(byte, int) else byte)
            await server.wait_bytes(vectors[f"{name}_reply"])


# Streams.


async def test_a_stream_with_interval_sends_samples(server: Server, house: House) -> None:
    """The first at once, then one per interval, until it is stopped."""
    house.reading(T, 21.5)
    async with living(server, house):
        id = await server.start("boiler/temperature", 100)
        await server.wait(lambda: len(server.samples(id)) >= 3)
        assert server.samples(id)[0] == Sample(id, {"out": 21.5})
        server.say(StopStream(150, ("boiler", "temperature")))
        assert (await server.answer(150)).is_ok
        count = len(server.samples(id))
        house.reading(T, 22.5)
        await server.ask("gateway")
        assert len(server.samples(id)) == count


async def test_a_stream_without_interval_is_told_of_every_reading(
    server: Server, house: House
) -> None:
    """And of nothing else: not at the start, not of other channels."""
    house.reading(T, 21.5)
    async with living(server, house):
        id = await server.start("boiler/temperature")
        house.reading(H, 50.0)
        await server.ask("gateway")
        assert server.samples(id) == []
        house.clock.time_ms += 1
        house.reading(T, 21.5)
        await server.wait(lambda: len(server.samples(id)) == 1)
        house.reading(T, None, Quality.FAULT)
        await server.wait(lambda: len(server.samples(id)) == 2)
    assert [sample.payload for sample in server.samples(id)] == [{"out": 21.5}, {"out": None}]
    assert all(sample.is_event for sample in server.samples(id))


async def test_an_input_stream_echoes_the_state(server: Server, house: House) -> None:
    """At the start, and after each write: the answer first, then the event, once."""
    house.reading(RELAY, False)
    async with living(server, house):
        id = await server.start("pump/relay")
        await server.ask("pump/relay", True, id=41)
        await server.wait(lambda: len(server.samples(id)) == 2)
        house.reading(RELAY, False)
        await server.wait(lambda: len(server.samples(id)) == 3)
        await server.ask("gateway")
    states = [{"in": False}, {"in": True}, {"in": False}]
    assert [sample.payload for sample in server.samples(id)] == states
    order = [type(event) for event in server.heard if getattr(event, "id", 0) in (41, id)]
    assert order == [Answer, Sample, Answer, Sample, Sample]


async def test_another_start_replaces_the_stream(server: Server, house: House) -> None:
    """A resource has one stream, with the last id."""
    async with living(server, house):
        first = await server.start("boiler/temperature")
        second = await server.start("boiler/temperature")
        house.reading(T, 21.5)
        await server.wait(lambda: server.samples(second))
        assert server.samples(first) == []


async def test_a_slow_reader_gets_the_newest_and_not_the_backlog(
    server: Server, house: House
) -> None:
    """Samples are made when there is room for them; the link neither spins nor grows."""
    texts = ["x" * 16_000 + str(n) for n in range(2000)]
    house.reading(T, texts[0])
    async with living(server, house) as (link, life):
        id = await server.start("boiler/temperature", 100)
        await server.wait(lambda: server.samples(id))
        link._session.stream.pause_writing()  # As a full socket would.
        for text in texts:
            house.reading(T, text)
            await asyncio.sleep(0)
        link._session.stream.resume_writing()
        await server.wait(lambda: server.samples(id)[-1].payload == {"out": texts[-1]})
        assert len(server.samples(id)) < 20
        assert life.ended is None


async def test_a_new_connection_has_no_streams(server: Server, house: House) -> None:
    """The server must subscribe again."""
    async with living(server, house):
        id = await server.start("boiler/temperature", 100)
        await server.wait(lambda: server.samples(id))
    server.heard.clear()
    async with living(server, house):
        house.reading(T, 21.5)
        await server.ask("gateway")
        assert server.of(Sample) == []


# Points.


async def test_readings_of_an_instant_are_one_point_with_its_time(
    server: Server, house: House
) -> None:
    """A bucket a device; what has no value says why."""
    async with living(server, house) as (link, _):
        now_ms = house.clock.now_ms()
        await link.send(
            house.batch(
                house.reading(T, 21.5),
                house.reading(H, None, Quality.TIMEOUT),
                house.reading(DOOR, True),
                house.reading(T, 22.5, age_ms=-10),
            )
        )
    assert server.points("boiler") == [
        {"ts": now_ms, "temperature": 21.5, "humidity_quality": "TIMEOUT"},
        {"ts": now_ms + 10, "temperature": 22.5},
    ]
    assert server.points("shed") == [{"ts": now_ms, "door": True}]


async def test_a_batch_is_acknowledged_only_when_the_server_has(
    server: Server, house: House
) -> None:
    """No answer in time loses the link, and the batch is not delivered."""
    server.acks = False
    async with living(server, house, timeout=0.05) as (link, _):
        with pytest.raises(LinkLost, match="no answer"):
            await link.send(house.batch(house.reading(T, 21.5)))


async def test_without_acknowledgements_nothing_is_waited_for(server: Server, house: House) -> None:
    """For servers that never answer; the frame has no id then."""
    server.acks = False
    async with living(server, house, bucket_ack=False, timeout=0.05) as (link, _):
        await link.send(house.batch(house.reading(T, 21.5)))
        await server.wait(lambda: server.of(Call))
        assert server.of(Call)[0].id == 0


async def test_a_point_sent_again_is_never_less_than_it_was(server: Server, house: House) -> None:
    """A point replaces one of its instant, so a batch that begins inside one tells all of it."""
    async with living(server, house) as (link, _):
        first = house.reading(T, 21.5)
        await link.send(house.batch(first))
    async with living(server, house) as (link, _):
        second = house.reading(H, 50.0)
        await link.send(house.batch(second))
    assert server.points("boiler") == [{"ts": first.time_ms, "temperature": 21.5, "humidity": 50}]


async def test_a_refused_point_is_tried_twice_and_named(
    server: Server, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the batch are taken."""
    monkeypatch.setattr("gatewayd.clouds.thinger.writing.REFUSED_PAUSE_S", 0.0)

    def answer(call: Call) -> Answer:
        assert isinstance(call.payload, dict)
        return Answer(call.id, is_ok=call.payload.get("temperature") != 2.5)

    server.answer_call = answer
    async with living(server, house) as (link, _):
        batch = house.batch(*[house.reading(T, n + 0.5, age_ms=-n) for n in range(4)])
        with pytest.raises(BatchRefused) as caught:
            await link.send(batch)
    assert caught.value.seqs == (3,)
    assert len(server.of(Call)) == 5


async def test_a_bucket_that_takes_nothing_is_a_matter_of_rights(
    server: Server, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing or disabled: the readings are kept, and somebody is told."""
    monkeypatch.setattr("gatewayd.clouds.thinger.writing.REFUSED_PAUSE_S", 0.0)
    server.answer_call = lambda call: Answer(call.id, is_ok=False)
    async with living(server, house) as (link, _):
        batch = house.batch(*[house.reading(T, n + 0.5, age_ms=-n) for n in range(4)])
        for _ in range(2 * WAITS_MAX):
            with pytest.raises(Throttled, match="boiler"):
                await link.send(batch)


async def test_a_lone_point_waits_for_its_bucket_but_not_for_ever(
    server: Server, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bucket that has taken others it is the point's own fault at once."""
    monkeypatch.setattr("gatewayd.clouds.thinger.writing.REFUSED_PAUSE_S", 0.0)
    async with living(server, house) as (link, _):
        server.answer_call = lambda call: Answer(call.id, is_ok=False)
        lone = house.batch(house.reading(T, 1.5))
        for _ in range(WAITS_MAX):
            with pytest.raises(Throttled, match="boiler"):
                await link.send(lone)
        with pytest.raises(BatchRefused):
            await link.send(lone)
    async with living(server, house) as (link, _):
        server.answer_call = lambda call: Answer(call.id, is_ok=True)
        await link.send(house.batch(house.reading(T, 2.5, age_ms=-1)))
        server.answer_call = lambda call: Answer(call.id, is_ok=False)
        with pytest.raises(BatchRefused):
            await link.send(house.batch(house.reading(T, 3.5, age_ms=-2)))


async def test_what_cannot_be_a_point_is_refused_by_name(server: Server, house: House) -> None:
    """Infinity has no JSON; the bytes never leave."""
    async with living(server, house) as (link, _):
        batch = house.batch(house.reading(T, 1.5), house.reading(T, float("inf"), age_ms=-1))
        with pytest.raises(BatchRefused) as caught:
            await link.send(batch)
    assert caught.value.seqs == (2,)
    assert server.of(Call) == []


async def test_few_writes_are_in_the_air(server: Server, house: House) -> None:
    """At most seven without an answer; all are there in the end."""
    held: list[Call] = []

    def hold(call: Call) -> Answer:
        held.append(call)
        return Answer(0, is_ok=True)  # Of no question.

    server.answer_call = hold
    async with living(server, house, points_per_s_max=10_000.0) as (link, _):
        readings = [house.reading(T, n + 0.5, age_ms=-n) for n in range(20)]
        sending = asyncio.ensure_future(link.send(house.batch(*readings)))
        await server.wait(lambda: len(held) == 7)
        await server.ask("gateway", id=999)
        assert len(held) == 7
        server.answer_call = None
        server.say(*[Answer(call.id, is_ok=True) for call in held])
        await sending
    assert len(server.points("boiler")) == 20


async def test_measured_values_gather_and_switches_do_not(server: Server, house: House) -> None:
    """The first report goes at once; then company is waited for, unless it is urgent."""
    async with living(server, house, bucket_interval=60.0) as (link, _):
        first = house.batch(house.reading(T, 1.5))
        assert link.wait_s(first) == 0
        await link.send(first)
        assert 50 < link.wait_s(house.batch(house.reading(T, 2.5))) <= 60
        assert link.wait_s(house.batch(house.reading(DOOR, True))) == 0
        assert link.wait_s(house.batch(house.reading(T, None, Quality.FAULT))) == 0


async def test_an_outage_loses_nothing_and_doubles_nothing(
    server: Server, house: House, tmp_path: Path
) -> None:
    """A backlog over connections that are cut again and again, from the real outbox."""
    count, answered = 300, 0

    def answer(call: Call) -> Answer:
        nonlocal answered
        answered += 1
        if answered % 40 == 0:
            server.cut()
        return Answer(call.id, is_ok=True)

    server.answer_call = answer
    start_ms = house.clock.now_ms() - 100_000
    readings = [Reading((T, H)[n % 2], start_ms + n // 2, n + 0.5) for n in range(count)]
    async with open_outbox(tmp_path / "card", tmp_path, house.clock) as outbox:
        await outbox.subscribe({"up": frozenset({T, H})})
        await outbox.append(readings)

        for _ in range(20):
            if outbox.accounts["up"].delivered == count:
                break
            with suppress(LinkLost, TimeoutError):
                async with opened(server, house, points_per_s_max=1e6) as link, timeout(2):
                    link.batch_max = 21
                    await drain(link, outbox, "up")
        assert outbox.accounts["up"].delivered == count
    assert answered > count / 2, "nothing was sent twice, so nothing was cut"
    written = {point["ts"]: point for point in server.points("boiler")}
    assert len(written) == count / 2
    for reading in readings:
        member = reading.channel.partition("/")[2]
        assert written[reading.time_ms][member] == reading.value


# Calls.


async def test_a_change_calls_an_endpoint(server: Server, house: House) -> None:
    """With the data for its template; the first reading is no change, an old one calls nobody."""
    calls = {str(DOOR): CallEntry(endpoint="door_mail", when="on")}
    async with living(server, house, calls=calls) as (link, _):
        await link.send(house.batch(house.reading(DOOR, True, age_ms=2_000_000)))
        await link.send(house.batch(house.reading(DOOR, False, age_ms=1_900_000)))
        await link.send(house.batch(house.reading(DOOR, True, age_ms=1_800_000)))
        await link.send(house.batch(house.reading(DOOR, False, age_ms=20)))
        opened = house.reading(DOOR, True)
        await link.send(house.batch(opened))
    made = [call for call in server.of(Call) if call.operation is Operation.CALL_ENDPOINT]
    assert [(call.name, call.payload) for call in made] == [
        (
            "door_mail",
            {"channel": DOOR, "value": True, "quality": "GOOD", "ts": opened.time_ms},
        )
    ]


async def test_endpoints_are_not_called_in_a_tight_loop(server: Server, house: House) -> None:
    """The server would lock the connection; the readings go all the same, and it is told once."""
    calls = {str(DOOR): CallEntry(endpoint="door_mail", burst=3)}
    with structlog.testing.capture_logs() as told:
        async with living(server, house, calls=calls) as (link, _):
            readings = [house.reading(DOOR, n % 2 == 0, age_ms=100 - n) for n in range(20)]
            await link.send(house.batch(*readings))
    assert [each["target"] for each in told if "left out" in each["event"]] == [
        "CALL_ENDPOINT door_mail"
    ]
    made = [call for call in server.of(Call) if call.operation is Operation.CALL_ENDPOINT]
    assert len(made) == 3
    assert len(server.points("shed")) == 20


async def test_devices_and_properties_are_called_too(server: Server, house: House) -> None:
    """Another device's input gets the bare value, a property the data; a refusal is lived with."""
    calls = {
        str(DOOR): CallEntry(device="deviceB", resource="lamp/on"),
        str(T): CallEntry(property="last_temperature"),
    }
    house.reading(DOOR, False, age_ms=10)
    house.reading(T, 1.5, age_ms=10)
    server.answer_call = lambda call: Answer(
        call.id, is_ok=call.operation is Operation.WRITE_BUCKET
    )
    async with living(server, house, calls=calls) as (link, _):
        await link.send(house.batch(house.reading(DOOR, True), house.reading(T, 2.5)))
    device, prop = [c for c in server.of(Call) if c.operation is not Operation.WRITE_BUCKET]
    assert (device.name, device.path, device.payload) == ("deviceB", ("lamp", "on"), True)
    assert (prop.operation, prop.name) == (Operation.SET_PROPERTY, "last_temperature")


async def test_a_property_may_set_the_interval(server: Server, house: House) -> None:
    """Read at every log-in; one that is not there changes nothing."""
    server.properties["gatewayd"] = {"bucket_interval_s": 5}
    for name, expected in (("gatewayd", 5), ("missing", 60)):
        async with living(server, house, settings_property=name) as (link, _):
            await link.send(house.batch(house.reading(T, 1.5)))
            wait_s = link.wait_s(house.batch(house.reading(T, 2.5)))
        assert expected - 1 < wait_s <= expected


async def test_properties_are_asked_one_at_a_time(server: Server, house: House) -> None:
    """Question and answer have no id, so each must find its own."""
    server.properties |= {"a": 1, "b": 2}
    async with living(server, house) as (link, _):
        answers = await asyncio.gather(
            *[link.call(Operation.GET_PROPERTY, name) for name in ("a", "b", "none")]
        )
    assert [(each.is_ok, each.payload) for each in answers] == [
        (True, 1),
        (True, 2),
        (False, UNSET),
    ]


# The newer protocol.


async def test_iotmp_does_the_same(server: Server, house: House) -> None:
    """Log-in, listing, read, write, stream, point and property over the other bytes."""
    server.dialect = Dialect.IOTMP
    house.reading(T, 21.5)
    house.reading(RELAY, False)
    async with living(server, house) as (link, life):
        assert server.received[0] == 3
        server.say(Describe(9))
        listing = (await server.answer(9)).payload
        assert isinstance(listing, dict)
        assert listing["pump/relay"] == {"fn": 2}
        assert (await server.ask("boiler/temperature", id=10)).payload == 21.5
        id = await server.start("pump/relay")
        assert (await server.ask("pump/relay", True, id=11)).is_ok
        await server.wait(lambda: [each.payload for each in server.samples(id)] == [False, True])
        server.say(Sample(id, False))
        await server.wait(lambda: server.samples(id)[-1].payload is False)
        assert [command.value for command in life.commands] == [True, False]
        server.say(StopStream(id))
        assert (await server.answer(id, count=2)).is_ok
        await link.send(house.batch(house.reading(T, 22.5)))
        assert server.points("boiler")[0]["temperature"] == 22.5
        server.properties["a"] = {"x": -7}
        assert (await link.call(Operation.GET_PROPERTY, "a")).payload == {"x": -7}


async def test_iotmp_says_why_not(server: Server, house: House) -> None:
    """With a code like HTTP's."""
    server.dialect = Dialect.IOTMP
    async with living(server, house, Outcome(Status.REFUSED, "interlocked")):
        answer = await server.ask("pump/relay", True)
        assert (answer.is_ok, answer.detail, answer.code) == (False, "interlocked", 409)
        answer = await server.ask("nope")
        assert answer.code == 404


async def test_iotmp_credentials_are_denied_too(server: Server, house: House) -> None:
    """ERROR with the log-in's own id."""
    server.dialect = Dialect.IOTMP
    with pytest.raises(LinkDenied):
        async with opened(server, house, credentials=Secret("wrong")):
            pass
