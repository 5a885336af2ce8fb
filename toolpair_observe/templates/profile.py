"""`profile_from_chat_template`: the profile of a server that renders a model's chat template."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import ChatTemplateError
from toolpair_observe.logs import warn
from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.providers.openai_like import openai_like
from toolpair_observe.pairing.providers.profile import Server
from toolpair_observe.pairing.providers.wire import Step
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.profile import Profile


_IN_FOLDER: Final = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
# A tokenizer's settings list its special tokens, thousands of them in some models.
_MOST_BYTES: Final = 32 * 1024 * 1024
_LONGEST: Final = 512 * 1024
_LONGEST_NAME: Final = 100
_TOKENS: Final = {"bos_token": "<s>", "eos_token": "</s>"}
_GIVE: Final = (
    "give a file with the template, a tokenizer_config.json or chat_template.json that holds one, "
    "the model's folder, or the template's text"
)


def profile_from_chat_template(
    path_or_text: str | os.PathLike[str],
    *,
    name: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Profile:
    """Return the profile of a server that renders a model's own chat template.

    vLLM, SGLang, llama.cpp, LM Studio and others have no rules for pairs beyond what the template
    does. So the profile renders each history that it judges: where the template raises, the server
    refuses the request (`reject`, in the template's own words); where a result is missing from the
    prompt, or stands where nothing tells it from another call's, it is lost (`silent_loss`).
    Arguments that are not JSON are refused before the template.

    The template is run in Jinja's sandbox, without files and network and with a bound on its steps.
    It gets ids, tool names and roles, and a placeholder in place of each content. It needs the
    extra `templates`.

    Some servers render some models without the template (vLLM gpt-oss, SGLang DeepSeek V3.2), which
    such a profile knows nothing of.

    Args:
        path_or_text: A file with the template; a `tokenizer_config.json` or `chat_template.json`
            that holds one (of several the one for tools); a folder with one of these; or the
            template's text.
        name: The profile's name in reports, spans and logs; None derives it from the file's.
        variables: More variables of the template, as JSON, such as
            `{"enable_thinking": False}`: what the server is given as `chat_template_kwargs`.

    Returns:
        The profile.

    Raises:
        ChatTemplateError: The template can't be read or used; the text says why.
        MissingExtraError: Jinja is not installed.
    """
    # Not before here: nothing of an extra is imported with the package.
    from toolpair_observe.templates.judge import Renders  # noqa: PLC0415
    from toolpair_observe.templates.template import UnusableError, fitted  # noqa: PLC0415

    found = _found(path_or_text)
    constants = {**_TOKENS, **found.tokens, **_as_json(variables)}
    try:
        template = fitted(found.text, constants)
    except UnusableError as error:
        msg = f"the chat template of {found.place} can't be used: {error}"
        raise ChatTemplateError(msg) from None
    title = f"a server that renders the chat template of {found.place}"
    base = openai_like(_name(name, found), title, "", "langchain-openai")
    says = "Render the history with the chat template, which may raise or leave results out"
    renders = Step(Renders(template), says, frozenset({Trait.ANYTHING}))
    if template.unfit:
        warn(
            "the chat template of %s %s even in a sound history: it is not made for tools",
            found.place,
            template.unfit,
        )
    # The server renders whatever arrives, whoever wrote it.
    return replace(base, rules={}, steps=(renders,), server=Server((renders,)))


@dataclass(frozen=True, slots=True)
class _Found:
    """A template, and where it was found.

    Attributes:
        text: The template.
        place: Where, for people.
        stem: What a profile may be called after it.
        tokens: Special tokens that its file names.
    """

    text: str
    place: str
    stem: str
    tokens: Mapping[str, str]


def _found(given: str | os.PathLike[str]) -> _Found:
    if isinstance(given, str) and ("{{" in given or "{%" in given or "\n" in given):
        return _Found(_checked(given, "the text that was given"), "the text", "", {})
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        msg = f"a chat template can't be {_shown(given)}: {_GIVE}"
        raise ChatTemplateError(msg)
    path = Path(given)
    if path.is_dir():
        inside = [path / name for name in _IN_FOLDER if (path / name).is_file()]
        if not inside:
            msg = f"the folder {_shown(path)} holds none of {', '.join(_IN_FOLDER)}: {_GIVE}"
            raise ChatTemplateError(msg)
        path = inside[0]
    # What all models call alike says nothing; their folder is called after the model.
    stem = path.resolve().parent.name if path.name in _IN_FOLDER else path.stem
    text = _read(path)
    tokens: Mapping[str, str] = {}
    if path.suffix == ".json":
        text, tokens = _in_settings(text, path)
    return _Found(_checked(text, _shown(path)), _shown(path), stem, tokens)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        msg = f"the chat template {_shown(path)} can't be read: {reason}; {_GIVE}"
        raise ChatTemplateError(msg) from None
    if len(data) > _MOST_BYTES:
        msg = f"the file {_shown(path)} is longer than {_MOST_BYTES:,} bytes: {_GIVE}"
        raise ChatTemplateError(msg)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"the chat template {_shown(path)} is not UTF-8 (byte {error.start:,}): {_GIVE}"
        raise ChatTemplateError(msg) from None


def _in_settings(text: str, path: Path) -> tuple[str, dict[str, str]]:
    """Return the template in a tokenizer's settings, and the special tokens named there."""
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        msg = f"the file {_shown(path)} is not JSON{where}: {_GIVE}"
        raise ChatTemplateError(msg) from None
    held = settings.get("chat_template") if isinstance(settings, dict) else None
    template = held if isinstance(held, str) else _for_tools(held)
    if template is None:
        msg = (
            f"the file {_shown(path)} holds no chat template under 'chat_template': newer models "
            "keep it in chat_template.jinja beside it"
        )
        raise ChatTemplateError(msg)
    tokens = {name: _token(settings.get(name)) for name in _TOKENS}
    return template, {name: token for name, token in tokens.items() if token is not None}


def _for_tools(held: object) -> str | None:
    """Of several named templates the one for tools, else the default one."""
    named = held if isinstance(held, dict) else {}
    if isinstance(held, list):
        named = {each.get("name"): each.get("template") for each in held if isinstance(each, dict)}
    chosen = named.get("tool_use", named.get("default"))
    return chosen if isinstance(chosen, str) else None


def _token(value: object) -> str | None:
    value = value.get("content") if isinstance(value, dict) else value
    return value if isinstance(value, str) else None


def _checked(text: str, place: str) -> str:
    if len(text) > _LONGEST:
        msg = f"the chat template of {place} is longer than {_LONGEST:,} characters: {_GIVE}"
        raise ChatTemplateError(msg)
    if "{{" not in text and "{%" not in text:
        msg = f"{place} holds no Jinja template, which has {{{{ or {{% in it: {_GIVE}"
        raise ChatTemplateError(msg)
    return text


def _as_json(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        # Plain data only: what a template can reach of an object is nothing to think about then.
        made = json.loads(json.dumps(variables or {}, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        made = None
    if not isinstance(made, dict):
        msg = "variables of a chat template have to be a dict of JSON values, by name"
        raise ChatTemplateError(msg)
    return made


def _name(given: str | None, found: _Found) -> str:
    if given is None:
        stem = "".join(each for each in found.stem if each.isprintable())
        return f"chat-template:{stem}"[:_LONGEST_NAME] if stem else "chat-template"
    if not given or len(given) > _LONGEST_NAME or not given.isprintable():
        msg = (
            f"a profile can't be called {_shown(given)}: give 1 to {_LONGEST_NAME} printable "
            "characters"
        )
        raise ChatTemplateError(msg)
    return given


def _shown(value: object) -> str:
    return quoted(os.fspath(value) if isinstance(value, os.PathLike) else value, 2 * _LONGEST_NAME)
