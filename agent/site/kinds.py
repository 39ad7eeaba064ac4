"""Every kind of event there is: the one table from which `docs/events.md` is written.

Codes: Contact ID as in SIA DC-05 (the receiver puts qualifier 1 or 3 in front: `restores`
says 3), SIA as in DC-03. A kind without a code is not told to receivers that speak codes.
Codes that are not in `CONTACT_ID_READ` and `SIA_READ` were written from memory: hold them against
the receiver's own list before one relies on them, and mend them here.
Texts for people are in `agent.site.texts`, under the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from agent.site.step import Severity

ALARM, FAULT, ACCESS, INFO = Severity.ALARM, Severity.FAULT, Severity.ACCESS, Severity.INFO

# Fields that an event of any kind may have. `hidden`: nothing on site may show it, not even
# to whoever lists the record there; it is for the monitor.
COMMON: Mapping[str, str] = {"simulated": "bool", "area": "text", "hidden": "bool"}

# What was read in published lists, word for word.
CONTACT_ID_READ = frozenset(
    [
        "120",
        "121",
        "122",
        "130",
        "137",
        "144",
        "145",
        "147",
        "301",
        "302",
        "350",
        "354",
        "356",
        "381",
        "383",
        "421",
        "423",
        "426",
        "461",
        "602",
        "621",
        "622",
        "623",
        "624",
        "625",
        "626",
        "627",
    ]
)
SIA_READ = frozenset(
    ["PA", "HA", "BA", "TA", "TR", "YC", "YK", "NT", "NR", "AT", "YT", "DF", "DL", "DD", "DK"]
)


class Kind(Struct, frozen=True):
    """One row.

    Attributes:
        severity: unless the rules say otherwise for one event.
        contact_id: three digits, or "".
        sia: two letters, or "".
        fields: what `data` may hold: text, int, bool, list (of texts) or map.
        raises: whether an alarm is raised for it.
        restores: whether it is the end of what `contact_id` names.
    """

    severity: Severity
    contact_id: str = ""
    sia: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    raises: bool = False
    restores: bool = False


def _kind(severity: Severity, codes: str = "", fields: str = "", *, raises: bool = False) -> Kind:
    """Make a row; `codes` "R423 DF" (R: restores), `fields` "person:text score:int"."""
    contact_id, _, sia = codes.partition(" ")
    named = dict(pair.split(":") for pair in fields.split())
    digits = contact_id.removeprefix("R")
    return Kind(severity, digits, sia, named, raises, restores=contact_id != digits)


_COUNT = "what:text count:int expected:int persons:list"
_SLOT = "slot:text serial:text persons:list"
_COMMAND = "name:text by:text second:text origin:text"
_FILM = "what:text camera:text subject:text alarms:list persons:list"
_ALARM = "cause:text source:text object:text silent:bool by:text origin:text"

KINDS: Mapping[str, Kind] = {
    # doors: who may enter
    "access.pending": _kind(ACCESS, "", "person:text needed:int"),
    "access.granted": _kind(
        ACCESS, "422 DG", "persons:list exit:bool passback:list operators:list"
    ),
    "access.denied": _kind(ACCESS, "421 DD", "person:text reason:text score:int"),
    # doors: what they do
    "door.opened": _kind(ACCESS, "", "persons:list exit:bool key:bool"),
    "door.closed": _kind(INFO, "", ""),
    "door.unlocked": _kind(ACCESS, "", "persons:list"),
    "door.relocked": _kind(INFO, "", "cause:text"),
    "door.forced": _kind(ALARM, "423 DF", "state:text", raises=True),
    "door.held_warned": _kind(INFO, "", "left_s:int"),
    "door.held": _kind(ALARM, "426 DL", "held_s:int", raises=True),
    "door.held_ended": _kind(INFO, "R426 DR", "open_s:int"),
    "door.exit_requested": _kind(INFO, "", ""),
    "door.lock_fault": _kind(FAULT, "", "outcome:text reason:text verb:text", raises=True),
    # hold-up
    "duress.raised": _kind(ALARM, "121 HA", "person:text silent:bool", raises=True),
    "panic.raised": _kind(ALARM, "122 PA", "state:text silent:bool", raises=True),
    "panic.repeated": _kind(ALARM, "122 PA", "cause:text times:int"),
    "panic.stuck": _kind(FAULT, "380 PT", "held_s:int"),
    "panic.tested": _kind(INFO, "601 RX", "by:text"),
    # areas
    "area.exit_started": _kind(ACCESS, "", "part:text exit_s:int persons:list by:text"),
    "area.armed": _kind(ACCESS, "R401 CL", "part:text persons:list"),
    "area.arm_failed": _kind(ACCESS, "455 CI", "part:text points:map"),
    "area.overridden": _kind(ACCESS, "573 BB", "points:map persons:list"),
    "area.disarmed": _kind(ACCESS, "401 OP", "persons:list"),
    "area.entry_started": _kind(ACCESS, "", "zone:text entry_s:int"),
    "area.late_to_close": _kind(ACCESS, "454 CT"),
    "area.early_to_open": _kind(ACCESS, "451 OK", "persons:list"),
    "area.left_alone": _kind(ACCESS, "", "person:text"),
    "area.passback_cleared": _kind(ACCESS, "", "persons:list"),
    "area.warned": _kind(INFO, "", "left_s:int"),
    "area.postponed": _kind(ACCESS, "", "persons:list times:int left_s:int"),
    # zones and points
    "zone.alarmed": _kind(ALARM, "130 BA", "kind:text state:text", raises=True),
    "zone.tampered": _kind(ALARM, "144 TA", "kind:text state:text ohms:int", raises=True),
    "zone.faulted": _kind(FAULT, "380 BT", "kind:text"),
    "zone.confirmed": _kind(ALARM, "139 BV", "zones:list"),
    "zone.shut_down": _kind(FAULT, "377 BD", "alarms:int"),
    "zone.nuisance_exceeded": _kind(FAULT, "", "count:int month:text"),
    "zone.tested": _kind(INFO, "611 TS", "persons:list"),
    "zone.test_overdue": _kind(FAULT, "", "what:text due_d:int due_h:int"),
    "area.walk_started": _kind(ACCESS, "607 TS", "persons:list"),
    "area.walk_ended": _kind(ACCESS, "R607 TE", "tested:list missing:list"),
    "test.passed": _kind(INFO, "601 RX", "what:text person:text persons:list"),
    "test.failed": _kind(FAULT, "", "what:text person:text persons:list reason:text"),
    "zone.bypassed": _kind(ACCESS, "570 BB", "persons:list"),
    "zone.unbypassed": _kind(ACCESS, "R570 BU", "cause:text"),
    "point.changed": _kind(INFO, "", "state:text before:text"),
    "point.normal": _kind(INFO, "", "before:text"),
    "point.flooded": _kind(FAULT, "", "dropped:int"),
    # an alarm's life
    "alarm.raised": _kind(ALARM, "", _ALARM),
    "alarm.acknowledged": _kind(ACCESS, "", _ALARM),
    "alarm.checked": _kind(ACCESS, "", f"{_ALARM} persons:list"),
    "alarm.restored": _kind(ACCESS, "", f"{_ALARM} persons:list"),
    "alarm.closed": _kind(ACCESS, "", f"{_ALARM} reason:text nuisance:bool"),
    "alarm.overdue": _kind(ALARM, "", f"{_ALARM} after_s:int"),
    # racks
    "rack.removed": _kind(ACCESS, "", _SLOT),
    "rack.returned": _kind(ACCESS, "", _SLOT),
    "rack.intrusion": _kind(ALARM, "133 BA", f"{_SLOT} state:text", raises=True),
    "rack.wrong_slot": _kind(FAULT, "", f"{_SLOT} expected:text"),
    "rack.unknown_tag": _kind(ALARM, "", f"{_SLOT} tag:text", raises=True),
    "rack.overdue": _kind(ALARM, "", f"{_SLOT} due_h:int", raises=True),
    "rack.count_started": _kind(ACCESS, "", "what:text persons:list"),
    "rack.counted": _kind(ACCESS, "", f"{_COUNT} away:list"),
    "rack.discrepancy": _kind(ALARM, "", f"{_COUNT} missing:list unexpected:list", raises=True),
    "rack.count_overdue": _kind(FAULT, "", "what:text persons:list due_d:int"),
    # power
    "power.mains_lost": _kind(FAULT, "301 AT", "pct:int"),
    "power.mains_back": _kind(INFO, "R301 AR", "away_s:int"),
    "power.battery_low": _kind(FAULT, "302 YT", "pct:int stopping:bool"),
    "power.undervoltage": _kind(FAULT, "", ""),
    # cameras
    "camera.motion_started": _kind(INFO, "", "score:int"),
    "camera.motion_ended": _kind(INFO, "", ""),
    "camera.covered": _kind(ALARM, "383 TA", "", raises=True),
    "camera.blinded": _kind(ALARM, "383 TA", "", raises=True),
    "camera.defocused": _kind(ALARM, "383 TA", "", raises=True),
    "camera.moved": _kind(ALARM, "383 TA", "", raises=True),
    "camera.frozen": _kind(ALARM, "383 TA", "", raises=True),
    "camera.dark": _kind(FAULT, "383 TT", ""),
    "camera.lost": _kind(ALARM, "381 TA", "", raises=True),
    "camera.cleared": _kind(INFO, "R383 TR", "condition:text"),
    # what cameras kept of it
    "evidence.kept": _kind(ACCESS, "", f"{_FILM} sha256:text bytes:int media:text from:int to:int"),
    "evidence.failed": _kind(FAULT, "", f"{_FILM} reason:text"),
    "evidence.dropped": _kind(ACCESS, "", "files:list reason:text"),
    # devices
    "device.lost": _kind(FAULT, "381 TT", "reason:text", raises=True),
    "device.faulted": _kind(FAULT, "380 TT", "reason:text", raises=True),
    "device.restored": _kind(INFO, "R381 TJ", ""),
    "device.substituted": _kind(ALARM, "383 TA", "changed:list", raises=True),
    "device.template_deleted": _kind(ACCESS, "", "person:text position:int"),
    "device.template_left": _kind(FAULT, "", "person:text position:int outcome:text reason:text"),
    # people
    "person.enrolled": _kind(ACCESS, "", "roles:list credentials:list by:list bootstrap:bool"),
    "person.changed": _kind(ACCESS, "", "roles:list credentials:list by:list bootstrap:bool"),
    "person.removed": _kind(ACCESS, "", "by:list"),
    "person.recovery_started": _kind(ACCESS, "", "by:text for_s:int"),
    # the system itself
    "system.started": _kind(INFO, "305 RR", "version:text clean:bool"),
    "system.configured": _kind(
        ACCESS, "306 YG", "before:text after:text by:text persons:list weaker:list"
    ),
    "system.stopped": _kind(FAULT, "308 VZ", "reason:text"),
    "system.blind": _kind(FAULT, "", "from:int to:int clean:bool"),
    "system.locked_down": _kind(ACCESS, "", "by:text origin:text"),
    "system.lockdown_lifted": _kind(ACCESS, "", "persons:list by:text"),
    "system.clock_stepped": _kind(FAULT, "625 JT", "before:int after:int"),
    "system.clock_trusted": _kind(INFO, "", ""),
    "system.storage_failed": _kind(FAULT, "624 RO", "reason:text", raises=True),
    "system.storage_back": _kind(INFO, "R624", ""),
    "system.storage_warning": _kind(FAULT, "623 JL", "what:text used_pct:int"),
    "system.events_left_out": _kind(FAULT, "", "info:int access:int fault:int from:int to:int"),
    "system.record_replaced": _kind(ALARM, "", "reason:text", raises=True),
    "system.record_doubtful": _kind(ALARM, "", "reason:text", raises=True),
    "system.key_missing": _kind(FAULT, "", "reason:text", raises=True),
    "system.pruned": _kind(INFO, "", "ranges:list events:int"),
    "system.key_rotated": _kind(ACCESS, "", "old:text new:text statement:text"),
    "system.technician_on": _kind(ACCESS, "466", "persons:list for_s:int bypassed:list"),
    "system.technician_off": _kind(ACCESS, "R466", "cause:text open:list"),
    # the line to the monitor
    "uplink.lost": _kind(FAULT, "350 YC", "reason:text"),
    "uplink.monitor_absent": _kind(FAULT, "354 YC", "reason:text"),
    "uplink.back": _kind(INFO, "R350 YK", ""),
    "uplink.faulted": _kind(FAULT, "354 YC", "reason:text"),
    "uplink.mended": _kind(INFO, "R354 YK", ""),
    "uplink.switched": _kind(INFO, "", "from:text to:text"),
    "uplink.tested": _kind(INFO, "602 RP", "took_ms:int"),
    "uplink.certificate_expiring": _kind(FAULT, "350 YS", "whose:text within_d:int ends:int"),
    "uplink.certificate_expired": _kind(FAULT, "350 YS", "whose:text ends:int"),
    "uplink.certificate_renewed": _kind(INFO, "R350 YK", "whose:text ends:int"),
    # commands
    "command.accepted": _kind(ACCESS, "", _COMMAND),
    "command.done": _kind(ACCESS, "", _COMMAND),
    "command.refused": _kind(ACCESS, "", f"{_COMMAND} reason:text why:text"),
    "command.unknown": _kind(FAULT, "", f"{_COMMAND} reason:text"),
}
