"""Where a request goes, and what it takes to call its target identified.

`Choice.identified` says that the provider's own rules hold. A wrong yes blocks sound requests by
rules of a provider that never sees them, so `is_home` says yes only where all of these agree:

1. The class is one that the table knows, and `ls_provider` goes with it (`identify` sees to that).
2. Each base URL that is shown, in an argument or in a variable that the client itself reads, is of
   a host of the provider's own. A URL that cannot be read is nobody's.
3. The model's name is one of the maker's own. A name of somebody else's model is never the maker's,
   whatever class and URL go with it. A name that says nothing (a deployment, a test) will do
   - beside a base URL that is shown, unless the class shows one whatever client it was given, or
   - where none is shown, if the class takes no client or transport that could go elsewhere unseen.

A provider that serves other makers' models knows no names. What gives it away are models that their
makers alone serve, and a transport that is given and seen.

What is not identified goes by what the class does to a history before it leaves, and as to the
server by LangChain's contract (`unproven`), or by the rules of `openai-compatible`: no refusal is
foreseen then, and strict mode stops breaches of the contract alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.integration import Choice, Chooser, ModelCall, is_given
from toolpair_observe.pairing.providers.profile import NO_SERVER, Row
from toolpair_observe.pairing.providers.rules import UNCHECKED
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolpair_observe.pairing.providers.profile import Profile


class Home(NamedTuple):
    """A provider's own place, and what of a call tells whether it goes there.

    Attributes:
        hosts: The provider's hosts; what lies below one is the provider's, too.
        arguments: The constructor's arguments that hold a base URL.
        environment: Variables that the client reads itself, and no argument then shows.
        maker: Who made all models there; `""` where other makers' models are served.
        closed_too: Whether models that their makers alone offer are served by others' leave.
        clients: Arguments that hold a transport of the caller's, where they are shown.
        url_tells: Whether a base URL that is shown is where requests go.
        silence_tells: Whether they go home where no base URL is shown.
    """

    hosts: frozenset[str]
    arguments: tuple[str, ...]
    environment: tuple[str, ...] = ()
    maker: str = ""
    closed_too: bool = False
    clients: tuple[str, ...] = ()
    url_tells: bool = True
    silence_tells: bool = False


# How makers write the names of the models that they serve.
_OWN_NAMES: Final[Mapping[str, LatePattern]] = {
    "openai": LatePattern(
        r"(?:ft:)?(?:gpt-(?!oss|j-|j$|neo|sw3|bigcode)|chatgpt-|chat-latest|o[1-9](?:-|$)|codex-"
        r"|computer-use-|davinci-|babbage-)"
    ),
    "anthropic": LatePattern(r"claude-"),
    "google": LatePattern(r"(?:[\w./-]*/)?(?:gemini|gemma|learnlm)-"),
    "mistral": LatePattern(
        r"(?:ft:)?(?:open-)?(?:mi[sx]tral|ministral|codestral|devstral|magistral|pixtral|voxtral)-"
    ),
    "deepseek": LatePattern(r"deepseek-"),
    "xai": LatePattern(r"grok-"),
    "cohere": LatePattern(r"command-|command$|c4ai-"),
}
# The same and other makers' models, however a server spells their names.
_FAMILIES: Final = (
    ("openai", r"gpt-?(?:[3-9]|4o)|chatgpt|o[1-9](?:-|$)|codex-"),
    ("anthropic", r"claude"),
    ("google", r"gemini|gemma|learnlm"),
    ("mistral", r"mistral|mixtral|ministral|codestral|devstral|magistral|pixtral|voxtral|open-mi"),
    ("deepseek", r"deepseek"),
    ("xai", r"grok"),
    ("cohere", r"command-(?:r|a|nightly|light|\d)|c4ai-|aya-"),
    (
        "other",
        r"gpt-(?:oss|j|neo|sw3)|qwen|qwq|qvq|(?:meta-)?llama|codellama|phi-?\d|kimi|moonshot|glm"
        r"|chatglm|minimax|ernie|hunyuan|doubao|seed-|granite|nemotron|jamba|vicuna|starcoder"
        r"|internlm|baichuan|smollm|olmo|hermes-|sonar",
    ),
)
_FAMILY: Final = LatePattern(
    "|".join(f"(?P<{maker}>{names})" for maker, names in _FAMILIES), re.IGNORECASE
)
# Models whose makers alone host them: a server that offers one passes requests on.
HANDED_ON: Final = LatePattern(
    r"(?:.*/)?(?:gpt-[3-9]|chatgpt|o[1-9](?:-|$)|claude|gemini)", re.IGNORECASE
)
# It hands the requests of a class to that class's provider, so it is as if it were not there.
_PASSED_THROUGH: Final = frozenset({"gateway.smith.langchain.com"})
_UNREADABLE: Final = "?"


def is_home(call: ModelCall, home: Home) -> bool:
    """Whether the call goes to the provider itself: what this module's docstring asks for."""
    hosts = hosts_shown(call, home)
    if not all(lies_in(host, home.hosts) for host in hosts):
        return False
    if not home.maker:
        has_own_client = any(call.argument(name, is_given) for name in home.clients)
        alone = home.closed_too or not HANDED_ON.match(call.model)
        return alone and (bool(hosts) or not has_own_client)
    if _OWN_NAMES[home.maker].match(call.model):
        return True
    if maker_of(call.model) not in ("", home.maker):
        return False
    return home.url_tells if hosts else home.silence_tells


