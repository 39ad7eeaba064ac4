"""One mistake in the reference armoury is one line, whatever else hangs on what it spoils."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Mistakes = Callable[[str], list[str]]
REFERENCE = (Path(__file__).parents[2] / "config" / "reference.toml").read_text()

PIR = 'point = "board.store-pir"\nkind = "instant"\n'
STORE_FACTORS = 'factors = ["finger", "pin"]'
LOOPS = "store-ceiling = { channel = 0, end_ohm = 4700, alarm_ohm = 4700 }"
SIREN = 'siren = { pin = 25, fail_state = "off", kind = "siren", max_on_s = 180 }'

ONE = [
    (f'{PIR}supervision = "nc"\n', PIR, "zone.store-movement.supervision: found nothing"),
    (f"{PIR}supervision", f"{PIR}supervison", "zone.store-movement.supervison: found an unknown"),
    ('factory = "pigpio"', 'factory = "pigpiod"', 'device.rack-board.factory: found "pigpiod"'),
    ('host = "192.0.2.31"', 'hots = "192.0.2.31"', "device.rack-board.hots: found an unknown"),
    ('host = "192.0.2.31"', "host = 31", "device.rack-board.host: found 31"),
    ('id = "store-reader"\ndriver', 'idd = "store-reader"\ndriver', "device[4].idd: found an"),
    ('driver = "eol"', 'drivr = "eol"', "device.loops.drivr: found an unknown key; did you mean"),
    ('id = "store"\narea = "store"\nlock', 'id = "Store"\narea = "store"\nlock', "door.Store.id:"),
    (STORE_FACTORS, 'factors = ["fingr", "pin"]', 'door.store.factors[1]: found "fingr"'),
    (STORE_FACTORS, 'factors = ["finger", "pim"]', 'door.store.factors[2]: found "pim"'),
    (STORE_FACTORS, 'factor = ["finger", "pin"]', "door.store.factor: found an unknown key"),
    ("single_factor_accepted", "single_factor_acepted", "door.hall.single_factor_acepted:"),
    ('reads = ["pin"]', 'reads = ["pim"]', 'device.store-keypad.reads[1]: found "pim"'),
    ('reads = ["pin"]', 'raeds = ["pin"]', "device.store-keypad.raeds: found an unknown key"),
    ('url = "rtsp://192.0.2.21:554/stream2"', 'url = ""', 'device.store-camera.url: found ""'),
    ("pull_up_ohm = 4700", "pull_up_ohm = 5", "device.loops.pull_up_ohm: found 5"),
    ("pull_up_ohm = 4700", "pullup_ohm = 4700", "device.loops.pullup_ohm: found an unknown"),
    ("reference = 7 ", "reference = 8 ", "device.loops.reference: found 8"),
    (LOOPS, LOOPS.replace("= 4700,", "= 7,"), "device.loops.inputs.store-ceiling.end_ohm: found 7"),
    (
        f"{LOOPS}\nstore-hatch = {{ channel = 1,",
        f"{LOOPS.replace('channel = 0', 'channel = 9')}\nstore-hatch = {{ channel = 0,",
        "device.loops.inputs.store-ceiling.channel: found 9",
    ),
    (
        SIREN,
        'siren = { pin = 4, fail_state = "off", active = "lwo", max_on_s = 180 }',
        'device.board.outputs.siren.active: found "lwo"',
    ),
    (
        SIREN,
        SIREN.replace("180", "60000000"),
        "device.board.outputs.siren.max_on_s: found 60000000",
    ),
    (
        "disarm_people = 1\n",
        "disarm_people = 3\n",
        "area.hall.disarm_people: found 3",
    ),
    (
        "store-strike = { pin = 23",
        "store-strike = { pin = 7",
        "device.board.outputs.store-strike.pin: found pin 7",
    ),
    *(
        (
            'host = "monitor.example.org"',
            f'host = "{host}"',
            f'path.fibre.host: found "{host}"; write a name or an address without a port',
        )
        for host in (
            "monitor.example.org:8883",
            "mqtts://monitor.example.org",
            "monitor..example.org",
            " monitor.example.org",
        )
    ),
]


@pytest.mark.parametrize(("before", "after", "said"), ONE, ids=[said for *_, said in ONE])
def test_one_mistake_is_one_line(before: str, after: str, said: str, mistakes: Mistakes) -> None:
    text = REFERENCE.replace('id = "hall"\narea', 'id = "hall"\non_armed = "disarm"\narea', 1)
    assert mistakes(text) == []
    assert text.count(before) >= 1
    (line,) = mistakes(text.replace(before, after, 1))
    assert line.partition(": ")[2].startswith(said)


def test_whether_a_path_needs_tls_is_not_known_without_its_host(mistakes: Mistakes) -> None:
    demo = (Path(__file__).parents[2] / "config" / "demo.toml").read_text()
    path, end = 'id = "loopback"\nhost = "127.0.0.1"\n', 'id = "loopback"\n'
    assert path in demo
    for host, said in (("", "found nothing"), ('host = "a:1"\n', 'found "a:1"')):
        (line,) = mistakes(demo.replace(path, end + host))
        assert f"path.loopback.host: {said}" in line


def test_a_mistake_hides_none_beside_it(mistakes: Mistakes) -> None:
    text = REFERENCE
    for before, after in [
        ("slot-2 = { pin = 17", "slot-2 = { pin = 170"),
        ("slot-3 = { pin = 27", "slot-3 = { pin = 4"),
        (SIREN, SIREN.replace("180", "60").replace("25", "250")),
        ("max_on_s = 10 }", "max_on_s = 2 }"),
        (f'{PIR}supervision = "nc"', f'{PIR}supervision = "eoll"'),
        ('point = "board.store-shock"', 'point = "board.store-shok"'),
        ('covers = ["hall", "store"]', 'covers = ["hal", "store"]'),
    ]:
        assert text.count(before) >= 1
        text = text.replace(before, after, 1)
    said = [line.partition(" found ")[0].partition(": ")[2] for line in mistakes(text)]
    assert said == [
        "device.board.outputs.siren.pin:",
        "device.rack-board.inputs.slot-2.pin:",
        "device.rack-board.inputs.slot-3.pin:",
        "door.store.strike:",
        "zone.store-movement.supervision:",
        "zone.store-wall.point:",
        "camera.hall-camera.covers:",
    ]
