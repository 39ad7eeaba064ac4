"""What of a whole site file protects less than the one before it; see `agent.site.weakening`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.config.sitefile import SiteFile
from agent.site import weakening
from agent.site.weakening import Rules, fields, less, more, never, tables
from agent.uplink.operators import grants


def _more_rights(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    return not all(any(grants(had, right) for had in before) for right in after)


def _trusts_others(before: Any, after: Any) -> bool:
    """TLS that is gone, or that another authority stands for now, is weaker; ours may change."""
    return before is not None and (after is None or after.ca != before.ca)


PATH: Rules = {
    "tls": _trusts_others,
    "username": never,
    "password_file": never,
    "keepalive_s": more,
    "heartbeat_s": more,
    "compress": never,
    "insecure": lambda before, after: after is not None,
}
OPERATOR: Rules = {"name": never, "rights": _more_rights}
RECORD: Rules = {
    "keep_alarm_d": less,
    "keep_access_d": less,
    "keep_fault_d": less,
    "keep_info_d": less,
    "quota_mib": less,
}


def weakened(before: SiteFile, after: SiteFile) -> list[str]:
    """Return the keys of what protects less, as the site file's mistakes name them."""
    return [
        *weakening.weakened(before.plan, after.plan),
        *_devices(before, after),
        *tables("path", before.paths, after.paths, PATH),
        *_bare_paths(before, after),
        *tables("operator", before.operators, after.operators, OPERATOR, new_weakens=True),
        *fields("record", before.record, after.record, RECORD),
    ]


def _devices(before: SiteFile, after: SiteFile) -> Iterator[str]:
    """Yield what is wired otherwise; what is gone, the plan says."""
    now = {device.id: device for device in after.devices}
    for device in before.devices:
        other = now.get(device.id, device)
        if (device.driver, device.entry, device.options) != (
            other.driver,
            other.entry,
            other.options,
        ):
            yield f"device.{device.id}"
        if other.supervision_s > device.supervision_s:
            yield f"device.{device.id}.supervision_s"


def _bare_paths(before: SiteFile, after: SiteFile) -> Iterator[str]:
    """Yield new paths on which everybody reads along."""
    known = {path.id for path in before.paths}
    yield from (f"path.{p.id}" for p in after.paths if p.insecure and p.id not in known)
