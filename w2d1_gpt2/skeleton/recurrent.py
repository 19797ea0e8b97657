"""What came before: RNN, GRU and LSTM, which read a text one token at a time and keep a state of fixed size.

`python recurrent.py` trains the three on Shakespeare next to a GPT with as many parameters.
"""

import math
import time

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

Hidden = Float[Tensor, "batch width"]

# ---- Cells -----------------------------------------------------------------------------------------------------------


class Cell(nn.Module):
    """Given: what the three cells share. Parameters have the names and shapes of torch's own cells.

    `weight_ih` (gates · width, input), `weight_hh` (gates · width, width), `bias_ih` and `bias_hh` (gates · width): one
    block of `width` rows for each gate, one below the other. A cell is called as `cell(x, state)`. What goes into a
    tanh or a sigmoid may be in the hundreds, of either sign.
    """

    gates = 1

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        rows, bound = self.gates * hidden_size, 1 / math.sqrt(hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size).uniform_(-bound, bound))
        self.bias_ih = nn.Parameter(torch.empty(rows).uniform_(-bound, bound))
        self.bias_hh = nn.Parameter(torch.empty(rows).uniform_(-bound, bound))

    def start(self, batch: int):
        """The state before the first token: zeros."""
        return self.weight_hh.new_zeros(batch, self.hidden_size)

    def hidden(self, state) -> Hidden:
        """The part of a state that the rest of the model sees."""
        return state


