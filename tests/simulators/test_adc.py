"""The simulated converter, asked by clients that are not ours: gpiozero and the pigpio package."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pigpio
import pytest
from gpiozero import MCP3008, MCP3208
from gpiozero.pins.pigpio import PiGPIOFactory

from simulators.adc import Adc, Wire
from simulators.control import SimulatorError
from tests.contract.hosting import Simulator


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Simulator]:
    control = tmp_path / "board.sock"
    with Simulator("simulators.board", control, "--listen", "127.0.0.1:0") as running:
        yield running


@pytest.fixture
def factory(board: Simulator) -> Iterator[PiGPIOFactory]:
    opened = PiGPIOFactory("127.0.0.1", board.port)
    notifications = opened.connection._notify
    # gpiozero's closed buses are in circles, and finalized they take a lock that the same thread
    # may hold just then: it would wait for itself, for good.
    gc.disable()
    yield opened
    gc.collect()
    gc.enable()
    opened.close()
    notifications.join(timeout=5.0)


@pytest.mark.parametrize(
    ("kind", "client", "bits"), [("mcp3008", MCP3008, 10), ("mcp3208", MCP3208, 12)]
)
@pytest.mark.parametrize("select", [0, 1])
def test_gpiozero_reads_every_channel_of_it(
    board: Simulator, factory: PiGPIOFactory, kind: str, client: type, bits: int, select: int
) -> None:
    board.tell("adc", kind=kind, select=select)
    for channel in range(8):
        board.tell("wire", select=select, channel=channel, pull_up_ohm=1000, normal=1000 * channel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no fall-back to a bus of pins
        for channel in range(8):
            with client(channel, device=select, pin_factory=factory) as adc:
                wanted = int((1 << bits) * channel / (channel + 1))
                assert adc.raw_value == pytest.approx(wanted, abs=1)


def test_gpiozero_reads_differences(board: Simulator, factory: PiGPIOFactory) -> None:
    board.tell("adc", kind="mcp3008")
    board.tell("wire", channel=0, pull_up_ohm=1000, normal=3000)
    board.tell("wire", channel=1, pull_up_ohm=1000, normal=1000)
    for channel, wanted in ((0, 256), (1, 0)):
        with MCP3008(channel, differential=True, pin_factory=factory) as adc:
            assert adc.raw_value == wanted


@pytest.fixture
def pi(board: Simulator) -> Iterator[pigpio.pi]:
    opened = pigpio.pi("127.0.0.1", board.port)
    notifications = opened._notify
    yield opened
    opened.stop()
    notifications.join(timeout=5.0)


def test_what_pigpiod_refuses(pi: pigpio.pi) -> None:
    for asked, refusal in (
        ((2, 1_000_000), "bad SPI channel"),
        ((0, 1), "bad SPI speed"),
        ((0, 1_000_000, 1 << 22), "bad i2c/spi/ser open flags"),
    ):
        with pytest.raises(pigpio.error, match=refusal):
            pi.spi_open(*asked)
    assert pi.spi_xfer(5, b"\x01\x80\x00")[0] == pigpio.PI_BAD_HANDLE
    handles = [pi.spi_open(0, 1_000_000) for _ in range(32)]
    with pytest.raises(pigpio.error, match="no handle available"):
        pi.spi_open(0, 1_000_000)
    pi.spi_close(handles[7])
    assert pi.spi_open(1, 1_000_000) == handles[7]


def test_an_empty_chip_select_reads_all_ones(pi: pigpio.pi) -> None:
    handle = pi.spi_open(1, 1_000_000)
    assert pi.spi_xfer(handle, [1, 128, 0]) == (3, bytearray(b"\xff\xff\xff"))
    assert pi.spi_read(handle, 2) == (2, bytearray(b"\xff\xff"))


def test_a_loop_has_each_state_a_resistance_of_its_own_and_drifts() -> None:
    now_s = [0.0]
    adc = Adc("mcp3008", clock=lambda: now_s[0])
    loop = adc.loops[0]
    loop.pull_up_ohm, loop.ohms = 1000.0, {Wire.NORMAL: 1000.0, Wire.ALARM: 3000.0}
    wanted = {Wire.NORMAL: 512, Wire.ALARM: 768, Wire.OPEN: 1023, Wire.SHORT: 0}
    for state, code in wanted.items():
        loop.state = state
        assert adc.code(0, single=True) == code
    loop.state, loop.drift_ohm_s = Wire.NORMAL, 200.0
    now_s[0] = 10.0
    assert adc.code(0, single=True) == 768


def test_a_frame_may_begin_anywhere_and_ends_with_zeros() -> None:
    """The chip waits for the start bit (DS21295, section 5.0)."""
    adc = Adc("mcp3008")
    adc.loops[2].pull_up_ohm, adc.loops[2].ohms = 1000.0, {Wire.NORMAL: 3000.0}
    early = adc.transfer(bytes.fromhex("d000000000"))  # start, single, channel 2, in the first byte
    bits = "".join(f"{byte:08b}" for byte in early)
    assert bits == "111111" + "0" + "1100000000" + "000000011" + "0" * 14
    assert adc.transfer(b"\0\0\0") == b"\xff\xff\xff"


def test_a_wrong_wish_is_a_sentence(board: Simulator) -> None:
    for do, params, said in (
        ("loop", {"channel": 0, "state": "open"}, "no converter at chip select 0"),
        ("adc", {"kind": "ads1115"}, "no kind 'ads1115'"),
        ("adc", {"kind": "mcp3008", "select": 2}, "chip selects are 0 to 1"),
    ):
        with pytest.raises(SimulatorError, match=said):
            board.tell(do, **params)
    board.tell("adc", kind="mcp3008")
    for params, said in (
        ({"channel": 8, "state": "open"}, "channels are 0 to 7"),
        ({"channel": 0, "state": "melted"}, "melted"),
    ):
        with pytest.raises(SimulatorError, match=said):
            board.tell("loop", **params)
    with pytest.raises(SimulatorError, match="gone"):
        board.tell("lose", to="gone")
