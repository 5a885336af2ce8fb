"""A program that knows nothing of toolpair_observe. It asks a model and says what came of it."""

# ruff: noqa: T201 - the test reads what it prints

from __future__ import annotations

import sys

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage

CALL = {"name": "get_weather", "args": {}, "id": "call_oslo"}
HISTORY = [HumanMessage("Hi."), AIMessage("", tool_calls=[CALL]), HumanMessage("Well?")]


def main() -> int:
    print("arguments", *sys.argv[1:])
    model = FakeListChatModel(responses=["Fine."])
    if "--let-it-raise" in sys.argv:
        model.invoke(HISTORY)
    try:
        print("answered", model.invoke(HISTORY).content)
    except ValueError as error:
        print("blocked", type(error).__name__)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
