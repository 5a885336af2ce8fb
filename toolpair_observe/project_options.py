"""The options of `Settings` that a pyproject.toml sets, where the environment does not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.providers.by_name import MEASURED_FILES, TEMPLATE_FILES
from toolpair_observe.project_file import COMMANDS, PYTEST, text_of, unknown, wrong
from toolpair_observe.settings import Settings, is_set, options, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from pathlib import Path

    from toolpair_observe.project_file import ProjectFile

# A mode that is given wins over the list of environments: so a mode of the file gives way to a list
# of the environment, which stands above the file.
_ABOVE: Final = {"mode": ("mode", "strict_environments")}
_FILES: Final = (*TEMPLATE_FILES, MEASURED_FILES)


def project_options(project: ProjectFile | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that the file sets and the environment does not, by name.

    Raises:
        SettingsError: A key is no option, or its value is not allowed.
    """
    if project is None:
        return {}
    known = [option.name for option in options()]
    found = {}
    for name, value in project.options.items():
        if name not in known:
            raise unknown(project.path, "", name, (*known, *COMMANDS, PYTEST))
        if name == "profile" and isinstance(value, str):
            found[name] = beside(project.path, value)
        else:
            found[name] = value
        _check(project.path, name, found[name])
    return {
        name: value
        for name, value in found.items()
        if not any(is_set(each, environ) for each in _ABOVE.get(name, (name,)))
    }


def beside(path: Path, profile: str) -> str:
    """Return the name of a profile; of a file, its path as seen from the pyproject.toml."""
    name = profile.strip()
    return str(path.parent / name) if name.endswith(_FILES) else name


def _check(path: Path, name: str, value: object) -> None:
    try:
        Settings.resolve({}, **{name: value})
    except SettingsError as error:
        reason = str(error).removeprefix(f"argument {name} ")
        raise wrong(path, "", name, reason) from None
    if isinstance(value, dict) or not _as_text(value).strip():
        raise wrong(path, "", name, "is empty, or no value that the environment could hold")


@contextmanager
def adopted(found: Mapping[str, Any], environ: MutableMapping[str, str]) -> Iterator[None]:
    """Have these options in the environment meanwhile, where all readers of a command look."""
    added = {variable_of(name): _as_text(value) for name, value in found.items()}
    before = {name: environ.get(name) for name in added}
    environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else text_of(value)
