"""Compares your tokenizers with Hugging Face's and tiktoken's, which are written in Rust, and with plain Python.

    make bench DAY=w2d3 [IMPL=solution]     takes about five minutes on one thread, and writes images/growth.png

The text is 5.3 MB of novels. All who do the same job take turns, round after round, and each line compares their
medians over the rounds, because machines are noisy and ratios less so. Times are the process's own seconds of CPU, so
that other programs on the machine matter less. For memory, each job runs in a process of its own.
"""

import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from shared.learner.script import begin

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread for everyone
os.environ["RAYON_NUM_THREADS"] = "1"

DAY = Path(__file__).resolve().parent
begin(__file__)

import bpe_train
import regex
from bpe import BPETokenizer, byte_characters, merge_word, split_text
from wordpiece import WordPieceTokenizer, load_vocab

from shared import data
from shared.data.reference import bpe_ranks

MERGES = 8192
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
BLUE, ORANGE, GREY = "#4c78a8", "#d1813c", "#8a8a8a"

# ---- The others ------------------------------------------------------------------------------------------------------


def rust_bpe():
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer(*map(str, data.gpt2_bpe_files()))
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def tiktoken_bpe():
    import tiktoken

    ranks = bpe_ranks(*data.gpt2_bpe_files())
    return tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={}).encode_ordinary


def plain_bpe():
    """BPE straight from the paper, as in OpenAI's encoder.py, but without its cache, so every word is merged anew."""
    vocab_path, merges_path = data.gpt2_bpe_files()
    vocab = json.loads(vocab_path.read_text(encoding="utf-8"))
    lines = merges_path.read_text(encoding="utf-8").splitlines()[1:]
    ranks = {tuple(line.split()): rank for rank, line in enumerate(lines) if line}
    characters, pattern = byte_characters(), regex.compile(PATTERN)

    def merged(word: list[str]) -> list[str]:
        while len(word) > 1:
            pair = min(pairwise(word), key=lambda pair: ranks.get(pair, math.inf))
            if pair not in ranks:
                break
            word = plain_replace(word, pair)
        return word

    def encode(text: str) -> list[int]:
        words = ([characters[byte] for byte in word.encode()] for word in pattern.findall(text))
        return [vocab[symbol] for word in words for symbol in merged(word)]

    return encode


def plain_replace(word: list[str], pair: tuple[str, str]) -> list[str]:
    new, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and word[i] == pair[0] and word[i + 1] == pair[1]:
            new.append(word[i] + word[i + 1])
            i += 2
        else:
            new.append(word[i])
            i += 1
    return new


def plain_step(words: list[tuple[list[str], int]]) -> list[tuple[list[str], int]]:
    """One merge of the naive trainer: count all pairs of all words, take the most frequent, replace it everywhere."""
    pairs: dict[tuple[str, str], int] = {}
    for symbols, count in words:
        for i in range(len(symbols) - 1):
            pair = symbols[i], symbols[i + 1]
            pairs[pair] = pairs.get(pair, 0) + count
    best = max(pairs, key=lambda pair: (pairs[pair], pair))
    return [(plain_replace(symbols, best), count) for symbols, count in words]


def rust_train(text: str, vocab_size: int) -> list[tuple[str, str]]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator([text], trainer)
    return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]


def my_train(text: str, vocab_size: int) -> list[tuple[str, str]]:
    return bpe_train.train(bpe_train.count_words(text), vocab_size)


def my_bpe():
    return BPETokenizer.from_files(*data.gpt2_bpe_files()).encode


# ---- Measuring -------------------------------------------------------------------------------------------------------


def novels() -> str:
    return "".join(data.novels().values())


def parts_of(text: str, size: int) -> list[str]:
    """Cuts the text into parts of about `size` characters, where paragraphs end: nobody encodes a library at once."""
    parts = [""]
    for paragraph in text.split("\n\n"):
        if len(parts[-1]) > size:
            parts.append("")
        parts[-1] += paragraph + "\n\n"
    return parts


