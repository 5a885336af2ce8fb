"""Lists that are spread over the attributes of a span, an attribute for each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.envelopes.cells import parsed
from toolpair_observe.histories.envelopes.spans import is_null

if TYPE_CHECKING:
    from toolpair_observe.histories.envelopes.spans import Span

_DEEPEST: Final = 32


def gathered(span: Span, prefix: str) -> list[Any]:
    """Return the list whose elements are spread over attributes, such as `prefix.0.role`.

    Raises:
        NotUnderstoodError: Part of the list is missing.
    """
    whole = parsed(span.attributes.get(prefix))
    tree = _unfolded(whole if whole is not None else span.under(prefix), prefix, 0)
    if not tree:
        return []
    if not isinstance(tree, list):
        msg = f"{prefix!r} is not a list of messages"
        raise NotUnderstoodError(msg)
    return tree


def _unfolded(value: Any, where: str, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Split keys at their dots, and make lists of objects whose keys are numbers."""
    if depth > _DEEPEST:
        msg = f"{where}: objects are nested too deeply"
        raise NotUnderstoodError(msg)
    if isinstance(value, list):
        return [_unfolded(each, f"{where}[{at}]", depth + 1) for at, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    branches: dict[str, Any] = {}
    for key, inner in value.items():
        if is_null(inner):
            continue
        head, _, rest = key.partition(".")
        if rest:
            branch = branches.setdefault(head, {})
            if not isinstance(branch, dict):
                msg = f"{where}.{head}: both a value and an object"
                raise NotUnderstoodError(msg)
            branch[rest] = inner
        elif isinstance(inner, dict) and isinstance(branches.get(head), dict):
            branches[head].update(inner)
        else:
            branches[head] = dict(inner) if isinstance(inner, dict) else inner
    if branches and all(key.isdecimal() for key in branches):
        return _numbered(branches, where, depth)
    return {key: _unfolded(inner, f"{where}.{key}", depth + 1) for key, inner in branches.items()}


def _numbered(branches: dict[str, Any], where: str, depth: int) -> list[Any]:
    for number in range(len(branches)):
        if str(number) not in branches:
            msg = f"{where}.{number} is missing: attributes were dropped"
            raise NotUnderstoodError(msg)
    return [
        _unfolded(branches[str(number)], f"{where}.{number}", depth + 1)
        for number in range(len(branches))
    ]
