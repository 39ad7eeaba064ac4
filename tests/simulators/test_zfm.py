"""The simulated fingerprint module as a process: two clients of other houses, and its faults."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import adafruit_fingerprint
import pytest
import serial
from adafruit_fingerprint import Adafruit_Fingerprint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyfingerprint.pyfingerprint import PyFingerprint

from simulators.control import SimulatorError
from tests.contract.hosting import Simulator
from tests.waiting import wait_until

VERIFY = bytes.fromhex("EF01FFFFFFFF 01 0007 13 00000000 001B")
VERIFIED = bytes.fromhex("EF01FFFFFFFF 07 0003 00 000A")
LONGEST_FRAME = 9 + 258


def module(folder: Path, *arguments: str) -> Simulator:
    """Start a module whose port is `folder/port`."""
    control = folder / "control"
    return Simulator("simulators.zfm", control, "--link", str(folder / "port"), *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zfm")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Simulator]:
    with module(folder) as simulator:
        assert simulator.said == f"listening on {folder / 'port'}"
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    """The one module of this file's tests, as it was at its start."""
    yield running
    running.tell("lift")
    running.tell("recover")
    if running.tell("state")["templates"] != [1, 2, 3]:
        running.tell("swap", system_id=9, capacity=162, templates=[1, 2, 3])


