"""JSON Schema of configuration files, for editors: each key completed, explained and checked while typing."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[BaseModel], *, name: str, version: int = 1) -> dict[str, Any]:
    """The schema of what may be written for `model`; its `$id` is `urn:mockehr:schema:<name>:<version>`."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, "$id": f"urn:mockehr:schema:{name}:{version}", **schema}


def schema_text(model: type[BaseModel], *, name: str, version: int = 1) -> str:
    """The schema as it is committed: two-space indentation, a newline at the end, equal for equal models."""
    return json.dumps(json_schema(model, name=name, version=version), indent=2, ensure_ascii=False) + "\n"
