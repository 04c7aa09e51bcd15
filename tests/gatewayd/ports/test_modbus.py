"""A Modbus line, with pymodbus's own server at the other end of a real cable or socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports.modbus import ModbusPort, open_modbus
from gatewayd.ports.modbus_client import split_address
from tests.peers.modbus import Line, Slave, garbage, rtu_line, short, silent, tcp_line
from tests.peers.pty import plugged

pytestmark = pytest.mark.alone  # How long a slave takes is learned.

DEADLINE_S = 5.0
SHORT_S = 0.05
"""A timeout for answers that will not come."""

SLAVES = {
    1: Slave(holding=range(100, 132), input=range(200, 232), coils=[True, False] * 8),
    2: Slave(holding=[7] * 16),
}


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with rtu_line(SLAVES) as line:
        yield line


@pytest.fixture
async def port(line: Line) -> AsyncIterator[ModbusPort]:
    port = await open_modbus(line.port, {})
    yield port
    await port.close()


async def test_every_table_is_read(port: ModbusPort) -> None:
    """Holding and input registers, coils and discrete inputs."""
    slave = port.slave(1)
    assert await slave.read_registers("holding", 4, 3) == [104, 105, 106]
    assert await slave.read_registers("input", 0, 1) == [200]
    assert await slave.read_bits("coil", 0, 3) == [True, False, True]
    assert await slave.read_bits("discrete", 0, 9) == [False] * 9


async def test_what_is_written_is_there(line: Line, port: ModbusPort) -> None:
    """Coils and registers, one and several."""
    slave = port.slave(2)
    await slave.write_coil(3, is_on=True)
    await slave.write_coils(8, [True, True])
    await slave.write_registers(0, [1, 65535])
    assert [place for place, is_on in enumerate(line.coils(2)) if is_on] == [3, 8, 9]
    assert line.holding(2)[:3] == [1, 65535, 7]


async def test_a_network_line_is_read_alike() -> None:
    """Modbus TCP differs in its address alone."""
    async with tcp_line(SLAVES) as line:
        port = await open_modbus(line.port, {})
        assert await port.slave(1).read_registers("holding", 0, 2) == [100, 101]
        await port.close()


async def test_a_refusal_is_a_fault_with_its_reason(port: ModbusPort) -> None:
    """The slave is there and says no."""
    with pytest.raises(DeviceFault, match=r"slave 1 at .* refuses function 3: illegal address"):
        await port.slave(1).read_registers("holding", 1000, 2)


async def test_silence_is_a_timeout(line: Line, port: ModbusPort) -> None:
    """Nobody answers to that number."""
    line.fault = silent(1)
    with pytest.raises(DeviceTimeout, match=r"slave 1 .* did not answer within 0\.05 s"):
        await port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1)


async def test_a_dead_slave_does_not_take_the_others_away(line: Line, port: ModbusPort) -> None:
    """The dead one costs its own timeout; the next question to another is answered."""
    line.fault = silent(1)
    before_s = time.monotonic()
    dead = asyncio.create_task(port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1))
    await asyncio.sleep(0)
    assert await port.slave(2).read_registers("holding", 0, 1) == [7]
    assert 2 * SHORT_S <= time.monotonic() - before_s < 1.0
    with pytest.raises(DeviceTimeout):
        await dead


async def test_a_silent_slave_is_tried_twice_and_no_more(line: Line, port: ModbusPort) -> None:
    """One lost frame is forgiven; more tries would hold up the line."""
    line.fault = silent(1)
    with pytest.raises(DeviceTimeout):
        await port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1)
    assert len(line.requests) == 2


async def test_a_slave_that_has_died_costs_the_line_little(line: Line, port: ModbusPort) -> None:
    """What it usually takes is learned: its owner's patience of a minute is not waited out."""
    slave = port.slave(1, timeout_s=60.0)
    await slave.read_registers("holding", 0, 1)
    line.fault = silent(1)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(DeviceTimeout):
            await slave.read_registers("holding", 0, 1)


async def test_a_dead_slave_that_returns_is_heard_at_once(line: Line, port: ModbusPort) -> None:
    """The next question after its return is answered."""
    line.fault = silent(1)
    slave = port.slave(1, timeout_s=SHORT_S)
    for _ in range(3):
        with pytest.raises(DeviceTimeout):
            await slave.read_registers("holding", 0, 1)
    line.fault = None
    assert await slave.read_registers("holding", 0, 1) == [100]


async def test_a_dead_slave_is_asked_once_from_the_second_visit(
    line: Line, port: ModbusPort
) -> None:
    """Two questions, then one, then one."""
    line.fault = silent(1)
    for _ in range(3):
        with pytest.raises(DeviceTimeout):
            await port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1)
    assert len(line.requests) == 2 + 1 + 1


