"""The floor: the smallest program that keeps the promise that an acknowledged event is not lost.

A line in, one row committed with `synchronous=FULL` (waiting lines share a commit), the row
published with QoS 1, the row deleted after the broker's acknowledgement. No rules, no devices,
no proof, no reconnection. Everything that the agent does besides is what its ratio shows.

Run as `python -m benchmarks.floor PORT DATABASE [BOARD_PORT PIN]`; each line of standard input
becomes an event on the topic `floor`, and so does each change of the board's pin, seen through
pigpio's own client. Prints `ready` when it is connected.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WINDOW = 100


def body(number: int, text: str) -> bytes:
    """Serialise an event of about 400 bytes, as the agent's are."""
    event = {
        "seq": number,
        "at": time.time_ns() // 1000,
        "mono": time.monotonic_ns() // 1000,
        "boot": "00000000-0000-0000-0000-000000000000",
        "trusted": True,
        "kind": "panic.raised",
        "severity": "alarm",
        "object": "guard-room",
        "device": "board",
        "data": {"text": text, "point": "board.guard-panic", "pad": "x" * 120},
    }
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


class Floor:
    """A queue, a database, a client."""

    def __init__(self, port: int, database: str) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._acked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._window = threading.Semaphore(WINDOW)
        self._numbers: dict[int, int] = {}
        self._database = database
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_publish(self, _client: object, _data: object, mid: int, *_: object) -> None:
        self._acked.put(mid)
        self._window.release()

    def watch(self, board_port: int, pin: int) -> None:
        """Take each change of a pin as a line too."""
        import pigpio

        self._board = pigpio.pi("127.0.0.1", board_port)
        self._board.set_mode(pin, pigpio.INPUT)
        self._board.callback(pin, pigpio.EITHER_EDGE, lambda _pin, level, _tick: self._say(level))

    def _say(self, level: int) -> None:
        self._lines.put(f"level {level}")

    def take(self) -> None:
        """Read standard input to its end."""
        writer = threading.Thread(target=self._write)
        writer.start()
        for line in sys.stdin:
            self._lines.put(line.strip())
        self._lines.put(None)
        writer.join()
        self._client.disconnect()

    def _write(self) -> None:
        database = sqlite3.connect(self._database, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB)")
        number = 0
        while (group := self._group()) is not None:
            rows = [(number + at, body(number + at, text)) for at, text in enumerate(group, 1)]
            number += len(rows)
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO event VALUES (?, ?)", rows)
            database.executemany("DELETE FROM event WHERE seq = ?", self._delivered())
            database.execute("COMMIT")
            for seq, data in rows:
                self._window.acquire()
                self._numbers[self._client.publish("floor", data, qos=1).mid] = seq
        while self._numbers:
            self._delivered()
            time.sleep(0.001)
        database.close()

    def _group(self) -> list[str] | None:
        group = [self._lines.get()]
        while not self._lines.empty() and len(group) < WINDOW:
            group.append(self._lines.get())
        if group[-1] is None:
            for line in group[:-1]:
                self._lines.put(line)
            if len(group) == 1:
                return None
            self._lines.put(None)
            return self._group()
        return [line for line in group if line is not None]

    def _delivered(self) -> list[tuple[int]]:
        gone = []
        while not self._acked.empty():
            seq = self._numbers.pop(self._acked.get(), None)
            if seq is not None:
                gone.append((seq,))
        return gone


if __name__ == "__main__":
    floor = Floor(int(sys.argv[1]), sys.argv[2])
    if len(sys.argv) > 3:
        floor.watch(int(sys.argv[3]), int(sys.argv[4]))
    print("ready", flush=True)
    floor.take()
