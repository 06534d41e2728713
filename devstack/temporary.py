"""A stack for one test session: with data of its own, which are gone afterwards."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devstack.files import remove_folder
from devstack.locks import exclusive, is_held
from devstack.placement import default_state_folder, place
from devstack.stack import Stack
from devstack.users import service_user

OWNER_LOCK = "owner.lock"


@contextmanager
def temporary_stack(folder: Path | None = None, *, on_progress: Callable[[str], None] | None = None) -> Iterator[Stack]:
    """All servers, fresh, attached to this process; ended and removed with their data when the context ends.

    The state lies in a new folder within `folder`, by default `temporary/` under `.millrace/`; what sessions that were
    killed have left there is removed first. Enter it from the main thread. Raises StackError.
    """
    parent = place(folder or default_state_folder() / "temporary", service_user())
    with ExitStack() as held:
        state = _make(parent, held)
        stack = Stack(state, attached=True)
        try:
            stack.start(on_progress=on_progress)
            yield stack
        finally:
            _remove(stack)


def _make(parent: Path, held: ExitStack) -> Path:
    """A new folder whose lock is `held` as long as it is in use."""
    with exclusive(parent / "making.lock"):
        for leftover in _leftovers(parent):
            _remove(Stack(leftover))
        state = Path(tempfile.mkdtemp(prefix="stack-", dir=parent))
        state.chmod(0o755)
        held.enter_context(exclusive(state / OWNER_LOCK))
    return state


def _leftovers(parent: Path) -> list[Path]:
    return [state for state in parent.glob("stack-*") if not is_held(state / OWNER_LOCK)]


def _remove(stack: Stack) -> None:
    stack.stop()
    remove_folder(stack.folder)
