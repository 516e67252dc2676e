"""The exchanges of a house as a drawing (SVG): a lane for each channel, a mark for each exchange, phases behind.

Positions are shares of the width, so that the drawing can be made wider without distortion. What a mark means shows
in its height and place as well as in its colour; `summary` says in words what the drawing shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Final

from mockehr.scenarios.report.run import House, Row

LANE: Final = 34
"""Height of a lane."""
TOP: Final = 18
"""Height of the names of phases."""
_MARKS: Final = {"plain": 8, "disturbed": 16, "refused": 24}
"""Heights by what became of an exchange."""
_STEPS: Final = 4000
"""So many places there are across the drawing; marks of one kind at one place are one mark."""


def lanes(house: House) -> list[str]:
    """The channels of a house that were used, in order of their first use."""
    return list(dict.fromkeys(row.channel for row in house.rows))


def drawing(house: House, name: str) -> str:
    """The SVG element; `name` is the id of the element that says in words what it shows."""
    used = lanes(house)
    height = TOP + LANE * len(used) + 20
    parts = [*_bands(house, height), *_lines(used), *_marks(house, used), *_axis(house, height)]
    return f'<svg role="img" aria-labelledby="{name}" width="100%" height="{height}">{"".join(parts)}</svg>'


def summary(house: House) -> str:
    """What the drawing shows, in words."""
    kinds = Counter(kind(row) for row in house.rows)
    length = _length(house)
    over = f" over {length:.1f} s" if length else ""
    told = [f"{len(house.rows)} exchanges{over}"]
    told += [f"{kinds['disturbed']} disturbed by a rule and answered", f"{kinds['refused']} refused or unanswered"]
    channels = Counter(row.channel for row in house.rows)
    told.append("channels " + ", ".join(f"{channel} {count}" for channel, count in channels.items()))
    if house.spans:
        told.append("phases " + ", ".join(span.phase for span in house.spans))
    return "; ".join(told) + "."


def kind(row: Row) -> str:
    """`refused`, `disturbed` or `plain`."""
    return "refused" if row.refused else "disturbed" if row.disturbed else "plain"


def _length(house: House) -> float:
    """Seconds from the first exchange to the last, or 0 where there are no times."""
    times = [row.at for row in house.rows if row.at is not None]
    ends = [span.ended if span.ended is not None else span.began for span in house.spans]
    return max([*times, *ends], default=0.0)


def _places(house: House) -> list[float]:
    """Where each exchange is, from 0 to 100: by its time, or by its turn where time stood still."""
    length = _length(house)
    count = max(1, len(house.rows) - 1)
    return [_share((row.at or 0.0) / length if length else turn / count) for turn, row in enumerate(house.rows)]


def _share(fraction: float) -> float:
    fraction = min(1.0, max(0.0, fraction))
    return round(1 + 97 * round(fraction * _STEPS) / _STEPS, 3)


def _marks(house: House, used: list[str]) -> Iterator[str]:
    drawn: set[tuple[float, str, str]] = set()
    for place, row in zip(_places(house), house.rows, strict=True):
        what = kind(row)
        if (place, row.channel, what) in drawn:
            continue
        drawn.add((place, row.channel, what))
        size = _MARKS[what]
        bottom = TOP + LANE * (used.index(row.channel) + 1) - 2
        title = f"<title>{escape(_title(row))}</title>" if what != "plain" else ""
        mark = f'<rect class="{what}" x="{place}%" y="{bottom - size}" width="2" height="{size}"'
        yield f"{mark}>{title}</rect>" if title else f"{mark}/>"


def _title(row: Row) -> str:
    fired = ", ".join(step.rule for step in row.steps if step.outcome == "fired")
    return f"entry {row.entry}: {row.asked[:80]} → {row.status or 'no answer'}" + (f" ({fired})" if fired else "")


def _lines(used: list[str]) -> Iterator[str]:
    for lane in range(len(used)):
        bottom = TOP + LANE * (lane + 1)
        yield f'<line class="rule" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>'


def _bands(house: House, height: int) -> Iterator[str]:
    length = _length(house)
    for number, span in enumerate(house.spans if length else ()):
        left = _share(span.began / length)
        right = _share((length if span.ended is None else span.ended) / length)
        shade = "band" if number % 2 else "band other"
        size = f'width="{max(0.2, right - left):.3f}%" height="{height - 18}"'
        yield f'<rect class="{shade}" x="{left}%" y="0" {size}/>'
        yield f'<text x="{left}%" dx="3" y="13">{escape(span.phase)}</text>'


def _axis(house: House, height: int) -> Iterator[str]:
    length = _length(house)
    anchors = {0: "start", 4: "end"}
    for quarter in range(5):
        share = quarter / 4
        if length:
            label = f"{share * length:.3g} s"
        else:
            label = f"entry {house.rows[round(share * (len(house.rows) - 1))].entry}" if house.rows else ""
        anchor = anchors.get(quarter, "middle")
        yield f'<text x="{_share(share)}%" y="{height - 4}" text-anchor="{anchor}">{label}</text>'
