"""Shows the finished day at work on real text, and writes the README's pictures into images/.

    make demo DAY=w2d3                     takes about 2 minutes on two CPU cores
    make demo DAY=w2d3 IMPL=solution       uses the reference code, even when your own has passed

It cuts one text with all tokenizers of the day and shows the tokens in colours. Then it measures what a vocabulary
buys and costs, from 256 bytes to 32,768 tokens. At last it counts the tokens of the same ten articles in thirty
languages, with GPT-2's vocabulary and with BERT's.
"""

import sys
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import bpe_train
import matplotlib
import unigram
import wordpiece_train

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bpe import BPETokenizer, byte_characters
from matplotlib.patches import FancyBboxPatch
from tradeoff import SIZES, Row, measure, print_rows, split_books, train_sizes
from wordpiece import WordPieceTokenizer, load_vocab

from shared import data
from shared.learner.terminal import supports

IMAGES = DAY / "images"
TEXT = "Ishmael's unforgettable whale weighed 1234567 pounds: a naïve, uncharitable overestimate. Кит!"
BLUE, ORANGE, GREEN, GREY = "#4c78a8", "#d1813c", "#5b9a6b", "#8a8a8a"
# These are the backgrounds of the boxes, each with the nearest colour in a terminal's palette of 256.
PASTELS = [("#cfe0f1", 153), ("#fbe2c6", 223), ("#d5ebd3", 194), ("#f2d5dc", 224), ("#e2daef", 189)]
Cuts = dict[str, list[str]]  # name of a tokenizer -> the text's tokens, ready to be shown


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def save(figure, name: str) -> None:
    figure.savefig(IMAGES / name, dpi=130)
    plt.close(figure)
    print(f"wrote images/{name}", flush=True)


# ---- One text, many tokenizers ---------------------------------------------------------------------------------------


def shown(token: str, values: dict[str, int]) -> str:
    """A token of BPE as text, with · for a space. If it isn't whole characters, its bytes are written in base 16."""
    raw = bytes(values[character] for character in token)
    try:
        return raw.decode("utf-8").replace(" ", "·")
    except UnicodeDecodeError:
        return "·" * raw.startswith(b" ") + raw.removeprefix(b" ").hex().upper()


def cut_everywhere(text: str, own: dict[int, BPETokenizer], gpt2: BPETokenizer, bert: WordPieceTokenizer) -> Cuts:
    values = {character: byte for byte, character in byte_characters().items()}
    cuts = {}
    sizes = {"256 bytes": own[256], "own BPE, 1,024": own[1024], "own BPE, 8,192": own[8192], "GPT-2, 50,257": gpt2}
    for name, tokenizer in sizes.items():
        cuts[name] = [shown(tokenizer.tokens[i], values) for i in tokenizer.encode(text)]
    cuts["BERT uncased, 30,522"] = [token.text for token in bert.tokenize(text)]

    novel = data.novels()["melville-moby_dick"]
    words = dict(wordpiece_train.count_words(novel[:250_000]).most_common(1000))
    learned = wordpiece_train.train_wordpiece(words, 512, minimum=20)
    own_pieces = WordPieceTokenizer({piece: i for i, piece in enumerate(learned)})
    cuts[f"own WordPiece, {len(learned)}"] = [token.text for token in own_pieces.tokenize(text)]

    words = dict(unigram.count_words(novel).most_common(2000))
    pieces = unigram.train_unigram(words, 1024, seed_size=3000)
    marked = ("▁" + word for word in text.split())
    cuts[f"own unigram, {len(pieces):,}"] = [piece for word in marked for piece in unigram.viterbi(word, pieces)]
    return cuts


def print_tokens(cuts: Cuts, width: int = 100) -> None:
    """Prints each token on its own background, or in brackets if the terminal has no colours or NO_COLOR is set."""
    fancy, colour = supports(sys.stdout)
    for name, tokens in cuts.items():
        print(f"\n{name}: {len(tokens)} tokens")
        used = 0
        for i, token in enumerate(tokens):
            if not fancy:
                token = token.replace("·", "_").replace("▁", "_").encode("ascii", "backslashreplace").decode()
            size = len(token) + 2 * (not colour)
            if used + size > width:
                print()
                used = 0
            used += size
            number = PASTELS[i % len(PASTELS)][1]
            print(f"\033[48;5;{number};38;5;16m{token}\033[0m" if colour else f"[{token}]", end="")
        print(flush=True)


