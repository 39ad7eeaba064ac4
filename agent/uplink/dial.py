"""Connecting to a broker: the part that blocks, and what it shows; on a worker's thread."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.uplink import certificate, credentials, reasons
from agent.uplink.client import Client
from agent.uplink.credentials import Context, Stamp
from agent.uplink.options import PathOptions
from agent.uplink.reasons import NotConnected
from agent.uplink.wire import TAKEN_BYTES

CONNECT_S = 5.0  # for each of: an address to accept, TLS to be agreed, the broker to answer
VERDICT_S = 0.5


class Dial:
    """One attempt.

    Attributes:
        stamp: the files that it was made with, as they were then.
        ends_us: when the certificates end, wall time: "own", "broker", "authority".
        own_time: what is wrong with the time of ours, as a refusal may name it; or "".
        tls_version: that was agreed on: "TLSv1.3"; "" without TLS.

    Args:
        client: not connected yet.
        options: where, and with what proofs.
    """

    def __init__(self, client: Client, options: PathOptions) -> None:
        self.stamp: Stamp = ()
        self.ends_us: dict[str, int] = {}
        self.own_time = ""
        self.tls_version = ""
        self._client = client
        self._options = options

    def run(self) -> None:
        """Connect as far as MQTT's first packet; the broker's answer to it is the loop's.

        Raises:
            NotConnected: with the reason.
        """
        options, client = self._options, self._client
        self.stamp = credentials.stamp(options)
        if options.username is not None:
            client.username_pw_set(options.username, credentials.password(options))
        context = credentials.tls_context(options.tls) if options.tls is not None else None
        if context is not None:
            client.tls_set_context(context)
            self._look_at_own()
        client.connect_timeout = CONNECT_S
        client.on_socket_open = _opened
        try:
            client.connect(options.host, options.port, options.keepalive_s, properties=_limits())
        except (OSError, ValueError) as error:
            if context is not None:
                context.close()
            raise NotConnected(reasons.of_error(error, options) + self.own_time) from error
        if context is not None:
            self._look_at_theirs(context)

    def _look_at_own(self) -> None:
        own = certificate.own(self._options)
        if own is None:
            return
        self.ends_us["own"] = own.ends_us
        if why := certificate.untimely(own):
            self.own_time = f" (ours {why})"

    def _look_at_theirs(self, context: Context) -> None:
        self.ends_us |= context.peer_ends_us()
        self.tls_version = (context.made and context.made.version()) or ""


def _opened(_client: Any, _data: Any, sock: Any) -> None:
    """Have nothing wait for what was sent before it, and hear a refusal before anything is.

    With Nagle's algorithm (paho leaves it on) the second of two events is on the way a round
    trip after the first: on a cellular line a tenth of a second.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _hear_refusal(sock)


def _hear_refusal(sock: Any) -> None:
    """Wait for the broker's verdict on our certificate, before anything is written.

    In TLS 1.3 it comes after our side of the handshake is done (RFC 8446, 4.4.2.4). Who writes
    first only learns that the connection broke. A broker that is content sends tickets.

    Raises:
        SSLError: it refuses us.
    """
    if isinstance(sock, ssl.SSLSocket) and sock.version() == "TLSv1.3":
        select.select([sock], [], [], VERDICT_S)
        with contextlib.suppress(ssl.SSLWantReadError):
            sock.recv(1)


def _limits() -> Properties:
    """Return what we take from the broker: little, and not much of it at once."""
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.MaximumPacketSize = TAKEN_BYTES
    limits.ReceiveMaximum = 20
    return limits
