"""A serial line, on real ptys and real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports import serial as module
from gatewayd.ports.serial import LINE_BYTES_MAX, SerialPort, Splitter, find_end, open_serial
from tests.peers.listening import listening, stay
from tests.peers.pty import Pty, plugged

DEADLINE_S = 5.0


@pytest.fixture
async def pty() -> AsyncIterator[Pty]:
    with plugged() as pty:
        yield pty


@pytest.fixture
async def port(pty: Pty) -> AsyncIterator[SerialPort]:
    port = await open_serial(pty.path, {})
    yield port
    await port.close()


async def _first(lines: AsyncIterator[bytes], count: int) -> list[bytes]:
    found: list[bytes] = []
    async with asyncio.timeout(DEADLINE_S):
        async for line in lines:
            found.append(line)
            if len(found) == count:
                break
    return found


async def test_a_question_is_answered(pty: Pty, port: SerialPort) -> None:
    """The answer comes without its terminator."""
    pty.serve(lambda data: b"pong\r\n" if data == b"ping\r\n" else b"")
    assert await port.exchange(b"ping\r\n", until=b"\r\n", timeout_s=DEADLINE_S) == b"pong"


async def test_an_answer_may_be_told_by_its_length(pty: Pty, port: SerialPort) -> None:
    """Binary protocols have no terminator."""
    pty.serve(lambda _: bytes(9))
    assert await port.exchange(b"?", until=9, timeout_s=DEADLINE_S) == bytes(9)


async def test_what_was_said_before_the_question_is_no_answer(pty: Pty, port: SerialPort) -> None:
    """A late answer to an earlier question must not be taken for this one's."""
    pty.write(b"late\n")
    pty.serve(lambda _: b"fresh\n")
    assert await port.exchange(b"?", until=b"\n", timeout_s=DEADLINE_S) == b"fresh"


async def test_silence_is_a_timeout_and_the_line_lives_on(pty: Pty, port: SerialPort) -> None:
    """A device that does not answer costs its own time and nothing else."""
    with pytest.raises(DeviceTimeout, match=r"did not answer within 0\.05 s"):
        await port.exchange(b"?", until=b"\n", timeout_s=0.05)
    pty.serve(lambda _: b"here\n")
    assert await port.exchange(b"?", until=b"\n", timeout_s=DEADLINE_S) == b"here"


async def test_an_answer_that_breaks_off_is_a_fault(pty: Pty, port: SerialPort) -> None:
    """Half an answer is no value, and the sentence shows what came."""
    pty.serve(lambda _: b"12")
    with pytest.raises(DeviceFault, match="broke off after 2 bytes: 31 32"):
        await port.exchange(b"?", until=b"\n", timeout_s=0.05)


async def test_an_answer_without_end_is_a_fault(pty: Pty, port: SerialPort) -> None:
    """What a device says is bounded in size, not only in time."""
    pty.serve(lambda _: b"x" * 2048)
    babble = asyncio.create_task(port.exchange(b"?", until=b"\n", timeout_s=DEADLINE_S))
    with pytest.raises(DeviceFault, match="without end"):
        async with asyncio.timeout(DEADLINE_S):
            while not babble.done():
                pty.write(b"x" * 64)
                await asyncio.sleep(0)
            await babble


async def test_a_cancelled_question_leaves_the_line_usable(pty: Pty, port: SerialPort) -> None:
    """The thread is free again soon after the caller has left."""
    asked = asyncio.create_task(port.exchange(b"?", until=b"\n", timeout_s=60.0))
    await pty.wait_received(1)
    asked.cancel()
    pty.serve(lambda _: b"here\n")
    async with asyncio.timeout(DEADLINE_S):
        assert await port.exchange(b"?", until=b"\n", timeout_s=DEADLINE_S) == b"here"


async def test_what_is_written_arrives(pty: Pty, port: SerialPort) -> None:
    """Writing needs no answer."""
    await port.write(b"\xa0\x01\x01\xa2")
    assert await pty.wait_received(4) == b"\xa0\x01\x01\xa2"