class Port:
    """A raw line, opened anew for each test."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def ask(self, sent: bytes, size: int, timeout_s: float = 2.0) -> bytes:
        """Send; return what comes until it is `size` bytes or nothing more comes."""
        os.write(self.fd, sent)
        received = b""
        deadline = time.monotonic() + timeout_s
        while len(received) < size:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self.fd], [], [], left_s)[0]:
                break
            received += os.read(self.fd, 4096)
        return received


@contextmanager
def opened(path: Path) -> Iterator[Port]:
    port = Port(path)
    try:
        yield port
    finally:
        os.close(port.fd)


@contextmanager
def pyfingerprint(path: Path, **given: int) -> Iterator[PyFingerprint]:
    client = PyFingerprint(str(path), **given)
    try:
        yield client
    finally:
        client._PyFingerprint__serial.close()


@contextmanager
def adafruit(
    path: Path, password: tuple[int, ...] = (0, 0, 0, 0)
) -> Iterator[Adafruit_Fingerprint]:
    with serial.Serial(str(path), 57600, timeout=2) as port:
        yield Adafruit_Fingerprint(port, password)


def test_pyfingerprint_enrols_and_finds(sim: Simulator, folder: Path) -> None:
    with pyfingerprint(folder / "port") as client:
        assert client.verifyPassword() is True
        assert client.getSystemParameters()[1:] == (9, 162, 3, 0xFFFFFFFF, 2, 6)
        assert client.readImage() is False
        sim.tell("finger", id="anna", hold_ms=None)
        assert client.readImage() is True
        assert client.convertImage(1) is True
        assert client.searchTemplate() == (-1, -1)
        assert client.readImage() is True
        assert client.convertImage(2) is True
        assert client.compareCharacteristics() > 200
        assert client.createTemplate() is True
        assert client.storeTemplate() == 0
        assert client.getTemplateCount() == 4
        assert [at for at, used in enumerate(client.getTemplateIndex(0)) if used] == [0, 1, 2, 3]
        client.readImage()
        client.convertImage(1)
        assert client.searchTemplate()[0] == 0
        assert client.deleteTemplate(0) is True
        assert client.searchTemplate() == (-1, -1)
        assert client.clearDatabase() is True
        assert client.getTemplateCount() == 0


def test_pyfingerprint_moves_templates_and_pictures(
    sim: Simulator, folder: Path, tmp_path: Path
) -> None:
    with pyfingerprint(folder / "port") as client:
        sim.tell("finger", template=2, hold_ms=None)
        assert client.loadTemplate(2, 1) is True
        template = client.downloadCharacteristics(1)
        assert len(template) == 512
        client.readImage()
        client.convertImage(1)
        assert client.uploadCharacteristics(2, template) is True
        assert client.compareCharacteristics() > 200
        client.downloadImage(str(tmp_path / "finger.png"))
    with Image.open(tmp_path / "finger.png") as picture:
        assert picture.size == (256, 288)


def test_pyfingerprint_sets_what_is_then_so(tmp_path: Path) -> None:
    with module(tmp_path), pyfingerprint(tmp_path / "port") as client:
        client.setSecurityLevel(5)
        client.setMaxPacketSize(256)
        assert (client.getSecurityLevel(), client.getMaxPacketSize()) == (5, 256)
        assert client.setPassword(77) is True
        assert client.setAddress(5) is True
        assert client.verifyPassword() is True
        client.setBaudRate(115200)
        with pyfingerprint(tmp_path / "port", baudRate=115200, address=5, password=77) as faster:
            assert faster.verifyPassword() is True
            assert faster.getBaudRate() == 115200


def test_adafruits_client_finds_and_moves(sim: Simulator, folder: Path) -> None:
    with adafruit(folder / "port") as client:
        assert (client.library_size, client.system_id, client.baudrate) == (162, 9, 6)
        assert client.check_module() is True
        assert client.read_templates() == adafruit_fingerprint.OK
        assert client.templates == [1, 2, 3]
        assert client.get_image() == adafruit_fingerprint.NOFINGER
        sim.tell("finger", template=3, hold_ms=None)
        assert client.get_image() == adafruit_fingerprint.OK
        assert client.image_2_tz(1) == adafruit_fingerprint.OK
        assert client.finger_fast_search() == adafruit_fingerprint.OK
        assert client.finger_id == 3
        assert client.confidence > 200
        assert client.finger_search() == adafruit_fingerprint.OK
        assert len(client.get_fpdata("image")) == 36_864
        assert client.load_model(1, 1) == adafruit_fingerprint.OK
        template = client.get_fpdata("char", 1)
        assert client.send_fpdata(template, "char", 2) is True
        assert client.compare_templates() == adafruit_fingerprint.OK
        assert client.confidence == (250,)


def test_adafruits_client_enrols_and_forgets(sim: Simulator, folder: Path) -> None:
    with adafruit(folder / "port") as client:
        for buffer in (1, 2):
            sim.tell("finger", id="bert")
            assert client.get_image() == adafruit_fingerprint.OK
            assert client.image_2_tz(buffer) == adafruit_fingerprint.OK
            sim.tell("lift")
        assert client.create_model() == adafruit_fingerprint.OK
        assert client.store_model(100) == adafruit_fingerprint.OK
        assert client.count_templates() == adafruit_fingerprint.OK
        assert client.template_count == 4
        assert client.delete_model(100) == adafruit_fingerprint.OK
        sim.tell("messy")
        assert client.get_image() == adafruit_fingerprint.OK
        assert client.image_2_tz(1) == adafruit_fingerprint.IMAGEMESS
        sim.tell("messy", **{"as": "few"})
        assert client.get_image() == adafruit_fingerprint.OK
        assert client.image_2_tz(1) == adafruit_fingerprint.FEATUREFAIL
        sim.tell("messy", **{"as": "failed"})
        assert client.get_image() == adafruit_fingerprint.IMAGEFAIL
        assert client.empty_library() == adafruit_fingerprint.OK
        assert client.count_templates() == adafruit_fingerprint.OK
        assert client.template_count == 0


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with module(tmp_path, "--password", "0x01020304"):
        with (
            pytest.raises(RuntimeError, match="Failed to find sensor"),
            adafruit(tmp_path / "port"),
        ):
            pass
        with adafruit(tmp_path / "port", (1, 2, 3, 4)) as client:
            assert client.count_templates() == adafruit_fingerprint.OK


def test_the_flash_outlives_the_process(tmp_path: Path) -> None:
    given = ["--store", str(tmp_path / "flash"), "--templates", "4,5", "--capacity", "300"]
    with module(tmp_path, *given) as simulator, pyfingerprint(tmp_path / "port") as client:
        client.deleteTemplate(4)
        assert simulator.stop() == 0
    with module(tmp_path, *given) as simulator:
        state = simulator.tell("state")
    assert (state["templates"], state["capacity"]) == ([5], 300)


def test_it_ends_in_order_and_takes_its_link_along(tmp_path: Path) -> None:
    with module(tmp_path) as simulator:
        assert (tmp_path / "port").is_symlink()
        assert simulator.stop() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_a_mistake_on_its_command_line_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError, match="did not become ready"):
        module(tmp_path, "--templates", "200")
    assert capfd.readouterr().err == "zfm: position 200 is not below the capacity 162\n"


def test_left_alone_it_costs_nothing(sim: Simulator) -> None:
    sim.tell("state")
    before = sim.cpu_s()
    time.sleep(1.0)  # the length of the measurement
    assert sim.cpu_s() - before <= 0.03


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(st.binary(max_size=80), st.just(VERIFY), st.just(VERIFY[:9]))))
def test_garbage_never_stops_it(sim: Simulator, folder: Path, pieces: list[bytes]) -> None:
    # As many zeros as the longest frame: whatever the garbage began is over then.
    sent = b"".join(pieces) + bytes(LONGEST_FRAME) + VERIFY
    with opened(folder / "port") as port:
        received = port.ask(sent, 1)
        while not received.endswith(VERIFIED):
            more = port.ask(b"", 1)
            assert more, received.hex()
            received += more
        while port.ask(b"", 1, timeout_s=0.0):
            pass  # it answered the garbage too


def test_a_frame_that_breaks_off_is_forgotten_after_a_pause(sim: Simulator, folder: Path) -> None:
    with opened(folder / "port") as port:
        assert port.ask(VERIFY[:10], 1, timeout_s=0.6) == b""
        assert port.ask(VERIFY, 12) == VERIFIED


def test_byte_by_byte_is_as_good_as_whole(sim: Simulator, folder: Path) -> None:
    with opened(folder / "port") as port:
        for byte in VERIFY[:-1]:
            assert port.ask(bytes([byte]), 1, timeout_s=0.0) == b""
        assert port.ask(VERIFY[-1:], 12) == VERIFIED


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        ("half", VERIFIED[:6]),
        ("badsum", VERIFIED[:-1] + b"\xf5"),
        ("stray", b"\xef" + VERIFIED),
        ("longlength", VERIFIED[:7] + b"\x7f\xff" + VERIFIED[9:]),
        ("silence", b""),
    ],
)
def test_a_fault_spoils_as_many_replies_as_asked(
    sim: Simulator, folder: Path, fault: str, reply: bytes
) -> None:
    sim.tell(fault, times=1)
    with opened(folder / "port") as port:
        if reply:
            assert port.ask(VERIFY, len(reply)) == reply
        else:
            assert port.ask(VERIFY, 1, timeout_s=0.2) == b""
        assert port.ask(VERIFY, 12) == VERIFIED


def test_a_fault_stays_until_it_is_told_to_recover(sim: Simulator, folder: Path) -> None:
    sim.tell("badsum")
    with opened(folder / "port") as port:
        for _ in range(5):
            assert port.ask(VERIFY, 12) != VERIFIED
        sim.tell("recover")
        assert port.ask(VERIFY, 12) == VERIFIED


def test_a_slow_module_answers_late(sim: Simulator, folder: Path) -> None:
    sim.tell("slow", ms=300)
    with opened(folder / "port") as port:
        before = time.monotonic()
        assert port.ask(VERIFY, 12) == VERIFIED
        assert time.monotonic() - before >= 0.3


def test_it_babbles_for_as_long_as_asked_and_then_answers(sim: Simulator, folder: Path) -> None:
    sim.tell("garbage", for_s=1.5)
    with opened(folder / "port") as port:
        assert len(port.ask(VERIFY, 500)) >= 500
        wait_until(lambda: not sim.tell("state")["babbling"], 2.0, "the end of the babble")
        while port.ask(b"", 1, timeout_s=0.1):
            pass
        assert port.ask(VERIFY, 12) == VERIFIED


def test_unplugged_the_port_is_dead_and_its_link_gone(sim: Simulator, folder: Path) -> None:
    with opened(folder / "port") as port:
        sim.tell("vanish", for_s=1.5)
        assert not (folder / "port").exists()
        with pytest.raises(OSError, match="Input/output error"):
            os.write(port.fd, VERIFY)
    wait_until((folder / "port").exists, 2.0, "the port's return")
    with opened(folder / "port") as port:
        assert port.ask(VERIFY, 12) == VERIFIED


def test_replugged_another_port_is_behind_the_link(sim: Simulator, folder: Path) -> None:
    with opened(folder / "port") as old:
        sim.tell("replug")
        with pytest.raises(OSError, match="Input/output error"):
            os.write(old.fd, VERIFY)
        with opened(folder / "port") as port:
            assert port.ask(VERIFY, 12) == VERIFIED


def test_a_swapped_module_is_another_one_until_the_first_is_back(tmp_path: Path) -> None:
    with module(tmp_path) as simulator:
        simulator.tell("swap")
        with adafruit(tmp_path / "port") as client:
            assert (client.system_id, client.library_size) == (0xA5, 1000)
            assert client.count_templates() == adafruit_fingerprint.OK
            assert client.template_count == 0
            simulator.tell("swap", original=True, live=True)
            client.read_sysparam()
            assert (client.system_id, client.library_size) == (9, 162)


def test_at_another_baud_rate_nobody_hears_anybody(sim: Simulator, folder: Path) -> None:
    with serial.Serial(str(folder / "port"), 9600, timeout=0.2) as port:
        port.write(VERIFY)
        assert port.read(12) == b""
        port.baudrate, port.timeout = 57600, 60
        port.write(VERIFY)
        assert port.read(12) == VERIFIED


@pytest.mark.parametrize(
    ("params", "sentence"),
    [({}, "say which: template=1"), ({"template": 50}, "no template at 50; there are: [1, 2, 3]")],
)
def test_a_finger_that_cannot_be_laid_is_refused(
    sim: Simulator, params: dict[str, int], sentence: str
) -> None:
    with pytest.raises(SimulatorError) as refused:
        sim.tell("finger", **params)
    assert sentence in str(refused.value)


def test_help_says_every_verb_in_one_line(sim: Simulator) -> None:
    said = sim.tell("help")
    assert {"finger", "lift", "messy", "state", "silence", "garbage", "half", "badsum", "stray",
            "slow", "longlength", "vanish", "replug", "swap", "recover"} <= said.keys()  # fmt: skip
    assert all(line and "\n" not in line for line in said.values())
