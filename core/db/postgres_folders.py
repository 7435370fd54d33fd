"""Where the embedded Postgres lives on disk: owner, rights, socket folder, what a crash left."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import structlog

from core.errors import ConfigurationError

log = structlog.get_logger(__name__)

# Postgres refuses to run as root; as root we run it as this system user, made on first use.
SYSTEM_USER = "pgserver"
SOCKET_PREFIX = "muster-pg-"
SOCKET_NAME = ".s.PGSQL.5432"
# sun_path of a Unix socket: 104 bytes on macOS, 108 on Linux, each with its closing zero.
LONGEST_SOCKET_PATH = 103
# pg_ctl hands its log's path to a shell within double quotes.
UNSAFE_IN_SHELL = frozenset('"$`\\\n')


def prepare(data_dir: Path) -> Path:
    """Make `data_dir` if need be (nobody else may list it) and return its resolved path.

    Raises ConfigurationError where it belongs to somebody else or cannot be written.
    """
    try:
        resolved = data_dir.expanduser().resolve()
        # Root's Postgres has a user of its own, which must be able to pass through, not to look.
        resolved.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {data_dir} cannot be made ({error.strerror}). "
            "Set MUSTER_DATA_DIR to a folder that you may write to."
        ) from error
    if not os.access(resolved, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(not_yours(resolved))
    if UNSAFE_IN_SHELL & set(str(resolved)):
        raise ConfigurationError(
            f"The data directory {resolved} has a quote, backslash, $ or ` in its name. "
            "Set MUSTER_DATA_DIR to a folder with a plainer name."
        )
    return resolved


def not_yours(data_dir: Path) -> str:
    """The sentence for a data directory of another user."""
    return (
        f"The data directory {data_dir} belongs to another user of this machine. Start Muster as "
        "that user, or set MUSTER_DATA_DIR to a folder of your own."
    )


def owner_of(cluster: Path) -> tuple[int, int] | None:
    """The (uid, gid) that Postgres must run as, None for our own.

    Only root needs another: the owner of the files where they exist (so that `sudo` once does not
    take them away from the person whose they are), else the system user.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (found := cluster.stat()).st_uid != 0:
        return found.st_uid, found.st_gid
    entry = _system_user()
    return entry.pw_uid, entry.pw_gid


def _system_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        # Another process made it between our look and our call.
        with suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        raise ConfigurationError(
            f"Postgres does not run as root, and the system user {SYSTEM_USER} could not be made. "
            "Start Muster as an ordinary user, or set DATABASE_URL to a Postgres of your own."
        ) from error


def make_traversable(*folders: Path) -> None:
    """Let Postgres's own user pass through (not list) the parents of `folders`. Root only."""
    for folder in folders:
        for parent in folder.resolve().parents:
            mode = stat.S_IMODE(parent.stat().st_mode)
            if not mode & stat.S_IXOTH:
                log.info("postgres_folder_opened", folder=str(parent), why="its own user passes")
                parent.chmod(mode | stat.S_IXOTH)


def postgres_processes(cluster: Path) -> set[int]:
    """The pids of live Postgres processes that work in `cluster`; zombies do not count.

    Asked of the processes themselves, because a pid from a file may by now be anybody's.
    """
    found = set()
    for process in psutil.process_iter(["pid", "name", "cwd", "status"]):
        info = process.info
        if (
            str(info["name"]).startswith("postgres")
            and info["cwd"] == str(cluster)
            and info["status"] != psutil.STATUS_ZOMBIE
        ):
            found.add(int(info["pid"]))
    return found


def read_pid_file(cluster: Path) -> tuple[int, Path] | None:
    """(pid, socket folder) as `postmaster.pid` tells it; None where it is missing or torn."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        # Line 1 is the pid, line 5 the first socket folder (PostgreSQL's miscadmin.h).
        return int(lines[0]), Path(lines[4].strip())
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_ours(folder: Path, owner: tuple[int, int] | None) -> bool:
    """Whether `folder` is a socket folder that we made: its name, owner and rights say so."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return (
        folder.name.startswith(SOCKET_PREFIX)
        and stat.S_ISDIR(found.st_mode)
        and stat.S_IMODE(found.st_mode) == stat.S_IRWXU
        and found.st_uid == (owner[0] if owner else os.geteuid())
    )


def make_socket_folder(owner: tuple[int, int] | None) -> Path:
    """A new folder for the socket: private, and short whatever the data directory is called."""
    for base in (Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve()):  # noqa: S108 - mkdtemp below
        # mkdtemp adds eight characters to the prefix.
        longest = len(os.fsencode(base / f"{SOCKET_PREFIX}12345678" / SOCKET_NAME))
        if longest > LONGEST_SOCKET_PATH or UNSAFE_IN_SHELL & set(str(base)) or "," in str(base):
            continue
        if owner and not all(p.stat().st_mode & stat.S_IXOTH for p in (base, *base.parents)):
            continue
        folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=base))
        if owner:
            os.chown(folder, *owner)
        return folder
    raise ConfigurationError(
        "There is no temporary folder with a short enough name for Postgres's socket. "
        "Set TMPDIR to one, for example /tmp."
    )


def clear_leftovers(cluster: Path, owner: tuple[int, int] | None) -> Path | None:
    """Remove what a Postgres that is gone left: its pid file and its sockets.

    Returns its socket folder where it is still there and ours: taking it again keeps the address
    that a bot which outlived its Postgres goes on using.
    """
    known = read_pid_file(cluster)
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    if known is None or not is_ours(known[1], owner):
        return None
    for leftover in known[1].glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)
    return known[1]


def remove_socket_folder(folder: Path | None, owner: tuple[int, int] | None) -> None:
    """Take away a socket folder that is no longer used; anything that is not ours is left."""
    if folder is not None and is_ours(folder, owner):
        shutil.rmtree(folder, ignore_errors=True)
