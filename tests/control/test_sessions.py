"""Signing people out by a control operation."""

from __future__ import annotations

import pytest
from tests.sites.browser import Browser, document

from mockehr.control.facade import Control
from mockehr.core.errors import UnknownName
from mockehr.sites.directory import Directory


def test_sessions_end_by_user_and_by_client_and_with_them_online_access() -> None:
    browser, directory = Browser(), Directory()
    directory.add(browser.site)
    control = Control(directory)
    scope = "launch/patient online_access patient/Patient.rs"
    made = browser.granted(scope=scope)
    other = browser.granted("patient", scope=scope)
    assert control.call("session end", site="north", user="clinician") == {"ended": 2}
    document(browser.ask(grant_type="refresh_token", refresh_token=made["refresh_token"], client_id="app"), 400)
    assert browser.site.auth.introspect(made["access_token"])["active"]
    assert control.call("session end", site="north", client_id="app", tokens=True) == {"ended": 3}
    assert not browser.site.auth.introspect(made["access_token"])["active"]
    document(browser.ask(grant_type="refresh_token", refresh_token=other["refresh_token"], client_id="app"), 400)
    assert control.call("session end", site="north") == {"ended": 1}


def test_who_is_not_known_cannot_be_signed_out() -> None:
    browser, directory = Browser(), Directory()
    directory.add(browser.site)
    with pytest.raises(UnknownName, match="nearest: clinician"):
        Control(directory).call("session end", site="north", user="clinicain")
    with pytest.raises(UnknownName):
        Control(directory).call("session end", site="north", client_id="nobody")
