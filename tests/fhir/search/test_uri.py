import pytest

RESOURCE = {
    "resourceType": "Patient",
    "meta": {"profile": ["http://example.org/profiles/patient|2.0", None], "source": "http://example.org/a/b"},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_source=http://example.org/a/b", True),
        ("_source=http://example.org/A/b", False),
        ("_source=http://example.org/a", False),
        ("_source:below=http://example.org/a", True),
        ("_source:below=http://example.org/a/", True),
        ("_source:below=http://example.org/a/b/c", False),
        ("_source:below=http://example.or", False),
        ("_source:above=http://example.org/a/b/c", True),
        ("_source:above=http://example.org/a/bc", False),
        ("_profile=http://example.org/profiles/patient", True),
        ("_profile=http://example.org/profiles/patient|2.0", True),
        ("_profile=http://example.org/profiles/patient|1.0", False),
        ("_source:missing=false", True),
    ],
)
def test_uris_match_as_a_whole_or_by_path(matches, query, expected):
    assert matches(RESOURCE, query) is expected


def test_unusable_uris_are_problems(problem):
    assert "empty uri" in problem("Patient", "_source=a,")
    assert "not supported" in problem("Patient", "_source:exact=a")
