"""Which profile a name was probably meant for: a provider's, a model's, a package's, a typo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_OPENAI: Final = ("openai-chat", "openai-responses")
_BEDROCK: Final = ("bedrock-converse", "bedrock-invoke")
# A word of the name, letters and digits only, and the profiles that it stands for. The first word
# found counts, so hosts come before the makers whose models they serve.
_WORDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("azure", ("azure-openai-chat",)),
    ("nova", ("bedrock-converse-other",)),
    ("invoke", ("bedrock-invoke",)),
    ("converse", ("bedrock-converse", "bedrock-converse-other")),
    ("bedrock", _BEDROCK),
    ("amazon", _BEDROCK),
    ("aws", _BEDROCK),
    ("sagemaker", ("openai-compatible",)),
    ("anthropicvertex", ("anthropic-vertex",)),
    ("vertex", ("google-vertexai", "anthropic-vertex")),
    ("openrouter", ("openrouter",)),
    ("litellm", ("litellm",)),
    ("ollama", ("ollama",)),
    ("fireworks", ("fireworks",)),
    ("together", ("together",)),
    ("groq", ("groq",)),
    ("nvidia", ("nvidia",)),
    ("nim", ("nvidia",)),
    ("huggingface", ("huggingface",)),
    ("dashscope", ("dashscope",)),
    ("tongyi", ("dashscope",)),
    ("alibaba", ("dashscope",)),
    ("moonshot", ("moonshot",)),
    ("minimax", ("minimax",)),
    ("vllm", ("openai-compatible",)),
    ("sglang", ("openai-compatible",)),
    ("llamacpp", ("openai-compatible",)),
    ("lmstudio", ("openai-compatible",)),
    ("localai", ("openai-compatible",)),
    ("compatible", ("openai-compatible",)),
    ("anthropic", ("anthropic",)),
    ("claude", ("anthropic",)),
    ("sonnet", ("anthropic",)),
    ("opus", ("anthropic",)),
    ("haiku", ("anthropic",)),
    ("google", ("google-genai", "google-vertexai")),
    ("gemini", ("google-genai", "google-vertexai")),
    ("genai", ("google-genai",)),
    ("gcp", ("google-genai", "google-vertexai")),
    ("mistral", ("mistral",)),
    ("codestral", ("mistral",)),
    ("cohere", ("cohere",)),
    ("command", ("cohere",)),
    ("deepseek", ("deepseek",)),
    ("grok", ("xai",)),
    ("xai", ("xai",)),
    ("responses", ("openai-responses",)),
    ("openai", _OPENAI),
    ("gptoss", ("openai-compatible",)),
    ("gpt", _OPENAI),
    ("qwen", ("dashscope", "openai-compatible")),
    ("kimi", ("moonshot",)),
    ("langchain", ("contract",)),
)
# Typos that leave the name recognizable, and such that leave at least something of it.
_CLOSE: Final = 0.85
_REMOTE: Final = 0.7
# To compare takes the longer the more there is.
_LONGEST: Final = 100


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return `did you mean a or b? `, to put before the choices; `""` where nothing is near.

    Args:
        name: What somebody wrote.
        known: The names that there are.
    """
    found = _meant(name, known)
    return f"did you mean {' or '.join(found)}? " if found else ""


def _meant(name: str, known: Collection[str]) -> tuple[str, ...]:
    text = _squeezed(name[:_LONGEST])
    by_text = {_squeezed(each): each for each in known}
    if text in by_text:
        return (by_text[text],)
    import difflib  # noqa: PLC0415 -- only for people

    if close := difflib.get_close_matches(text, by_text, n=1, cutoff=_CLOSE):
        return (by_text[close[0]],)
    for word, names in _WORDS:
        if word in text:
            return names
    remote = difflib.get_close_matches(text, by_text, n=1, cutoff=_REMOTE)
    return tuple(by_text[each] for each in remote)


def _squeezed(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalnum())
