"""The fenced blocks of a page, and a program that runs those in Python in a process of their own.

`python -m tests.docs.snippets PAGE` runs them in order, in one namespace. What a page takes as
given (`model`, `messages`, `tools`, `agent`, `graph`, `template`) is made here, once it is used.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import prometheus_client
from pytest_socket import socket_allow_hosts

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = re.compile(
    r"^(?:<!-- (?P<reason>not run:[^\n]*) -->\n)?"
    r"(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: What stands behind the fence.
        text: What stands in it.
        line: The line of its page on which it starts.
        reason: Why it is not run, or None.
    """

    language: str
    text: str
    line: int
    reason: str | None


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    whole = page.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            textwrap.dedent(found["text"]),
            whole.count("\n", 0, found.start("text")) + 1,
            found["reason"] and found["reason"].partition(":")[2].strip(),
        )
        for found in BLOCK.finditer(whole)
    ]


class Names(dict[str, Any]):
    """The names of a page; what it does not define is made at its first use."""

    def __missing__(self, name: str) -> Any:
        if name not in GIVEN:
            raise KeyError(name)
        self[name] = made = GIVEN[name](self)
        return made


def a_model(_: Names) -> Any:
    """Return a model that answers everything; it is OpenAI's, so far as a handler can tell."""
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="gpt-4o-mini", max_retries=0)


def some_messages(_: Names) -> Any:
    """Return a history that OpenAI refuses: the second call has no result."""
    from tests.strict.conversations import BROKEN

    return list(BROKEN)


def some_tools(_: Names) -> Any:
    """Return a tool."""
    from langchain_core.tools import tool

    @tool
    def get_weather(city: str) -> str:
        """Look out of the window."""
        return f"clear in {city}"

    return [get_weather]


def an_agent(names: Names) -> Any:
    """Return an agent of the page's own model and tools."""
    from langchain.agents import create_agent
    from langgraph.checkpoint.memory import InMemorySaver

    return create_agent(names["model"], names["tools"], checkpointer=InMemorySaver())


GIVEN: dict[str, Callable[[Names], Any]] = {
    "model": a_model,
    "messages": some_messages,
    "tools": some_tools,
    "agent": an_agent,
    "graph": an_agent,
    "template": lambda _: "{% for message in messages %}{{ message.content }}{% endfor %}",
}


def run(page: Path) -> None:
    """Run the Python of a page."""
    # Classes that a page defines are looked up by the name of their module.
    module = sys.modules["page"] = ModuleType("page")
    names = Names({"__name__": "page"})
    for block in blocks(page):
        if block.language != "python" or block.reason:
            continue
        # As in a notebook, `await` may stand at the top.
        tree = ast.parse("\n" * (block.line - 1) + block.text, str(page))
        code = compile(tree, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for name in code.co_names:
            if name in GIVEN and name not in names and name not in defined(tree):
                names[name]
        done = eval(code, names)  # noqa: S307 - our own page
        if inspect.isawaitable(done):
            asyncio.run(awaited(done))
        vars(module).update(names)


def defined(tree: ast.Module) -> set[str]:
    """Return the names that the top of a block gives a value to before all else that reads them."""
    first: dict[str, ast.expr_context] = {}
    for statement in tree.body:
        found = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        # The value of an assignment is read before its target is written.
        for node in sorted(found, key=lambda each: isinstance(each.ctx, ast.Store)):
            first.setdefault(node.id, node.ctx)
    return {name for name, use in first.items() if isinstance(use, ast.Store)}


async def awaited(done: Any) -> None:
    """Wait for a block that awaits something."""
    await done


def main() -> None:
    """Run a page without a network and without a fixed port."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
    start = prometheus_client.start_http_server
    prometheus_client.start_http_server = lambda *_, **__: start(0, addr="127.0.0.1")
    run(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
