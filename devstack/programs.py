"""Programs that are run to their end."""

import subprocess
from collections.abc import Mapping, Sequence

from devstack.failures import ProgramFailed
from devstack.users import ServiceUser


def run(command: Sequence[str], *, env: Mapping[str, str], user: ServiceUser | None = None, text: str = "") -> None:
    """Run the command as `user` (None: the caller) with `text` as its input. Raises ProgramFailed."""
    done = subprocess.run(  # noqa: S603  the commands are put together here, from no input
        command,
        input=text,
        env=env,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        raise ProgramFailed(done.stdout.strip())
