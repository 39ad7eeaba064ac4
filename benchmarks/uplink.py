"""The uplink alone, from the journal to an independent subscriber, beside a floor in one run.

    python -m benchmarks.uplink [EVENTS]

The floor reads the same rows from the same journal, and publishes them one by one with paho's
own threads, QoS 1 and a window of 100: the smallest program that loses nothing. Drains end when
the subscriber has the last event. The alarm is recorded on the disk in the middle of a drain;
its time counts from before that commit to the subscriber's clock, as it does on an idle line:
what of it the disk took is told beside it. Alarms have a session of their own, as docs/feed.md
wants it; in the one that hears everything, an alarm waits for how fast that subscriber writes.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Entry
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from agent.uplink.options import PathOptions
from agent.uplink.uplink import Uplink
from benchmarks.measure import head, percentile, pss_mib, row
from simulators.broker import Broker
from simulators.monitor import Monitor, Told, events_in

WINDOW = 100
ALARMS = 200
IDLE_S = 20.0
ROUNDS = 3
QUIET = ("log_type error", "max_inflight_messages 0")


def event(severity: Severity) -> Event:
    """Return an event of about 400 bytes."""
    now = Moment(time.time_ns() // 1000, time.monotonic_ns() // 1000, "b" * 36, trusted=True)
    return Event("point.changed", "store", severity, now, "board", {"text": "x" * 170})


class House:
    """A journal and an uplink, joined as the daemon joins them."""

    def __init__(self, folder: Path, port: int, site: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.last = 0
        self.journal = Journal.open(folder, committed=self._on_writer, failed=print)
        path = PathOptions(id="only", host="127.0.0.1", port=port)
        self.uplink = Uplink(site, [path], self.journal, lambda news: None, self._loop)

    def _on_writer(self, commit: Commit) -> None:
        self._loop.call_soon_threadsafe(self._committed, commit)

    def _committed(self, commit: Commit) -> None:
        self.last = commit.rows[-1].seq
        self.uplink.committed(commit.rows)

    async def record(self, count: int, severity: Severity = Severity.INFO) -> int:
        """Record events in batches; return the last number when it is on the disk."""
        wanted = self.journal.head + count
        for _ in range(0, count, 200):
            self.journal.submit(Batch((Entry(event(severity)),) * min(count, 200)), 0)
        await until(lambda: self.last >= wanted)
        return wanted

    def delivered(self) -> int:
        return int(self.uplink.status()["only"]["delivered"])

    async def close(self) -> None:
        await self.uplink.close()
        self.journal.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait, leaving the loop free."""
    while not condition():
        await asyncio.sleep(0.0005)


def events(told: Told) -> list[int]:
    """Return the numbers of a message's events."""
    return [one["seq"] for one in events_in(told)]


async def drain(folder: Path, port: int, count: int) -> float:
    """Return seconds from connecting to the arrival of the last event."""
    monitor = Monitor(folder, port, folder.name)
    monitor.start()
    house = House(folder / "j", port, folder.name)
    await house.record(count)
    began = time.time()
    house.uplink.start()
    await until(lambda: house.delivered() == count)
    await asyncio.to_thread(monitor.wait_for, count, 30)
    await house.close()
    monitor.end()
    return max(told.at_us for told in monitor.told() if events(told)) / 1e6 - began


