"""`mockehr token`: an access token without a program of one's own."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import import_key

from mockehr.cli.main import cli
from mockehr.core.errors import EnvironmentProblem, UnknownName, UsageError
from mockehr.testing.world import World


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["token", *words])


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
@pytest.mark.parametrize("stepped", [False, True], ids=["running", "stepped"])
def test_a_token_opens_the_site_whatever_its_clock_says(mockehr: World, vendor: str, stepped: bool) -> None:
    site = mockehr.site(vendor, patients=1, stepped=stepped)
    site.client("demo")
    site.advance("90d")
    [patient] = site.patient_ids()
    tokens = [run(site.name, "--server", mockehr.url).output.strip() for _ in range(2)]
    for token in tokens:
        request = Request(f"{site.fhir_url}/Patient/{patient}", headers={"Authorization": f"Bearer {token}"})
        with urlopen(request) as answer:
            assert answer.status == 200


def test_the_curl_command_carries_a_request_that_is_taken(mockehr: World) -> None:
    site = mockehr.site("epic")
    site.client("mine", scopes="system/Patient.rs")
    done = run(site.name, "--client", "mine", "--scopes", "system/Patient.rs", "--curl", "--server", mockehr.url)
    words = shlex.split(done.output)
    form = dict(word.split("=", 1) for before, word in pairwise(words) if before == "--data-urlencode")
    assert words[:3] == ["curl", "-s", site.token_url]
    with urlopen(Request(words[2], urlencode(form).encode())) as answer:
        assert json.load(answer)["scope"] == "system/Patient.r system/Patient.s"  # as Epic tells it
    whole = run(site.name, "--client", "mine", "--scopes", "system/Patient.rs", "--json", "--server", mockehr.url)
    assert json.loads(whole.output)["expires_in"] > 0


def test_the_key_is_printed_without_a_server() -> None:
    told = json.loads(run("--key", "jwk").output)
    pem = import_key(run("--key", "pem").output, "EC").as_dict(private=True)
    assert (told["kid"], told["d"]) == ("mockehr-test-client-1-es384", pem["d"])


def test_a_refusal_names_the_entry_that_says_why(mockehr: World) -> None:
    site = mockehr.site("epic")
    done = run(site.name, "--server", mockehr.url)
    assert isinstance(done.exception, UsageError)
    assert f"mockehr journal why {site.name} 1" in done.exception.remedy
    why = CliRunner().invoke(cli, ["journal", "why", site.name, "1", "--brief", "--server", mockehr.url])
    assert "refused: client-unknown" in why.output


def test_what_is_missing_is_said(mockehr: World) -> None:
    assert "Name the site" in run().output
    assert isinstance(run("nowhere", "--server", mockehr.url).exception, UsageError | UnknownName)
    assert isinstance(run("north", "--server", "http://127.0.0.1:1").exception, EnvironmentProblem)


@pytest.mark.mockehr(lenient=True)
def test_what_a_vendor_wants_besides_the_assertion_is_sent(mockehr: World) -> None:
    site = mockehr.site("advancedmd", patients=1)
    site.client("demo")
    assert run(site.name, "--server", mockehr.url).exit_code == 0
