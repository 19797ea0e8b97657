"""What the text of the course points at: files, headings, hosts, and (it must not) places on one machine."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

from shared.course.fences import list_files

# An address on another host is likely a mistake: a package mirror, one's own server, a page that won't last.
HOSTS = {
    *("github.com", "arxiv.org", "doi.org", "openreview.net", "aclanthology.org", "jmlr.org", "proceedings.mlr.press"),
    *("papers.nips.cc", "proceedings.neurips.cc", "docs.pytorch.org", "docs.python.org", "huggingface.co"),
    *("creativecommons.org", "opensource.org", "docs.astral.sh", "gutenberg.org", "w3.org", "json-schema.org"),
    *("localhost", "127.0.0.1", "example.com", "example.org"),
}
_ADDRESS = re.compile(r"https?://([\w.-]+)", re.IGNORECASE)
_MACHINE = re.compile(r"(?<![\w.~}-])/(?:work|root|tmp/byo)(?=/|\b)")
_TARGETS = re.compile(
    r"\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\))?)>?(?:\s+[\"'][^)]*)?\s*\)|<(?:img|a)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)"
)
_DEFINED = re.compile(r"\s{0,3}\[[^\]^]+\]:\s+<?(\S+?)>?(?:\s|$)")
_MEGABYTE = 1 << 20


def broken_links(file: Path, name: str) -> list[str]:
    """ "w2d1_gpt2/README.md:12: …" for each link and picture of a Markdown file whose target isn't there."""
    found = []
    for number, line in enumerate(_prose(file.read_text(encoding="utf-8-sig")), start=1):
        defined = _DEFINED.match(line)
        targets = [*(one or other for one, other in _TARGETS.findall(line)), *([defined[1]] if defined else [])]
        for target in targets:
            if re.match(r"[a-z][a-z0-9+.-]+:", target, re.IGNORECASE):
                continue
            if trouble := _trouble(file, unquote(target)):
                found.append(f"{name}:{number}: {trouble}")
    return found


def _trouble(file: Path, target: str) -> str | None:
    path, _, anchor = target.partition("#")
    goal = (file.parent / path).resolve() if path else file
    if path.startswith("/") or not goal.exists():
        return f"{path} is not there"
    if not anchor:
        return None
    if goal.suffix.lower() != ".md":
        line = re.fullmatch(r"L(\d+)(?:-L\d+)?", anchor)
        there = line and goal.is_file() and int(line[1]) <= len(goal.read_text(encoding="utf-8").splitlines())
        return None if there else f"{path} has no #{anchor}"
    known = anchors(goal.read_text(encoding="utf-8-sig"))
    return None if anchor in known else f"{path or file.name} has no heading #{anchor}"


def anchors(text: str) -> set[str]:
    """What GitHub lets one point at in a Markdown text: headings in small letters with hyphens, and <a id="…">."""
    found, named = set(), set()
    for line in _prose(text, keep_code=True):
        named |= set(re.findall(r"<[a-z]+\b[^>]*?\b(?:id|name)=[\"']([^\"']+)", line))
        heading = re.fullmatch(r" {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*", line)
        if heading:
            first = slug = slugify(heading[1])
            number = 0
            while slug in found:
                number += 1
                slug = f"{first}-{number}"
            found.add(slug)
    return found | named


def slugify(heading: str) -> str:
    """GitHub's rule: markup goes, letters get small, punctuation goes, each space becomes a hyphen."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"</?[A-Za-z][^>]*>|[`*]", "", text)
    text = re.sub(r"(?<!\w)_([^_]+)_(?!\w)", r"\1", text)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _prose(text: str, keep_code: bool = False) -> list[str]:
    """The lines, with those of code blocks (and, unless kept, `code` within a line) emptied."""
    lines, fence = [], None
    for line in text.split("\n"):
        mark = re.match(r"[\s>]*(`{3,}|~{3,})(.*)", line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = None
            line = ""
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence, line = mark[1], ""
        lines.append(line if keep_code else re.sub(r"`[^`]*`", "``", line))
    return lines


def foreign_places(file: Path, name: str) -> list[str]:
    """Lines with a path of one machine, or an address on a host that the course doesn't know."""
    if file.stat().st_size > 2 * _MEGABYTE:
        return []
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError):
        return []
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        for host in _ADDRESS.findall(line):
            if host.lower().rstrip(".").removeprefix("www.") not in HOSTS:
                found.append(f"{name}:{number}: an address on {host}, a host that shared/author/links.py doesn't list")
        if match := _MACHINE.search(line):
            found.append(f"{name}:{number}: {match[0]} is a place on one machine")
    return found


def course_files(folder: Path) -> tuple[list[str], bool]:
    """(the files that git tracks or would track below a folder, whether git could say so)."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        hidden = ("answers/", "build/")
        return [name for name in list_files(folder) if not any(f"/{part}" in f"/{name}" for part in hidden)], False
    names = sorted({name.decode() for name in done.stdout.split(b"\0") if name})
    return [name for name in names if (folder / name).is_file()], True
