"""The machine's own limits: what the same work costs with nothing of a gateway around it.

Each runs in a fresh interpreter (`python -m tests.bench.limits NAME FOLDER [PORT …]`) and prints
one JSON object, so that its CPU, memory and written bytes are its own.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore

from tests.bench.child import spawn
from tests.bench.samples import percentile

ROOT = Path(__file__).parents[2]
RUN_S = 60.0
ROWS = 200_000
ROWS_PER_COMMIT = 1000
ROUND = 100
"""Readings in one round of the steady load."""

READINGS_PER_MESSAGE = 1000
CHANNELS = tuple(f"bench/c{i:03}" for i in range(ROUND))
"""What is published; their sensor ids as sandbox.Account makes them."""

INFLIGHT = 20
POSTS = 300
THINK_S = 0.02
"""As in latency.py."""

BARE = (
    "import asyncio, sys\n"
    "async def main():\n"
    "    print('up', flush=True)\n"
    "    await asyncio.sleep(60)\n"
    "asyncio.run(main())\n"
)


def run(name: str, folder: Path, *arguments: object) -> dict[str, float]:
    """Run one limit in its own interpreter and return its numbers."""
    command = [sys.executable, "-m", "tests.bench.limits", name, str(folder), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"limit {name}: {done.stderr[-400:]}")
    return {key: float(value) for key, value in json.loads(done.stdout).items()}


def bare(folder: Path) -> dict[str, float]:
    """Start Python with a bare asyncio loop: seconds to its first word, and its RSS."""
    started = time.monotonic()
    output = folder / "bare.log"
    with spawn([sys.executable, "-c", BARE], output) as child:
        while not output.stat().st_size:
            child.check_alive()
            time.sleep(0.001)
        took_s = time.monotonic() - started
        return {"start_s": took_s, "rss_bytes": float(child.rss_bytes())}


def insert(folder: Path) -> dict[str, float]:
    """Insert rows with WAL and FULL, many a commit: rows/s."""
    with _table(folder) as database:
        started = time.perf_counter()
        for _ in range(ROWS // ROWS_PER_COMMIT):
            _insert(database, ROWS_PER_COMMIT)
        return {"rows_per_s": ROWS / (time.perf_counter() - started)}


def commit(folder: Path) -> dict[str, float]:
    """Insert one round a commit, WAL and FULL: bytes written per 1,000 rows."""
    with _table(folder) as database:
        _insert(database, ROUND)
        before = _written()
        for _ in range(100):
            _insert(database, ROUND)
        return {"bytes_per_1000": (_written() - before) / 100 / ROUND * 1000}


def publish(folder: Path, port: str, gateway: str = "", key: str = "") -> dict[str, float]:
    """Publish rounds in Thing+'s form, QoS 1: readings/s on the wire and acknowledged."""
    with _publisher(int(port), gateway, key) as send:
        messages = [_message(gateway, i, READINGS_PER_MESSAGE) for i in range(ROWS // 1000)]
        started = time.perf_counter()
        for message in messages:
            send(message)
        send(None)
        return {"rows_per_s": ROWS / (time.perf_counter() - started)}


def pipeline(folder: Path, port: str) -> dict[str, float]:
    """One round: insert and commit, read back, encode, publish, delete: CPU a reading (µs).

    The least that a durable gateway must do, in one straight line, storage on tmpfs.
    """
    rounds = 200
    with _table(folder) as database, _publisher(int(port), "", "") as send:
        before = time.process_time()
        for index in range(rounds):
            _insert(database, ROUND)
            database.execute("select * from row").fetchall()
            send(_message("", index, ROUND))
            with database:
                database.execute("delete from row")
        send(None)
        return {"cpu_us": (time.process_time() - before) / rounds / ROUND * 1e6}


def drain(folder: Path, port: str) -> dict[str, float]:
    """Read a full table in slices and publish it, QoS 1: rows/s."""
    with _table(folder) as database, _publisher(int(port), "", "") as send:
        for _ in range(ROWS // ROWS_PER_COMMIT):
            _insert(database, ROWS_PER_COMMIT)
        started, last = time.perf_counter(), 0
        while rows := database.execute(
            "select * from row where seq > ? order by seq limit 1000", (last,)
        ).fetchall():
            last = rows[-1][0]
            values: dict[str, list[float]] = {}
            for _, channel, time_ms, value in rows:
                values.setdefault(f"gw-{channel}", []).extend((time_ms, value))
            send(("v/a/g/gw", _encode(values)))
        send(None)
        return {"rows_per_s": ROWS / (time.perf_counter() - started)}


def post(folder: Path) -> dict[str, float]:
    """POST a small JSON body over one kept connection, aiohttp both ends: p50 and p99 seconds.

    At random instants, as the commands of the bench: a sleeping process takes longer to answer.
    """
    from aiohttp import ClientSession, web

    port_file = folder / "port"
    if port_file.exists():  # The serving half, in a process of its own.

        async def answer(request: web.Request) -> web.Response:
            return web.json_response(await request.json())

        async def serve() -> None:
            app = web.Application()
            app.router.add_post("/", answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port_file.write_text(str(runner.addresses[0][1]))
            await asyncio.sleep(RUN_S)

        asyncio.run(serve())
    port_file.touch()

    async def ask(url: str) -> list[float]:
        took, chance = [], random.Random(7)
        async with ClientSession() as session:
            for index in range(POSTS):
                await asyncio.sleep(chance.uniform(0, THINK_S))
                started = time.perf_counter()
                async with session.post(url, json={"cmd": "on", "n": index}) as response:
                    await response.read()
                took.append(time.perf_counter() - started)
        return took

    command = [sys.executable, "-m", "tests.bench.limits", "post", str(folder)]
    with spawn(command, folder / "post.log", env={"PYTHONPATH": str(ROOT)}) as child:
        while not (port := port_file.read_text()):
            child.check_alive()
            time.sleep(0.005)
        took = asyncio.run(ask(f"http://127.0.0.1:{port}/"))
        child.process.kill()
    return {"p50_s": statistics.median(took), "p99_s": percentile(took, 0.99)}


@contextmanager
def _table(folder: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(folder / "limit.db")
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    database.execute(
        "create table row (seq integer primary key, channel integer, time_ms integer, value real)"
    )
    try:
        yield database
    finally:
        database.close()
        for file in folder.glob("limit.db*"):
            file.unlink()


def _insert(database: sqlite3.Connection, rows: int) -> None:
    with database:
        database.executemany(
            "insert into row (channel, time_ms, value) values (?, ?, ?)",
            [(i % ROUND, 1_794_000_000_000 + i, 20.0 + i / 7) for i in range(rows)],
        )


Message = tuple[str, bytes] | None


@contextmanager
def _publisher(port: int, gateway: str, key: str) -> Iterator[Callable[[Message], None]]:
    """Yield a function that publishes a message, at most INFLIGHT unacknowledged; None waits."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    free = Semaphore(INFLIGHT)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=gateway or "limit")
    client.max_inflight_messages_set(INFLIGHT)
    client.on_publish = lambda *_: free.release()
    if gateway:
        client.username_pw_set(gateway, key)
    client.connect("127.0.0.1", port)
    client.loop_start()

    def send(message: Message) -> None:
        for _ in range(1 if message else INFLIGHT):
            if not free.acquire(timeout=RUN_S / 2):
                raise RuntimeError("no acknowledgement")
        if message:
            client.publish(message[0], message[1], qos=1)

    try:
        yield send
    finally:
        client.disconnect()
        client.loop_stop()


def _message(gateway: str, index: int, readings: int) -> tuple[str, bytes]:
    """Return one message of 100 sensors with as many points each as make `readings`."""
    points, base_ms = readings // ROUND, int(time.time() * 1000) - 3_600_000
    values = {
        f"{gateway}-bench-c{sensor:03}": [
            number
            for k in range(points)
            for number in (base_ms + index * points + k, 20.0 + (index + k + sensor) % 1000 / 100)
        ]
        for sensor in range(ROUND)
    }
    return f"v/a/g/{gateway or 'gw'}", _encode(values)


def _encode(values: dict[str, list[float]]) -> bytes:
    import orjson

    return orjson.dumps(values)


def _written() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1])
    raise LookupError("no write_bytes")


LIMITS: dict[str, Callable[..., dict[str, float]]] = {
    "insert": insert,
    "commit": commit,
    "publish": publish,
    "pipeline": pipeline,
    "drain": drain,
    "post": post,
}

if __name__ == "__main__":
    print(json.dumps(LIMITS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