def hosts_shown(call: ModelCall, home: Home) -> list[str]:
    """Return the hosts of the base URLs that the call or the environment shows."""
    hosts = _given(call.string(name, _host_in) for name in home.arguments)
    # The client reads these itself, where no argument says more.
    hosts = hosts or _given(call.variable(name, _host_in) for name in home.environment)
    return [host for host in hosts if host not in _PASSED_THROUGH]


def _given(hosts: Iterable[str | None]) -> list[str]:
    return [host for host in hosts if host is not None]


def _host_in(value: object) -> str | None:
    """Return the host of the base URL that a value is or holds, or None where it is none."""
    if isinstance(value, dict) and isinstance(value.get("api_endpoint"), str):
        value = value["api_endpoint"]
    if value is None or isinstance(value, str):
        # A URL without a host is a URL all the same, and leads nowhere that is known.
        return (host_of(value) or _UNREADABLE) if value else None
    return _UNREADABLE


def maker_of(model: str) -> str:
    """Return whose model bears this name, `""` where the name does not say."""
    found = _FAMILY.match(model.rpartition("/")[2])
    return found.lastgroup or "" if found else ""


def is_own_name(maker: str, model: str) -> bool:
    """Whether the maker writes names of its own models so."""
    names = _OWN_NAMES.get(maker)
    return names is not None and names.match(model) is not None


def lies_in(host: str, domains: frozenset[str]) -> bool:
    """Whether the host is one of these, or lies below one."""
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False


def host_of(url: str) -> str:
    """Return the host of `url` without user, port and path."""
    place = (url.partition("://")[2] or url).partition("/")[0].rpartition("@")[2]
    if place.startswith("["):
        return place.partition("]")[0][1:]
    return place.partition(":")[0].lower().rstrip(".")


def unproven(profile: Profile, name: str = CONTRACT.name) -> Profile:
    """Return what is left of a profile where its server is not known.

    That is what the integration does to a history and where it raises. Of what the contract forbids
    nobody knows what comes of it, and no more than the contract is asked of the history.
    """
    raised = {
        case: rule for case, rule in profile.rules.items() if rule.effect is Effect.LOCAL_ERROR
    }
    return replace(
        profile,
        name=name,
        provider="",
        rules={**UNCHECKED, **raised},
        demands=(),
        lets_async_wait=True,
        id_max=None,
        id_pattern=None,
        server=NO_SERVER,
        rows=tuple(
            Row(unproven(row.profile, name), row.before, row.models) for row in profile.rows
        ),
    )


def at_home(profile: Profile, home: Home, provider: str | None = None) -> Chooser:
    """Return the chooser of a class with a protocol of its provider's own."""
    choice = Choice(profile, provider)
    elsewhere = Choice(unproven(profile), "", identified=False)
    return lambda call: choice if is_home(call, home) else elsewhere
