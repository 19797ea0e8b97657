"""Training: a learning rate that rises and falls, gradients kept short, an honest score, and the loop around them.

`python train.py` trains a character GPT on Shakespeare and compares it with the bigram; `--overfit` first lets it learn
a single batch by heart.
"""

import argparse
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from bigram import CharTokenizer, bigram_loss, count_bigrams, get_batch, log_probabilities
from jaxtyping import Int
from model import GPT2, GPT2Config, cross_entropy, weight_decay_groups
from torch import Tensor, nn
from tqdm import tqdm

Batch = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]  # inputs, and the targets one token further


@dataclass(frozen=True)
class TrainConfig:
    """The defaults train a character GPT on Shakespeare in minutes on two CPU cores."""

    steps: int = 2000
    warmup: int = 100  # steps
    peak_lr: float = 4e-3
    floor_lr: float = 2e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1
    max_norm: float = 1.0  # gradients longer than this are shortened
    eval_every: int = 250  # steps


# ---- The parts -------------------------------------------------------------------------------------------------------


def learning_rate(step: int, config: TrainConfig) -> float:
    """The learning rate of step 0, 1, 2, …: a straight line up, half a cosine down, then `floor_lr` for ever.

    Step 0 has peak_lr / warmup, step warmup - 1 has peak_lr. The cosine starts from peak_lr at step `warmup`, and
    reaches floor_lr at step `steps`. With warmup 0 there is no line, and step 0 has peak_lr.

    >>> config = TrainConfig(steps=10, warmup=4, peak_lr=1.0, floor_lr=0.0)
    >>> [round(learning_rate(step, config), 2) for step in (0, 1, 3, 4, 7, 10, 99)]
    [0.25, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0]
    """
    # TODO: the line up, and what comes after the end.
    # TODO: how much of the way from `warmup` to `steps` is done, and how high the cosine stands there.
    raise NotImplementedError("learning_rate")


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> float:
    """Shortens the gradients, in place, so that all of them as ONE long vector are at most `max_norm` long.

    Shorter ones are left as they are. Parameters without a gradient don't count. Returns the length before, a Python
    float: 0.0 if there are no gradients at all. Gradients are float32 or float64, and short enough that their squares
    don't overflow. Pascanu et al. 2013, section 3.2.

    >>> a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    >>> a.grad, b.grad = torch.tensor([3.0]), torch.tensor([4.0])
    >>> clip_gradients([a, b], max_norm=1.0), a.grad, b.grad
    (5.0, tensor([0.6000]), tensor([0.8000]))
    """
    # TODO: one length for all gradients together.
    # TODO: shorten them all by the same factor, if they are too long.
    raise NotImplementedError("clip_gradients")


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> float:
    """The mean loss over all targets of `batches`, in nats, without dropout.

    Leaves the model in the mode it was in, with its gradients, and `batches` as they were; draws no random numbers.
    """
    # TODO: batches may differ in size: a mean of means is not the mean.
    raise NotImplementedError("evaluate")


# ---- The loop --------------------------------------------------------------------------------------------------------


def train(
    model: nn.Module,
    next_batch: Callable[[], Batch],
    config: TrainConfig,
    validation: list[Batch] | None = None,
    on_eval: Callable[[int, float], None] | None = None,
    progress: bool = True,
) -> list[float]:
    """Trains `model` in place for `config.steps` steps with AdamW; returns the training loss of every step, in nats.

    The model is put into train mode first; its parameters keep their dtype, and frozen ones stay frozen. Each step: the
    schedule's learning rate, a batch from `next_batch()`, loss, fresh gradients, clipping, update. Weight decay follows
    `weight_decay_groups`. Every `eval_every` steps and after the last one, the loss on `validation` (if there is any)
    is handed to `on_eval(steps_done, loss)`, once. Losses are Python floats. A progress bar, with whatever you like
    behind it, shows unless `progress` is False: then nothing is printed. Random numbers are left to `next_batch` and to
    the model's dropout.
    """
    # TODO: AdamW over the two groups, with the config's betas.
    # TODO: go through the steps. tqdm(range(…), disable=not progress) is a range with a progress bar.
    # TODO: set this step's learning rate in every group.
    # TODO: a batch, its loss, fresh gradients, clipping, update.
    # TODO: every eval_every steps, and at the end, evaluate.
    # TODO: bar.set_postfix(…) writes what you like behind the bar.
    raise NotImplementedError("train")


