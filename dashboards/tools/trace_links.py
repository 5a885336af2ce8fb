"""Links from numbers to the requests behind them: to traces and to LangSmith.

A number has no trace id, so the links are searches. Where the traces are, the dashboard's variables
say.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from grafana_foundation_sdk.builders import dashboard

from dashboards.tools.alert import on_span, search
from dashboards.tools.panels import Link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.alert import Requests
    from dashboards.tools.settings import Links

TEMPO: Final = "tempo"
TRACES: Final = "traces"
LANGSMITH: Final = "langsmith"

# What Grafana fills in must not be quoted.
_VARIABLE: Final = re.compile(r"%24%7B([\w.]+)%7D")


def where_traces_are(links: Links) -> Iterable[Builder[models.VariableModel]]:
    """Yield the variables that say where traces are.

    Args:
        links: Their first values.
    """
    yield (
        dashboard.DatasourceVariable(TEMPO).label("Traces in Tempo").type(TEMPO).multi(multi=False)
    )
    yield dashboard.TextBoxVariable(TRACES).label("Traces elsewhere").default_value(links.traces)
    yield (
        dashboard.TextBoxVariable(LANGSMITH)
        .label("LangSmith project")
        .default_value(links.langsmith)
    )


def to_requests(requests: Requests) -> list[Link]:
    """Return the links to the requests of an alert."""
    return [
        Link("Traces in Tempo", _in_tempo(*requests.spans)),
        Link("Traces elsewhere", f"${{{TRACES}}}"),
        Link(f"LangSmith, saved filter {requests.langsmith}", f"${{{LANGSMITH}}}"),
    ]


def to_spans(attribute: str, value: str) -> list[Link]:
    """Return the links to the requests whose span has an attribute.

    Args:
        attribute: Its name.
        value: Its value, or a variable of Grafana.
    """
    return [
        Link("Traces in Tempo", _in_tempo(on_span(attribute, value))),
        Link("Traces elsewhere", f"${{{TRACES}}}"),
        Link("LangSmith", f"${{{LANGSMITH}}}"),
    ]


def _in_tempo(*conditions: str) -> str:
    """Return the address of Grafana's page *Explore*, with a search in the time range."""
    source = {"type": "tempo", "uid": f"${{{TEMPO}}}"}
    query = {
        "refId": "A",
        "datasource": source,
        "queryType": "traceql",
        "query": search(*conditions),
    }
    pane = {
        "datasource": source["uid"],
        "queries": [query],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = quote(json.dumps({"traces": pane}, separators=(",", ":")))
    return "/explore?schemaVersion=1&panes=" + _VARIABLE.sub(r"${\1}", panes)
