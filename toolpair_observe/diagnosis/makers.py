"""Make a chat model by its provider and name, for a look at it and without a network.

Keys are stand-ins: no real one is read, so none can stand in an error. What the environment says of
endpoints counts, because it decides about the profile.
"""

from __future__ import annotations

import difflib
import os
import warnings
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.arguments import described
from toolpair_observe.diagnosis.tried import installed
from toolpair_observe.errors import SettingsError
from toolpair_observe.install import package_line
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.language_models import BaseChatModel

_STAND_IN: Final = "stand-in"


class Unmade(NamedTuple):
    """A model that could not be made.

    Attributes:
        reason: Why not.
        fix: What to do about it.
    """

    reason: str
    fix: str


class _Maker(NamedTuple):
    """How the models of a provider are made.

    Attributes:
        package: The distribution.
        path: The class, after its module.
        arguments: Makes what it needs besides the model's name.
    """

    package: str
    path: str
    arguments: Callable[[], dict[str, Any]]

    def __call__(self, model: str) -> BaseChatModel:
        """Make a model."""
        module, _, name = self.path.rpartition(".")
        made: BaseChatModel = getattr(import_module(module), name)(model=model, **self.arguments())
        return made


def _key() -> dict[str, Any]:
    return {"api_key": _STAND_IN}


def _azure() -> dict[str, Any]:
    given = {
        "azure_endpoint": ("AZURE_OPENAI_ENDPOINT", "https://stand-in.openai.azure.com"),
        "api_version": ("OPENAI_API_VERSION", "2024-10-21"),
    }
    return _key() | {n: os.environ.get(variable) or value for n, (variable, value) in given.items()}


def _amazon() -> dict[str, Any]:
    # Without any of these, the client would ask the machine's metadata server.
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return {
        "aws_access_key_id": _STAND_IN,
        "aws_secret_access_key": _STAND_IN,
        "region_name": region,
    }


def _vertex() -> dict[str, Any]:
    credentials = import_module("google.auth.credentials")
    return {
        "project": _STAND_IN,
        "location": "us-east5",
        "credentials": credentials.AnonymousCredentials(),
    }


# Under the names of langchain's `init_chat_model`. What asks the network when made is missing.
_MAKERS: Final[Mapping[str, _Maker]] = MappingProxyType(
    {
        "anthropic": _Maker("langchain-anthropic", "langchain_anthropic.ChatAnthropic", _key),
        "anthropic_bedrock": _Maker("langchain-aws", "langchain_aws.ChatAnthropicBedrock", _amazon),
        "azure_openai": _Maker("langchain-openai", "langchain_openai.AzureChatOpenAI", _azure),
        "bedrock": _Maker("langchain-aws", "langchain_aws.ChatBedrock", _amazon),
        "bedrock_converse": _Maker("langchain-aws", "langchain_aws.ChatBedrockConverse", _amazon),
        "cohere": _Maker(
            "langchain-cohere",
            "langchain_cohere.ChatCohere",
            lambda: {"cohere_api_key": _STAND_IN},
        ),
        "deepseek": _Maker("langchain-deepseek", "langchain_deepseek.ChatDeepSeek", _key),
        "fireworks": _Maker("langchain-fireworks", "langchain_fireworks.ChatFireworks", _key),
        "google_anthropic_vertex": _Maker(
            "langchain-google-vertexai",
            "langchain_google_vertexai.model_garden.ChatAnthropicVertex",
            _vertex,
        ),
        "google_genai": _Maker(
            "langchain-google-genai", "langchain_google_genai.ChatGoogleGenerativeAI", _key
        ),
        "google_vertexai": _Maker(
            "langchain-google-vertexai", "langchain_google_vertexai.ChatVertexAI", _vertex
        ),
        "groq": _Maker("langchain-groq", "langchain_groq.ChatGroq", _key),
        "mistralai": _Maker("langchain-mistralai", "langchain_mistralai.ChatMistralAI", _key),
        "nvidia": _Maker(
            "langchain-nvidia-ai-endpoints", "langchain_nvidia_ai_endpoints.ChatNVIDIA", _key
        ),
        "ollama": _Maker("langchain-ollama", "langchain_ollama.ChatOllama", dict),
        "openai": _Maker("langchain-openai", "langchain_openai.ChatOpenAI", _key),
        "openrouter": _Maker("langchain-openrouter", "langchain_openrouter.ChatOpenRouter", _key),
        "together": _Maker("langchain-together", "langchain_together.ChatTogether", _key),
        "xai": _Maker("langchain-xai", "langchain_xai.ChatXAI", _key),
    }
)


def made(name: str) -> BaseChatModel | Unmade:
    """Return the chat model called `provider:model`, or why it can't be made.

    Raises:
        SettingsError: The name has another form, or there is no such provider.
    """
    provider, _, model = map(str.strip, name.partition(":"))
    maker = _MAKERS.get(provider)
    if maker is None or not model:
        raise SettingsError(_wrong(name, provider))
    if installed(maker.package) is None:
        return Unmade(f"{name}: {maker.package} is not installed", package_line(maker.package))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return maker(model)
        except Exception as error:  # noqa: BLE001 -- the integration's; it may quote the environment
            reason = f"{name}: {maker.path} can't be made here ({type_name(error)})"
            return Unmade(
                reason, "pass the application's own model: toolpair_observe.doctor(model)"
            )


def _wrong(name: str, provider: str) -> str:
    nearest = difflib.get_close_matches(provider, _MAKERS, n=1)
    meant = f"did you mean {nearest[0]}:...? " if nearest and provider not in _MAKERS else ""
    return (
        f"model is {described(name)}; {meant}expected PROVIDER:NAME, such as openai:gpt-5, with "
        f"one of {', '.join(_MAKERS)}"
    )