async def overtake(folder: Path, port: int, count: int) -> tuple[float, float]:
    """Return the ms of an alarm that is recorded in the middle of a drain.

    In a session that hears alarms only, and in the one that hears everything.
    """
    monitor = Monitor(folder, port, folder.name)
    alarms = Monitor(folder, port, folder.name, below="event/alarm", session="alarms")
    monitor.start()
    alarms.start()
    house = House(folder / "j", port, folder.name)
    await house.record(count)
    house.uplink.start()
    await until(lambda: house.delivered() > count // 4)
    raised = time.time()
    alarm = await house.record(1, Severity.ALARM)
    await until(lambda: house.delivered() > count)
    await asyncio.to_thread(monitor.wait_for, count + 1, 30)
    await house.close()
    monitor.end()
    alarms.end()
    heard = [arrival(one, alarm) for one in (alarms, monitor)]
    late = sum(len(events(told)) for told in monitor.told() if told.at_us > heard[1])
    assert late, "the alarm was behind the backlog"
    return (heard[0] / 1e6 - raised) * 1e3, (heard[1] / 1e6 - raised) * 1e3


def arrival(monitor: Monitor, seq: int) -> int:
    """Return when an event arrived first."""
    return next(told.at_us for told in monitor.told() if seq in events(told))


def drain_one_by_one(folder: Path, port: int, count: int) -> float:
    """Return the floor's seconds for what `drain` left in its journal."""
    heard = folder / "floor.heard"
    command = ["mosquitto_sub", "-V", "5", "-p", str(port), "-q", "1", "-t", "floor/#"]
    with heard.open("wb") as out:
        subscriber = subprocess.Popen([*command, "-F", "%U %x"], stdout=out)
    time.sleep(0.5)
    window = threading.Semaphore(WINDOW)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.on_publish = lambda *_: window.release()
    reader = Reader(folder / "j")
    began = time.time()
    client.connect("127.0.0.1", port)
    client.loop_start()
    after = 0
    while after < count:
        for one in reader.read(after, 200, upto=count):
            window.acquire()
            client.publish("floor/x", one.body, qos=1)
            after = one.seq
    while heard.read_bytes().count(b"\n") < count:
        time.sleep(0.01)
    client.disconnect()
    client.loop_stop()
    reader.close()
    subscriber.kill()
    subscriber.wait()
    return float(heard.read_bytes().split(b"\n")[-2].split(b" ")[0]) - began


async def steady(
    folder: Path, port: int, count: int
) -> tuple[list[tuple[float, float]], float, float]:
    """Return the ms of alarms on an idle line, live events a second, and idle CPU in %.

    Each alarm's: whole, and after its commit.
    """
    monitor = Monitor(folder, port, "idle")
    monitor.start()
    house = House(folder / "k", port, "idle")
    house.uplink.start()
    await until(lambda: house.uplink.status()["only"]["carries"])
    gc.collect()
    gc.freeze()  # as the daemon does when it has started
    raised = {}
    for _ in range(ALARMS):
        began = time.time()
        seq = await house.record(1, Severity.ALARM)
        raised[seq] = (began, time.time())
        await asyncio.sleep(0.01)
    began = time.time()
    last = await house.record(count)
    await until(lambda: house.delivered() >= last)
    await asyncio.to_thread(monitor.wait_for, last, 30)
    rate = count / (max(told.at_us for told in monitor.told()) / 1e6 - began)
    cpu_s = time.process_time()
    await asyncio.sleep(IDLE_S)
    idle = (time.process_time() - cpu_s) / IDLE_S * 100
    await house.close()
    monitor.end()
    at = {seq: told.at_us / 1e6 for told in monitor.told() for seq in events(told)}
    took = [[(at[seq] - since) * 1e3 for since in both] for seq, both in raised.items()]
    return [(whole, after) for whole, after in took], rate, idle


def imported_mib(*modules: str) -> float:
    """Return the memory of a process that has imported these."""
    program = f"import sys{''.join(f', {name}' for name in modules)}; print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        size = pss_mib(process.pid)
        process.communicate(b"\n")
    return size


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    ours, floors, alarms = [], [], []
    with (
        tempfile.TemporaryDirectory(prefix="armoury-bench-", dir="/var/tmp") as name,
        Broker(Path(name) / "broker", extra=QUIET) as broker,
    ):
        for number in range(ROUNDS):
            folder, long = Path(name) / f"d{number}", Path(name) / f"o{number}"
            folder.mkdir()
            long.mkdir()
            ours.append(asyncio.run(drain(folder, broker.port, count)))
            floors.append(drain_one_by_one(folder, broker.port, count))
            alarms.append(asyncio.run(overtake(long, broker.port, 10 * count)))
        took, rate, idle = asyncio.run(steady(Path(name), broker.port, count))
    idle_ms, sent_ms = [whole for whole, _ in took], [after for _, after in took]
    slow_ms = max(2 * percentile(idle_ms, 0.5), 20)
    apart, among = [one for one, _ in alarms], [one for _, one in alarms]
    head(f"uplink: {count} events, {ROUNDS} rounds, medians")
    row("drain of the backlog", percentile(ours, 0.5), percentile(floors, 0.5), "s", "<= 0.3 x")
    row("the same, events a second", count / percentile(ours, 0.5), None, "ev/s", "")
    row("an alarm recorded in the drain", percentile(apart, 0.5), None, "ms", f"<= {slow_ms:.0f}")
    row("the same, among all that is heard", percentile(among, 0.5), None, "ms", "")
    row("an alarm on an idle line, p50", percentile(idle_ms, 0.5), None, "ms", "")
    row("an alarm on an idle line, p99", percentile(idle_ms, 0.99), None, "ms", "<= 25")
    row("the same after its commit, p99", percentile(sent_ms, 0.99), None, "ms", "")
    row("live: recorded and arrived", rate, None, "ev/s", "")
    row("CPU, connected and idle", idle, None, "%", "<= 0.5")
    floor_mib = imported_mib("paho.mqtt.client", "asyncio", "agent.site.plan")
    ours_mib = imported_mib("agent.uplink.uplink")
    row("memory, imported; floor: paho and the site", ours_mib, floor_mib, "MiB", "")


if __name__ == "__main__":
    main()