class RNNCell(Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh). Elman 1990; equal to `torch.nn.RNNCell`."""

    def forward(self, x: Float[Tensor, "batch input"], state: Hidden) -> Hidden:
        # TODO: take what comes in and what was there before, each through its own weights, then one tanh.
        raise NotImplementedError("RNNCell.forward")


class GRUCell(Cell):
    """A state that is partly kept and partly renewed. Cho et al. 2014; equal to `torch.nn.GRUCell`.

    The blocks of weights belong to the gates r (reset), z (update) and n (new content), in this order. With
    x_r = W_ir x + b_ir, h_r = W_hr h + b_hr, and so on for z and n:

        r = sigmoid(x_r + h_r)      z = sigmoid(x_z + h_z)      n = tanh(x_n + r · h_n)      h' = z · h + (1 - z) · n
    """

    gates = 3

    def forward(self, x: Float[Tensor, "batch input"], state: Hidden) -> Hidden:
        # TODO: compute both products for all gates at once, then cut them into the gates.
        # TODO: compute the gates, the new content, and the mixture of old and new.
        raise NotImplementedError("GRUCell.forward")


class LSTMCell(Cell):
    """The state has two parts: `hidden`, which others see, and `cell`, which is only ever scaled and added to.

    Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; equal to `torch.nn.LSTMCell`. The blocks of
    weights belong to the gates i (input), f (forget), g (new content) and o (output), in this order. Each is
    W_ih x + b_ih + W_hh h + b_hh, through a tanh for g and a sigmoid for the others; then

        c' = f · c + i · g      h' = o · tanh(c')
    """

    gates = 4

    def start(self, batch: int):
        return super().start(batch), super().start(batch)

    def hidden(self, state):
        return state[0]

    def forward(self, x: Float[Tensor, "batch input"], state: tuple[Hidden, Hidden]) -> tuple[Hidden, Hidden]:
        """`state` and the result are (hidden, cell)."""
        # TODO: compute the sums for all four gates at once, cut them apart, and put each through its own function.
        # TODO: compute the next cell, and what it shows of itself.
        raise NotImplementedError("LSTMCell.forward")


CELLS = {"rnn": RNNCell, "gru": GRUCell, "lstm": LSTMCell}


# ---- A language model ------------------------------------------------------------------------------------------------


class RecurrentLM(nn.Module):
    """Takes token ids, and returns one score for every possible next token, at every position.
    It trains with `train.train`.

    `wte` embeds a token, `cell` ("rnn", "gru" or "lstm") reads the embeddings in order, and `head` turns its hidden
    state after each of them into scores.
    """

    def __init__(self, vocab_size: int, width: int, cell: str):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.cell = CELLS[cell](width, width)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """The scores at position t depend on tokens 0 to t only, not on later tokens or on other calls.

        The cell takes one step for each token, and gradients reach back to the first.
        """
        # TODO: start from self.cell.start(batch) and read one token after the other.
        # Keep self.cell.hidden(state) of each step.
        # TODO: line the steps up along time, and score them all at once.
        raise NotImplementedError("RecurrentLM.forward")


def width_for(cell: str, vocab_size: int, parameters: int) -> int:
    """Given: the width for which RecurrentLM has the number of parameters nearest to `parameters`.

    >>> width_for("lstm", vocab_size=65, parameters=100_000)
    104
    """
    gates = CELLS[cell].gates

    def count(width: int) -> int:
        return 2 * vocab_size * width + gates * (2 * width * width + 2 * width)

    return min(range(1, math.isqrt(parameters) + 2), key=lambda width: abs(count(width) - parameters))


# ---- How far back does learning reach? -------------------------------------------------------------------------------


def run_with_embeddings(
    model: nn.Module, ids: Int[Tensor, "batch time"]
) -> tuple[Float[Tensor, "batch time channel"], Float[Tensor, "batch time vocab"]]:
    """Given: returns (embeddings, logits) of a model that has an embedding `wte`, this section's or GPT2, so that you
    can take the gradient of the second with respect to the first."""
    seen = []
    handle = model.wte.register_forward_hook(lambda module, inputs, output: seen.append(output))
    try:
        logits = model(ids)
    finally:
        handle.remove()
    return seen[0], logits


def gradient_through_time(
    model: nn.Module, ids: Int[Tensor, "batch time"], target: Int[Tensor, "batch"]
) -> Float[Tensor, "time"]:
    """How strongly the loss at the last position depends on the token at each position. Bengio et al. 1994.

    Each text has a loss of its own, -log p(its `target`) at its last position, and the gradient of that with respect to
    the embedding at position t has a length. Entry t is the mean of these lengths over the texts. The model stays in
    the mode it was in, and the gradients of its parameters (`.grad`) stay as they were.
    """
    # TODO: compute the loss of each text, and add them up, because a mean would shrink every text's gradient.
    # TODO: take its gradient with respect to the embeddings, the length at each position, and the mean over the texts.
    raise NotImplementedError("gradient_through_time")


def gradient_curves(
    models: dict[str, nn.Module], ids: Int[Tensor, "batch time"], target: Int[Tensor, "batch"]
) -> dict[str, list[float]]:
    """Given: for each model, the gradient 0, 1, 2, … tokens back, as a share of that at the last token."""
    curves = {}
    for name, model in models.items():
        lengths = gradient_through_time(model, ids, target)
        curves[name] = (lengths / lengths[-1]).flip(0).tolist()
    return curves


def main() -> None:
    from bigram import CharTokenizer, get_batch
    from model import GPT2, GPT2Config
    from train import TrainConfig, evaluate, train

    from shared.data import tiny_shakespeare

    torch.manual_seed(0)
    text = tiny_shakespeare()
    tokenizer = CharTokenizer(text)
    ids = torch.tensor(tokenizer.encode(text))
    training, held_out = ids.split([len(ids) * 9 // 10, len(ids) - len(ids) * 9 // 10])
    length, vocab = 64, tokenizer.vocab_size
    validation = [get_batch(held_out, 64, length) for _ in range(4)]
    config = TrainConfig(steps=400, warmup=40, peak_lr=4e-3, floor_lr=4e-4)

    gpt = GPT2(GPT2Config(vocab, length, n_embd=64, n_layer=2, n_head=4, dropout=0.0))
    parameters = sum(p.numel() for p in gpt.parameters())
    models = {cell: RecurrentLM(vocab, width_for(cell, vocab, parameters), cell) for cell in CELLS} | {"gpt": gpt}
    print(f"{config.steps} steps of 16 texts of {length} characters; about {parameters:,} parameters each")
    for name, model in models.items():
        began = time.perf_counter()
        train(model, lambda: get_batch(training, 16, length), config, progress=False)
        seconds = time.perf_counter() - began
        print(f"  {name:5} {evaluate(model, validation):.3f} nats a character   {seconds:4.0f} s")

    inputs, targets = validation[0]
    print("\nthe gradient, as a share of that at the last character")
    print("  back  " + "".join(f"{back:>9}" for back in (1, 2, 4, 8, 16, 32, 63)))
    for name, curve in gradient_curves(models, inputs, targets[:, -1]).items():
        print(f"  {name:5} " + "".join(f"{curve[back]:9.5f}" for back in (1, 2, 4, 8, 16, 32, 63)))


if __name__ == "__main__":
    main()
