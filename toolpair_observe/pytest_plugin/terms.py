"""What a test says of the broken histories in it, by its markers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pytest_plugin.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import pytest

_EXPECT: Final = "toolpair_expect"
_IGNORE: Final = "toolpair_ignore"
_MASKED: Final = "toolpair_masked"

MARKERS: Final = (
    f"{_EXPECT}(*kinds): the test gives a chat model histories with violations of these kinds, "
    'such as "missing_result"; they are let through, and the test fails if one of the kinds does '
    "not occur",
    f"{_IGNORE}(*kinds): violations of these kinds, of any kind if none is named, are let through "
    "and do not fail the test",
    f"{_MASKED}: tool results that other software makes up do not fail the test",
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The kinds of violations that a test allows.

    Attributes:
        expected: Those that have to occur.
        ignored: Those that may.
        allows_masked: Whether other software may make tool results up.
    """

    expected: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    allows_masked: bool = False

    def beyond(self, kinds: AbstractSet[str]) -> set[str]:
        """Return those of the kinds that the test does not allow."""
        return {*kinds} - self.expected - self.ignored


NO_TERMS: Final = Terms()


def terms_of(item: pytest.Item) -> Terms:
    """Read the markers of a test, its class and its module.

    Raises:
        Finding: A marker names what is not a kind.
    """
    marked = list(item.iter_markers(_IGNORE))
    ignored = [kind for mark in marked for kind in _kinds_in(mark) or _every_kind()]
    expected: list[str] = []
    for mark in item.iter_markers(_EXPECT):
        kinds = _kinds_in(mark)
        if not kinds:
            _refuse(mark, "needs a kind")
        expected += kinds
    allows_masked = item.get_closest_marker(_MASKED) is not None
    return Terms(frozenset(expected), frozenset(ignored), allows_masked)


def _every_kind() -> list[str]:
    # Imports langchain-core, which would slow down every run that does not use the plugin.
    from toolpair_observe.pairing.words import ViolationKind  # noqa: PLC0415

    return [kind.value for kind in ViolationKind]


def _kinds_in(mark: pytest.Mark) -> list[str]:
    if mark.kwargs:
        _refuse(mark, f"takes kinds without {', '.join(map(str, mark.kwargs))}=")
    known = _every_kind()
    unknown = [shown(str(kind)) for kind in mark.args if str(kind) not in known]
    if unknown:
        _refuse(mark, f"does not know {', '.join(unknown)}")
    return [str(kind) for kind in mark.args]


def _refuse(mark: pytest.Mark, what: str) -> None:
    msg = f"marker {mark.name} {line(what)}; choose from {', '.join(_every_kind())}"
    raise Finding(msg)
