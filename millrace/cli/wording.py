"""A completion in a few words: what it counted, what it cost, or why there is nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

STAND_IN = "-stand-in"
STAND_IN_REMARK = "[yellow]The local stand-in for OpenAI answered, by plain rules: this is for trying, not for use.[/]"
COLOURS = {
    "completed": "green",
    "embedded": "green",
    "unchanged": "green",
    "partial": "yellow",
    "needs_review": "yellow",
    "superseded": "yellow",
    "refused": "red",
    "failed": "red",
    "rejected": "red",
}
SEVERITIES = ("critical", "high", "medium", "low", "info")
LEAST_SHOWN = 0.000_001


def in_words(data: Mapping[str, Any]) -> str:
    """The data of any completion, also of one that says odd things: others may publish on these topics too."""
    failure = data.get("failure")
    if isinstance(failure, Mapping):
        return ", ".join(_known(f"{failure.get('code')}: {failure.get('message')}", _paid(data)))
    if "positions" in data:
        return f"{data['positions']} positions, {data.get('errors')} errors"
    if "chunks" in data:
        reused = f" ({data['chunks_reused']} reused)" if data.get("chunks_reused") else ""
        pages, chunks = _number(data.get("pages"), "page"), _number(data["chunks"], "chunk")
        return ", ".join((pages, chunks + reused, usd(data.get("cost_usd"))))
    if "findings" in data:
        return ", ".join(_known(severities(_severities(data["findings"])), usd(data.get("cost_usd")), _model(data)))
    return ""


def usd(amount: Any) -> str:
    """An amount of US dollars, to a millionth."""
    try:
        dollars = float(amount)
    except (TypeError, ValueError):
        return "no cost told"
    if 0 < dollars < LEAST_SHOWN:
        return f"less than ${LEAST_SHOWN:.6f}"
    return f"${dollars:,.6f}" if dollars else "$0"


def severities(found: Iterable[str]) -> str:
    """How many findings there are, and how severe, the worst first: `3 findings (1 high, 2 low)`."""
    counts = Counter(found)
    total = counts.total()
    if not total:
        return "no findings"
    detail = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    return _number(total, "finding") + (f" ({detail})" if detail else "")


def is_stand_in(model: str | None) -> bool:
    """Whether the model that answered is the local stack's stand-in for OpenAI."""
    return bool(model) and str(model).endswith(STAND_IN)


def _number(number: Any, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _model(data: Mapping[str, Any]) -> str:
    model = str(data.get("model") or "")
    return f"by the stand-in for OpenAI ({model})" if is_stand_in(model) else model and f"by {model}"


def _paid(data: Mapping[str, Any]) -> str:
    """A failure's cost, where there was any."""
    return usd(data["cost_usd"]) if data.get("cost_usd") else ""


def _severities(findings: Any) -> list[str]:
    if not isinstance(findings, list):
        return []
    return [str(finding.get("severity")) for finding in findings if isinstance(finding, Mapping)]


def _known(*words: str) -> Iterable[str]:
    return (word for word in words if word)
