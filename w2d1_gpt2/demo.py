"""The finished day at work on real text; writes the README's pictures into images/.

    make demo DAY=w2d1                     about 5 minutes on two CPU cores
    make demo DAY=w2d1 DEVICE=cuda         a model ten times larger, trained longer
    make demo DAY=w2d1 IMPL=solution       with the reference code, once yours is done

Four models learn Shakespeare, character by character: a counted bigram, an RNN, an LSTM and a GPT, the last three with
the same number of parameters and the same batches. Then it shows where the GPT's heads look, how far back each model's
gradient reaches, what the GPT writes, and what the course's `stories` model does with a first sentence.
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
    """(models, curves): for each model the steps and validation losses on the way."""
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
        # The same generator for each model: they all see the same batches in the same order.
        order = torch.Generator().manual_seed(1)
        start = time.perf_counter()
        train(
            model,
            lambda order=order: get_batch(training, BATCH, LENGTH, order),
            CONFIG,
            validation,
            lambda step, loss, curve=curve: curve.append((step, loss)),
        )
        print(f"  {time.perf_counter() - start:.0f} s, validation {curve[-1][1]:.3f}")
    return models, curves


def plot_curves(curves: dict, baseline: float, vocab: int) -> None:
    figure, axes = plt.subplots(figsize=(7, 4))
    axes.axhline(baseline, color=COLOURS["bigram"], ls="--", label=f"{NAMES['bigram']}: {baseline:.2f}")
    for name, curve in curves.items():
        steps, losses = zip(*curve)
        axes.plot(steps, losses, color=COLOURS[name], label=f"{NAMES[name]}: {losses[-1]:.2f}")
    axes.set(xlabel="step", ylabel="held-out loss, nats per character", title="Shakespeare, same size, same batches")
    axes.set_ylim(1.3, min(3.4, math.log(vocab)))
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
    """For each layer (head, query, key), worked out from what each attention is given."""
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
    # The heads that look in the most different ways: by the mean distance that they look back.
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
    baseline = bigram_loss(log_probabilities(count_bigrams(training, vocab)), held_out)
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
