"""Where the processes of tests are born: one that has imported everything, and forks a process for each order.

What is born is a process of its own, with its environment, folder and streams, and a child of the one that ordered it; only its
imports, seconds of a processor, are done beforehand. `python -m tests.support.nursery FD` takes orders from the socket FD: JSON
`{"module", "arguments", "env", "cwd"}` that comes with the descriptors of stdin, stdout and stderr. It answers with the process
id, and ends with the socket.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TextIO

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
# What a newborn runs, by the module that `python -m` would run.
MODULES = {"millrace": ("millrace.__main__", "millrace.cli.app", "main"), "worker": ("tests.support.worker",) * 2 + ("main",)}
MOST_BYTES = 1 << 20


def import_everything() -> None:
    """What any command or worker may come to import."""
    for package in ("millrace", "ops", "streams", "handlers", "storage"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    importlib.import_module("tests.support.worker")


def serve(orders: socket.socket) -> Callable[[], None] | None:
    """Bears a process for each order until the other end closes; returns there None, and in each newborn what it is to do."""
    while True:
        told, descriptors, _, _ = socket.recv_fds(orders, MOST_BYTES, 3)
        if not told:
            return None
        order = json.loads(told)
        parent = os.getppid()
        middle = os.fork()
        if middle == 0:
            # Its death makes an orphan of the newborn, which the one that ordered it adopts.
            if pid := os.fork():
                orders.send(str(pid).encode())
                os._exit(0)
            orders.close()
            return _raised(order, descriptors, parent)
        os.waitpid(middle, 0)
        for descriptor in descriptors:
            os.close(descriptor)


def _raised(order: dict[str, Any], descriptors: list[int], parent: int) -> Callable[[], None]:
    """Gives the newborn what is its own; what it is to do."""
    while os.getppid() != parent:
        time.sleep(0.0005)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for own, descriptor in enumerate(descriptors):
        os.dup2(descriptor, own)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False), _errors()
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    main, home, function = MODULES[order["module"]]
    _pose_as(main)
    sys.argv = [str(sys.modules["__main__"].__file__), *order["arguments"]]
    todo: Callable[[], None] = getattr(sys.modules[home], function)
    return todo


def _errors() -> TextIO:
    return os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def _pose_as(name: str) -> None:
    """Makes `__main__` what it is under `python -m`."""
    spec = importlib.util.find_spec(name)
    assert isinstance(spec, ModuleSpec)
    main = ModuleType("__main__")
    main.__spec__, main.__file__ = spec, spec.origin
    sys.modules["__main__"] = main


def live(todo: Callable[[], None]) -> None:
    """A newborn's life, and an end as Python's own but for one thing: modules are not taken apart, which touches all memory."""
    code: Any = 0
    try:
        todo()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(*sys.exc_info())
        code = 1
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    import_everything()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        channel.send(b"ready")
        if todo := serve(channel):
            live(todo)
