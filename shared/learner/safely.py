"""Writing a file so that it is never lost: the new text lies beside it, on the disk, before it takes its place."""

import contextlib
import errno
import os
import shutil
from pathlib import Path


def replace_file(path: Path, content: bytes, sync: bool = True) -> None:
    """Gives a file new content, wholly or not at all, also on a full disk or when killed. OSError names the file.

    A link stays one, permissions stay, and a file that is read-only is refused, although its folder would allow it.
    Without `sync` a power cut may cost the new content; for what can be done without that is quicker.
    """
    path = Path(os.path.realpath(path))
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # no *.py: nobody takes it for a module
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, draft)
        os.replace(draft, path)
    except OSError as error:
        _discard(draft)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        _discard(draft)
        raise
    if sync:
        _sync_folder(path.parent)


def _discard(draft: Path) -> None:
    with contextlib.suppress(OSError):
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name too goes to the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def shown(path: str | Path) -> str:
    """A path as seen from here, if it lies below."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive, or the current folder is gone
        return str(path)
    return str(path) if relative.startswith("..") else relative


def explain(error: OSError) -> str:
    """What the system refused, as one sentence, with what to do where that is known."""
    where = f"{shown(os.fsdecode(error.filename))}: " if isinstance(error.filename, (str, bytes)) else ""
    what = (error.strerror or str(error) or type(error).__name__).strip()
    advice = _ADVICE.get(error.errno or 0, "")
    return f"{where}{what[:1].lower()}{what[1:]}" + (f"; {advice}" if advice else "")


_ADVICE = {
    errno.EACCES: "is it read-only, or another user's?",
    errno.EPERM: "is it read-only, or another user's?",
    errno.EROFS: "the course has to lie where you may write",
    errno.ENOSPC: "make room on the disk, then run this again",
    errno.EDQUOT: "make room on the disk, then run this again",
    errno.EISDIR: "a file is expected there",
    errno.ENOTDIR: "a folder is expected there",
    errno.EEXIST: "move it out of the way",
    errno.EMFILE: "raise `ulimit -n`, or close other programs",
    errno.ENOMEM: "close other programs",
}
