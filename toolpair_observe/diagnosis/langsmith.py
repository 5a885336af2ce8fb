"""LangSmith: where traces and feedback go, and whether there is a key. The key is never shown."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.diagnosis.addresses import Address, address_of, has_open_password
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.reach import Answer, Question, get
from toolpair_observe.settings import BY_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "langsmith"
_PREFIXES: Final = ("LANGSMITH_", "LANGCHAIN_")
_REPLICAS: Final = "LANGSMITH_RUNS_ENDPOINTS"
_PROFILES: Final = "LANGSMITH_CONFIG_FILE"
_MODE: Final = "LANGSMITH_TRACING_MODE"
_MEANT_AS_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_OK, _REDIRECT = 200, 300
_REFUSED: Final = frozenset({401, 403})


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the settings of LangSmith's client."""
    with _unremembered():
        yield from _looked(subject)


@contextmanager
def _unremembered() -> Iterator[None]:
    """Leave the client as it was: it reads a variable once, and the application may yet set it."""
    from langsmith import utils  # noqa: PLC0415 -- takes longer than all the rest

    caches: list[Any] = [utils.get_env_var, utils.get_tracer_project]
    fresh = [each for each in caches if hasattr(each, "cache_info") and not each.cache_info()[-1]]
    try:
        yield
    finally:
        for cache in fresh:
            cache.cache_clear()


def _looked(subject: Subject) -> Iterator[Finding]:
    from langsmith import utils  # noqa: PLC0415

    is_traced = bool(utils.tracing_is_enabled())
    yield _tracing(subject, is_traced=is_traced)
    if is_traced and (variable := _span_only()):
        yield _spans_only(subject, variable)
    yield _endpoint(_url(), has_key=_has_key())
    project = utils.get_tracer_project()
    yield ok(AREA, f"project {project} ({_origin('PROJECT', 'SESSION')})")
    workspace = utils.get_workspace_id(None)
    if workspace:
        yield ok(AREA, f"workspace {workspace} ({_origin('WORKSPACE_ID')})")
    yield _key(subject, is_traced=is_traced)
    if os.environ.get(_REPLICAS):
        yield ok(AREA, f"{_REPLICAS} is set: it names further endpoints, with keys of their own")


def _url() -> str:
    from langsmith import utils  # noqa: PLC0415

    return utils.get_api_url(None)


def _variable(*names: str) -> str:
    """Return the environment variable that the client reads, or `""` where none is set."""
    variables = [prefix + name for name in names for prefix in _PREFIXES]
    return next((each for each in variables if os.environ.get(each, "").strip()), "")


def _origin(*names: str) -> str:
    variable = _variable(*names)
    return f"environment variable {variable}" if variable else BY_DEFAULT


def _has_key() -> bool:
    """Whether the client has a key: it takes quotes away, and what is left may be nothing."""
    from langsmith import utils  # noqa: PLC0415

    return bool(utils.get_api_key(None))


def _tracing(subject: Subject, *, is_traced: bool) -> Finding:
    feedback = subject.settings.feedback
    if is_traced:
        sent = "feedback is off" if feedback == "off" else f"feedback on {feedback} requests"
        return ok(AREA, f"tracing is on, {sent} ({_origin('TRACING_V2', 'TRACING')})")
    variable = _variable("TRACING_V2", "TRACING")
    if os.environ.get(variable, "").strip(" \"'").lower() in _MEANT_AS_TRUE:
        text = f"tracing is off: {variable} is not true as the client writes it, without quotes"
        return problem(AREA, text, f"set {variable}=true")
    if feedback == "off":
        return ok(AREA, "tracing is off, and so is feedback")
    fix = "set LANGSMITH_TRACING=true, if LangSmith is used here"
    return note(AREA, "tracing is off, so LangSmith gets no traces and no feedback", fix)


def _span_only() -> str:
    """Return the variable by which runs are written as spans only, `""` where they are not."""
    from langsmith import utils  # noqa: PLC0415

    mode = utils.get_env_var("TRACING_MODE")
    if mode:
        return _variable("TRACING_MODE") if mode.lower() == "otel" else ""
    return _variable("OTEL_ONLY") if utils.is_env_var_truish("OTEL_ONLY") else ""


