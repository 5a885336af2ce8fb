"""What stands to be done on a checkpoint: tasks, which of them are finished, and what they ask.

All of it is read from the stored data, without the graph. Of LangGraph's rules these are used:

- A node is due where a channel that triggers it is there, and is newer than what the node has seen.
- Each packet in `__pregel_tasks` (a `Send`) is a task of its own.
- A task is finished if and only if it has a write that is no control write
  (`langgraph.pregel._task_status`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.refusals.recognize import rejection_kind
from toolpair_observe.pairing.shown import shown
from toolpair_observe.threads.diagnosis import Question, TaskError
from toolpair_observe.threads.messages import INPUT
from toolpair_observe.threads.stored import SENDS
from toolpair_observe.threads.task_ids import pull_id, push_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.pairing.words import ViolationKind
    from toolpair_observe.threads.stored import Stored, Write

TRIGGER: Final = "branch:to:"
"""Begins the name of the channel that triggers a node; the node's name follows."""

_BARRIER: Final = "join:"
_INTERRUPT: Final = "__interrupt__"
_ERROR: Final = "__error__"
_CONTROL: Final = frozenset({_ERROR, "__error_source_node__", _INTERRUPT, "__resume__"})
_INPUT_TASK: Final = "00000000-0000-0000-0000-000000000000"
"""Stands for no task: what a `Command` gave to the superstep as a whole."""
PULLED: Final = "~__pregel_pull, "
"""Begins the path of a task of a node that its channels triggered; the node's name follows."""
_PULL_IN_PATH: Final = re.compile(re.escape(PULLED) + "([^,]+)")
_PUSHED: Final = re.compile(r"~__pregel_push, (\d+)")
_CLASS_NAME: Final = re.compile(r"[A-Za-z_][\w.]*(?=\()")
_DEEPEST: Final = 6


@dataclass(slots=True, eq=False)
class Task:
    """A task that is due on a checkpoint.

    Attributes:
        node: The node that it runs.
        id: Its id, as far as that can be told without the graph; else `""`.
        call_ids: Ids of tool calls that its own input holds; empty for a node that reads the state.
        is_sent: Whether a `Send` made it, with an input of its own.
        writes: What it wrote, if it is finished.
        question: The question that it asks.
        error: The error that ended it.
    """

    node: str
    id: str = ""
    call_ids: frozenset[str] = frozenset()
    is_sent: bool = False
    writes: tuple[Write, ...] = ()
    question: Question | None = None
    error: TaskError | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it ran to its end."""
        return bool(self.writes)


@dataclass(slots=True, eq=False)
class Pending:
    """What is due on a checkpoint.

    Attributes:
        tasks: The tasks, those of packets first, as LangGraph orders them.
        input_writes: What a `Command` gave to the superstep.
        strays: By task id the writes of finished tasks that are none of `tasks`.
        questions: Questions of tasks that are not finished.
        errors: Errors of tasks that are not finished.
    """

    tasks: list[Task] = field(default_factory=list)
    input_writes: tuple[Write, ...] = ()
    strays: dict[str, tuple[Write, ...]] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    errors: tuple[TaskError, ...] = ()

    @property
    def open_tasks(self) -> list[Task]:
        """The tasks that a resume runs."""
        return [task for task in self.tasks if not task.is_finished]

    @property
    def next(self) -> tuple[str, ...]:
        """Their nodes, as a state's `next` has them."""
        return tuple(task.node for task in self.open_tasks)

    @property
    def finished(self) -> list[tuple[Write, ...]]:
        """The writes of each finished task, in the order of the tasks."""
        known = [task.writes for task in self.tasks if task.is_finished]
        return [*known, *self.strays.values()]

    @property
    def finished_ids(self) -> set[str]:
        """The ids of the finished tasks."""
        return {task.id for task in self.tasks if task.is_finished} | set(self.strays)


def pending_of(head: Stored) -> Pending:
    """Return what is due on a checkpoint."""
    tasks = [*_sent(head), *_triggered(head)]
    by_task: dict[str, list[Write]] = {}
    for write in head.writes:
        by_task.setdefault(write.task_id, []).append(write)
    input_writes = tuple(by_task.pop(_INPUT_TASK, ()))
    pending = Pending(tasks, input_writes)
    questions: list[Question] = []
    errors: list[TaskError] = []
    for task_id, writes in by_task.items():
        task = _task_of(task_id, writes, tasks)
        output = tuple(each for each in writes if each.channel not in _CONTROL)
        if task is not None:
            task.id = task_id
            task.writes = output
        elif output:
            pending.strays[task_id] = output
        if output:
            continue
        question, error = _question(task_id, writes), _error(task_id, writes)
        questions += question
        errors += error
        if task is not None:
            task.question = next(iter(question), None)
            task.error = next(iter(error), None)
    pending.questions, pending.errors = tuple(questions), tuple(errors)
    return pending


def _sent(head: Stored) -> Iterator[Task]:
    packets = head.values.get(SENDS)
    for place, packet in enumerate(packets if isinstance(packets, list | tuple) else ()):
        node = packet.get("node") if isinstance(packet, dict) else getattr(packet, "node", None)
        given = packet.get("arg") if isinstance(packet, dict) else getattr(packet, "arg", None)
        if isinstance(node, str):
            yield Task(
                node,
                id=push_id(head, node, place),
                call_ids=frozenset(_call_ids(given, _DEEPEST)),
                is_sent=True,
            )


