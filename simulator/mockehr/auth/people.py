"""Who may sign in at a site: staff, patients with a portal account, relatives; and whom they may choose.

An authorization server knows of people only what is here; a site fills it from its charts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mockehr.core.errors import DuplicateName, UnknownName


@dataclass(frozen=True, slots=True)
class User:
    """An account. `reference` is what `fhirUser` points to: `Practitioner/…`, `Patient/…`, `RelatedPerson/…`."""

    username: str
    reference: str
    name: str = ""
    password: str = field(default="", repr=False)
    """Empty: nobody asks for one."""
    patients: tuple[str, ...] = ()
    """Ids of the patients whose records a patient or a relative may open; empty for staff, who may open all. A
    patient of whom nothing is said may open their own."""
    email: str = ""

    def __post_init__(self) -> None:
        kind, _, id = self.reference.partition("/")
        if kind == "Patient" and not self.patients:
            object.__setattr__(self, "patients", (id,))

    @property
    def staff(self) -> bool:
        """Whether this is one of the hospital's own."""
        return self.reference.startswith(("Practitioner/", "PractitionerRole/"))

    @property
    def own(self) -> tuple[str, ...]:
        """To whose records `user/` scopes are confined; empty for staff alone, and the id of nobody for nobody's."""
        return () if self.staff else self.patients or ("",)

    def may_open(self, patient: str) -> bool:
        """Whether the user may open that patient's record."""
        return self.staff or patient in self.patients


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list to choose from: a patient or an encounter."""

    id: str
    label: str
    detail: str = ""


class Charts(Protocol):
    """What can be chosen at a site."""

    def patients(self, text: str, limit: int) -> Sequence[Choice]:
        """Patients whose names begin with `text`, or any if it is empty; at most `limit`."""

    def patient(self, id: str) -> Choice | None:
        """That patient, or None if there is none."""

    def encounters(self, patient: str, limit: int) -> Sequence[Choice]:
        """Encounters of a patient, the latest first."""

    def accounts(self) -> Sequence[User]:
        """Who can sign in without having been registered."""


class NoCharts:
    """A server that knows of no patients takes those that it is told."""

    def patients(self, text: str, limit: int) -> Sequence[Choice]:
        """None can be listed."""
        return ()

    def patient(self, id: str) -> Choice | None:
        """Whoever is named."""
        return Choice(id, id)

    def encounters(self, patient: str, limit: int) -> Sequence[Choice]:
        """None can be listed."""
        return ()

    def accounts(self) -> Sequence[User]:
        """Nobody."""
        return ()


class Users:
    """Accounts by username. `own` gives those that the site has by itself, asked for when somebody first looks."""

    def __init__(self, own: Callable[[], Sequence[User]] = tuple) -> None:
        self._own = own
        self._looked = False
        self._users: dict[str, User] = {}
        self.added: dict[str, User] = {}
        """Those that were registered besides."""
        self.gone: set[str] = set()
        """Usernames of the site's own that were struck off."""

    def add(self, user: User) -> User:
        """Register; raises DuplicateName if the username is another's."""
        present = self.find(user.username)
        if present is not None and present != user:
            raise DuplicateName("user", user.username, repr(present), repr(user))
        self._users[user.username] = self.added[user.username] = user
        return user

    def remove(self, username: str) -> User:
        """Forget an account; raises UnknownName."""
        user = self.get(username)
        del self._users[username]
        if self.added.pop(username, None) is None:
            self.gone.add(username)
        return user

    def get(self, username: str) -> User:
        """The account; raises UnknownName with the nearest ones."""
        user = self.find(username)
        if user is None:
            raise UnknownName("user", username, self._users)
        return user

    def find(self, username: str) -> User | None:
        """The account, or None."""
        self._look()
        return self._users.get(username)

    def __iter__(self) -> Iterator[User]:
        self._look()
        return iter(tuple(self._users.values()))

    def __len__(self) -> int:
        self._look()
        return len(self._users)

    def _look(self) -> None:
        if not self._looked:
            self._looked = True
            for user in self._own():
                self._users.setdefault(user.username, user)
