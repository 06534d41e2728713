"""Where the server binaries run."""

import os
import platform
import sys

from devstack.failures import UnsupportedPlatform


def require_supported_platform() -> None:
    """Raise UnsupportedPlatform unless this is Linux on x86_64 with glibc."""
    found = describe_platform()
    if found != "Linux x86_64 glibc":
        raise UnsupportedPlatform(
            f"The local servers run on Linux x86_64 with glibc, not on {found}: run PostgreSQL 18 with pgvector, Redis and "
            "Kafka 4 with docker compose and set DATABASE_URL, REDIS_URL and KAFKA_BOOTSTRAP_SERVERS."
        )


def describe_platform() -> str:
    """Operating system, machine and, on Linux, the kind of C library."""
    if sys.platform != "linux":
        return f"{platform.system()} {platform.machine()}"
    return f"Linux {platform.machine()} {'glibc' if _has_glibc() else 'without glibc'}"


def _has_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False
