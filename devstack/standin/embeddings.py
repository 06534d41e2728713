"""POST /v1/embeddings: models, limits and the form of the answer.

Source: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from typing import Any

from devstack.standin import tokens
from devstack.standin.failures import Rejected, unknown_model
from devstack.standin.vectors import as_base64, embed

MODELS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
FIXED = "text-embedding-ada-002"
MAX_INPUTS = 2048
MAX_TOKENS = 8192
MAX_REQUEST_TOKENS = 300_000


def inputs_of(body: dict[str, Any]) -> list[str]:
    """The texts that a request asks vectors for; tokens are taken for words. Raises Rejected if one is no text, or empty."""
    given = body.get("input")
    if isinstance(given, str) or _is_tokens(given):
        given = [given]
    if not isinstance(given, list) or not given:
        raise _invalid("Invalid type for 'input': expected a string or a non-empty array of strings.", "invalid_type")
    return [_text(each, f"input[{index}]") for index, each in enumerate(given)]


def answer(body: dict[str, Any], mark: str, length: int | None = None) -> dict[str, Any]:
    """The answer to a request by a model whose name is followed by `mark`.

    `length` is that of the vectors instead of what was asked for. Raises Rejected.
    """
    model, texts = _model(body), inputs_of(body)
    dimensions = _dimensions(body, model)
    used = _checked_tokens(texts)
    encode = _encoder(body)
    vectors = (embed(text, length or dimensions) for text in texts)
    data = [{"object": "embedding", "index": index, "embedding": encode(vector)} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": f"{model}{mark}", "usage": {"prompt_tokens": used, "total_tokens": used}}


def _model(body: dict[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str):
        raise Rejected(400, "you must provide a model parameter")
    if model not in MODELS:
        raise unknown_model(model)
    return model


def _text(given: Any, name: str) -> str:
    if _is_tokens(given):
        return " ".join(map(str, given))
    if not isinstance(given, str):
        raise _invalid(f"Invalid type for '{name}': expected a string.", "invalid_type")
    if not given:
        raise _invalid(f"Invalid '{name}': input cannot be an empty string.", "invalid_value")
    return given


def _is_tokens(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(type(each) is int for each in given)


def _dimensions(body: dict[str, Any], model: str) -> int:
    given = body.get("dimensions")
    if given is None:
        return MODELS[model]
    if model == FIXED:
        raise Rejected(400, "This model does not support specifying dimensions.", param="dimensions")
    if type(given) is not int or not 1 <= given <= MODELS[model]:
        raise Rejected(400, f"Invalid value for 'dimensions': 1 to {MODELS[model]} for this model.", param="dimensions")
    return given


def _checked_tokens(texts: list[str]) -> int:
    if len(texts) > MAX_INPUTS:
        raise _invalid("'$.input' is invalid: array length must be 2048 or less.", None)
    counts = [tokens.count(text) for text in texts]
    if max(counts) > MAX_TOKENS:
        raise Rejected(
            400,
            f"This model's maximum context length is {MAX_TOKENS} tokens, however you requested {max(counts)} tokens "
            f"({max(counts)} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
        )
    estimate = sum(map(tokens.estimate, texts))
    if estimate > MAX_REQUEST_TOKENS:
        message = f"Requested {estimate} tokens, max {MAX_REQUEST_TOKENS} tokens per request"
        raise Rejected(400, message, kind="max_tokens_per_request", code="max_tokens_per_request")
    return sum(counts)


def _encoder(body: dict[str, Any]) -> Any:
    """OpenAI's default is a list of numbers; its SDK asks for base64 where nobody says otherwise."""
    encoders = {"base64": as_base64, "float": lambda vector: [round(value, 9) for value in vector]}
    try:
        return encoders[body.get("encoding_format") or "float"]
    except (KeyError, TypeError):
        raise Rejected(400, "Invalid 'encoding_format': 'float' or 'base64'.", param="encoding_format") from None


def _invalid(message: str, code: str | None) -> Rejected:
    return Rejected(400, message, param="input", code=code)
