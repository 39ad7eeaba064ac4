"""What people get wrong: one clear line each, and where it can go on, it goes on."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.broker import Tls
from simulators.control import SimulatorError, tell
from simulators.monitor import Monitor
from tests.broker import Certificates, certificates
from tests.system.house import House
from tests.waiting import wait_until

Make = Callable[[str], House]


def run_daemon(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "run", *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


def one_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_an_unwritable_data_folder_is_one_line_that_says_so(
    make_house: Make, demo_text: str, tmp_path: Path
) -> None:
    house = make_house(demo_text)
    data = tmp_path / "a-file"
    data.write_text("not a folder")
    ended = run_daemon(
        "--site", str(house.site_file), "--data", str(data), "--socket", str(house.control)
    )
    assert ended.returncode == 1
    errors = [line for line in ended.stderr.splitlines() if line.startswith("Error")]
    assert str(data) in one_line("\n".join(errors))
    assert "Traceback" not in ended.stderr


def test_a_site_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    ended = run_daemon("--site", str(tmp_path / "none.toml"), "--data", str(tmp_path / "data"))
    assert ended.returncode == 2
    assert "none.toml" in one_line(ended.stderr)


def test_a_socket_that_cannot_be_made_is_one_line(
    make_house: Make, demo_text: str, tmp_path: Path
) -> None:
    house = make_house(demo_text)
    socket = tmp_path / "nowhere" / "control.sock"
    ended = run_daemon(
        "--site", str(house.site_file), "--data", str(house.data), "--socket", str(socket)
    )
    assert ended.returncode == 1
    assert str(socket) in one_line([*ended.stderr.strip().splitlines()][-1])
    assert "Traceback" not in ended.stderr


def answers(house: House) -> bool:
    """Say whether the control socket is listened on: for a moment it only is there."""
    with contextlib.suppress(SimulatorError):
        return bool(house.ask("status"))
    return False


def test_without_devices_and_broker_the_daemon_goes_on_and_says_what_is_missing(
    make_house: Make, demo_text: str
) -> None:
    house = make_house(demo_text)
    house.start_daemon()
    wait_until(lambda: answers(house), 20, "the daemon answers")
    lost = {
        device: house.wait_for(kind="device.lost", object=device)["data"]["reason"]
        for device in ("board", "store-reader", "hall")
    }
    assert "store-reader" in lost["store-reader"]
    for reason in lost.values():
        assert reason
        assert "\n" not in reason
    uplink = house.wait_for(20, kind="uplink.lost")
    assert "refuse" in uplink["data"]["reason"]
    house.broker.start()
    house.monitor.start()
    house.start_wires()
    house.wait_for_devices()
    house.wait_for(40, kind="uplink.back")
    house.assert_monitor_has_the_record()


def test_a_broker_that_nobody_listens_behind_is_reported_and_loses_nothing(
    make_house: Make, demo_text: str
) -> None:
    house = make_house(demo_text)
    house.broker.start()
    house.start_wires()
    house.start_daemon()
    house.wait_for_devices()
    house.wait_for(20, kind="uplink.monitor_absent")
    house.monitor.start()
    house.assert_monitor_has_the_record(60)


def test_garbage_on_the_control_socket_disturbs_nobody(house: House) -> None:
    for garbage in ("", "status\x00", "x" * 5000):
        with pytest.raises(Exception, match=r"unknown request|one JSON object"):
            tell(house.control, garbage)
    assert house.ask("status")["site"]["id"] == "demo"


def with_tls(make_house: Make, text: str, broker: Certificates, gateway: Certificates) -> House:
    """Return an armoury whose broker shows one authority's certificates, its gateway another's."""
    table = f'[path.tls]\nca = "{gateway.ca}"\ncert = "{gateway.client_cert}"\n'
    house = make_house(f'{text}\n{table}key = "{gateway.client_key}"\n')
    house.broker.tls = Tls(broker.ca, broker.cert, broker.key)
    words = ["--cafile", str(broker.ca), "--cert", str(broker.client_cert)]
    words += ["--key", str(broker.client_key)]
    house.monitor = Monitor(house.folder, house.broker.port, "demo", words)
    return house


def test_tls_with_the_right_certificates_carries_everything(
    make_house: Make, demo_text: str, tmp_path: Path
) -> None:
    made = certificates(tmp_path / "authority")
    house = with_tls(make_house, demo_text, made, made)
    house.start()
    assert house.ask("status")["paths"][0]["tls"] is True
    house.assert_monitor_has_the_record()


def test_a_wrong_certificate_is_said_and_everything_else_goes_on(
    make_house: Make, demo_text: str, tmp_path: Path
) -> None:
    theirs, ours = certificates(tmp_path / "theirs"), certificates(tmp_path / "ours")
    house = with_tls(make_house, demo_text, theirs, ours)
    house.start(heard=False)
    assert "certificate" in house.wait_for(20, kind="uplink.lost")["data"]["reason"]
    house.armoury("simulate", "press", "guard-room")
    house.wait_for(kind="panic.raised")


@pytest.mark.parametrize(
    "name", ["\ud800", "x" * 65_400, "no.such"], ids=["half a letter", "endless", "unknown"]
)
def test_a_command_that_cannot_be_is_refused_and_harms_nobody(house: House, name: str) -> None:
    with pytest.raises(SimulatorError):
        house.ask("command", name=name, params={})
    house.armoury("simulate", "press", "guard-room")
    house.wait_for(kind="panic.raised")
    house.assert_monitor_has_the_record()
