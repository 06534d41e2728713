"""Which Millrace this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The version that is installed, or `unknown` where the code runs without being installed."""
    try:
        return metadata.version("millrace")
    except metadata.PackageNotFoundError:
        return "unknown"
