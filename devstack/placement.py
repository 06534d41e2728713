"""Where the state of a stack and the binaries lie.

By default under `.millrace/` of the checkout. When root runs the servers as another user, and that user cannot enter the
checkout, a folder under /var/tmp takes its place, and the file `location` in `.millrace/` names it.
"""

import os
import shutil
import tempfile
from pathlib import Path

from devstack.failures import PlacementFailed
from devstack.files import make_folder, write_whole
from devstack.users import ServiceUser

CHECKOUT = Path(__file__).resolve().parent.parent
STATE_NAME = ".millrace"
LOCATION_NAME = "location"
OUTSIDE = Path("/var/tmp")  # noqa: S108  a folder with an unpredictable name is made there, as mkdtemp does


def default_state_folder() -> Path:
    """`.millrace/` of the checkout that this file belongs to."""
    return CHECKOUT / STATE_NAME


def place(folder: Path, user: ServiceUser | None) -> Path:
    """Make `folder`, or its replacement that `user` can enter, and return its path.

    Folders within one `.millrace/` move together, so that stacks of a checkout share one cache wherever it is.
    Raises PlacementFailed when the folder cannot be made or belongs to another user.
    """
    folder = folder.resolve()
    root = _root_of(folder)
    try:
        make_folder(root)
        if user is not None and not user.can_enter(root):
            root, folder = _moved(root, folder)
        make_folder(folder)
    except OSError as error:
        raise PlacementFailed(f"{folder} cannot be made ({error.strerror}): choose another state folder.") from error
    _require_own(folder)
    return folder


def _root_of(folder: Path) -> Path:
    within = [path for path in (folder, *folder.parents) if path.name == STATE_NAME]
    return within[0] if within else folder


def _moved(root: Path, folder: Path) -> tuple[Path, Path]:
    outside = _outside_of(root)
    return outside, outside / folder.relative_to(root)


def _outside_of(root: Path) -> Path:
    location = root / LOCATION_NAME
    known = _read_location(location)
    if known is not None:
        return known
    name = root.parent.name if root.name == STATE_NAME else root.name
    made = Path(tempfile.mkdtemp(prefix=f"millrace-{name}-", dir=OUTSIDE))
    made.chmod(0o755)
    try:
        _claim(location, made)
    except FileExistsError:
        shutil.rmtree(made)
    return _read_location(location) or made


def _read_location(location: Path) -> Path | None:
    if not location.exists():
        return None
    outside = Path(location.read_text(encoding="utf-8").strip())
    if outside.is_dir():
        _require_own(outside)
        return outside
    location.unlink(missing_ok=True)
    return None


def _claim(location: Path, outside: Path) -> None:
    """Write the file unless another start was faster."""
    claim = location.with_name(f".{LOCATION_NAME}.{os.getpid()}")
    write_whole(claim, f"{outside}\n", mode=0o644)
    try:
        os.link(claim, location)
    finally:
        claim.unlink()


def _require_own(folder: Path) -> None:
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        raise PlacementFailed(
            f"{folder} belongs to user {owner}, not to the caller: remove it as that user, or choose another state folder."
        )
