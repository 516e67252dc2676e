"""Valid FHIR resources drawn from the element table, whatever their type: for parsers, mappers and round trips.

    @given(resources("Observation"))
    def test_my_mapper_takes_any_observation(resource): ...

    @given(resources("Patient", profile="us-core-patient"))
    def test_my_mapper_takes_any_patient_of_us_core(resource): ...

What is drawn is valid by structure, required value sets and the invariants that the server checks, and shrinks
towards the required elements with the simplest values. It makes no clinical sense; for that there are populations.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.fhir.elements import resource_types
from mockehr.fhir.validate import check_body
from mockehr.testing.strategies.objects import NOT_ALONE, plain_objects
from mockehr.testing.strategies.profiled import profile_named, profiled_objects


def resources(resource_type: str, profile: str | None = None, *, supported: bool = False) -> SearchStrategy[JSON]:
    """Resources of one type, without an id, as a client would create them.

    `profile` is one of US Core 6.1.0, by its canonical URL or the last part of it (`us-core-patient`). Then they
    claim it in `meta.profile`, what it makes mandatory is there, its bindings are kept as far as codes are shipped,
    and what must be supported is there in most examples; with `supported` in all.
    Raises UnknownName for a type that R4 lacks or an unknown profile, UsageError for a profile of another type.
    """
    made = possible(resource_type, profile, supported=supported)
    return made.filter(lambda document: not check_body(document, resource_type))


def possible(resource_type: str, profile: str | None = None, *, supported: bool = False) -> SearchStrategy[JSON]:
    """What `resources` draws, before validation has looked at it; the tests hold that nothing is lost there."""
    if resource_type not in resource_types():
        raise UnknownName("resource type", resource_type, resource_types())
    if profile is not None:
        return profiled_objects(profile_named(profile, resource_type), supported=supported)
    return plain_objects(resource_type, 0).map(lambda rest: {"resourceType": resource_type, **rest})


def any_resource(types: Sequence[str] | None = None) -> SearchStrategy[JSON]:
    """Resources of any of these types; None for all that can be stored on their own and stand alone."""
    names = types if types is not None else [name for name in resource_types() if name not in NOT_ALONE]
    return st.sampled_from(list(names)).flatmap(resources)
