import pytest

from mockehr.fhir.search import compile_query


@pytest.fixture
def matches():
    """(resource, query) → does it match? The query must be free of problems."""

    def check(resource, query, **settings):
        compiled = compile_query(resource["resourceType"], query, strict=True, **settings)
        assert compiled.problems == ()
        return compiled.matches(resource)

    return check


@pytest.fixture
def problem():
    """(resource type, query) → the text of its only problem."""

    def check(resource_type, query, **settings):
        (found,) = compile_query(resource_type, query, **{"strict": False, **settings}).problems
        assert found.status == 400
        return found.text

    return check
