"""Ledger B5: a launch whose session is over is begun once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import form, reason
from mockehr.scenarios.launch_reading import after, opened_later, redemptions, requests, tokened, told_back
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe

_OVER: Final = frozenset({"launch-unknown", "session-over"})


@dataclass(frozen=True, slots=True)
class RestartsExpiredLaunch(Probe):
    """When the EHR's session ends before the app has its token, does the app begin the launch once more?

    Beginning is a new authorization request without the handle that is dead. It fails if nothing follows, if the dead
    handle or the dead code is sent again, or if it goes round in circles: more than `restarts` in a row that come to
    nothing. What it keeps for whoever has to find out why is not to be seen here.
    """

    name: ClassVar[str] = "restarts-expired-launch"
    ledger: ClassVar[tuple[str, ...]] = ("B5",)

    restarts: int = 2

    def judge(self, case: Case) -> Finding:
        """Follow every refusal to what the app did next."""
        asked, brought = requests(case), redemptions(case)
        lost = [one for one in case.on("authorize") if reason(one) in _OVER and told_back(one).get("error")]
        lost += [one for one in brought if reason(one) == "code-unknown"]
        if not lost:
            return self.unseen("No session ended under a launch in a way that the app was told of.")
        faults: list[Evidence] = []
        good: list[Evidence] = []
        row = 0
        for one in sorted(lost, key=lambda exchange: exchange.number):
            row = row + 1 if not any(tokened(other) for other in _between(lost, one, brought)) else 1
            others = opened_later(one, case)
            follow = [other for other in after(one, asked) if form(other).get("launch") not in others]
            again = _sent_again(one, asked, brought)
            if again is not None:
                faults.append(again)
            elif row > self.restarts:
                faults.append(Evidence(one.number, f"{row} launches in a row came to nothing"))
            elif follow:
                good.append(Evidence(follow[0].number, f"begun again after {reason(one)} at {one.number}"))
            elif row == 1:
                text = f"refused ({reason(one)}), and the launch was not begun again"
                faults.append(Evidence(one.number, text))
        return self.weigh(faults, good, "Launches begun again: {n}.", "Launches lost: {n}.")


def _between(lost: Sequence[Exchange], one: Exchange, brought: Sequence[Exchange]) -> list[Exchange]:
    """Codes redeemed between the refusal before that one, and that one."""
    before = max((other.number for other in lost if other.number < one.number), default=0)
    return [other for other in brought if before < other.number < one.number]


def _sent_again(lost: Exchange, asked: Sequence[Exchange], brought: Sequence[Exchange]) -> Evidence | None:
    """That what was refused as dead came once more."""
    name = "code" if lost.channel == "token" else "launch"
    dead = form(lost).get(name, "")
    again = [one for one in after(lost, brought if name == "code" else asked) if form(one).get(name) == dead]
    return (
        Evidence(again[0].number, f"the {name} refused at {lost.number} was sent again") if dead and again else None
    )