async def test_lines_come_as_they_are_said(pty: Pty, port: SerialPort) -> None:
    """A line may come in pieces, and several at once."""
    pty.write(b"one\ntw")
    async with aclosing(port.lines()) as lines:
        assert await anext(lines) == b"one"
        pty.write(b"o\nthree\n")
        assert await _first(lines, 2) == [b"two", b"three"]


async def test_an_overlong_line_is_dropped_and_counted(pty: Pty, port: SerialPort) -> None:
    """Noise does not grow without end, and the line after it is good again."""
    first = asyncio.create_task(_first(port.lines(), 1))
    for _ in range(4):
        pty.write(b"x" * 1500)
        await asyncio.wait([first], timeout=0.05)
    pty.write(b"tail\ngood\n")
    assert (await first, port.noise) == ([b"good"], 1)


async def test_noise_alone_is_a_fault(
    pty: Pty, port: SerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong baudrate is told, not waited out."""
    monkeypatch.setattr(module, "LINE_BYTES_MAX", 64)
    pty.write(b"x" * 1000)
    first = asyncio.create_task(_first(port.lines(), 1))
    async with asyncio.timeout(DEADLINE_S):
        while not first.done():
            pty.write(b"x" * 100)
            await asyncio.wait([first], timeout=0.01)
    with pytest.raises(DeviceFault, match="baudrate"):
        first.result()


async def test_the_rest_of_a_line_is_not_a_line(pty: Pty) -> None:
    """Who opens a line while a device speaks must not take `12.5 g` for `112.5 g`."""
    speaking = asyncio.create_task(_speak(pty, b"112.5 g ... "))
    port = await open_serial(pty.path, {})
    speaking.cancel()
    pty.write(b"12.5 g\n7.0 g\n")
    assert await _first(port.lines(), 1) == [b"7.0 g"]
    await port.close()


async def _speak(pty: Pty, text: bytes) -> None:
    while True:
        pty.write(text)
        await asyncio.sleep(0.005)


async def test_silence_is_told_when_the_device_should_speak(port: SerialPort) -> None:
    """A device that always speaks and does not is a timeout."""
    with pytest.raises(DeviceTimeout, match=r"silent for 0\.05 s"):
        await _first(port.lines(silence_s=0.05), 1)


async def test_an_unplugged_cable_is_absence(pty: Pty, port: SerialPort) -> None:
    """The line is broken for everybody, and says so in one way."""
    waiting = asyncio.create_task(_first(port.lines(), 1))
    await asyncio.wait([waiting], timeout=0.05)
    pty.unplug()
    with pytest.raises(DeviceAbsent, match="is gone"):
        await waiting
    assert port.is_broken
    with pytest.raises(DeviceAbsent):
        await port.write(b"?")
    with pytest.raises(DeviceAbsent):
        await port.exchange(b"?", until=1, timeout_s=DEADLINE_S)


async def test_a_broken_line_is_replaced_by_a_fresh_one(pty: Pty) -> None:
    """Whoever enters after the cable is back gets a working line, also while others hang on."""
    ports = Ports({"scale": {"type": "serial", "path": pty.path}})
    async with ports.serial("scale") as old:
        pty.unplug()
        with pytest.raises(DeviceAbsent):
            await old.write(b"?")
        with plugged() as again:
            ports.settings["scale"]["path"] = again.path  # type: ignore[index]  # A dict here.
            async with ports.serial("scale") as fresh:
                await fresh.write(b"?")
                assert await again.wait_received(1) == b"?"


async def test_a_line_that_is_not_there_is_absent() -> None:
    """The sentence tells a technician where to look."""
    with pytest.raises(DeviceAbsent, match=r"/dev/serial/by-id/none is not there"):
        await open_serial("/dev/serial/by-id/none", {})


async def test_a_line_that_somebody_has_is_absent(pty: Pty, port: SerialPort) -> None:
    """Two programs on one line would steal each other's bytes."""
    with pytest.raises(DeviceAbsent, match="in use"):
        await open_serial(pty.path, {})


async def test_direction_control_that_the_hardware_lacks_is_told(pty: Pty) -> None:
    """`rs485 = true` on an adapter without it is a sentence, and the line is free again."""
    with pytest.raises(DeviceFault, match="remove rs485 = true"):
        await open_serial(pty.path, {"rs485": True})
    await (await open_serial(pty.path, {})).close()


@pytest.mark.parametrize(
    "wrong",
    [{"baudrate": -1}, {"parity": "x"}, {"baud": 9600}, {"type": "i2c"}, {"path": "what://is"}],
)
async def test_impossible_settings_are_the_owners(pty: Pty, wrong: dict[str, object]) -> None:
    """What no hardware can change is a configuration error."""
    with pytest.raises(ConfigError):
        await open_serial(pty.path, wrong)


async def test_settings_of_the_section_win(pty: Pty) -> None:
    """A driver's defaults hold only where the owner says nothing."""
    settings = {"rs": {"type": "serial", "path": pty.path, "baudrate": 1200}}
    async with Ports(settings).serial("rs", baudrate=9600, parity="even") as port:
        assert (port._serial.baudrate, port._serial.parity) == (1200, "E")


async def test_a_line_may_be_behind_a_network() -> None:
    """`socket://` speaks to a serial server, and its death is an unplugged cable."""
    peers: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer)
        writer.write(await reader.readline())
        await stay(reader, writer)

    async with listening(echo) as number:
        port = await open_serial(f"socket://127.0.0.1:{number}", {})
        assert await port.exchange(b"hello\n", until=b"\n", timeout_s=DEADLINE_S) == b"hello"
        peers[0].close()
        with pytest.raises(DeviceAbsent):
            await _first(port.lines(), 1)
        await port.close()