async def test_a_device_of_many_questions_does_not_push_the_others_aside(
    line: Line, port: ModbusPort
) -> None:
    """Each in its turn, a question at a time."""

    async def ask(slave: int, times: int) -> None:
        for _ in range(times):
            await port.slave(slave).read_registers("holding", 0, 1)

    await asyncio.gather(ask(1, 4), ask(2, 4))
    assert [slave for slave, *_ in line.requests] == [1, 2] * 4


async def test_neighbours_that_wait_together_are_asked_for_together(
    line: Line, port: ModbusPort
) -> None:
    """Two devices of one slave, woken by the same beat; each gets its own."""
    slave = port.slave(1)
    answers = await asyncio.gather(
        slave.read_registers("holding", 4, 2),
        slave.read_registers("holding", 0, 4),
        slave.read_registers("input", 0, 1),
        port.slave(2).read_registers("holding", 0, 1),
    )
    assert list(answers) == [[104, 105], [100, 101, 102, 103], [200], [7]]
    assert line.requests == [(1, 3, 0, 6), (1, 4, 0, 1), (2, 3, 0, 1)]


async def test_bits_are_asked_for_together_too(line: Line, port: ModbusPort) -> None:
    """Coils come packed in bytes."""
    slave = port.slave(1)
    answers = await asyncio.gather(
        slave.read_bits("coil", 0, 3), slave.read_bits("coil", 3, 2), slave.read_bits("coil", 1, 1)
    )
    assert list(answers) == [[True, False, True], [False, True], [False]]
    assert line.requests == [(1, 1, 0, 5)]


async def test_a_slave_that_refuses_them_together_is_asked_for_each(
    line: Line, port: ModbusPort
) -> None:
    """Some devices answer by blocks of their own; from then on nothing is merged for them."""
    slave = port.slave(1)

    async def both() -> list[object]:
        answers = await asyncio.gather(
            slave.read_registers("holding", 30, 2),
            slave.read_registers("holding", 32, 2),  # Not there: 32 registers from 0 on.
            return_exceptions=True,
        )
        return list(answers)

    for requests in (3, 2):
        line.requests.clear()
        good, bad = await both()
        assert good == [130, 131]
        assert isinstance(bad, DeviceFault)
        assert len(line.requests) == requests


async def test_who_leaves_takes_nothing_from_who_was_asked_along(
    line: Line, port: ModbusPort
) -> None:
    """The transaction that serves both goes on when the first is cancelled."""
    slave = port.slave(1)
    first = asyncio.create_task(slave.read_registers("holding", 0, 2))
    second = asyncio.create_task(slave.read_registers("holding", 2, 2))
    async with asyncio.timeout(DEADLINE_S):
        while not line.requests:  # noqa: ASYNC110 — The server gives no other sign.
            await asyncio.sleep(0)
    first.cancel()
    assert await second == [102, 103]
    assert line.requests == [(1, 3, 0, 4)]


@pytest.mark.parametrize("fault", [garbage, short])
async def test_garbage_is_a_fault_and_not_silence(
    line: Line, port: ModbusPort, fault: object
) -> None:
    """Somebody answers, but not in this language: baudrate, parity, or two with one number."""
    line.fault = fault  # type: ignore[assignment]  # One of two functions of that type.
    with pytest.raises(DeviceFault, match="bytes of garbage"):
        await port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1)
    line.fault = None
    assert await port.slave(1).read_registers("holding", 0, 1) == [100]


