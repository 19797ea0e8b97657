"""The files that ship with the course: where they lie, and that each is what it should be.

`shared/files/SOURCES.md` says where each comes from and on what terms; `SHA256SUMS` beside it what each must contain. A
file is compared with its checksum the first time a process asks for it, so a damaged one is named here instead of
turning up later as a strange loss.
"""

import bz2
import gzip
import hashlib
from pathlib import Path

FILES = Path(__file__).resolve().parent.parent / "files"
SUMS = "SHA256SUMS"

_intact: set[Path] = set()  # files that this process has already compared with their checksum


class DataError(RuntimeError):
    """A file of the course is missing or damaged; the message names it and says how to get it back."""


def checked(name: str) -> Path:
    """The path of `shared/files/<name>`, whose content was compared with its checksum once in this process.

    Raises DataError, naming the file, when it is missing, damaged or not listed.
    """
    path = FILES / name
    if path in _intact:
        return path
    expected = checksums().get(name)
    if expected is None:
        raise DataError(f"shared/files/{name} is not listed in shared/files/{SUMS}: {_remedy(SUMS)}")
    if not path.is_file():
        raise DataError(f"shared/files/{name} is missing: {_remedy(name)}")
    got = sha256_of(path)
    if got != expected:
        raise DataError(f"shared/files/{name} is damaged (SHA-256 {got}, expected {expected}): {_remedy(name)}")
    _intact.add(path)
    return path


def checked_folder(name: str) -> Path:
    """The path of `shared/files/<name>/`, of which every listed file was checked."""
    names = [file for file in checksums() if file.startswith(f"{name}/")]
    if not names:
        raise DataError(f"shared/files/{SUMS} lists no file of the model in shared/files/{name}: {_remedy(SUMS)}")
    for file in names:
        checked(file)
    return FILES / name


def problems() -> list[str]:
    """One sentence for each shipped file that is missing or damaged; an empty list when all is well."""
    try:
        names = list(checksums())
    except DataError as error:
        return [str(error)]
    found = []
    for name in names:
        try:
            checked(name)
        except DataError as error:
            found.append(str(error))
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped_files() -> list[str]:
    """The names of all data files that lie in `shared/files/`, sorted; the notes about them left out."""
    paths = (path for path in FILES.rglob("*") if path.is_file() and not path.name.startswith("."))
    names = (path.relative_to(FILES).as_posix() for path in paths)
    return sorted(name for name in names if name not in (SUMS, "SOURCES.md") and not name.startswith("licences/"))


def write_checksums() -> None:
    """For authors, after adding or changing a file: write SHA256SUMS anew (`python -m shared.data` does just this)."""
    lines = [f"{sha256_of(FILES / name)}  {name}\n" for name in shipped_files()]
    (FILES / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def checksums() -> dict[str, str]:
    """File name -> expected SHA-256, from the list that ships beside the files."""
    path = FILES / SUMS
    if not path.is_file():
        raise DataError(f"shared/files/{SUMS} is missing: {_remedy(SUMS)}")
    sums = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        value, separator, name = line.partition("  ")
        if len(value) != 64 or not separator:
            raise DataError(f"shared/files/{SUMS} is damaged (it holds the line {line[:80]!r}): {_remedy(SUMS)}")
        sums[name] = value
    return sums


def _remedy(name: str) -> str:
    return f"restore it with `git checkout -- shared/files/{name}`, or reinstall the package"


def read_text(name: str) -> str:
    content = checked(name).read_bytes()
    unpack = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(Path(name).suffix, bytes)
    # Decoded from bytes: reading in text mode could change line ends, and with them the number of characters.
    return unpack(content).decode("utf-8")