async def test_a_network_line_that_refuses_is_absent() -> None:
    """Nobody listens there."""
    with pytest.raises(DeviceAbsent, match="cannot be opened"):
        await open_serial("socket://127.0.0.1:1", {})


def _cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted(place % (len(data) + 1) for place in places):
        yield data[start:place]
        start = place
    yield data[start:]


@given(
    lines=some.lists(some.binary(max_size=50)),
    terminator=some.sampled_from([b"\n", b"\r\n", b"\x03"]),
    places=some.lists(some.integers(min_value=0, max_value=10_000)),
)
def test_lines_do_not_depend_on_how_bytes_arrive(
    lines: list[bytes], terminator: bytes, places: list[int]
) -> None:
    """However the stream is cut, the same lines come out."""
    data = b"".join(line + terminator for line in lines)
    splitter = Splitter(terminator)
    found = [line for chunk in _cut(data, places) for line in splitter.feed(chunk)]
    assert found == data.split(terminator)[:-1]


@given(some.integers(min_value=1, max_value=4 * LINE_BYTES_MAX), some.integers(1, 4096))
def test_noise_of_any_length_ends_with_its_line(size: int, piece: int) -> None:
    """After an overlong line the next one is good, and the noise was counted."""
    data = b"x" * size + b"\r\ngood\r\n"
    splitter = Splitter(b"\r\n")
    chunks = (data[start : start + piece] for start in range(0, len(data), piece))
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    assert found[-1] == b"good"
    assert (len(found) == 1) == (size > LINE_BYTES_MAX) == (splitter.take_noise() > 0)


def test_an_answer_ends_at_its_terminator_or_length() -> None:
    """What comes after the end is not the answer."""
    assert find_end(b"ab\r\ncd", b"\r\n") == 2
    assert find_end(b"ab\r", b"\r\n") is None
    assert find_end(b"abcd", 3) == 3
    assert find_end(b"ab", 3) is None


async def test_a_break_goes_before_the_question(
    pty: Pty, port: SerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is held for as long as asked, and nothing is sent meanwhile."""
    held: list[tuple[float, bytes]] = []
    monkeypatch.setattr(
        port._serial, "send_break", lambda hold_s: held.append((hold_s, bytes(pty.received)))
    )
    pty.serve(lambda _: b"0\r\n")
    assert await port.exchange(b"0!", until=b"\r\n", timeout_s=DEADLINE_S, break_s=0.015) == b"0"
    assert held == [(0.015, b"")]


async def test_the_speed_is_changed_in_the_middle(port: SerialPort) -> None:
    """An open line goes on at another speed; one that is gone says so."""
    await port.change_baudrate(19200)
    assert port._serial.baudrate == 19200
    port._serial.close()
    with pytest.raises(DeviceAbsent):
        await port.change_baudrate(300)
