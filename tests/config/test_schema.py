from __future__ import annotations

import json
import subprocess
import sys

from mockehr.config.schema import json_schema, schema_text
from mockehr.config.settings import ServerConfig


def test_a_schema_names_its_dialect_and_itself() -> None:
    schema = json_schema(ServerConfig, name="server")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:mockehr:schema:server:1"


def test_a_schema_uses_the_names_of_files_and_refuses_all_others() -> None:
    rule = json_schema(ServerConfig, name="server")["$defs"]["RuleConfig"]
    assert set(rule["properties"]) == {"use", "name", "where", "when", "with"}
    assert rule["additionalProperties"] is False
    assert rule["required"] == ["use"]


def test_a_schema_allows_every_short_form() -> None:
    parts = json_schema(ServerConfig, name="server")["$defs"]
    forms = {kind["type"] for kind in parts["WhenConfig"]["properties"]["after"]["anyOf"][0]["anyOf"]}
    assert forms == {"number", "string"}
    assert {kind["type"] for kind in parts["WhereConfig"]["properties"]["resource"]["anyOf"]} == {"string", "array"}
    assert parts["SiteConfig"]["properties"]["clock"]["anyOf"][0]["enum"] == ["real", "stepped"]


def test_a_schema_explains_its_keys() -> None:
    when = json_schema(ServerConfig, name="server")["$defs"]["WhenConfig"]["properties"]
    assert when["phase"]["description"] == "Only in this phase of a scenario."


def test_the_text_of_a_schema_is_stable_json() -> None:
    text = schema_text(ServerConfig, name="server")
    assert text.endswith("}\n")
    assert json.loads(text) == json_schema(ServerConfig, name="server")


def test_importing_the_package_loads_neither_pydantic_nor_the_parser() -> None:
    program = (
        "import sys, mockehr.config, mockehr.config.load, mockehr.config.document;"
        "print([name for name in ('pydantic', 'ruamel.yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
