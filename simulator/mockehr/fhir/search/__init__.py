"""FHIR R4 search: query strings compiled to tests over plain dicts (search.html)."""

from mockehr.fhir.search.context import Referrers, TooCostly
from mockehr.fhir.search.criterion import Criterion
from mockehr.fhir.search.include import Include
from mockehr.fhir.search.parse import Parameter, parse_query
from mockehr.fhir.search.query import Query, compile_query
from mockehr.fhir.search.shape import shaped, shapes
from mockehr.fhir.search.sort import SortKey
from mockehr.fhir.search.table import SearchDefinition, definitions, lookup

__all__ = [
    "Criterion",
    "Include",
    "Parameter",
    "Query",
    "Referrers",
    "SearchDefinition",
    "SortKey",
    "TooCostly",
    "compile_query",
    "definitions",
    "lookup",
    "parse_query",
    "shaped",
    "shapes",
]
