"""What `apply` would do, also where there is no network, no key and no project to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.reporters.langsmith.apply import PROJECT_ID, AppliedStep, apply, steps
from toolpair_observe.reporters.langsmith.project_api import ApplyError, Body, Reason

if TYPE_CHECKING:
    from toolpair_observe.reporters.langsmith.workspace import Workspace

_NOT_NEEDED: Final = frozenset(
    {Reason.MISSING_KEY, Reason.UNREACHABLE, Reason.NO_PROJECT, Reason.BUSY}
)


def plan(
    workspace: Workspace, project: str | None, *, webhook: str | None = None
) -> tuple[list[AppliedStep], str]:
    """Return what `apply` would do.

    Args:
        workspace: The workspace of the project.
        project: Name of the project; None for one that is not known yet.
        webhook: URL that alerts are sent to; None leaves the alerts out.

    Returns:
        The steps, and why they are those of an empty project; `""` where they are not.

    Raises:
        ApplyError: The project can't be looked at for a reason that has to be mended.
    """
    if project is None:
        return _for_an_empty_project("NAME", webhook), "no --project is given"
    try:
        return list(apply(workspace, project, dry_run=True, webhook=webhook)), ""
    except ApplyError as error:
        if error.reason not in _NOT_NEEDED:
            raise
        return _for_an_empty_project(project, webhook), str(error)


def _for_an_empty_project(project: str, webhook: str | None) -> list[AppliedStep]:
    return list(steps(_EmptyProject(), project, dry_run=True, webhook=webhook))


class _EmptyProject:
    """Answers as LangSmith does for a project without any objects."""

    platform = ""

    def get(self, path: str, **_: str | int) -> Any:  # noqa: ANN401 -- JSON
        """Return a project, and nothing else."""
        if path == "/sessions":
            return [{"id": PROJECT_ID}]
        return {} if path == "/alerts" else []

    def post(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Raise: a dry run writes nothing."""
        raise NotImplementedError(path, body)

    patch = post
