"""The page of the public names says what the docstrings say, and they say all of it."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path

import pytest

import toolpair_observe

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
API = runpy.run_path(str(DOCS / "generate_api.py"))
PUBLIC = {name: getattr(module, name) for module, name in API["public_names"]()}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
# settings.md describes each field.
ELSEWHERE = {"Settings", "Options"}


def callables():
    for name, value in PUBLIC.items():
        if inspect.isfunction(value):
            yield name, value, value.__doc__
    for name, cls in CLASSES.items():
        if "Args" in API["parse"](cls.__doc__).items:
            yield name, cls.__init__, cls.__doc__
        for method, function in API["methods_of"](cls).items():
            # What a base class of another package describes is not said again.
            if not API["overridden_in"](cls, method):
                yield f"{name}.{method}", function, function.__doc__


CALLABLES = [pytest.param(*told, id=told[0]) for told in callables()]


def test_the_page_is_what_the_docstrings_make_it():
    assert API["page"]() == PAGE, "run: python docs/generate_api.py"


def test_every_public_name_stands_there_once():
    names = [name for _, name in API["public_names"]()]
    assert re.findall(r"^### (\w+)$", PAGE, flags=re.MULTILINE) == names
    assert len(set(names)) == len(names)
    assert set(toolpair_observe.__all__) - {"__version__"} <= set(names)


def test_what_is_not_public_of_a_public_class_is_there():
    for name, members in (API["PRIVATE_MEMBERS"] | API["PUBLIC_MEMBERS"]).items():
        cls = PUBLIC[name]
        assert set(members) <= set(dir(cls)) | set(cls.__annotations__), name


@pytest.mark.parametrize(("name", "function", "docstring"), CALLABLES)
def test_every_argument_and_every_answer_is_described(name, function, docstring):
    doc = API["parse"](docstring)
    assert doc.summary
    for argument in inspect.signature(function).parameters.values():
        if argument.name not in ("self", "cls"):
            told = {said.lstrip("*") for said in doc.items.get("Args", ())}
            assert argument.name in told or f"`{argument.name}`" in doc.summary
    if function.__annotations__["return"] != "None":
        assert doc.returns or doc.yields or doc.summary.startswith("Return ")


@pytest.mark.parametrize("name", sorted(set(CLASSES) - ELSEWHERE))
def test_every_attribute_is_described(name):
    attributes = API["attributes_of"](CLASSES[name])
    told = API["parse"](CLASSES[name].__doc__).items.get("Attributes", {})
    assert all(kind and text for kind, text in attributes.values()), attributes
    assert {each for each in told if API["is_public"](name, each)} <= set(attributes)