def seconds(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def speed(encode, parts: list[str]) -> float:
    """MB/s over all parts, one after the other."""
    took = seconds(lambda: [encode(part) for part in parts])
    return sum(len(part.encode()) for part in parts) / 1e6 / took


def quartiles(values: list[float]) -> str:
    if len(values) < 2:
        return ""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"   (quartiles {low:.2f} to {high:.2f})"


def race(title: str, runners: dict[str, list[float]], unit: str, more_is_better: bool) -> None:
    """Prints each runner's median, and how many times as fast as it the first runner is."""
    print(f"\n{title}")
    (_, mine), *_ = runners.items()
    for name, values in runners.items():
        line = f"  {name:36} {statistics.median(values):9.2f} {unit}"
        if values is not mine:
            a, b = statistics.median(mine), statistics.median(values)
            ratios = [x / y if more_is_better else y / x for x, y in zip(mine, values)]
            line += f"   mine is {a / b if more_is_better else b / a:7.3g} times as fast{quartiles(ratios)}"
        print(line, flush=True)


def race_to_encode(text: str, rounds: int) -> None:
    parts = parts_of(text, 100_000)
    makers = {"mine": my_bpe, "tokenizers": rust_bpe, "tiktoken": tiktoken_bpe}
    ids = {name: [make()(part) for part in parts[:3]] for name, make in makers.items()}
    assert ids["mine"] == ids["tokenizers"] == ids["tiktoken"] == [plain_bpe()(part) for part in parts[:3]]
    plain = plain_bpe()
    cold, warm = {}, {}
    for r in range(rounds):
        for name, make in makers.items():
            encode = make()  # a new one, which remembers no word yet
            cold.setdefault(name, []).append(speed(encode, parts))
            warm.setdefault(name, []).append(speed(encode, parts))
        one = speed(plain, parts[r % len(parts) :][:2])  # two parts are enough: it remembers nothing
        for table in (cold, warm):
            table.setdefault("plain Python, no cache", []).append(one)
    race("encode with GPT-2's vocabulary, cold: every word is new", cold, "MB/s", True)
    race("encode with GPT-2's vocabulary, warm: the second time", warm, "MB/s", True)


def race_wordpiece(text: str, rounds: int) -> None:
    from tokenizers import BertWordPieceTokenizer

    parts = parts_of(text[: len(text) // 5], 20_000)
    mine = WordPieceTokenizer(load_vocab(data.bert_vocab_file())).encode
    theirs = BertWordPieceTokenizer(str(data.bert_vocab_file()), lowercase=True).encode
    assert [mine(part).ids for part in parts[:3]] == [theirs(part).ids for part in parts[:3]]
    speeds = {"mine": [], "tokenizers": []}
    for _ in range(rounds):
        speeds["mine"].append(speed(mine, parts))
        speeds["tokenizers"].append(speed(theirs, parts))
    race(f"WordPiece encode with BERT's vocabulary, {sum(map(len, parts)) / 1e6:.1f} MB", speeds, "MB/s", True)


def naive_seconds(counts: Counter, merges: list[tuple[str, str]]) -> tuple[float, str]:
    """How long the naive trainer would take for all `merges`, estimated from some of its steps, and their times."""
    stages = sorted({0, 16, 128, 1024, len(merges) // 2, len(merges) - 1})
    took = []
    for stage in stages:
        ranks = {pair: rank for rank, pair in enumerate(merges[:stage])}
        words = [(merge_word(list(word), ranks), count) for word, count in counts.items()]
        took.append(statistics.median(seconds(lambda words=words: plain_step(words)) for _ in range(3)))
    total = sum((b - a) * (x + y) / 2 for (a, b), (x, y) in zip(pairwise(stages), pairwise(took)))
    return total, ", ".join(f"{t:.2f} s for merge {stage + 1:,}" for stage, t in zip(stages, took))


def race_to_train(text: str, rounds: int) -> None:
    mine, merging, theirs = [], [], []
    for _ in range(rounds):
        start = time.process_time()
        counts = bpe_train.count_words(text)
        counted = time.process_time()
        learned = bpe_train.train(counts, 256 + MERGES)
        mine.append(time.process_time() - start)
        merging.append(time.process_time() - counted)
        start = time.process_time()
        reference = rust_train(text, 256 + MERGES)
        theirs.append(time.process_time() - start)
    race(f"train {MERGES:,} merges", {"mine, counting words included": mine, "tokenizers": theirs}, "s   ", False)
    print(f"  the same merges as tokenizers: {learned == reference}")
    naive, steps = naive_seconds(counts, learned)
    print(f"  merges alone: mine {statistics.median(merging):.1f} s, the naive trainer about {naive:,.0f} s:", end="")
    print(f" {naive / statistics.median(merging):.0f} times as long")
    print(f"    (not run to the end; measured at some merges, with straight lines between: {steps})", flush=True)


# ---- Memory: each job runs in a process of its own -------------------------------------------------------------------


def job(name: str):
    """Prepares a job, so that this isn't measured, and returns the job itself as a function."""
    text = novels()
    parts = parts_of(text, 100_000)
    if name.startswith("train"):
        train = my_train if name == "train mine" else rust_train
        return lambda: train(text, 256 + MERGES)
    encode = {"encode mine": my_bpe, "encode tokenizers": rust_bpe, "encode tiktoken": tiktoken_bpe}[name]()
    return lambda: [len(encode(part)) for part in parts]


def memory() -> tuple[float, float]:
    """(now, at most so far) in MB. On Linux they come from /proc, because ru_maxrss starts at what the parent had."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return tuple(int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return peak, peak


def print_memory() -> None:
    print("\npeak memory beyond imports, text and vocabulary, each in a process of its own")
    for name in ("encode mine", "encode tokenizers", "encode tiktoken", "train mine", "train tokenizers"):
        run = subprocess.run([sys.executable, __file__, "--job", name], capture_output=True, text=True, check=True)
        before, peak = json.loads(run.stdout)
        print(f"  {name:36} {peak - before:9.0f} MB     {peak:.0f} MB in all", flush=True)


# ---- Growth ----------------------------------------------------------------------------------------------------------


def slope(x: list[float], y: list[float]) -> float:
    """The exponent k of the power law y ~ x^k that fits best, least squares of the logarithms."""
    return statistics.linear_regression([math.log(a) for a in x], [math.log(b) for b in y]).slope


def growth(text: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes = [2**power for power in range(10, 16)]
    # Paragraphs in a random order, so that each part is as mixed as the whole.
    paragraphs = text.split("\n\n")
    random.Random(0).shuffle(paragraphs)
    texts = ["\n\n".join(paragraphs[: len(paragraphs) * eighths // 8]) for eighths in (1, 2, 4, 8)]
    megabytes = [len(part.encode()) / 1e6 for part in texts]
    jobs = {"mine": my_train, "tokenizers, Rust": rust_train}
    panels = [
        ("megabytes of text", f"training {MERGES:,} merges", megabytes, [(part, 256 + MERGES) for part in texts]),
        ("vocabulary", f"training on {megabytes[-1]:.1f} MB", sizes, [(text, size) for size in sizes]),
    ]
    figure, grid = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    print("\ngrowth of training time, in seconds")
    for axes, (label, title, x, arguments) in zip(grid, panels):
        print(f"  {label:20}" + "".join(f"{value:9.1f}" if value < 100 else f"{value:9,}" for value in x))
        for (name, train), colour in zip(jobs.items(), (BLUE, ORANGE)):
            took = [seconds(lambda train=train, each=each: train(*each)) for each in arguments]
            k = slope(x, took)
            print(f"  {name:20}" + "".join(f"{value:9.2f}" for value in took) + f"   grows like x^{k:.2f}", flush=True)
            axes.loglog(x, took, "o-", color=colour, lw=2, ms=5, label=f"{name}: slope {k:.2f}")
        first = axes.lines[0].get_ydata()[0]
        axes.loglog(x, [first * value / x[0] for value in x], "--", color=GREY, lw=1, label="slope 1, for comparison")
        ticks = [f"{value:.1f}" if value < 100 else f"{value // 1024}k" for value in x]
        axes.set_xticks(x, ticks)
        axes.minorticks_off()
        axes.set_xlabel(label)
        axes.set_title(title, fontsize=11)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, loc="upper left")
        axes.spines[["top", "right"]].set_visible(False)
    grid[0].set_yticks([1, 2, 5, 10, 20, 50, 100, 200], [1, 2, 5, 10, 20, 50, 100, 200])
    grid[0].set_ylabel("seconds")
    (DAY / "images").mkdir(exist_ok=True)
    figure.savefig(DAY / "images" / "growth.png", dpi=130)
    print("wrote images/growth.png")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--job", help="for the measurement of memory: do just this, and print the memory")
    options = parser.parse_args()
    if options.job:
        work = job(options.job)
        before, _ = memory()
        work()
        print(json.dumps([before, memory()[1]]))
        return
    text = novels()
    print(f"{len(text.encode()) / 1e6:.1f} MB, {len(split_text(text)):,} words, one thread, {options.rounds} rounds")
    race_to_encode(text, options.rounds)
    race_wordpiece(text, options.rounds)
    race_to_train(text, max(3, options.rounds // 2))
    print_memory()
    growth(text)


if __name__ == "__main__":
    main()
