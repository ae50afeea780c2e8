"""Time zones in text, Z, +02:00, UTC+2, CET, as seconds east of UTC. Names stand in `_NAMES`."""

from __future__ import annotations

import re

# Abbreviations, in hours: those of RFC 5322 as it has them, and others that mean one zone mostly.
_NAMES = {
    **{"Z": 0, "UTC": 0, "UT": 0, "GMT": 0, "WET": 0},
    **{"BST": 1, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "SAST": 2},
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
    **{"AKST": -9, "AKDT": -8, "HST": -10, "BRT": -3, "ART": -3},
    **{"IST": 5.5, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9, "AWST": 8, "ACST": 9.5, "ACDT": 10.5},
    **{"AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13},
}

#: RE2 pattern of a zone; of several names the longer ones come first.
ZONE = r"(?:UTC|GMT)[-+]\d{1,2}(?::?\d{2})?|[-+]\d{2}(?::?\d{2})?|" + "|".join(
    sorted(_NAMES, key=len, reverse=True)
)

#: What may follow a zone, and says it once more: [Europe/Berlin] of Java, (CET) of JavaScript.
REMARK = r"(?:\[[\w/+-]{1,40}\]|\s\([^()]{1,40}\))?"

_OFFSET = re.compile(r"(?:UTC|GMT)?([-+])(\d{1,2})(?::?(\d{2}))?")


def offset(zone: str) -> int:
    """Return the seconds east of UTC of a zone that `ZONE` matches; 0 for none."""
    zone = zone.upper()
    if match := _OFFSET.fullmatch(zone):
        seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60
        return -seconds if match[1] == "-" else seconds
    return int(_NAMES.get(zone, 0) * 3600)
