"""The two tables in the root README that are made from elsewhere: the days, and how strong their tests are.

Each stands between two comments, `<!-- days -->` … `<!-- /days -->` and `<!-- strength -->` … `<!-- /strength -->`.
`python -m shared check` says when one is stale, `python -m shared check --write` makes both anew.

A day's README may say `<!-- builds: … -->` and `<!-- runs: … -->`; otherwise its first sentence and "CPU or GPU" do.
"""

import re
from pathlib import Path

from shared.author import figures
from shared.course.day import Day

# The ten days in order: folder, title, and what one builds (for as long as there is no day that says so itself).
COURSE = (
    ("w1d1_tensors", "Tensors", "broadcasting, strides, einsum and autograd, from their parts"),
    ("w1d2_conv", "Convolutions", "convolution, pooling and batch norm, forward and backward"),
    ("w1d3_resnet", "ResNet", "a ResNet that takes torchvision's weights"),
    ("w1d4_optim", "Optimizers", "SGD, Adam, AdamW, schedules and clipping"),
    ("w2d1_gpt2", "GPT-2", "GPT-2, from a bigram model to cached generation"),
    ("w2d2_bert", "BERT", "BERT, its pre-training task and a classifier on top"),
    ("w2d3_tokenizer", "Tokenizers", "byte-level BPE, trained and exact"),
    ("w2d4_sampler", "Samplers", "temperature, top-k, nucleus, beam search and speculation"),
    ("w3d1_trainloop", "Training harness", "checkpoints, configs, queues and data-parallel training"),
    ("w4d1_rl", "Reinforcement learning", "DQN and policy gradients, up to tuning a language model"),
)


def hours(minutes: int) -> str:
    """415 minutes are "6 h 55"."""
    return f"{minutes // 60} h" + (f" {minutes % 60:02d}" if minutes % 60 else "")


def days_table(days: list[Day]) -> str:
    """The ten days as a Markdown table; those that don't exist yet say so."""
    known = {day.name: day for day in days}
    planned = {name: (title, builds) for name, title, builds in COURSE}
    rows = ["| day | what you build | core | runs on | state |", "|---|---|---|---|---|"]
    for name in [*planned, *(name for name in known if name not in planned)]:
        if day := known.get(name):
            link = f"[{name}]({name}/README.md) · {day.title.rpartition('·')[2].strip()}"
            cells = [link, said(day, "builds") or _first_sentence(day), hours(day.minutes)]
            cells += [said(day, "runs") or "CPU or GPU", "ready"]
        else:
            cells = [f"{name} · {planned[name][0]}", planned[name][1], "", "", "not yet"]
        rows.append(_row(cells))
    return "\n".join(rows)


def strength_table(days: list[Day]) -> str:
    """What `make strength` measured, a row a day; a day without a strength.json was not measured."""
    rows = ["| day | wrong answers rejected | known mistakes named | right answers accepted | mutants killed |"]
    rows.append("|---|---|---|---|---|")
    for day in days:
        kept = figures.read(day)
        if kept is None:
            cells = [day.name, "not measured yet", "", "", ""]
        else:
            survivors = kept["mutants"] - kept["killed"]
            changed = {"own files": "the day", "checks and versions": "checks, mutators or a version"}
            stale = figures.staleness(day)
            cells = [day.name + (f" (stale: {changed[stale]} changed since)" if stale else "")]
            cells += [_of(kept, "rejected", "wrong"), _of(kept, "diagnosed", "wrong")]
            cells += [_of(kept, "accepted", "right"), _of(kept, "killed", "mutants", percent=True)]
            if survivors:
                cells[-1] += f", {min(kept['explained'], survivors)} of {survivors} survivors explained"
        rows.append(_row(cells))
    return "\n".join(rows)


def stale_tables(root: Path, days: list[Day]) -> list[str]:
    """One line for each table of the root README that is missing or not what it is made from."""
    text = (root / "README.md").read_text(encoding="utf-8-sig")
    lines = []
    for name, table in _tables(days).items():
        found = _between(name).search(text)
        if not found:
            lines.append(f"README.md:1: it has no <!-- {name} --> and <!-- /{name} --> for the table to stand between")
        elif found[2].strip() != table:
            line = text.count("\n", 0, found.start()) + 1
            lines.append(f"README.md:{line}: the table of {name} is stale; `python -m shared check --write` mends it")
    return lines


def write_tables(root: Path, days: list[Day]) -> list[str]:
    """Makes both tables anew where their comments stand; says which ones changed."""
    file = root / "README.md"
    text = before = file.read_bytes().decode("utf-8")
    changed = []
    for name, table in _tables(days).items():
        new = _between(name).sub("\\1\n" + table.replace("\\", "\\\\") + "\n\\3", text)
        changed += [f"README.md: wrote the table of {name}"] * (new != text)
        text = new
    if text != before:
        file.write_bytes(text.encode("utf-8"))
    return changed


def said(day: Day, what: str) -> str:
    """The text of `<!-- what: text -->` in a day's README, on one line; "" where there is none."""
    text = (day.path / "README.md").read_text(encoding="utf-8-sig")
    found = re.search(rf"<!--\s*{what}:\s*(.*?)\s*-->", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _first_sentence(day: Day) -> str:
    text = (day.path / "README.md").read_text(encoding="utf-8-sig")
    for part in re.split(r"\n\s*\n", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)):
        if not re.match(r"\s*(?:#|!|<|\||[-*] |```|>|$)", part):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(part.split()))
            return re.split(r"(?<=[.!?])\s", plain)[0]
    return ""


def _tables(days: list[Day]) -> dict[str, str]:
    return {"days": days_table(days), "strength": strength_table(days)}


def _between(name: str) -> re.Pattern:
    return re.compile(rf"(<!--\s*{name}\s*-->)(.*?)(<!--\s*/{name}\s*-->)", re.DOTALL)


def _of(kept: dict, part: str, whole: str, percent: bool = False) -> str:
    some, every = kept[part], kept[whole]
    text = f"{some} of {every}"
    # Rounded down: 99.9 % are not all.
    return text + (f" ({100 * some // every} %)" if every and (percent or some < every) else "")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