def _call_ids(value: object, depth: int) -> Iterator[str]:
    """Yield the ids of the tool calls in a packet's input; the lists of messages in it aside."""
    if not depth:
        return
    if isinstance(value, dict):
        name, identifier = value.get("name"), value.get("id")
        if isinstance(name, str) and isinstance(identifier, str) and "args" in value:
            yield identifier
            return
        # A prebuilt ToolNode may be sent the state beside the call that it is to answer.
        if (call := value.get("tool_call")) is not None:
            yield from _call_ids(call, depth - 1)
            return
        for below in value.values():
            yield from _call_ids(below, depth - 1)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _call_ids(below, depth - 1)


def _triggered(head: Stored) -> Iterator[Task]:
    nodes = dict.fromkeys(
        node
        for channel in head.values
        for node in _nodes_after(head, channel)
        if is_newer(head.versions.get(channel), head.seen.get(node, {}).get(channel))
    )
    for node in sorted(nodes):
        yield Task(node, id=pull_id(head, node, TRIGGER + node if node != INPUT else INPUT))


def _nodes_after(head: Stored, channel: str) -> list[str]:
    """Return the nodes that a channel triggers."""
    if channel.startswith(TRIGGER):
        return [channel.removeprefix(TRIGGER)]
    if channel == INPUT:
        # The functional API has no node of that name: its function reads the input.
        readers = [node for node, seen in head.seen.items() if INPUT in seen]
        # Where it has not read any yet, the path of what it did tells its name.
        return readers or [_writer_of(head) or INPUT]
    if channel.startswith(_BARRIER):
        waited, _, node = channel.removeprefix(_BARRIER).rpartition(":")
        arrived = head.values[channel]
        if isinstance(arrived, set | frozenset | list | tuple) and set(waited.split("+")) <= {
            *map(str, arrived)
        }:
            return [node]
    return []


def _writer_of(head: Stored) -> str:
    """Return the node whose task, or a task within it, has written; `""` for none."""
    paths = (_PULL_IN_PATH.search(write.path) for write in head.writes)
    return next((found[1] for found in paths if found), "")


def is_newer(version: object, seen: object) -> bool:
    """Whether a channel has a version, and it is greater than the one that a node has seen."""
    if version is None:
        return False
    if seen is None:
        return True
    try:
        return bool(version > seen)  # type: ignore[operator]
    except TypeError:
        return str(version) > str(seen)


def _task_of(task_id: str, writes: list[Write], tasks: list[Task]) -> Task | None:
    """Return the task that wrote: as its id says, or its path, or the result that it brought."""
    open_tasks = [task for task in tasks if not task.is_finished]
    for task in open_tasks:
        if task.id == task_id:
            return task
    path = writes[0].path
    if path.startswith(PULLED):
        named = [t for t in open_tasks if not t.is_sent and t.node == path.removeprefix(PULLED)]
        return named[0] if named else None
    if (pushed := _PUSHED.match(path)) is not None:
        sent = [task for task in tasks if task.is_sent]
        place = int(pushed[1])
        return sent[place] if place < len(sent) and sent[place] in open_tasks else None
    answered = {identifier for write in writes for identifier in _answered(write.value, _DEEPEST)}
    for task in open_tasks:
        if task.call_ids & answered:
            return task
    return open_tasks[0] if len(open_tasks) == 1 and not path else None


def _answered(value: object, depth: int) -> Iterator[str]:
    if isinstance(identifier := getattr(value, "tool_call_id", None), str):
        yield identifier
    elif isinstance(value, dict) and isinstance(value.get("tool_call_id"), str):
        yield value["tool_call_id"]
    elif depth:
        below: Any = value.values() if isinstance(value, dict) else value
        if isinstance(below, list | tuple) or isinstance(value, dict):
            for each in below:
                yield from _answered(each, depth - 1)


def _question(task_id: str, writes: list[Write]) -> list[Question]:
    asked: list[Question] = []
    for write in writes:
        if write.channel == _INTERRUPT:
            given = write.value if isinstance(write.value, list | tuple) else [write.value]
            for each in given:
                name = each.get("id") if isinstance(each, dict) else getattr(each, "id", None)
                asked.append(Question(name if isinstance(name, str) else "", task_id))
    return asked


def _error(task_id: str, writes: list[Write]) -> list[TaskError]:
    return [
        TaskError(_class_of(write.value), task_id, _refused(write.value))
        for write in writes
        if write.channel == _ERROR
    ]


def _class_of(error: object) -> str:
    """Return the name of an error's class, which is stored as its `repr`."""
    if not isinstance(error, str):
        return type(error).__name__ if isinstance(error, BaseException) else "Error"
    named = _CLASS_NAME.match(error)
    return shown(named[0].rpartition(".")[2]) if named else "Error"


def _refused(error: object) -> ViolationKind | None:
    given = error if isinstance(error, str | BaseException) else ""
    return rejection_kind(given, foreseen=True) if given else None


def is_control(channel: str) -> bool:
    """Whether a write says what happened to a task, rather than what it wrote."""
    return channel in _CONTROL


def seen_nodes(seen: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the nodes that a checkpoint says have run."""
    return {node for node in seen if not node.startswith("__")}
