"""Why a path does not carry, in a sentence that says what to do."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

from agent.uplink.options import PathOptions

NO_SUBSCRIBER = 0x10  # MQTT 5, 3.4.2.1: the broker had nobody to give the message to
NOT_AUTHORISED = 0x87  # ... its access list does not let us publish there


# Errors. Each text is one sentence for a technician. Transport: `NotConnected`, `Lost`. The
# broker's decision: `Refused`.
class UplinkError(Exception):
    """Base of what can be wrong with a path."""


class NotConnected(UplinkError):
    """No connection came about."""


class Refused(NotConnected):
    """The broker is there and does not want us."""


class Lost(UplinkError):
    """A connection ended.

    `objected`: the broker ended it because of something that it was sent.
    """

    def __init__(self, reason: str, objected: bool = False) -> None:
        super().__init__(reason)
        self.objected = objected


# What a broker may answer (MQTT 5, 2.4), as far as somebody can do something about it.
_CODES = {
    0x80: "it gives no reason; its own log may",
    0x81: "it cannot read what we send",
    0x82: "it says that we break the protocol",
    0x83: "it gives a reason of its own; see its log",
    0x84: "it does not speak MQTT 5; this needs a broker that does",
    0x85: "it does not accept this client id; see its configuration",
    0x86: "the user name or password is wrong; see username and password_file",
    0x87: "this gateway is not authorised; see its name, password or certificate, and the "
    "broker's access list",
    0x88: "it is not available; see its log",
    0x89: "it is busy",
    0x8A: "this gateway is banned; see the broker's configuration",
    0x8B: "it is shutting down",
    0x8C: "it wants another way of logging in; see its configuration",
    0x8D: "it has not heard from us for too long",
    0x8E: "somebody else came with our name; no other gateway may have the same site id",
    0x90: "it does not accept the topic; see the broker's access list",
    0x93: "it says that we send more at once than it allows",
    0x95: "the message is too large for it; raise its max_packet_size",
    0x96: "we send too fast for it",
    0x97: "its quota is used up; see its limits and its disk",
    0x98: "an administrator ended the connection",
    0x99: "it does not accept the message's content",
    0x9A: "it keeps no retained messages; this needs a broker that does",
    0x9B: "it does not know QoS 1; this needs a broker that does",
    0x9C: "it sends us to another server; change host",
    0x9D: "it has moved; change host",
    0x9F: "it takes no more connections just now",
}

# OpenSSL's verdicts on the broker's certificate (x509_vfy.h).
_VERDICTS = {
    7: "is not signed by the authority in ca; see {ca}",
    9: "is not valid yet: this gateway's clock says {today}; set it, or see the certificate",
    10: "has expired: this gateway's clock says {today}; renew the certificate, or set the clock",
    18: "is not signed by the authority in ca; see {ca}",
    19: "is not signed by the authority in ca; see {ca}",
    20: "is not signed by the authority in ca; see {ca}",
    21: "is not signed by the authority in ca; see {ca}",
    62: "is for another name; write the name of the certificate as host",
    64: "is for another name; write the name of the certificate as host",
}

# What OpenSSL calls the broker's refusal of our certificate, wherever it surfaces.
_ALERTS = {
    "CERTIFICATE_REQUIRED": "it asks for a client certificate; see tls.cert and tls.key",
    "HANDSHAKE_FAILURE": "it asks for a client certificate or a TLS version that we do not have",
    "UNKNOWN_CA": "it does not know who signed our certificate; see tls.cert",
    "CERTIFICATE_EXPIRED": "our certificate has expired by its clock; renew tls.cert",
    "BAD_CERTIFICATE": "it does not accept our certificate (its time, or what it is for)",
    "DECRYPT_ERROR": "it does not accept our certificate; see tls.cert and who signed it",
    "CERTIFICATE_UNKNOWN": "it does not accept our certificate; see tls.cert",
    "PROTOCOL_VERSION": "it speaks no TLS 1.2 or later; it needs to",
    "WRONG_VERSION_NUMBER": "it speaks no TLS at this port; see port and tls",
}


def of_code(code: int) -> str:
    """Say what an MQTT 5 reason code of 0x80 and above means for a technician."""
    return _CODES.get(code, f"it answers with reason 0x{code:02X}; see its log")


def of_alert(text: str) -> str | None:
    """Find in a text of OpenSSL's why the broker refused us, if it says so."""
    said = text.upper().replace(" ", "_")
    return next((reason for alert, reason in _ALERTS.items() if alert in said), None)


def of_error(error: Exception, options: PathOptions) -> str:
    """Say why connecting failed."""
    broker = f"the broker at {options.host}:{options.port}"
    match error:
        case ssl.SSLCertVerificationError():
            verdict = _VERDICTS.get(error.verify_code, f"is not accepted: {error.verify_message}")
            ca = options.tls.ca if options.tls else ""
            today = datetime.now(UTC).date().isoformat()
            return f"the certificate of {broker} {verdict.format(today=today, ca=ca)}"
        case ssl.SSLEOFError() | ConnectionResetError() | BrokenPipeError() if options.tls:
            return f"{broker} hangs up instead of speaking TLS; does it, at this port?"
        case ssl.SSLError():
            why = of_alert(str(error)) or f"TLS fails: {error.reason or error}"
            return f"{broker} refuses us: {why}"
        case socket.gaierror():
            return f"no address is known for {options.host}; see host, and the name server"
        case TimeoutError():
            return f"{broker} does not answer; see the line, host and port"
        case ConnectionRefusedError():
            return f"{broker} refuses the connection; is it running, and is the port right?"
        case ConnectionResetError() | BrokenPipeError():
            return f"{broker} hangs up at once; does it want TLS?"
        case OSError():
            return f"{broker} cannot be reached: {error.strerror or error}; see the line"
    return f"{broker} cannot be asked: {error}; see host and port"
