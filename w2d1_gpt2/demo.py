"""Shows the finished day at work on real text, and writes the README's pictures into images/.

    make demo DAY=w2d1                     about 3 minutes on two CPU cores
    make demo DAY=w2d1 DEVICE=cuda         a model ten times larger, trained longer
    make demo DAY=w2d1 IMPL=solution       uses the reference code, even when your own has passed

Four models learn Shakespeare, character by character: a counted bigram, an RNN, an LSTM and a GPT. The last three have
the same number of parameters and see the same batches. Then the demo shows where the GPT's heads look, how far back
each model's gradient reaches, what the GPT writes, and what the course's `stories` model does with a first sentence.
"""

import math
import os
import textwrap
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from attention import MultiHeadAttention, causal_mask
from bigram import CharTokenizer, bigram_loss, count_bigrams, get_batch, log_probabilities
from cache import generate
from model import GPT2, GPT2Config
from recurrent import RecurrentLM, gradient_curves, width_for
from train import TrainConfig, evaluate, train, windows
from weights import load_pretrained

from shared import data

DEVICE = torch.device(os.environ.get("DEVICE", "cpu"))
IMAGES = DAY / "images"
COLOURS = {"bigram": "#888888", "rnn": "#d95f02", "lstm": "#7570b3", "gpt": "#1b9e77"}
NAMES = {"bigram": "bigram, counted", "rnn": "RNN", "lstm": "LSTM", "gpt": "GPT"}
if DEVICE.type == "cpu":
    LENGTH, BATCH, CONFIG = 64, 16, TrainConfig(steps=900, eval_every=75)
    SIZES = dict(n_embd=128, n_layer=4, n_head=4, dropout=0.0)
else:
    LENGTH, BATCH, CONFIG = 256, 64, TrainConfig(steps=2500, warmup=100, peak_lr=1e-3, floor_lr=1e-4, eval_every=125)
    SIZES = dict(n_embd=384, n_layer=6, n_head=6, dropout=0.2)


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def train_all(vocab: int, training: torch.Tensor, held_out: torch.Tensor):
    """Returns (models, curves): each curve holds the steps and the validation losses on the way."""
    validation = windows(held_out, LENGTH)[::4]
    torch.manual_seed(0)
    models = {"gpt": GPT2(GPT2Config(vocab, n_positions=LENGTH, **SIZES))}
    parameters = sum(p.numel() for p in models["gpt"].parameters())
    for cell in ("rnn", "lstm"):
        models[cell] = RecurrentLM(vocab, width_for(cell, vocab, parameters), cell)
    curves = {}
    for name, model in models.items():
        model.to(DEVICE)
        count = sum(p.numel() for p in model.parameters())
        print(f"{NAMES[name]}, {count:,} parameters, {CONFIG.steps} steps of {BATCH} x {LENGTH} characters")
        curve = curves[name] = []
        # Each model gets the same generator, so they all see the same batches in the same order.
        order = torch.Generator().manual_seed(1)
        start = time.perf_counter()

        def note(step: int, loss: float, curve=curve, start=start) -> None:
            curve.append((step, time.perf_counter() - start, loss))

        batches = lambda order=order: get_batch(training, BATCH, LENGTH, order)  # noqa: E731
        train(model, batches, CONFIG, validation, note)
        print(f"  {curve[-1][1]:.0f} s, validation {curve[-1][2]:.3f}")
    return models, curves


def plot_curves(curves: dict, baseline: float, vocab: int) -> None:
    """The same runs twice: by the number of steps, and by the time that they took."""
    figure, (by_step, by_time) = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
    for axes in (by_step, by_time):
        axes.axhline(baseline, color=COLOURS["bigram"], ls="--", label=f"{NAMES['bigram']}: {baseline:.2f}")
    for name, curve in curves.items():
        steps, seconds, losses = zip(*curve)
        by_step.plot(steps, losses, color=COLOURS[name], label=f"{NAMES[name]}: {losses[-1]:.2f}")
        by_time.plot(seconds, losses, color=COLOURS[name], label=f"{NAMES[name]}: {seconds[-1]:.0f} s")
    by_step.set(xlabel="step", ylabel="held-out loss, nats per character", title="Shakespeare, same size, same batches")
    by_time.set(xlabel="seconds", title="The same runs, by the time that they took")
    by_step.set_ylim(1.3, min(3.4, math.log(vocab)))
    for axes in (by_step, by_time):
        axes.legend(frameon=False)
    save(figure, "loss_curves.png")


