"""A path that does not come about, or is lost, says why; and goes on trying."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.site.inputs import Condition
from agent.site.step import Severity
from agent.uplink import forbidden as forbidden_module
from agent.uplink import link as link_module
from agent.uplink import path as path_module
from agent.uplink.dial import Dial
from agent.uplink.options import PathOptions, TlsOptions
from tests.broker import Broker, Subscriber, certificates, free_port
from tests.uplink.rig import SITE, Rig, device, heard, on_a_loop, path_to, until

FEED = f"armoury/v1/{SITE}/#"
REFUSED = f"refuses armoury/v1/{SITE}/"


async def refusal(folder: Path, options: PathOptions) -> str:
    """Return why a path is not there."""
    async with Rig(folder, options) as rig:
        rig.uplink.start()
        return (await rig.condition(Condition.LOST)).reason


@on_a_loop
async def test_a_broker_that_is_not_running(tmp_path: Path) -> None:
    port = free_port()
    said = await refusal(tmp_path / "j", PathOptions(id="a", host="127.0.0.1", port=port))
    assert said == (
        f"the broker at 127.0.0.1:{port} refuses the connection; is it running, and is the port "
        "right?"
    )


@on_a_loop
async def test_a_fault_of_our_own_is_not_a_path_that_is_gone_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Dial) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(Dial, "run", broken)
    told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    options = PathOptions(id="a", host="127.0.0.1", port=1)
    async with Rig(tmp_path / "j", options) as rig:
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: told.set_result(context))
        rig.uplink.start()
        context = await asyncio.wait_for(told, 10)
        loop.set_exception_handler(before)
    assert "handle" in context, "by which the daemon knows it"
    assert str(context["exception"]) == "a fault of our own"


@on_a_loop
async def test_the_pauses_between_attempts_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path_module, "RECONNECT_S", (0.02, 30.0))
    monkeypatch.setattr(path_module, "STEADY_S", 0.1)
    calls: list[float] = []

    def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(time.monotonic())
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    options = PathOptions(id="a", host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    async with Rig(tmp_path / "j", options) as rig:
        rig.uplink.start()
        began_s = time.monotonic()
        long = lambda: time.monotonic() - began_s > 2 and len(calls) >= 3  # noqa: E731
        await until(long, 30, "two seconds to pass, and three calls")
    server.close()
    assert len(calls) <= 25, "ranges of 0.02, 0.04 ... 1.28 s"
    assert len(rig.news) == 1


@on_a_loop
async def test_a_port_where_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        options = PathOptions(id="a", host="127.0.0.1", port=mute.getsockname()[1])
        assert "takes the call but says nothing" in await refusal(tmp_path / "j", options)


@on_a_loop
async def test_tls_with_a_client_certificate_delivers(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "b", tls=certificates(tmp_path / "tls")) as broker,
        Subscriber(broker, FEED) as monitor,
    ):
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(500)
            rig.uplink.start()
            rig.record(1, Severity.ALARM)
            await until(lambda: len(heard(monitor)) >= 501, 30, "501 events")
            assert {one.seq: one.body for one in heard(monitor)} == rig.bodies()


@pytest.mark.parametrize(
    ("starts_in", "change", "wanted"),
    [
        (timedelta(0), {"ca": "other/ca.pem"}, "is not signed by the authority in ca"),
        (timedelta(0), {"cert": None, "key": None}, "asks for a client certificate"),
        (timedelta(0), {"cert": "other/c.pem", "key": "other/c-key.pem"}, "who signed our"),
        (timedelta(hours=1), {}, "is not valid yet: this gateway's clock says"),
        (timedelta(days=-3), {}, "has expired"),
        (timedelta(0), {"ca": "gone.pem"}, "gone.pem cannot be used: no such file"),
        (timedelta(0), {"ca": "tls/b-key.pem"}, "is not an authority's certificate; see tls.ca"),
        (timedelta(0), {"key": "other/c-key.pem"}, "a certificate and its key"),
    ],
)
@on_a_loop
async def test_what_is_wrong_with_a_certificate_is_said(
    tmp_path: Path, starts_in: timedelta, change: dict[str, str | None], wanted: str
) -> None:
    tls = certificates(tmp_path / "tls", starts_in)
    certificates(tmp_path / "other")
    files = {"ca": str(tls.ca), "cert": str(tls.client_cert), "key": str(tls.client_key)}
    files |= {key: str(tmp_path / name) for key, name in change.items() if name}
    files = {key: name for key, name in files.items() if change.get(key, name)}
    with Broker(tmp_path / "b", tls=tls) as broker:
        options = path_to(broker, tls=TlsOptions.model_validate(files))
        assert wanted in await refusal(tmp_path / "j", options)


@pytest.mark.parametrize(
    ("starts_in", "wanted"),
    [
        (timedelta(hours=3), r"refuses us: .*\(ours begins on .*, and this machine's clock says"),
        (
            timedelta(days=-3),
            r"refuses us: .*\(ours has ended on .*, and this machine's clock says",
        ),
    ],
)
@on_a_loop
async def test_a_certificate_of_ours_that_is_not_good_now_is_named(
    tmp_path: Path, starts_in: timedelta, wanted: str
) -> None:
    tls = certificates(tmp_path / "tls", client_starts_in=starts_in)
    with Broker(tmp_path / "b", tls=tls) as broker:
        assert re.search(wanted, await refusal(tmp_path / "j", path_to(broker)))


@on_a_loop
async def test_the_certificate_must_be_for_the_host_that_is_asked(tmp_path: Path) -> None:
    with Broker(tmp_path / "b", tls=certificates(tmp_path / "tls")) as broker:
        options = path_to(broker).model_copy(update={"host": "localhost"})
        assert "is for another name" in await refusal(tmp_path / "j", options)


@on_a_loop
async def test_tls_at_a_port_without_it_and_the_other_way_round(
    tmp_path: Path, quick: None
) -> None:
    tls = certificates(tmp_path / "tls")
    with Broker(tmp_path / "plain") as plain, Broker(tmp_path / "safe", tls=tls) as safe:
        at_plain = path_to(safe).model_copy(update={"port": plain.port})
        at_safe = path_to(plain).model_copy(update={"port": safe.port})
        assert "instead of speaking TLS" in await refusal(tmp_path / "j", at_plain)
        assert "if it wants TLS" in await refusal(tmp_path / "k", at_safe)


@on_a_loop
async def test_a_wrong_password_and_then_the_right_one(tmp_path: Path, quick: None) -> None:
    names = tmp_path / "names"
    subprocess.run(["mosquitto_passwd", "-c", "-b", names, "gateway", "right"], check=True)
    names.chmod(0o644)
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    extra = (f"password_file {names}",)
    with Broker(tmp_path / "b", extra=extra) as broker:
        options = path_to(broker, username="gateway", password_file=str(secret))
        async with Rig(tmp_path / "j", options) as rig:
            rig.uplink.start()
            assert "not authorised" in (await rig.condition(Condition.LOST)).reason
            secret.write_text("right\n")
            await rig.condition(Condition.READY)
            assert len(rig.news) == 2, "once a change, not once an attempt"


@on_a_loop
async def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    gone = PathOptions(id="a", host="127.0.0.1", username="x", password_file=str(tmp_path / "no"))
    assert "see password_file" in await refusal(tmp_path / "j", gone)


@on_a_loop
async def test_a_topic_that_we_may_not_write_to_is_named_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forbidden_module, "AGAIN_S", (0.2, 0.2))
    rights = tmp_path / "acl"
    rights.write_text(f"topic readwrite armoury/v1/{SITE}/status/#\ntopic read #\n")
    rights.chmod(0o644)
    with (
        Broker(tmp_path / "b", extra=(f"acl_file {rights}",)) as broker,
        Subscriber(broker, FEED) as monitor,
    ):
        often = path_to(broker).model_copy(update={"heartbeat_s": 0.3})
        async with Rig(tmp_path / "j", often) as rig:
            rig.record(3)
            rig.uplink.start()
            await until(lambda: any(REFUSED in news.reason for news in rig.news), 30, "why")
            why = next(news.reason for news in rig.news if REFUSED in news.reason)
            assert "not authorised" in why
            rights.write_text("topic readwrite #\n")
            assert broker._process is not None
            os.kill(broker._process.pid, 1)  # SIGHUP: it reads its access list again
            await until(lambda: len(heard(monitor)) == 3, 30, "the events")
            await rig.condition(Condition.READY)


@on_a_loop
async def test_a_line_that_swallows_everything_is_lost_by_its_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is on its way: only the missing answers to our pings can tell."""
    monkeypatch.setattr(link_module, "SILENCE", 1.1)
    with Broker(tmp_path / "b") as broker:
        options = path_to(broker, keepalive_s=5)
        async with Rig(tmp_path / "j", options) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            await until(lambda: len(broker.log.split("PUBACK")) > 2, 30, "everything answered")
            broker.freeze()
            frozen_s = time.monotonic()
            lost = await rig.condition(Condition.LOST)
            assert "is silent" in lost.reason
            assert time.monotonic() - frozen_s < 3 * 5, "in the time of a few pings"
            broker.thaw()


@on_a_loop
async def test_a_healthy_line_is_not_taken_for_a_silent_one(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker:
        async with Rig(tmp_path / "j", path_to(broker, keepalive_s=5)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            await until(lambda: broker.log.count("PINGRESP") >= 2, 30, "two pings")
            assert len(rig.news) == 1


@on_a_loop
async def test_closing_is_bounded_while_a_broker_hangs(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            broker.freeze()
            await asyncio.wait_for(rig.uplink.close(), 3)
            broker.thaw()


@on_a_loop
async def test_what_changes_before_the_birth_is_taken_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    introduce = path_module.Path._introduce
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:

            def introduced(path: path_module.Path) -> None:
                introduce(path)
                rig.uplink.device("board", device("ready"))

            monkeypatch.setattr(path_module.Path, "_introduce", introduced)
            rig.uplink.start()
            topic = f"armoury/v1/{SITE}/device/board"
            said = lambda: topic in {heard for heard, _, _ in monitor.received()}  # noqa: E731
            await until(said, 30, "the device's state")
