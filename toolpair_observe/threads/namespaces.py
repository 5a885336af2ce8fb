"""The graph that a namespace belongs to: the one that is given, or a subgraph of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


def graph_of(graph: Any, config: RunnableConfig) -> Any:  # noqa: ANN401 - compiled graphs
    """Return the graph whose nodes write in the config's namespace."""
    namespace = config["configurable"].get("checkpoint_ns", "")
    if not namespace:
        return graph
    # A namespace of single calls has task ids behind the names.
    path = "|".join(part.split(":")[0] for part in namespace.split("|"))
    for _, subgraph in graph.get_subgraphs(namespace=path, recurse=True):
        return subgraph
    return graph