def draw_tokens(cuts: Cuts, columns: int = 96) -> None:
    gap, pad, line = 0.45, 0.25, 1.0  # between boxes, inside them, and the height of a line; a character is 1 wide
    placed, headings, y = [], [], 0.0
    for name, tokens in cuts.items():
        headings.append((y, name, len(tokens)))
        y += 0.95
        x = 0.0
        for i, token in enumerate(tokens):
            wide = len(token) + 2 * pad
            if x + wide > columns:
                x, y = 0.0, y + line
            placed.append((x, y, wide, token, PASTELS[i % len(PASTELS)][0]))
            x += wide + gap
        y += line + 0.5
    size = 10.5  # points
    inch = size * 0.602 / 72  # a character of DejaVu Sans Mono is 0.602 of its size wide
    rise = 2.55  # the height of a line, in widths of a character
    top, bottom = -0.3, y - 0.4
    figure = plt.figure(figsize=((columns + 2) * inch, (bottom - top) * rise * inch))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, columns + 1), ylim=(bottom * rise, top * rise))
    axes.axis("off")
    for y, name, count in headings:
        style = dict(va="center", fontsize=size)
        axes.text(0, (y + 0.42) * rise, name, weight="bold", color="#333333", **style)
        axes.text(columns, (y + 0.42) * rise, f"{count} tokens", ha="right", color="#666666", **style)
    mono = dict(family="DejaVu Sans Mono", fontsize=size, ha="center", va="center_baseline", color="#222222")
    for x, y, wide, token, colour in placed:
        box = FancyBboxPatch((x, (y + 0.06) * rise), wide, 0.86 * rise, boxstyle="round,pad=0,rounding_size=0.35")
        box.set(facecolor=colour, edgecolor="none")
        axes.add_patch(box)
        axes.text(x + wide / 2, (y + 0.5) * rise, token.replace("▁", "_"), **mono)
    save(figure, "tokens.png")


# ---- The trade-off ---------------------------------------------------------------------------------------------------


def plot_tradeoff(rows: list[Row]) -> None:
    sizes = [row.vocab_size for row in rows]
    panels = [
        ("tokens per word", BLUE, [row.ratios.tokens_per_word for row in rows], "{:.2f}"),
        ("bits per byte, bigram model", ORANGE, [row.bits for row in rows], "{:.2f}"),
        ("embedding, millions of parameters", GREEN, [row.cost.embedding / 1e6 for row in rows], "{:.1f}"),
    ]
    figure, grid = plt.subplots(1, 3, figsize=(11, 3.5), layout="constrained")
    for axes, (title, colour, values, form) in zip(grid, panels):
        axes.plot(sizes, values, "o-", color=colour, lw=2, ms=5)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size // 1024}k" if size >= 1024 else size for size in sizes], fontsize=9)
        axes.minorticks_off()
        axes.margins(x=0.09)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("vocabulary")
        top = max(values)
        axes.set_ylim(0, 1.15 * top)
        best = min(range(len(values)), key=values.__getitem__)
        for i in {0, best, len(values) - 1}:
            spot = (sizes[i], values[i] + 0.04 * top)
            axes.annotate(form.format(values[i]), spot, ha="center", va="bottom", fontsize=9, color="#333333")
        axes.grid(axis="y", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, "tradeoff.png")


# ---- Languages -------------------------------------------------------------------------------------------------------


def plot_languages(gpt2: BPETokenizer, bert: WordPieceTokenizer) -> None:
    counts = {}
    for name, text in data.languages().items():
        tokens = bert.tokenize(text)
        counts[name] = len(gpt2.encode(text)), len(tokens), sum(token.text == "[UNK]" for token in tokens)
    order = sorted(counts, key=lambda name: counts[name][0])
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 6.8), sharey=True, layout="constrained")
    places = range(len(order))
    for axes, column, colour, title in (
        (left, 0, BLUE, "GPT-2's 50,257 tokens"),
        (right, 1, GREEN, "BERT's 30,522 tokens (uncased)"),
    ):
        values = [counts[name][column] for name in order]
        axes.barh(places, values, color=colour, height=0.72, alpha=0.85)
        for place, value in zip(places, values):
            ratio = f"{value:,}   {value / counts['English'][column]:.1f}×"
            axes.text(value + 0.01 * max(values), place, ratio, va="center", fontsize=8, color="#333333")
        axes.set_xlim(0, 1.22 * max(values))
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("tokens for the same ten articles, and how many times English")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
    unknown = [counts[name][2] for name in order]
    right.barh(places, unknown, color=GREY, height=0.72, label="words lost as [UNK]")
    right.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.18), fontsize=9)
    left.set_yticks(places, order, fontsize=9)
    left.set_ylim(len(order) - 0.4, -0.6)
    save(figure, "languages.png")
    dearest = order[-1]
    print(f"GPT-2: {dearest} takes {counts[dearest][0] / counts['English'][0]:.0f} times as many tokens as English")


def main() -> None:
    start = time.perf_counter()
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that knows only ASCII
    IMAGES.mkdir(exist_ok=True)
    gpt2 = BPETokenizer.from_files(*data.gpt2_bpe_files())
    bert = WordPieceTokenizer(load_vocab(data.bert_vocab_file()))

    heading(f"A BPE of {max(SIZES):,} tokens, and all smaller ones")
    training, held_out = split_books(data.novels())
    begun = time.perf_counter()
    counts = bpe_train.count_words(training)
    print(f"{len(training):,} characters, {counts.total():,} words, {len(counts):,} different ones")
    own = train_sizes(training)
    print(f"trained in {time.perf_counter() - begun:.0f} s", flush=True)

    heading("One text, all tokenizers")
    cuts = cut_everywhere(TEXT, own, gpt2, bert)
    print(TEXT)
    print_tokens(cuts)
    draw_tokens(cuts)

    heading("What a vocabulary buys, and what it costs")
    rows = measure(own, training, held_out)
    print_rows(rows)
    plot_tradeoff(rows)

    heading("The same articles in other languages")
    plot_languages(gpt2, bert)
    print(f"\n{(time.perf_counter() - start) / 60:.1f} minutes in all")


if __name__ == "__main__":
    main()
