"""One run of a pathway: its steps taken one after the other on the site's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from mockehr.core.changes import QUIET
from mockehr.core.clock import duration
from mockehr.core.errors import MockehrError
from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.hospital import Hospital
from mockehr.pathways.person import PersonConfig, registered_again
from mockehr.pathways.scalars import TimeSpan
from mockehr.pathways.schema import Entry, Pathway
from mockehr.pathways.someone import Someone
from mockehr.pathways.step import NoBed, Refused, Step

Status = Literal["running", "done", "failed", "stopped"]


@dataclass(slots=True)
class _Frame:
    """Steps being taken; `left` is how often they come again after this time, `every` how long after."""

    entries: Sequence[Entry]
    place: int = 0
    left: int = 0
    every: TimeSpan | None = None


class Player:
    """A run. `start` takes the first steps; the clock does the rest. `ended` is called once, when nothing waits."""

    def __init__(
        self,
        pathway: Pathway,
        hospital: Hospital,
        number: int,
        *,
        patient: str = "",
        persons: Mapping[str, PersonConfig] | None = None,
        ended: Callable[[Player], None] = lambda player: None,
    ) -> None:
        self.pathway = pathway
        self.hospital = hospital
        self.number = number
        self.stream = hospital.stream("pathway", pathway.name, number)
        self.status: Status = "running"
        self.began = hospital.now()
        self.over = 0.0
        self.error = ""
        self.taken = 0
        """Steps taken so far."""
        self.clean: dict[str, JSON] = {}
        wishes = {**pathway.persons, **(persons or {})}
        self.persons = {name: Someone(name, wish) for name, wish in wishes.items()}
        self.persons[pathway.first].wanted = patient
        self._frames = [_Frame(pathway.steps)]
        self._waits: dict[int, Callable[[], None]] = {}
        """What cancels each piece of scheduled work of this run."""
        self._last = 0
        self._pause: float | None = None
        self._stuck: Step | None = None
        self._ended = ended

    @property
    def label(self) -> str:
        """What the clock calls its work."""
        return f"pathway {self.pathway.name} {self.number}"

    def start(self) -> None:
        """Write the history, and go on until the first delay."""
        for entry in self.pathway.history:
            if self.status == "running" and self._happens(entry.step):
                ago = duration(entry.step.at.removeprefix("-"))
                self._take(entry.step, at=self.hospital.now() - ago, past=True)
        self._go_on()

    def stop(self) -> None:
        """Nothing more happens. Whoever lies in a bed stays there."""
        for cancel in self._waits.values():
            cancel()
        self._waits.clear()
        self._finish("stopped")

    # for steps

    def someone(self, name: str) -> Someone:
        """A person of the pathway, chosen now if that was not done before."""
        someone = self.persons[name or self.pathway.first]
        if not someone.patient:
            if someone.wish.mother:
                raise Refused(
                    f"{self.pathway.name}: {someone.name} is not born yet.", remedy="Put the step birth first."
                )
            self._find(someone)
        return someone

    def meet(self, someone: Someone, patient: JSON) -> None:
        """From now on that person is this (clean) patient."""
        someone.patient = f"Patient/{patient['id']}"
        self.clean[someone.patient] = patient

    def pause(self, seconds: float) -> None:
        """See Act."""
        self._pause = seconds

    def enter(self, entries: Sequence[Entry], times: int = 1, every: TimeSpan | None = None) -> None:
        """See Act."""
        if times > 0:
            self._frames.append(_Frame(entries, 0, times - 1, every))

    # the course

    def _go_on(self) -> None:
        while self.status == "running":
            step = self._stuck or self._next()
            if step is None:
                break
            if self._stuck is None and not self._happens(step):
                continue
            if self._stuck is None and step.after is not None:
                self._schedule(step.after.draw(self.stream), partial(self._take_aside, step))
                continue
            self._stuck = None
            if not self._take(step):
                self._stuck = step
                return
            if self._pause is not None:
                pause, self._pause = self._pause, None
                self._schedule(pause, self._go_on)
                return
        self._rest()

    def _next(self) -> Step | None:
        while self._frames:
            frame = self._frames[-1]
            if frame.place < len(frame.entries):
                frame.place += 1
                return frame.entries[frame.place - 1].step
            if frame.left:
                frame.left -= 1
                frame.place = 0
                if frame.every is not None:
                    self._schedule(frame.every.draw(self.stream), self._go_on)
                    return None
            else:
                self._frames.pop()
        return None

    def _happens(self, step: Step) -> bool:
        return step.chance >= 1 or self.stream.chance(step.chance)

    def _take_aside(self, step: Step) -> None:
        if self._take(step):
            self._rest()

    def _take(self, step: Step, *, at: float | None = None, past: bool = False) -> bool:
        """False if it waits for a bed; it is taken again once there is one."""
        act: Act | None = None
        try:
            with self.hospital.transaction():
                someone = self.someone(step.person)
            act = Act(self, step, someone, self.hospital.now() if at is None else at, past)
            with self.hospital.transaction():
                step.run(act)
        except NoBed as wait:
            again = self._go_on if step.after is None else partial(self._take_aside, step)
            self._wait(wait.ward, again)
            return False
        except MockehrError as error:
            for bed in act.claimed if act is not None else ():
                self.hospital.beds.release(bed)
            self.error = str(error)
            self._finish("failed")
            return True
        self.taken += 1
        return True

    def _find(self, someone: Someone) -> None:
        hospital, wish = self.hospital, someone.wish
        if wish.like:
            other = self.someone(wish.like)
            wish = registered_again(wish, self.clean[other.patient], self.stream)
        new = False
        if someone.wanted:
            patient = hospital.named_patient(someone.wanted)
        else:
            found = None if wish.of == "new" or wish.mrn or wish.like else hospital.find_patient(wish, self.stream)
            new = found is None
            patient = found or hospital.new_patient(wish, self.stream)
        self.meet(someone, patient)
        if new:
            hospital.write(patient, None, QUIET, self.clean)

    # the clock

    def _schedule(self, seconds: float, action: Callable[[], None]) -> None:
        self._last += 1
        number = self._last

        def due() -> None:
            del self._waits[number]
            action()

        self._waits[number] = self.hospital.schedule(self.hospital.now() + seconds, due, self.label)

    def _wait(self, ward: str, again: Callable[[], None]) -> None:
        self._last += 1
        number = self._last
        self._waits[number] = lambda: None

        def free() -> bool:
            if self._waits.pop(number, None) is None:
                return False
            self._schedule(0.0, again)
            return True

        self.hospital.beds.wait(ward, free)

    def _rest(self) -> None:
        """Over, unless something waits."""
        if self.status == "running" and not self._frames and not self._waits:
            self._finish("done")

    def _finish(self, status: Status) -> None:
        if self.status != "running":
            return
        self.status = status
        self.over = self.hospital.now()
        for cancel in self._waits.values():
            cancel()
        self._waits.clear()
        for someone in self.persons.values():
            if someone.patient:
                self.hospital.dismiss(self.clean[someone.patient], dead=someone.dead or someone.merged)
        self._frames.clear()
        self.clean = {}
        self._ended(self)
