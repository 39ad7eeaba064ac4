"""What a driver says, as it stands on the wire to the daemon."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from agent.runtime.lines import Lines, PointRead
from drivers.contract import PointReading, PointState
from drivers.host import HostLink

TEXTS = st.text(max_size=40)
DETAILS = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS, max_size=3)


def joined(line: bytes) -> bytes:
    return line.replace(b"\n", b"")


@given(TEXTS, st.sampled_from(PointState), st.integers(), DETAILS)
def test_a_points_line_says_what_the_reading_says(
    name: str, state: PointState, at_us: int, detail: dict[str, int | str | None]
) -> None:
    ours, daemons = socket.socketpair()
    with ours, daemons:
        HostLink(ours).report(PointReading(name, state, at_us, dict(detail)))
        line = daemons.recv(65_536)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    expected = {"is": "point", "point": name, "state": state, "at": at_us, "detail": detail}
    assert json.loads(line) == expected


@given(st.sampled_from(PointState), st.integers(0, 2**53 - 1))
def test_the_daemon_reads_it(state: PointState, at_us: int) -> None:
    ours, daemons = socket.socketpair()
    with ours, daemons:
        HostLink(ours).report(PointReading("contact", state, at_us))
        said = list(Lines("board").feed(daemons.recv(65_536)))
    assert said == [PointRead("board", "contact", state, at_us, {})]


@given(st.lists(st.integers(1, 9), max_size=9), st.lists(st.binary(max_size=9).map(joined)))
def test_the_daemons_lines_are_heard_however_they_are_cut(
    cuts: list[int], lines: list[bytes]
) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    ours, daemons = socket.socketpair()
    with ours, ThreadPoolExecutor(1) as pool:
        link = HostLink(ours)
        with daemons:
            heard = pool.submit(lambda: [link.line() for _ in range(len(lines) + 1)])
            for cut in cuts:
                daemons.sendall(stream[:cut])
                stream = stream[cut:]
            daemons.sendall(stream)
        assert heard.result(timeout=60) == [*(line + b"\n" for line in lines), b""]
