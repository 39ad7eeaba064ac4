"""What has a life of its own, state by state: an alarm, a device, a lockdown, closing time."""

from __future__ import annotations

from collections.abc import Mapping

from tests.site.machine import (
    DAY,
    Machine,
    ask,
    finger,
    people,
    point,
    reader,
    restart,
    until,
    wait,
)

BIRD = (point("pir", "alarm"), point("pir", "normal"))
ACKNOWLEDGED = (*BIRD, ask("alarm.acknowledge", alarm="1"))
CHECKED = (*ACKNOWLEDGED, people("1"), ask("alarm.check", alarm="1"))
RESTORED = (*CHECKED, ask("alarm.restore", alarm="1"))


MORE: Mapping[str, Machine] = {
    "alarm": Machine(
        {},
        {
            "raised": BIRD,
            "acknowledged": ACKNOWLEDGED,
            "acknowledged, not normal": (*ACKNOWLEDGED, point("pir", "alarm")),
            "checked": CHECKED,
            "restored": RESTORED,
            "closed": (*RESTORED, ask("alarm.close", alarm="1", reason="a bird")),
        },
        {
            "acknowledge": ask("alarm.acknowledge", alarm="1"),
            "acknowledge from afar": ask("alarm.acknowledge", "monitor", alarm="1"),
            "check, nobody there": lambda play: (
                wait(130)(play),
                ask("alarm.check", alarm="1")(play),
            ),
            "check from afar": lambda play: (
                wait(130)(play),
                ask("alarm.check", "monitor", alarm="1")(play),
            ),
            "check": lambda play: (people("2")(play), ask("alarm.check", alarm="1")(play)),
            "restore": lambda play: (people("2")(play), ask("alarm.restore", alarm="1")(play)),
            "close": ask("alarm.close", alarm="1", reason="a bird"),
            "the detector again": point("pir", "alarm"),
            "16 min": wait(960),
            "restart": restart,
        },
    ),
    "device": Machine(
        {},
        {
            "new": (),
            "ready": (reader("ready", serial="a"),),
            "lost": (reader("ready", serial="a"), reader("lost")),
            "faulted": (reader("ready", serial="a"), reader("faulted")),
            "substituted": (reader("ready", serial="a"), reader("ready", serial="b")),
        },
        {
            "ready": reader("ready", serial="a"),
            "ready, another": reader("ready", serial="c"),
            "lost": reader("lost"),
            "faulted": reader("faulted"),
            "a finger on it": finger("1"),
            "restart": restart,
        },
    ),
    "lockdown": Machine(
        {},
        {
            "off": (),
            "on": (ask("site.lock_down", "monitor"),),
            "on, two there": (ask("site.lock_down"), people("1", "2")),
        },
        {
            "begin": ask("site.lock_down"),
            "begin from afar": ask("site.lock_down", "monitor"),
            "lift": ask("site.lift_lockdown"),
            "lift from afar": ask("site.lift_lockdown", "monitor"),
            "lift by one": lambda play: (people("3")(play), ask("site.lift_lockdown")(play)),
            "somebody leaves": point("rex", "alarm"),
            "restart": restart,
        },
    ),
    "closing": Machine(
        {
            "schedule": [DAY],
            "area": {"schedule": "days", "autoarm": True, "exit_delay_s": 0},
            "door": {"people": 1},
        },
        {
            "by day": (until(12),),
            "warned": (until(17.9),),
            "postponed": (until(17.9), people("1"), ask("area.postpone", area="hall")),
            "armed": (until(18.1),),
            "late": (
                until(17.9),
                point("rex", "alarm"),
                point("contact", "alarm"),
                until(18.1),
            ),
        },
        {
            "until the warning": until(17.85),
            "until closing time": until(18.01),
            "until long after": until(23),
            "an open door at closing time": lambda play: (
                until(17.99)(play),
                point("rex", "alarm")(play),
                point("contact", "alarm")(play),
                until(18.01)(play),
            ),
            "postpone": lambda play: (people("2")(play), ask("area.postpone", area="hall")(play)),
            "postpone, nobody there": lambda play: (
                wait(130)(play),
                ask("area.postpone", area="hall")(play),
            ),
            "postpone from afar": ask("area.postpone", "monitor", area="hall"),
            "disarm": lambda play: (
                people("1", "2")(play),
                ask("area.disarm", area="hall")(play),
            ),
            "restart": restart,
        },
        settles_s=0.0,
    ),
}
