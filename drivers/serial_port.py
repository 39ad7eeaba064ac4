"""What a technician is told when a serial port cannot be opened. For drivers of serial devices."""

from __future__ import annotations

import errno

from drivers.contract import DeviceError, DeviceRefused, DeviceSilent

OPENING = {
    errno.ENOENT: "no such port; is the reader plugged in? /dev/serial/by-id lists what is",
    errno.ENODEV: "no device behind this port; is the reader plugged in?",
    errno.ENXIO: "no device behind this port; is the reader plugged in?",
    errno.EACCES: "not allowed; the agent's user must be in the group dialout",
    errno.EPERM: "kept from the agent by its unit, which allows the kinds of ports in DeviceAllow= "
    "that the kernel knew at its start; `sudo systemctl restart armoury-agent`, or add its kind",
    errno.EAGAIN: "another program holds this port; `fuser` shows which: stop it",
    errno.EBUSY: "another program holds this port; `fuser` shows which: stop it",
}


def why_not_open(port: str, error: OSError) -> DeviceError:
    """Return the sentence, as the error that it is."""
    if error.errno in OPENING:
        return DeviceSilent(f"{port}: {OPENING[error.errno]}")
    return DeviceRefused(f"{port}: this cannot be used as a serial port ({error})")
