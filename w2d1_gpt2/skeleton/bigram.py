"""The baseline to beat: it guesses the next character from this one alone.

First it counts pairs, then it learns the same table with gradients. `python bigram.py` does both on Shakespeare.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

# ---- Text to numbers -------------------------------------------------------------------------------------------------


class CharTokenizer:
    """Turns text into numbers and back, with one number for each character.

    `characters` holds every different character of the text it was made from, in the order in which Python sorts them;
    an id is a place in it. A character is whatever Python counts as one. The text isn't changed first.

    >>> tokenizer = CharTokenizer("banana")
    >>> tokenizer.encode("nab"), tokenizer.decode([1, 0, 2])
    ([2, 0, 1], 'ban')
    """

    def __init__(self, text: str):
        # TODO: keep the different characters, sorted, and a way to find a character's id quickly.
        raise NotImplementedError("CharTokenizer.__init__")

    @property
    def vocab_size(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Raises ValueError, with the character in its message, for one that is not in the vocabulary."""
        raise NotImplementedError("CharTokenizer.encode")

    def decode(self, ids: list[int]) -> str:
        """`ids` is a list; a tensor becomes one by `.tolist()`."""
        raise NotImplementedError("CharTokenizer.decode")


# ---- Batches ---------------------------------------------------------------------------------------------------------


def get_batch(
    data: Int[Tensor, "tokens"], batch_size: int, length: int, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "batch_size length"], Int[Tensor, "batch_size length"]]:
    """`batch_size` windows of `data`, cut out at random places, as (inputs, targets).

    targets[b, t] is the token that follows inputs[b, t] in `data`, which may be any view of other data. Each window is
    equally likely to start anywhere, even at the first and the last possible place. `generator` is a CPU generator;
    None means torch's global one.

    >>> inputs, targets = get_batch(torch.tensor([7, 8, 9, 10]), batch_size=1, length=3)
    >>> inputs.tolist(), targets.tolist()
    ([[7, 8, 9]], [[8, 9, 10]])
    """
    # TODO: draw the starts. How many are there, if the last target must still lie in the data?
    # TODO: cut out windows of length + 1 tokens; inputs and targets overlap in all but one of them.
    raise NotImplementedError("get_batch")


# ---- Counting --------------------------------------------------------------------------------------------------------


def count_bigrams(ids: Int[Tensor, "tokens"], vocab_size: int) -> Int[Tensor, "vocab vocab"]:
    """Counts how often each token is followed by each other one (or itself).
    The row is this token, the column the next. `ids` and the table are int64.

    >>> count_bigrams(torch.tensor([1, 0, 2, 0, 2, 0]), 3).tolist()  # "banana"
    [[0, 0, 2], [1, 0, 0], [2, 0, 0]]
    """
    # TODO: give every pair (this, next) one number of its own, and count the numbers.
    raise NotImplementedError("count_bigrams")


def log_probabilities(counts: Int[Tensor, "vocab vocab"], smoothing: float = 1.0) -> Float[Tensor, "vocab vocab"]:
    """Row i holds the natural logarithms of the probabilities of each token after token i, as float32.

    `smoothing` is added to every count first, so that no pair is impossible. With 0, a pair that was never seen gets
    -inf, and a row without any count is NaN, because nothing is known about it.

    >>> log_probabilities(torch.tensor([[0, 0, 2], [1, 0, 0], [2, 0, 0]]))[0].exp()
    tensor([0.2000, 0.2000, 0.6000])
    """
    raise NotImplementedError("log_probabilities")


def bigram_loss(log_p: Float[Tensor, "vocab vocab"], ids: Int[Tensor, "tokens"]) -> Float[Tensor, ""]:
    """The mean of -log p(next | this) over all neighbours in `ids`, in nats per character.
    `log_p` is a table as `log_probabilities` makes it.

    >>> bigram_loss(log_probabilities(torch.tensor([[0, 0, 2], [1, 0, 0], [2, 0, 0]])), torch.tensor([0, 2, 0]))
    tensor(0.5108)
    """
    raise NotImplementedError("bigram_loss")


# ---- Learning --------------------------------------------------------------------------------------------------------


class BigramModel(nn.Module):
    """The same table, to be learned: its only parameter has shape (vocab, vocab) and starts as zeros.

    The scores (logits) of what comes after token i are the table's row i, in the table's dtype. A score may be -inf,
    for a pair that is impossible. Rows of other tokens stay as they are.
    """

    def __init__(self, vocab_size: int):
        super().__init__()
        raise NotImplementedError("BigramModel.__init__")

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        raise NotImplementedError("BigramModel.forward")


def learn(model: nn.Module, data: Int[Tensor, "tokens"], steps: int = 2000, lr: float = 200.0) -> None:
    """Given: plain gradient descent on random batches. The rate falls to 0. Section 6 builds a better loop.

    The rate looks huge because a row's gradient is small: it only sees the share of the batch that is its character.
    """
    for step in range(steps):
        inputs, targets = get_batch(data, batch_size=32, length=64)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= lr * (1 - step / steps) * parameter.grad


@torch.no_grad()
def babble(model: nn.Module, first: int, length: int) -> list[int]:
    """Given: `first`, then `length` more ids, each drawn from what the model expects after the one before."""
    ids = [first]
    for _ in range(length):
        chances = model(torch.tensor([ids[-1:]]))[0, -1].softmax(dim=-1)
        ids.append(torch.multinomial(chances, 1).item())
    return ids


def main() -> None:
    from shared.data import tiny_shakespeare

    torch.manual_seed(0)
    text = tiny_shakespeare()
    tokenizer = CharTokenizer(text)
    ids = torch.tensor(tokenizer.encode(text))
    training, held_out = ids.split([len(ids) * 9 // 10, len(ids) - len(ids) * 9 // 10])
    print("held-out Shakespeare, nats per character")
    print(f"  guessing   {math.log(tokenizer.vocab_size):.3f}   (ln {tokenizer.vocab_size})")

    counted = log_probabilities(count_bigrams(training, tokenizer.vocab_size))
    print(f"  counted    {bigram_loss(counted, held_out):.3f}")

    model = BigramModel(tokenizer.vocab_size)
    learn(model, training)
    with torch.no_grad():
        learned = model(torch.arange(tokenizer.vocab_size)[None])[0].log_softmax(dim=-1)
    print(f"  learned    {bigram_loss(learned, held_out):.3f}")
    print("\nand this is what it babbles:\n" + tokenizer.decode(babble(model, tokenizer.encode("\n")[0], 200)))


if __name__ == "__main__":
    main()
