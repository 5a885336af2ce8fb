"""Whatever a public function raises, takes or returns can be imported where the function is."""

from __future__ import annotations

import ast
import builtins
import inspect
import runpy
import sys
from importlib import import_module
from pathlib import Path

import pytest

import toolpair_observe

API = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "generate_api.py"))
PUBLIC = list(API["public_names"]())
EXPORTED = {name: getattr(module, name) for module, name in PUBLIC}


def origins(module):
    """Where each name of ours that a module knows is defined; imports for type checkers count."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("toolpair_observe"):
            found |= {alias.asname or alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            found[node.name] = module.__name__
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = module.__name__
    return found


def names_in(code):
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def callables_of(value):
    """What can be called of a public function or class, with the docstring that describes it."""
    if inspect.isfunction(value):
        yield value, value.__doc__
    for cls in own_classes(value):
        if "Args" in API["parse"](cls.__doc__).items:
            yield cls.__init__, cls.__doc__
        for method in API["methods_of"](cls).values():
            yield method, method.__doc__


def own_classes(value):
    """A class of ours and those that it gets its members from."""
    bases = value.__mro__ if inspect.isclass(value) else ()
    return [cls for cls in bases if cls.__module__.startswith("toolpair_observe")]


def types_in(module, name):
    """The names in the signatures and attributes of a public name, with the module they are of."""
    value = getattr(module, name)
    for function, _ in callables_of(value):
        for annotation in function.__annotations__.values():
            yield sys.modules[function.__module__], names_in(annotation)
    for cls in own_classes(value):
        for kind, _ in API["attributes_of"](cls).values():
            yield sys.modules[cls.__module__], names_in(kind)
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        home = API["home_of"](module, name)
        code, _ = API["_assignment"](ast.parse(inspect.getsource(home)).body, name)
        yield home, names_in(code)


def types_of(module, name):
    """The names of ours among them, with the module in which each is defined."""
    for home, names in types_in(module, name):
        known = origins(home)
        yield from ((each, known[each]) for each in names if each in known)


def errors_of(module, name):
    for _, docstring in callables_of(getattr(module, name)):
        yield from API["parse"](docstring).items.get("Raises", ())


entries = pytest.mark.parametrize(("module", "name"), PUBLIC, ids=[name for _, name in PUBLIC])


@entries
def test_what_it_takes_and_returns_is_exported(module, name):
    for used, home in types_of(module, name):
        assert used in EXPORTED, f"{name} speaks of {used} of {home}, which nothing exports"
        assert EXPORTED[used] is getattr(import_module(home), used)


@entries
def test_what_it_raises_is_exported(module, name):
    for error in errors_of(module, name):
        assert error in EXPORTED or hasattr(builtins, error), f"{name} raises {error}"


def test_the_walk_finds_the_names_that_are_known_to_be_there():
    types = {name: {used for used, _ in types_of(module, name)} for module, name in PUBLIC}
    errors = {name: set(errors_of(module, name)) for module, name in PUBLIC}
    assert {"PairingReport", "Profile"} <= types["check_messages"]
    assert {"HandlerOptions", "GuardedModel"} <= types["guard"]
    assert {"Settings", "Accuracy", "ObservationHook", "Options"} <= types["ToolPairHandler"]
    assert {"Mode", "BlockableEffect"} <= types["HandlerOptions"] | types["Options"]
    assert {"Observation"} <= types["ObservationHook"]
    assert {"SettingsError", "CheckFailedError"} <= errors["ToolPairHandler"]
    assert {"InvalidToolResultsError"} <= errors["GuardedModel"] & errors["PairingReport"]


def test_type_checkers_know_the_names_that_are_imported_late():
    tree = ast.parse(inspect.getsource(toolpair_observe))
    imports = {
        alias.name: node.module.removeprefix("toolpair_observe.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("toolpair_observe.")
        for alias in node.names
    }
    assert imports.pop("__version__") == "_version"
    assert imports == toolpair_observe._HOMES
    assert toolpair_observe.__all__ == sorted([*imports, "__version__"])
