"""What a site file may say about a camera; and that a login is never shown."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from drivers.camera import options
from drivers.camera.options import POINTS, Options
from drivers.camera.source import Kind, parse
from drivers.contract import Offers
from drivers.host import build

FOLDER = Path(options.__file__).parent
URL = "rtsp://192.0.2.21/stream2"
LOGIN = "pa55word"
plain = st.text("abcXYZ0189-_.~", min_size=6, max_size=20)


def load(**table: Any) -> Options:
    return TypeAdapter(Options).validate_json(json.dumps(table), strict=True)


def found(**table: Any) -> dict[str, str]:
    return {mistake.key: mistake.remedy for mistake in load(**table).mistakes()}


def test_the_sample_is_in_the_readme_word_for_word_and_loads() -> None:
    sample = (FOLDER / "sample.toml").read_text()
    assert sample in (FOLDER / "README.md").read_text()
    table = tomllib.loads(sample)["device"][0]
    given = {key: value for key, value in table.items() if key not in ("id", "driver")}
    assert found(**given) == {}


def test_the_readme_names_every_option() -> None:
    readme = (FOLDER / "README.md").read_text()
    names = [field.name for field in fields(Options)]
    assert all(f"`{name}`" in readme for name in names)


def test_it_offers_a_picture_and_what_hinders_it() -> None:
    offered = Offers(points=POINTS, picture=True)
    assert load(url=URL).offers() == offered


def test_the_host_builds_what_the_daemon_validated() -> None:
    validated = load(url=URL, sensitivity=80)
    dumped = TypeAdapter(Options).dump_python(validated, mode="json")
    assert build(Options, dumped) == validated


def test_importing_the_options_imports_nothing_heavy() -> None:
    program = "import sys, drivers.camera.options; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert not {"cv2", "numpy", "socket"} & set(out.split())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sensitivity", 0),
        ("sensitivity", 101),
        ("fps", 16),
        ("width", 100),
        ("min_area_permille", 0),
        ("frozen_s", 1),
        ("read_timeout_ms", 60_000),
        ("loop", "yes"),
        ("colour", "red"),
    ],
)
def test_what_is_out_of_bounds_or_unknown_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        load(url=URL, **{key: value})


@pytest.mark.parametrize(
    ("table", "key", "remedy"),
    [
        ({"url": "ftp://192.0.2.21/x"}, "url", "rtsp://"),
        ({"url": "rtsp:///stream2"}, "url", "ADDRESS"),
        ({"url": "http://192.0.2.21:99999/x"}, "url", "65535"),
        ({"url": "http://192..2.21/x"}, "url", "192.0.2.21"),
        ({"url": f"http://guard:{LOGIN[:4]}#{LOGIN[4:]}@192.0.2.21/x"}, "url", "password_file"),
        ({"url": URL, "user": "guard"}, "password_file", "both"),
        ({"url": URL, "password_file": "/etc/x"}, "user", "both"),
        (
            {"url": f"http://a:{LOGIN}@192.0.2.21/x", "user": "guard", "password_file": "/etc/x"},
            "url",
            "take it out",
        ),
        ({"url": "/dev/video0", "user": "guard", "password_file": "/etc/x"}, "user", "remove"),
        ({"url": URL, "loop": True}, "loop", "file"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_write(
    table: dict[str, Any], key: str, remedy: str
) -> None:
    mistakes = found(**table)
    assert list(mistakes) == [key]
    assert remedy in mistakes[key]
    assert LOGIN[:4] not in str(list(load(**table).mistakes()))


@pytest.mark.parametrize(
    ("url", "kind", "public"),
    [
        (URL, Kind.NETWORK, "rtsp://192.0.2.21:554"),
        ("http://192.0.2.21:8080/video?user=a&pwd=b", Kind.NETWORK, "http://192.0.2.21:8080"),
        ("rtsp://[2001:db8::7]/s", Kind.NETWORK, "rtsp://[2001:db8::7]:554"),
        ("/dev/video0", Kind.DEVICE, "/dev/video0"),
        ("films/night.mp4", Kind.FILE, "films/night.mp4"),
    ],
)
def test_a_url_is_taken_apart(url: str, kind: Kind, public: str) -> None:
    source = parse(url)
    assert (source.kind, source.public, source.url) == (kind, public, url)


@given(user=plain, password=plain)
def test_a_login_in_the_url_is_never_shown(user: str, password: str) -> None:
    given = load(url=f"http://{user}:{password}@192.0.2.21/x?u={user}&p={password}")
    source = parse(given.url)
    assert source.has_login
    for shown in (repr(given), repr(source), str(source), source.public):
        assert password not in shown
        assert user not in shown


@given(user=st.text(min_size=1, max_size=20), password=st.text(min_size=1, max_size=20))
def test_any_login_can_be_put_into_the_url_without_moving_its_address(
    user: str, password: str
) -> None:
    source = parse(URL).with_login(user, password)
    again = parse(source.url)
    assert (again.host, again.port, again.target, again.has_login) == (
        *("192.0.2.21", 554, "/stream2"),
        True,
    )


@given(st.text(max_size=60))
def test_any_text_is_a_source_or_a_mistake(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse(f"http://{text}").host