async def test_garbage_on_the_network_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A frame that cannot be decoded falls neither into the loop nor into the log."""
    async with tcp_line(SLAVES) as line:
        line.fault = lambda frame: frame[:7] + b"\x63\x00"
        port = await open_modbus(line.port, {})
        with pytest.raises(DeviceFault, match="garbage"):
            await port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1)
        await port.close()
    assert not caplog.records


async def test_an_answer_of_another_size_is_a_fault(line: Line, port: ModbusPort) -> None:
    """A good frame with the wrong number of registers answers another question."""
    line.fault = lambda frame: b"\x01\x03\x04\x00\x01\x00\x02\x2a\x32"
    with pytest.raises(DeviceFault, match="2 registers, not 1"):
        await port.slave(1).read_registers("holding", 0, 1)


async def test_a_cancelled_question_does_not_spoil_the_next(line: Line, port: ModbusPort) -> None:
    """The answer to the first must not be taken for the answer to the second."""
    first = asyncio.create_task(port.slave(1).read_registers("holding", 0, 1))
    async with asyncio.timeout(DEADLINE_S):
        while not line.requests:  # noqa: ASYNC110 — The server gives no other sign.
            await asyncio.sleep(0)
    first.cancel()
    assert await port.slave(1).read_registers("holding", 9, 1) == [109]


async def test_a_late_answer_is_not_taken_for_the_next(line: Line, port: ModbusPort) -> None:
    """A slave that was too slow is left alone until its answer has gone by."""
    held: list[bytes] = []
    line.fault = lambda frame: held.append(frame) or b""  # type: ignore[func-returns-value]  # Is None.
    slave = port.slave(1, timeout_s=SHORT_S)
    with pytest.raises(DeviceTimeout):
        await slave.read_registers("holding", 0, 1)
    line.fault = None
    second = asyncio.create_task(slave.read_registers("holding", 9, 1))
    await asyncio.sleep(0)
    assert line.pty is not None
    line.pty.write(held[0])
    assert await second == [109]


async def test_an_unplugged_line_is_absence(line: Line, port: ModbusPort) -> None:
    """The line is broken for all its slaves."""
    assert line.pty is not None
    line.pty.unplug()
    for id in (1, 2):
        with pytest.raises(DeviceAbsent, match="is gone"):
            await port.slave(id, timeout_s=SHORT_S).read_registers("holding", 0, 1)
    assert port.is_broken


async def test_a_server_that_hangs_up_is_absence() -> None:
    """So is a connection that is closed."""
    async with tcp_line(SLAVES) as line:
        port = await open_modbus(line.port, {})
        await port.slave(1).read_registers("holding", 0, 1)
    with pytest.raises(DeviceAbsent):
        await port.slave(1, timeout_s=SHORT_S).read_registers("holding", 0, 1)
    assert port.is_broken
    await port.close()


async def test_slaves_share_one_line(line: Line) -> None:
    """Two devices on a line are one connection, opened once and closed by the last."""
    ports = Ports({"rs485": {"type": "serial", "path": line.port, "baudrate": 9600}})
    async with ports.modbus("rs485") as first, ports.modbus("rs485") as second:
        assert first is second
    assert first.is_broken


async def test_a_line_that_is_not_there_is_absent() -> None:
    """Serial or network, the sentence names it."""
    with pytest.raises(DeviceAbsent, match="/dev/serial/by-id/none is not there"):
        await open_modbus("/dev/serial/by-id/none", {})
    with pytest.raises(DeviceAbsent, match=r"tcp:127\.0\.0\.1:1 cannot be opened"):
        await open_modbus("tcp:127.0.0.1:1", {})


async def test_direction_control_that_the_hardware_lacks_is_told() -> None:
    """`rs485 = true` is for the Pi's own UARTs."""
    with plugged() as pty, pytest.raises(DeviceFault, match="remove rs485 = true"):
        await open_modbus(pty.path, {"rs485": True})


async def test_the_line_carries_the_frames_of_the_vendor() -> None:
    """On, and the state of eight relays, byte for byte.

    Source: Waveshare Modbus RTU Relay, development protocol V2.
    """
    with plugged() as pty:
        pty.serve(_waveshare)
        port = await open_modbus(pty.path, {})
        await port.slave(1).write_coil(0, is_on=True)
        assert await port.slave(1).read_bits("coil", 0, 8) == [True] + [False] * 7
        await port.close()
        assert pty.received.hex(" ") == "01 05 00 00 ff 00 8c 3a 01 01 00 00 00 08 3d cc"


def _waveshare(request: bytes) -> bytes:
    return request if request[1] == 5 else bytes.fromhex("01 01 01 01 90 48")


async def test_the_line_reads_carbon_dioxide() -> None:
    """SenseAir S8, any address. Source: SenseAir S8 Modbus specification, rev. 1.01, example."""
    with plugged() as pty:
        pty.serve(lambda _: bytes.fromhex("FE 04 02 01 90 AC D8"))
        port = await open_modbus(pty.path, {})
        assert await port.slave(0xFE).read_registers("input", 3, 1) == [400]
        await port.close()
        assert pty.received == bytes.fromhex("FE 04 00 03 00 01 D5 C5")


async def test_closing_waits_for_the_transaction(line: Line, port: ModbusPort) -> None:
    """Who waited behind it is told that the line is closed, and does not hang."""
    running = asyncio.create_task(port.slave(1).read_registers("holding", 0, 1))
    waiting = asyncio.create_task(port.slave(2).read_registers("holding", 0, 1))
    async with asyncio.timeout(DEADLINE_S):
        while not line.requests:  # noqa: ASYNC110 — The server gives no other sign.
            await asyncio.sleep(0)
        await port.close()
    assert await running == [100]
    with pytest.raises(DeviceAbsent, match="closed"):
        await waiting


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("tcp:plc", ("plc", 502)),
        ("tcp:10.0.0.7:1502", ("10.0.0.7", 1502)),
        ("tcp:[::1]:502", ("::1", 502)),
        ("tcp:[::1]", ("::1", 502)),
        ("socket://moxa:4001", ("moxa", 4001)),
    ],
)
def test_addresses_of_network_lines(path: str, address: tuple[str, int]) -> None:
    """What a technician writes."""
    assert split_address(path) == address


@pytest.mark.parametrize("path", ["tcp:", "tcp:host:x", "rfc2217://host:1", "http://host:80"])
def test_other_addresses_are_the_owners(path: str) -> None:
    """Anything else is a configuration error."""
    with pytest.raises(ConfigError):
        split_address(path)
