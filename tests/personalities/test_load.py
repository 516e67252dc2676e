"""Finding personalities, and refusing settings that do not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError, EnvironmentProblem, UnknownName
from mockehr.personalities.load import load_personality, personality_names
from mockehr.personalities.model import SiteFacts


def test_the_vendors_are_found_by_their_folders() -> None:
    assert {"generic", "epic", "oracle"} <= set(personality_names())


def test_a_vendor_inherits_what_it_does_not_say() -> None:
    epic = load_personality("epic")
    assert epic.settings["search"]["page_parameter"] == "sessionID"
    assert epic.settings["bundle"]["empty_entry"] is load_personality("generic").settings["bundle"]["empty_entry"]


def test_a_site_overrides_single_settings() -> None:
    facts = SiteFacts("north", Chance(1).key, settings={"identity": {"cid": "0", "env": "1"}})
    epic = load_personality("epic", {"search": {"default_size": 20}}, facts)
    assert epic.rules.page_size("Observation", None) == 20
    assert (epic.settings["identity"]["cid"], epic.settings["identity"]["env"]) == ("0", "1")
    assert load_personality("epic").rules.page_size("Observation", None) == 1000


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="epic"):
        load_personality("epik")


def test_an_unknown_setting_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"search\.defualt_size") as caught:
        load_personality("epic", {"search": {"defualt_size": 5}})
    assert "default_size" in caught.value.nearest


def test_a_setting_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="no number"):
        load_personality("epic", {"search": {"default_size": "many"}})


def test_a_file_of_ones_own_inherits_a_vendor(tmp_path: Path) -> None:
    file = tmp_path / "mercy.yaml"
    file.write_text("inherits: epic\ntitle: Mercy\nrelease: {version: May 2025}\n")
    mercy = load_personality(str(file))
    assert (mercy.name, mercy.title) == ("mercy", "Mercy")
    assert mercy.settings["release"]["date"] == load_personality("epic").settings["release"]["date"]
    assert type(mercy) is type(load_personality("epic"))


def test_a_file_with_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mercy.yaml"
    file.write_text("inherits: oracle\ntitel: Mercy\n")
    with pytest.raises(ConfigError, match="titel"):
        load_personality(str(file))


def test_a_file_that_is_not_there_or_no_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        load_personality(str(tmp_path / "none.yaml"))
    file = tmp_path / "bad.yaml"
    file.write_text("a: [")
    with pytest.raises(ConfigError, match="no YAML"):
        load_personality(str(file))


def test_a_misspelt_setting_of_writes_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"write\.idempotency_haeder") as caught:
        load_personality("generic", {"write": {"idempotency_haeder": "Idempotency-Key"}})
    assert "idempotency_header" in caught.value.nearest
