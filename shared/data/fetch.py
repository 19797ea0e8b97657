"""The one door through which the course downloads anything, and only when somebody asked for it."""

import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from shared.data.files import sha256_of

CHUNK = 1 << 16
TIMEOUT = 30  # seconds without a single byte


class FetchError(RuntimeError):
    """A download that didn't work out; the message says what, from where and why. Nothing half-done is left behind."""


def fetch(url: str, path: str | Path, sha256: str, size: int, what: str) -> Path:
    """The file `path`, downloaded from `url` unless it is there already; returns its path.

    `what` says in a few words what it is, `size` is in bytes, `sha256` in hexadecimal. Says all that before it begins,
    shows a progress bar, and gives the file its name only once it is whole and its SHA-256 is right. Whoever
    sees `path` sees the whole new file or what was there before. Raises FetchError, offline for example.
    """
    path = Path(path)
    if path.is_file() and sha256_of(path) == sha256.lower():
        return path
    print(f"Downloading {what}: {human_size(size)}, from {url} to {path}", flush=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")  # same folder, so that the renaming is one step
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        received = _download(url, partial, size, path.name)
        if received != size:
            more = "more came" if received > size else f"the transfer broke off after {received:,}"
            raise FetchError(f"Could not download {what} from {url}: expected {size:,} bytes, {more}. Try again.")
        got = sha256_of(partial)
        if got != sha256.lower():
            raise FetchError(
                f"What came from {url} is not {what} as the course knows it: SHA-256 {got}, expected {sha256.lower()}. "
                "It was thrown away."
            )
        os.replace(partial, path)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(
            f"Could not download {what} ({human_size(size)}) from {url}: {_reason(error)}. "
            "The exercises and their tests don't need it; with a network connection, run the same command again."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def human_size(size: int) -> str:
    """A number of bytes as people say it.

    >>> human_size(548_000_000), human_size(1_520_000_000), human_size(2_300)
    ('548 MB', '1.5 GB', '2 kB')
    """
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    if size >= 1e6:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e3:.0f} kB"


def _download(url: str, partial: Path, size: int, name: str) -> int:
    """Copies `url` into `partial`; returns the bytes that came, and stops once they are more than `size`."""
    from tqdm import tqdm

    received = 0
    with (
        urllib.request.urlopen(url, timeout=TIMEOUT) as response,
        open(partial, "wb") as file,
        tqdm(total=size, unit="B", unit_scale=True, desc=name) as bar,
    ):
        while received <= size and (chunk := response.read(CHUNK)):
            file.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
    return received


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
