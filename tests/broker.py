"""A real mosquitto of a test's own: started, killed, frozen and started again on one port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.waiting import wait_until

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def free_port() -> int:
    """Return a loopback port that nobody listens at; the kernel does not hand it out soon."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True)
class Certificates:
    """One authority with what it signed, as PEM files."""

    ca: Path
    cert: Path
    key: Path
    client_cert: Path
    client_key: Path


def certificates(folder: Path, starts_in: timedelta = timedelta(hours=-1)) -> Certificates:
    """Make an authority, a broker's certificate for 127.0.0.1 and a client's.

    Args:
        folder: made if need be.
        starts_in: when the broker's certificate begins to be valid, from now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(*(folder / f"{name}.pem" for name in ("ca", "b", "b-key", "c", "c-key")))
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name(f"authority of {folder.name}")
    ca = (
        _begin(ca_name, ca_name, ca_key, timedelta(hours=-1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    made.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    for name, cert, key, start in (
        ("127.0.0.1", made.cert, made.key, starts_in),
        ("gateway", made.client_cert, made.client_key, timedelta(hours=-1)),
    ):
        own_key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            _begin(_name(name), ca_name, own_key, start)
            .add_extension(address, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        key.write_bytes(
            own_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, starts_in: timedelta
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) + starts_in
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
    )


@dataclass
class Broker:
    """One mosquitto on loopback; its port stays the same over every restart.

    Args:
        folder: for its configuration, log and store; one a broker.
        tls: makes it ask for TLS and for a client certificate of the same authority.
        persistent: it keeps sessions and messages on disk, written at every change.
        extra: more lines of its configuration ("max_packet_size 2000").
    """

    folder: Path
    tls: Certificates | None = None
    persistent: bool = False
    extra: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """Return what the broker has written so far."""
        path = self.folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert self._process is None, "it runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(self._config()) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_until(self._listens, 10, f"mosquitto listens at {self.port}: {self.log}")

    def kill(self) -> None:
        """End it without a word, as kill -9 does. Nothing happens if it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """End it in order: its store is written, its clients are told."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
        self._process = None

    def freeze(self) -> None:
        """Let it hang: its sockets stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"mosquitto ended: {self.log}"
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def _config(self) -> list[str]:
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            # its default of 1000 drops what a slow subscriber has not fetched yet, unseen
            "max_queued_messages 0",
            "log_type all",
            f"persistence {str(self.persistent).lower()}",
        ]
        if self.persistent:
            lines += [
                f"persistence_location {self.folder}/",
                "autosave_interval 1",
                "autosave_on_changes true",
            ]
        if self.tls:
            lines += [
                f"cafile {self.tls.ca}",
                f"certfile {self.tls.cert}",
                f"keyfile {self.tls.key}",
                "require_certificate true",
            ]
        if os.geteuid() == 0:
            lines.append("user root")
        return [*lines, *self.extra]


class Subscriber:
    """An independent consumer: `mosquitto_sub -V 5`, one line of topic and payload a message.

    Args:
        broker: where to.
        topic: a filter.
        session: keeps a persistent session under this client id.
    """

    def __init__(self, broker: Broker, topic: str, session: str | None = None) -> None:
        self._out = broker.folder / f"subscriber-{time.monotonic_ns()}"
        command = ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port)]
        command += ["-q", "1", "-t", topic, "-F", "%t %r %x %C"]
        if session is not None:
            command += ["-i", session, "-c", "-x", "3600"]
        if broker.tls:
            command += ["--cafile", str(broker.tls.ca), "--cert", str(broker.tls.client_cert)]
            command += ["--key", str(broker.tls.client_key)]
        before = broker.log.count("SUBSCRIBE from")
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        wait_until(
            lambda: broker.log.count("SUBSCRIBE from") > before, 10, f"a subscription to {topic}"
        )

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """End it; what it has received stays readable."""
        self._process.kill()
        self._process.wait(10)

    def received(self) -> list[tuple[str, bool, bytes]]:
        """Return topic, retained flag and payload of every whole message so far."""
        return [
            (topic.decode(), retained == b"1", bytes.fromhex(payload.decode()))
            for topic, retained, payload, _ in self._lines()
        ]

    def content_types(self) -> set[str]:
        """Return the content types that messages so far bore."""
        return {kind.decode() for _, _, _, kind in self._lines() if kind}

    def _lines(self) -> list[list[bytes]]:
        whole = self._out.read_bytes().split(b"\n")[:-1]
        return [line.split(b" ") for line in whole]