def _spans_only(subject: Subject, variable: str) -> Finding:
    text = f"runs are written as OpenTelemetry spans only ({variable})"
    if subject.settings.feedback == "off":
        return ok(AREA, text)
    text = (
        f"{text}: feedback reaches those whose span goes to the endpoint directly, not through a "
        "collector, and has begun when the request ends; a blocked request's has not"
    )
    return note(AREA, text, f"set {_MODE}=hybrid, where every near miss needs its feedback")


def _endpoint(url: str, *, has_key: bool) -> Finding:
    address, origin = _http(url), _origin("ENDPOINT")
    if address is None:
        return _no_endpoint(url, origin)
    if address.scheme == "http" and has_key and not address.is_here:
        text = f"endpoint {address} ({origin}): the key goes there unencrypted"
        return note(AREA, text, "use https")
    return ok(AREA, f"endpoint {address} ({origin})")


def _no_endpoint(url: str, origin: str) -> Finding:
    if has_open_password(url):
        text = f"the endpoint ({origin}) has a user or password that is not escaped"
        return problem(AREA, text, "write / as %2F, ? as %3F, # as %23 and @ as %40 there")
    text = f"the endpoint ({origin}) is no http or https URL"
    return problem(AREA, text, "set LANGSMITH_ENDPOINT, such as https://api.smith.langchain.com")


def _http(url: str) -> Address | None:
    address = address_of(url)
    return address if address is not None and address.scheme in {"http", "https"} else None


def _key(subject: Subject, *, is_traced: bool) -> Finding:
    variable, profiles = _variable("API_KEY"), _profiles()
    if _has_key():
        return ok(AREA, f"a key is set, in environment variable {variable}")
    if profiles is not None:
        return ok(AREA, f"no key is set; credentials may stand in the profiles of {profiles}")
    missing = f"{variable} holds no key" if variable else "no key is set"
    wants_key = is_traced and not os.environ.get(_REPLICAS)
    if not wants_key:
        return ok(AREA, missing)
    lost = "traces" if subject.settings.feedback == "off" else "traces and feedback"
    text = f"tracing is on and {missing}: {lost} will be refused"
    return problem(AREA, text, "set LANGSMITH_API_KEY, or LANGSMITH_TRACING=false")


def _profiles() -> Path | None:
    """Return the file of the client's profiles, where there is one."""
    named = os.environ.get(_PROFILES)
    try:
        path = Path(named) if named else Path.home() / ".langsmith" / "config.json"
        return path if path.is_file() else None
    except (OSError, RuntimeError):
        return None


def questions(_: Subject) -> Iterator[Question]:
    """Yield what to ask LangSmith online, each with what its answer means."""
    with _unremembered():
        yield from _asked()


def _asked() -> Iterator[Question]:
    from langsmith import utils  # noqa: PLC0415

    url, key = _url(), utils.get_api_key(None)
    address = _http(url)
    if address is None or not (utils.tracing_is_enabled() or key or _variable("ENDPOINT")):
        return
    yield Question(partial(get, f"{address.url}/info", {}), partial(_reached, address))
    if key:
        headers = {"X-Api-Key": key}
        if workspace := utils.get_workspace_id(None):
            headers["X-Tenant-Id"] = workspace
        asked = partial(get, f"{address.url}/sessions?limit=1", headers)
        yield Question(asked, partial(_admitted, address))


def _reached(address: Address, answer: Answer) -> Finding:
    if answer.failure:
        fix = "check LANGSMITH_ENDPOINT, the proxy and the firewall"
        return problem(AREA, f"{address} is not reached: {answer.failure}", fix)
    # A server that wants to know who asks is there, too.
    if _OK <= answer.status < _REDIRECT or answer.status in _REFUSED:
        return ok(AREA, f"{address} is reached")
    text = f"{address}/info answers {answer.status}, which LangSmith does not"
    return problem(AREA, text, "check LANGSMITH_ENDPOINT: its host, and its path")


def _admitted(address: Address, answer: Answer) -> Finding | None:
    if answer.failure:
        return None  # the other question says so
    if answer.status in _REFUSED:
        text = f"{address} refuses the key ({answer.status})"
        fix = "check the key, LANGSMITH_ENDPOINT for its region, and LANGSMITH_WORKSPACE_ID"
        return problem(AREA, text, fix)
    if not _OK <= answer.status < _REDIRECT:
        text = f"whether {address} takes the key is not known: it answers {answer.status}"
        return note(AREA, text, "check LANGSMITH_ENDPOINT: its host, and its path")
    return ok(AREA, f"{address} takes the key")
