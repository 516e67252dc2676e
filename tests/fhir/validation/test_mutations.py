"""One defect at a time, put somewhere into a sound resource, is told with the right code at the right place."""

import copy

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.fhir.elements import structure
from mockehr.fhir.validate import check_structure
from mockehr.population.chart import draw_chart, staff_of
from mockehr.population.population import Population


def sample():
    """A few resources of each type that charts have."""
    chance = Chance("mutations")
    population = Population(chance, 50, as_of=STEPPED_START)
    staff = staff_of(population.directory.resources)
    kept = {}
    for index in range(3):
        for resource in draw_chart(chance, population.person(index), staff, as_of=STEPPED_START).resources:
            kept.setdefault((resource["resourceType"], len(resource)), resource)
    return tuple(kept.values())


RESOURCES = sample()


def objects(node, kind, at):
    """(place, structure, object) of every object of a resource, however deep."""
    yield at, structure(kind), node
    for name, element in structure(kind).elements.items():
        if element.primitive or name not in node:
            continue
        items = [(f"{at}.{name}", node[name])]
        if element.many:
            items = [(f"{at}.{name}[{position}]", item) for position, item in enumerate(node[name])]
        for place, item in items:
            inner = item["resourceType"] if element.type == "Resource" else element.type
            yield from objects(item, inner, place)


def elements(node, kind, chosen):
    """(place, element, its owner) of every element of a resource that is as `chosen` says."""
    for at, found, owner in objects(node, kind, kind):
        for name, element in found.elements.items():
            if name in owner and chosen(element):
                yield f"{at}.{name}", element, owner


def dropped(draw, document):
    spots = [
        (at, name, owner)
        for at, found, owner in objects(document, document["resourceType"], document["resourceType"])
        for name in found.required
        if name in owner
    ]
    assume(spots)
    at, name, owner = draw(st.sampled_from(spots))
    del owner[name]
    if owner or "resourceType" in owner:
        return f"{at}.{name}", "required"
    return at, "structure"  # an object without anything


def unknown(draw, document):
    spots = list(objects(document, document["resourceType"], document["resourceType"]))
    at, _, owner = draw(st.sampled_from(spots))
    owner["madeUpElement"] = draw(st.sampled_from([1, "x", None, [], {"a": 1}]))
    return f"{at}.madeUpElement", "structure"


def put(chosen, values, code):
    """A defect that puts one of the values in the place of an element."""

    def defect(draw, document):
        spots = list(elements(document, document["resourceType"], chosen))
        assume(spots)
        at, element, owner = draw(st.sampled_from(spots))
        value = draw(st.sampled_from(values))
        owner[element.name] = [value] if element.many else value
        return at + ("[0]" if element.many else ""), code

    return defect


def shape_changed(draw, document):
    spots = list(elements(document, document["resourceType"], lambda element: element.many))
    assume(spots)
    at, element, owner = draw(st.sampled_from(spots))
    owner[element.name] = draw(st.sampled_from([owner[element.name][0], "x", [], {}, None, 5]))
    assume(not isinstance(owner[element.name], list) or not owner[element.name])
    return at, "structure"


def chosen_twice(draw, document):
    spots = [
        (at, element, owner)
        for at, element, owner in elements(document, document["resourceType"], lambda element: element.choice)
        if len(element.name) > len(element.choice)
    ]
    spots = [spot for spot in spots if spot[1].type not in ("boolean", "dateTime")]
    assume(spots)
    at, element, owner = draw(st.sampled_from(spots))
    kinds = {"Boolean": True, "DateTime": "2024"}
    others = [f"{element.choice}{kind}" for kind in kinds if _allows(document, at, f"{element.choice}{kind}")]
    assume(others)
    name = draw(st.sampled_from(others))
    owner[name] = kinds[name.removeprefix(element.choice)]
    return f"{at.rpartition('.')[0]}.{name}", "structure"


def _allows(document, at, name):
    kind = document["resourceType"]
    return any(
        place == at.rpartition(".")[0] and name in found.elements for place, found, _ in objects(document, kind, kind)
    )


def wrong_target(draw, document):
    spots = list(elements(document, document["resourceType"], lambda e: e.type == "Reference" and e.targets))
    assume(spots)
    at, element, owner = draw(st.sampled_from(spots))
    wrong = {"reference": "Schedule/1"}
    assume("Schedule" not in element.targets)
    owner[element.name] = [wrong] if element.many else wrong
    return at + ("[0]" if element.many else ""), "structure"


DEFECTS = {
    "a required element dropped": dropped,
    "an unknown element": unknown,
    "no list where there has to be one": shape_changed,
    "no object": put(lambda e: not e.primitive, ["x", 5, True, None, []], "structure"),
    "an empty object": put(lambda e: not e.primitive and e.type != "Resource", [{}, {"id": "x"}], "structure"),
    "a code that is none": put(lambda e: e.type == "code" and e.codes, ["no-such-code", "X"], "code-invalid"),
    "a date that is none": put(
        lambda e: e.type in ("date", "dateTime"), ["2024-02-30", "24-1-1", "2024-13", "soon", 2024, ""], "value"
    ),
    "an instant that is none": put(lambda e: e.type == "instant", ["2024-02-03", "2024-02-03T10:00:00"], "value"),
    "a text that is blank or none": put(lambda e: e.type in ("string", "markdown"), ["", "  ", 5, {}], "value"),
    "an address that is none": put(lambda e: e.type in ("uri", "canonical", "url"), ["", "a b", 5, []], "value"),
    "a number that is none": put(lambda e: e.type == "decimal", ["5", True, {}], "value"),
    "a truth that is none": put(lambda e: e.type == "boolean", ["true", 1, 0], "value"),
    "two of one choice": chosen_twice,
    "a reference to the wrong type": wrong_target,
}


def test_the_resources_that_defects_are_put_into_are_sound():
    assert len({resource["resourceType"] for resource in RESOURCES}) > 15
    assert [check_structure(resource) for resource in RESOURCES if check_structure(resource)] == []


@pytest.mark.parametrize("defect", DEFECTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_defect_is_told_with_its_code_at_its_place(defect, data):
    document = copy.deepcopy(data.draw(st.sampled_from(RESOURCES)))
    at, code = DEFECTS[defect](data.draw, document)
    before = copy.deepcopy(document)
    issues = check_structure(document)
    assert (at, code) in {(issue.expression, issue.code) for issue in issues if issue.fails}, issues
    assert document == before
