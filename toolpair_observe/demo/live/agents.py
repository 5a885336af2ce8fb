"""The agents of the live demo: their models, their providers and their faults in the incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolpair_observe.demo.live import damage
from toolpair_observe.demo.loopback.judge import WireError, WireMessage, judge
from toolpair_observe.demo.loopback.langsmith import KEY, REVOKED_KEY
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.demo.loopback.responses import ResponsesProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolpair_observe.demo.live.damage import Messages
    from toolpair_observe.observation import Observation
    from toolpair_observe.option_values import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent.

    Attributes:
        name: Its name.
        story: What happens to it in the incident.
        model: The model that it requests.
        profile: The handler's profile. The handler recognizes real endpoints, and needs the
            profile for one on this machine. None for a model that really runs on this machine.
        provider: Makes the provider.
        sound: Makes a history of that many turns before and after the incident.
        broken: Makes a history of that many turns in the incident, behind those of a sound one.
        mode: The handler's mode.
        on_near_miss: The application's function for near misses.
        langsmith_key: Its key for LangSmith; `""` if it is not traced there.
    """

    name: str
    story: str
    model: str
    profile: str | None
    provider: Callable[[], LoopbackProvider | ResponsesProvider] = LoopbackProvider
    sound: Callable[[int], Messages] = damage.conversation
    broken: Callable[[int, Messages], Messages] = damage.conversation
    mode: Mode = "observe"
    on_near_miss: Callable[[Observation], None] | None = None
    langsmith_key: str = ""


def _refuses_repeated_ids(messages: Sequence[WireMessage]) -> WireError | None:
    """Apply a rule that the provider has added and that no profile knows."""
    seen: dict[str, int] = {}
    for index, message in enumerate(messages):
        result_id = message.get("tool_call_id")
        if result_id is None:
            continue
        if result_id in seen:
            return WireError(
                f"Invalid parameter: Duplicate value for 'tool_call_id' of '{result_id}', in "
                f"messages[{seen[result_id]}] and messages[{index}].",
                param=f"messages.[{index}].tool_call_id",
            )
        seen[result_id] = index
    return judge(messages)


def _repairs_everything(_: Sequence[WireMessage]) -> WireError | None:
    """Accept everything, as a gateway does that repairs each request before it forwards it."""
    return None


def _page_on_call(_: Observation) -> None:
    """Fail, as an untested function for near misses does."""
    msg = "the pager has no address"
    raise LookupError(msg)


AGENTS: Final = (
    Agent(
        name="checkout",
        story="a new trimming step cuts its histories between a call and its results",
        model="gpt-4o-mini",
        profile="openai-chat",
        broken=damage.trimmed,
        langsmith_key=KEY,
    ),
    Agent(
        name="research",
        story="it numbers its calls from one in every turn, and ChatOpenAI drops repeated ids",
        model="gpt-5-mini",
        profile="openai-responses",
        provider=ResponsesProvider,
        sound=damage.interrupted,
        broken=damage.with_numbers_as_ids,
    ),
    Agent(
        name="support",
        story="its users write again while tools are running, strict mode stops those requests, "
        "and its LangSmith key has been revoked",
        model="gpt-4o",
        profile="azure-openai-chat",
        broken=damage.aborted,
        mode="strict",
        langsmith_key=REVOKED_KEY,
    ),
    Agent(
        name="triage",
        story="its provider has added a rule that no profile knows, and refuses its histories",
        model="deepseek-chat",
        profile="deepseek",
        provider=lambda: LoopbackProvider(judge=_refuses_repeated_ids),
        broken=damage.with_numbers_as_ids,
    ),
    Agent(
        name="desk",
        story="a retried step repeats its results, and its gateway silently repairs that",
        model="gpt-4.1",
        profile="openai-chat",
        provider=lambda: LoopbackProvider(judge=_repairs_everything),
        broken=damage.retried,
    ),
    Agent(
        name="planner",
        story="its workers are restarted while tools run, and a middleware makes the results up: "
        "nothing fails",
        model="gpt-4.1-mini",
        profile="openai-chat",
        broken=damage.mended,
    ),
    Agent(
        name="local",
        story="its tool loop forgets every second call, and its on_near_miss function fails",
        model="qwen3:8b",
        profile=None,
        provider=lambda: LoopbackProvider(judge=_repairs_everything),
        broken=damage.partly_run,
        on_near_miss=_page_on_call,
    ),
)
