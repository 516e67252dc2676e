"""`mockehr events`: what is asked of a running server, in lines for people."""

from __future__ import annotations

import socket

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


@pytest.mark.mockehr(stepped=True)
def test_a_webhook_is_given_its_settings_and_learns_what_is_nearest(mockehr: World) -> None:
    mockehr.site(patients=2, name="north")

    def add(*words: str) -> str:
        words = ("webhook", "add", "north", "crm", "http://127.0.0.1:9/", *words, "--server", mockehr.url)
        done = CliRunner().invoke(cli, words)
        return done.output if done.exit_code == 0 else str(done.exception)

    assert '"webhook": "crm"' in add("--more", "order=fifo,at_once=1")
    assert "there is no setting 'ordre'; nearest: order" in add("--more", "ordre=fifo")
    assert add("--resources", "Pacient").endswith("there is no topic 'Pacient'; nearest: Patient")
    assert add("--topics", "Pacient.created").endswith("nearest: patient.created")


def test_the_help_of_a_command_says_what_its_options_take() -> None:
    told = " ".join(CliRunner().invoke(cli, ["webhook", "add", "--help"]).output.split())
    assert "`payload` is empty, id-only or full." in told
    assert "standard, athena, redox or health-gorilla" in told
    told = CliRunner().invoke(cli, ["audit", "export", "--help"]).output
    assert "Over HTTP the text is the member `lines`." in told


@pytest.mark.mockehr(stepped=True)
def test_an_endpoint_that_is_not_there_is_told_in_words(mockehr: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = f"127.0.0.1:{gone.getsockname()[1]}"
    site = mockehr.site(patients=2, name="north")
    site.webhook(f"http://{place}/", name="app", ladder=["1s"])
    site.events.send(resource="Patient/p0", endpoint="app")
    site.events.wait()
    listed = CliRunner().invoke(cli, ["events", "list", "north", "--brief", "--server", mockehr.url]).output
    assert f"nobody listens at {place}  (evt-" in listed
