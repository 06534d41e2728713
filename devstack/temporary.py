"""A stack for one test session: with data of its own, which are gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devstack.locks import exclusive, is_held
from devstack.placement import default_state_folder, place
from devstack.stack import Stack
from devstack.users import service_user

OWNER_LOCK = "owner.lock"
MAKING_LOCK = "making.lock"


@contextmanager
def temporary_stack(folder: Path | None = None) -> Iterator[Stack]:
    """A stack with nothing started yet, attached to this process; ended and removed when the context ends.

    The state lies in a new folder within `folder`, by default `temporary/` under `.millrace/`; what sessions that were
    killed have left there is removed first. Start its servers from the main thread. Raises StackError.
    """
    parent = place(folder or default_state_folder() / "temporary", service_user())
    with ExitStack() as held:
        stack = Stack(_make(parent, held), attached=True)
        try:
            yield stack
        finally:
            stack.stop()
            # Others would take a folder for left behind as soon as its lock is removed with it.
            with exclusive(parent / MAKING_LOCK):
                stack.erase()


def _make(parent: Path, held: ExitStack) -> Path:
    """A new folder whose lock is `held` as long as it is in use."""
    with exclusive(parent / MAKING_LOCK):
        for leftover in _leftovers(parent):
            Stack(leftover).erase()
        state = Path(tempfile.mkdtemp(prefix="stack-", dir=parent))
        state.chmod(0o755)
        held.enter_context(exclusive(state / OWNER_LOCK))
    return state


def _leftovers(parent: Path) -> list[Path]:
    return [state for state in parent.glob("stack-*") if not is_held(state / OWNER_LOCK)]
