"""Who wants to hear of which changes, in what form, and by which rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from mockehr.core.changes import Change
from mockehr.events.policy import Policy
from mockehr.events.topic import Topic

Payload = Literal["empty", "id-only", "full"]


@dataclass(frozen=True, slots=True)
class Hook:
    """One endpoint. `resources`, `kinds` and `topics` empty mean any.

    `payload`: `empty` says only that there is something, `id-only` names the resource, `full` carries it.
    """

    name: str
    url: str
    secret: str = ""
    resources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    payload: Payload = "id-only"
    topics: tuple[Topic, ...] = ()
    form: str = "mockehr"
    """How notifications are written (`mockehr.events.forms`)."""
    signing: str = ""
    """How they are signed (`mockehr.events.sign`); as the form has it unless told."""
    policy: Policy = field(default_factory=Policy)
    headers: tuple[tuple[str, str], ...] = ()
    """Sent along with every notification; names in small letters."""
    old_secrets: tuple[str, ...] = ()
    """Secrets that still sign beside the new one, while a rotation lasts."""
    chooses: Callable[[Change], bool] | None = None
    """What else a change must be, for subscriptions with criteria."""
    subscription: str = ""
    """Id of the Subscription that it stands for, if it does."""
    media: str = "application/fhir+json"
    """Media type of what it is sent, for forms that can be written in several."""
    canonical: str = ""
    """What the Subscription calls its topic; the topic's own canonical unless told."""

    def wants(self, change: Change) -> bool:
        """Whether this endpoint is told of the change."""
        if self.resources and change.resource_type not in self.resources:
            return False
        if self.kinds and change.kind not in self.kinds:
            return False
        if self.topics and not any(topic.happens(change) for topic in self.topics):
            return False
        return self.chooses is None or self.chooses(change)

    def topic_of(self, change: Change) -> str:
        """Name of the first of its topics that the change is an event of; empty where it has none."""
        return next((topic.name for topic in self.topics if topic.happens(change)), "")


def rotated(hook: Hook, secret: str, *, keep_old: bool) -> Hook:
    """The hook with a new secret; the present one signs beside it with `keep_old`."""
    old = (hook.secret, *hook.old_secrets) if keep_old and hook.secret else ()
    return replace(hook, secret=secret, old_secrets=old)
