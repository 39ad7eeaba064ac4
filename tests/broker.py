"""A test's real mosquitto with certificates of its own, and an independent subscriber."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulators.broker import Broker, Tls, free_port
from tests.waiting import wait_until

__all__ = ["Authority", "Broker", "Certificates", "Subscriber", "certificates", "free_port"]


@dataclass(frozen=True)
class Certificates(Tls):
    """One authority with what it signed for a broker and a client, as PEM files."""

    client_cert: Path
    client_key: Path


class Authority:
    """Signs certificates; its own lies in `folder`/ca.pem."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"authority of {folder.name}")
        ca = (
            _begin(self._name, self._name, self._key, timedelta(hours=-1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / "ca.pem"
        self.path.write_bytes(ca.public_bytes(serialization.Encoding.PEM))

    def sign(
        self, file: str, common: str, starts_in: timedelta = timedelta(hours=-1), days: int = 2
    ) -> tuple[Path, Path]:
        """Make a certificate for 127.0.0.1 and its key; return their files."""
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        own_key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            _begin(_name(common), self._name, own_key, starts_in, days)
            .add_extension(address, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        cert, key = self._folder / f"{file}.pem", self._folder / f"{file}-key.pem"
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        key.write_bytes(
            own_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return cert, key


def certificates(
    folder: Path,
    starts_in: timedelta = timedelta(hours=-1),
    client_starts_in: timedelta = timedelta(hours=-1),
) -> Certificates:
    """Make an authority, a broker's certificate for 127.0.0.1 and a client's.

    Args:
        folder: made if need be.
        starts_in: when the broker's certificate begins to be valid, from now ...
        client_starts_in: ... and the client's; each for two days.
    """
    authority = Authority(folder)
    broker = authority.sign("b", "127.0.0.1", starts_in)
    return Certificates(authority.path, *broker, *authority.sign("c", "gateway", client_starts_in))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    starts_in: timedelta,
    days: int = 2,
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) + starts_in
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


class Subscriber:
    """An independent consumer: `mosquitto_sub -V 5`, one line of topic and payload a message.

    Args:
        broker: where to.
        topic: a filter.
        session: keeps a persistent session under this client id.
    """

    def __init__(self, broker: Broker, topic: str, session: str | None = None) -> None:
        self._out = broker.folder / f"subscriber-{time.monotonic_ns()}"
        self._read = 0
        command = ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port)]
        command += ["-q", "1", "-t", topic, "-F", "%t %r %x %C"]
        if session is not None:
            command += ["-i", session, "-c", "-x", "3600"]
        if isinstance(broker.tls, Certificates):
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
        self._process.wait(60)

    def received(self) -> list[tuple[str, bool, bytes]]:
        """Return topic, retained flag and payload of every whole message so far."""
        return [_message(line) for line in self._whole()]

    def more(self) -> list[tuple[str, bool, bytes]]:
        """Return what has come since this was last asked, of whole messages."""
        with self._out.open("rb") as out:
            out.seek(self._read)
            whole = out.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        return [_message(line) for line in whole.splitlines()]

    def content_types(self) -> set[str]:
        """Return the content types that messages so far bore."""
        return {kind.decode() for line in self._whole() if (kind := line.split(b" ")[3])}

    def _whole(self) -> list[bytes]:
        return self._out.read_bytes().split(b"\n")[:-1]


def _message(line: bytes) -> tuple[str, bool, bytes]:
    topic, retained, payload, _ = line.split(b" ")
    return topic.decode(), retained == b"1", bytes.fromhex(payload.decode())