# ---- A character GPT (given) -----------------------------------------------------------------------------------------


def windows(ids: Int[Tensor, "tokens"], length: int, batch_size: int = 64) -> list[Batch]:
    """All of a text, cut into windows that lie side by side: each token is a target once."""
    end = (len(ids) - 1) // length * length
    inputs, targets = ids[:end].view(-1, length), ids[1 : end + 1].view(-1, length)
    return list(zip(inputs.split(batch_size), targets.split(batch_size)))


def sample_text(model: GPT2, tokenizer: CharTokenizer, device: torch.device, seed: int = 0) -> str:
    """Three texts, as long as the model has positions. A generator of its own leaves the training's numbers alone."""
    from cache import generate

    start = torch.tensor([tokenizer.encode("\n")] * 3, device=device)
    generator = torch.Generator().manual_seed(seed)
    ids = generate(model, start, model.config.n_positions - 1, temperature=0.8, generator=generator)
    return "\n…\n".join(tokenizer.decode(text[1:]) for text in ids.tolist())


def main() -> None:
    from shared.data import tiny_shakespeare

    parser = argparse.ArgumentParser(description="Train a character GPT on Shakespeare.")
    parser.add_argument("--overfit", action="store_true", help="learn one batch by heart instead")
    parser.add_argument("--steps", type=int, help=f"{TrainConfig.steps}, or 100 with --overfit")
    parser.add_argument("--batch", type=int, default=16, help="windows a step")
    parser.add_argument("--length", type=int, default=64, help="characters a window")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128, help="channels, a multiple of 32")
    parser.add_argument("--dropout", type=float, default=0.0, help="helps long runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", type=torch.device, default="cpu")
    a = parser.parse_args()

    torch.manual_seed(a.seed)
    text = tiny_shakespeare()
    tokenizer = CharTokenizer(text)
    ids = torch.tensor(tokenizer.encode(text), device=a.device)
    training, held_out = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
    everything = windows(held_out, a.length)
    sizes = {"n_positions": a.length, "n_embd": a.width, "n_layer": a.layers, "n_head": a.width // 32}
    model = GPT2(GPT2Config(tokenizer.vocab_size, dropout=a.dropout, **sizes)).to(a.device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters on {a.device}")

    if a.overfit:
        batch = get_batch(training, a.batch, a.length)
        losses = train(model, lambda: batch, TrainConfig(steps=a.steps or 100, warmup=10))
        print(f"one batch, again and again: loss {losses[0]:.3f} at first, {evaluate(model, [batch]):.3f} at the end")
        print(f"text it has never seen:     loss {evaluate(model, everything):.3f}")
        return

    def report(steps_done: int, loss: float) -> None:
        tqdm.write(f"\nstep {steps_done}: validation {loss:.3f}\n{sample_text(model, tokenizer, a.device, steps_done)}")

    config = TrainConfig(steps=a.steps or TrainConfig.steps)
    # A quarter of the held-out text will do on the way.
    train(model, lambda: get_batch(training, a.batch, a.length), config, everything[::4], report)

    counted = log_probabilities(count_bigrams(training, tokenizer.vocab_size))
    print("\nheld-out Shakespeare, nats per character")
    print(f"  guessing   {math.log(tokenizer.vocab_size):.3f}")
    print(f"  bigram     {bigram_loss(counted, held_out):.3f}")
    print(f"  GPT        {evaluate(model, everything):.3f}")


if __name__ == "__main__":
    main()
