"""The driver of ZFM-20 / R30x fingerprint readers: one laid finger is one reading."""

from __future__ import annotations

from collections.abc import Callable

from drivers.contract import DeviceConfused, Link, now_us
from drivers.zfm.options import Options as ZfmOptions
from drivers.zfm.sensor import Sensor
from drivers.zfm.watch import Watch
from drivers.zfm.wire import Wire

ALIVE_US = 1_000_000


class ZfmDriver:
    """A fingerprint module on a serial port. It matches by itself; no template leaves it."""

    Options = ZfmOptions

    def __init__(self, device: str, options: ZfmOptions) -> None:
        self._options = options

    def run(self, link: Link) -> None:
        options = self._options
        with Wire(options.port, options.baud) as wire:
            sensor = Sensor(wire, options.address, options.password, contact(link))
            sensor.unlock()
            self._set_security(sensor)
            Watch(link, sensor, options).run()

    def _set_security(self, sensor: Sensor) -> None:
        """Bring the module to the site file's level; that writes its flash."""
        if sensor.parameters().security == self._options.security:
            return
        sensor.set_security(self._options.security)
        if (level := sensor.parameters().security) != self._options.security:
            raise DeviceConfused(
                f"{self._options.port}: the reader stays at security level {level}; "
                "it may be worn out or a look-alike: replace it"
            )


def contact(link: Link) -> Callable[[], None]:
    """Return what says `alive` for the driver, once a second at most."""
    last_us = 0

    def contact() -> None:
        nonlocal last_us
        if now_us() - last_us >= ALIVE_US:
            last_us = now_us()
            link.alive()

    return contact