def save(figure, name: str) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / name, dpi=130)
    plt.close(figure)
    print(f"wrote images/{name}")


@torch.no_grad()
def attention_weights(model: GPT2, ids: torch.Tensor) -> list[torch.Tensor]:
    """The weights (head, query, key) of each layer, worked out from what its attention is given."""
    seen = []

    def look(module: MultiHeadAttention, inputs: tuple, output: torch.Tensor) -> None:
        x = inputs[0]
        batch, length, n_embd = x.shape
        heads = model.config.n_head
        query, key, _ = module.c_attn(x).view(batch, length, 3, heads, n_embd // heads).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) / math.sqrt(n_embd // heads)
        seen.append(scores.masked_fill(causal_mask(length, device=x.device), -math.inf).softmax(-1)[0])

    handles = [block.attn.register_forward_hook(look) for block in model.h]
    model.eval()
    model(ids)
    for handle in handles:
        handle.remove()
    return seen


def plot_attention(model: GPT2, tokenizer: CharTokenizer) -> None:
    text = "KING RICHARD:\nMy lord, my"
    layers = attention_weights(model, torch.tensor([tokenizer.encode(text)], device=DEVICE))
    # Sorted by the mean distance that they look back, so that the four chosen look in very different ways.
    position = torch.arange(len(text), device=DEVICE, dtype=torch.float32)
    back = (position[:, None] - position[None, :]).clamp(min=0)
    heads = [(float((w * back).sum(-1).mean()), i, h) for i, layer in enumerate(layers) for h, w in enumerate(layer)]
    heads = sorted(heads)
    chosen = [heads[round(k * (len(heads) - 1) / 3)] for k in range(4)]
    figure, grid = plt.subplots(2, 2, figsize=(9, 9))
    signs = [character.replace("\n", "⏎").replace(" ", "·") for character in text]
    for axes, (distance, layer, head) in zip(grid.flat, chosen):
        axes.imshow(layers[layer][head].cpu(), cmap="Greens", vmin=0, vmax=1)
        axes.set_title(f"layer {layer}, head {head}: looks {distance:.1f} back", fontsize=10)
        axes.set_xticks(range(len(text)), signs, fontsize=7)
        axes.set_yticks(range(len(text)), signs, fontsize=7)
        axes.set(xlabel="key: looked at", ylabel="query: looks")
    save(figure, "attention.png")


def plot_gradients(models: dict, held_out: torch.Tensor) -> None:
    inputs, targets = get_batch(held_out, 32, LENGTH, torch.Generator().manual_seed(2))
    for model in models.values():
        model.eval()
    curves = gradient_curves({name: models[name] for name in ("rnn", "lstm", "gpt")}, inputs, targets[:, -1])
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, curve in curves.items():
        axes.semilogy(range(len(curve)), curve, color=COLOURS[name], label=NAMES[name])
    axes.set(xlabel="characters back", ylabel="gradient, as a share of the last character's")
    axes.set_title("How far back does the loss at the last character reach?")
    axes.legend(frameon=False)
    save(figure, "gradient_through_time.png")
    print("  16 back: " + ", ".join(f"{NAMES[name]} {curve[16]:.4f}" for name, curve in curves.items()))


def bits(log_p: torch.Tensor, ids: torch.Tensor) -> list[float]:
    """How much each token but the first surprised: -log2 of the probability that it was given."""
    return (-log_p.gather(-1, ids[1:, None])[:, 0] / math.log(2)).tolist()


def draw_text(axes, title: str, pieces: list[str], cost: list[float], width: int, height: int) -> None:
    """Text, `width` characters a line, on a ground that is the darker, the more the model was surprised."""
    row = column = 0
    for piece, surprise in zip(pieces, cost):
        if "\n" in piece or column + len(piece) > width:
            row, column = row + 1, 0
        for character in piece.replace("\n", ""):
            colour = plt.cm.YlOrRd(min(surprise / 8, 1.0) * 0.75)
            axes.add_patch(plt.Rectangle((column, row), 1, 1, color=colour, linewidth=0))
            axes.text(column + 0.5, row + 0.55, character, family="monospace", fontsize=9.5, ha="center", va="center")
            column += 1
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_title(f"{title}: {sum(cost) / len(''.join(pieces)):.1f} bits a character", loc="left", fontsize=10)
    axes.axis("off")


@torch.no_grad()
def plot_surprise(log_p: torch.Tensor, gpt: GPT2, tokenizer: CharTokenizer, held_out: torch.Tensor) -> None:
    """The title picture: what surprises a bigram, the GPT that was trained here, and the `stories` model."""
    text = tokenizer.decode(held_out.tolist())
    at = text.index("\n\n", 3 * LENGTH) + 2  # where a speech begins
    scene = held_out[at - 1 : text.index("\n", at + 240)]
    # Each character is guessed from as many before it as the model can read.
    before = torch.stack([held_out[i - LENGTH : i] for i in range(at, at + len(scene) - 1)])
    characters = [tokenizer.decode([i]) for i in scene[1:].tolist()]

    stories, words = load_pretrained(data.stories_model()).to(DEVICE), data.stories_tokenizer()
    start = words(data.END_OF_TEXT + "Once upon a time, there was a little robot", return_tensors="pt").input_ids
    told = generate(stories, start.to(DEVICE), 76, 0.7, top_k=40, generator=torch.Generator().manual_seed(0))[0]

    figure, axes = plt.subplot_mosaic(
        [["bigram", "gpt"], ["stories", "stories"]], figsize=(9.6, 4.4), height_ratios=(12, 5)
    )
    draw_text(axes["bigram"], "A counted bigram", characters, bits(log_p[scene[:-1]], scene), 46, 12)
    guesses = gpt.eval()(before)[:, -1].log_softmax(-1)
    draw_text(axes["gpt"], "Your GPT", characters, bits(guesses, scene), 46, 12)
    pieces, guesses = [words.decode([i]) for i in told[1:].tolist()], stories(told[None])[0, :-1].log_softmax(-1)
    draw_text(axes["stories"], "Your code with weights from disk tells a story", pieces, bits(guesses, told), 94, 5)
    save(figure, "surprise.png")


def main() -> None:
    start = time.perf_counter()
    IMAGES.mkdir(exist_ok=True)
    if DEVICE.type == "cpu":
        torch.set_num_threads(max(1, min(8, os.cpu_count() or 1)))
    text = data.tiny_shakespeare()
    tokenizer = CharTokenizer(text)
    ids = torch.tensor(tokenizer.encode(text), device=DEVICE)
    training, held_out = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
    vocab = tokenizer.vocab_size

    heading("Learning Shakespeare")
    counted = log_probabilities(count_bigrams(training, vocab))
    baseline = bigram_loss(counted, held_out)
    print(f"bigram, counted: {float(baseline):.3f} nats per character")
    models, curves = train_all(vocab, training, held_out)
    plot_curves(curves, float(baseline), vocab)

    heading("All of the held-out text")
    everything = windows(held_out, LENGTH)
    for name, model in models.items():
        print(f"  {NAMES[name]:5} {evaluate(model, everything):.3f}")

    heading("Where heads look, how far gradients reach")
    plot_attention(models["gpt"], tokenizer)
    plot_gradients(models, held_out)

    heading("What surprises them")
    plot_surprise(counted, models["gpt"], tokenizer, held_out)

    heading("The GPT writes")
    prompt = torch.tensor([tokenizer.encode("\n")] * 5, device=DEVICE)
    written = generate(models["gpt"], prompt, LENGTH - 1, temperature=0.7, generator=torch.Generator().manual_seed(3))
    sample = "\n…".join(tokenizer.decode(text) for text in written.tolist())
    print(textwrap.indent(sample, "  "))

    heading("The course's `stories` model")
    stories, words = load_pretrained(data.stories_model()).to(DEVICE), data.stories_tokenizer()
    prompt = words("<|endoftext|>Once upon a time, there was a little robot", return_tensors="pt").input_ids.to(DEVICE)
    new = stories.config.n_positions - prompt.shape[1]
    end = words.convert_tokens_to_ids("<|endoftext|>")
    told = generate(stories, prompt, new, 0.7, top_k=40, generator=torch.Generator().manual_seed(0), stop=end)
    story = words.decode(told[0], skip_special_tokens=True).strip()
    print(textwrap.indent(textwrap.fill(story, 100), "  "))
    (IMAGES / "sample.txt").write_text(f"{sample.strip()}\n\n----\n\n{textwrap.fill(story, 100)}\n", encoding="utf-8")
    print(f"\n{(time.perf_counter() - start) / 60:.1f} minutes in all, on {DEVICE}")


if __name__ == "__main__":
    main()
