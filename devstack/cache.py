"""Things made once and shared by all stacks of a checkout: binaries, jars, data templates."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devstack.files import make_folder, remove_folder
from devstack.locks import exclusive
from devstack.users import ServiceUser


@dataclass(frozen=True, slots=True)
class Cache:
    """Folders under `folder`, each named after what it was made from; several processes may fill it at once.

    `user` is who the servers run as, None for the caller; `on_progress` gets one line whenever something has to be made.
    """

    folder: Path
    user: ServiceUser | None
    on_progress: Callable[[str], None]

    def entry(self, name: str, made_from: str, doing: str, build: Callable[[Path], None]) -> Path:
        """The folder `name` for the recipe `made_from`; `build` fills it if this is the first call anywhere.

        It appears whole or not at all. `doing` is the progress line. Raises what `build` raises.
        """
        entry = self.folder / f"{name}-{sha256(made_from.encode()).hexdigest()[:12]}"
        if not entry.is_dir():
            make_folder(self.folder)
            with exclusive(self.folder / f"{name}.lock"):
                if not entry.is_dir():
                    self.on_progress(doing)
                    self._build(entry, build)
        return entry

    def _build(self, entry: Path, build: Callable[[Path], None]) -> None:
        unfinished = entry.with_name(f"{entry.name}.unfinished")
        remove_folder(unfinished)
        make_folder(unfinished)
        try:
            build(unfinished)
        except BaseException:
            remove_folder(unfinished)
            raise
        unfinished.rename(entry)
