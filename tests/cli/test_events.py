"""`mockehr events`: what is asked of a running server, in lines for people."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.testing.receiver import Receiver
from mockehr.testing.world import World


@pytest.mark.mockehr(stepped=True)
def test_events_are_told_listed_and_sent_again_from_the_command_line(
    mockehr: World, mockehr_webhooks: Receiver
) -> None:
    site = mockehr.site(patients=2, name="north")
    site.webhook(mockehr_webhooks.url, name="app", ladder=["1s"])
    mockehr_webhooks.answer(503, times=2)

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, ["events", words[0], "north", *words[1:], "--server", mockehr.url])
        return done.output or str(done.exception)

    assert run("dead", "--brief") == "Nothing is dead.\n"
    assert '"number": 1' in run("send", "--resource", "Patient/p0", "--endpoint", "app")
    mockehr_webhooks.wait_for(1)
    site.advance("1s")
    mockehr_webhooks.wait_for(2)
    site.events.wait()
    assert "event 1 Patient/p0  (tried 2 times, 503)" in run("dead", "--brief")
    listed = run("list", "--state", "dead", "--brief")
    assert " Patient/p0  dead 503, 2 attempts  (evt-" in listed
    assert listed.endswith("1 of 1 events\n")
    assert '"endpoint": "app"' in run("replay", "--dead")
    mockehr_webhooks.wait_for(3)
    site.events.wait()
    assert "delivered 200, 3 attempts" in run("list", "--endpoint", "app", "--brief")
    assert "nearest: app" in run("list", "--endpoint", "apps")


def test_topics_are_listed_without_a_server() -> None:
    listed = CliRunner().invoke(cli, ["events", "topics", "--brief"]).output
    assert "\nencounter-start " in f"\n{listed}"
    assert not [line for line in listed.splitlines() if len(line) > 145]
    assert "http://hl7.org/SubscriptionTopic/encounter-start" in CliRunner().invoke(cli, ["events", "topics"]).output
