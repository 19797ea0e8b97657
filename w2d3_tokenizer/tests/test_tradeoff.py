"""Section 7: what a vocabulary buys and costs, by hand, by slow loops, by torch and by tiktoken."""

import copy
import functools
import math
import random
import time
from fractions import Fraction

import pytest
import tradeoff
from torch import nn

from shared.checks import close, equal, exercise, fail

NAN = math.nan

# ---- text_ratios -----------------------------------------------------------------------------------------------------


def ratios_slowly(text, n):
    """Oracle: words, bytes and characters counted one character at a time."""
    words = size = 0
    before = " "
    for character in text:
        words += before.isspace() and not character.isspace()
        size += 1 + sum(ord(character) >= bound for bound in (0x80, 0x800, 0x10000))
        before = character
    return n / words, size / n, n / len(text)


@exercise("text_ratios")
@pytest.mark.parametrize(
    "text, ids, expected",
    [
        ("to be", [1, 2], (1.0, 2.5, 0.4)),
        ("or not to be", [7, 8, 9, 7, 8, 9, 7, 8], (2.0, 1.5, 8 / 12)),
        ("a", [3, 3, 3], (3.0, 1 / 3, 3.0)),
    ],
    ids=["to be", "tokens that come again", "more tokens than characters"],
)
def test_ratios_by_hand(text, ids, expected):
    close(tuple(tradeoff.text_ratios(text, ids)), expected)


@exercise("text_ratios")
def test_bytes_are_those_of_utf8():
    # 1 + 2 + 3 + 4 bytes: a, é, €, and a rocket.
    close(tuple(tradeoff.text_ratios("aé€🚀", [5, 6, 7])), (3.0, 10 / 3, 3 / 4))


@exercise("text_ratios")
@pytest.mark.parametrize("text", ["  two\n\n\twords ", "two  words", "\u3000two\u00a0words\u2028"])
def test_words_are_what_any_white_space_separates(text):
    close(tradeoff.text_ratios(text, [1, 2, 3]).tokens_per_word, 1.5)


@exercise("text_ratios")
@pytest.mark.parametrize(
    "text, ids, expected",
    [
        ("", [], (NAN, NAN, NAN)),
        (" \n ", [1, 2], (NAN, 1.5, 2 / 3)),
        ("ab", [], (0.0, NAN, 0.0)),
        ("", [1], (NAN, 0, NAN)),
    ],
    ids=["nothing", "no word", "no token", "a token of no text"],
)
def test_a_ratio_that_would_divide_by_zero_is_nan(text, ids, expected):
    close(tuple(tradeoff.text_ratios(text, ids)), expected)


@exercise("text_ratios")
@pytest.mark.parametrize("name", ["English", "Hindi", "Japanese", "Cherokee", "Vietnamese"])
def test_ratios_of_real_texts(name):
    from shared.data import languages

    text = languages()[name]
    close(tuple(tradeoff.text_ratios(text, range(777))), ratios_slowly(text, 777))


# ---- entropy ---------------------------------------------------------------------------------------------------------


def entropy_slowly(symbols, context):
    """Oracle: what follows each context in a list of its own, in which every symbol's share is counted anew."""
    followers = {}
    for i in range(context, len(symbols)):
        followers.setdefault(tuple(symbols[i - context : i]), []).append(symbols[i])
    total = 0.0
    for follower in followers.values():
        total -= sum(math.log2(follower.count(symbol) / len(follower)) for symbol in follower)
    return total / max(1, len(symbols) - context)


@exercise("entropy")
@pytest.mark.parametrize(
    "symbols, bits",
    [
        (b"aaaa", 0.0),
        (b"abab", 1.0),
        (b"aaab", 2 - 0.75 * math.log2(3)),
        (bytes(range(256)), 8.0),
        ([50256, 0, 0, 17, 17, 17, 17, 17], 1 / 8 * 3 + 2 / 8 * 2 + 5 / 8 * math.log2(8 / 5)),
    ],
    ids=["always the same", "two alike", "three to one", "every byte once", "ids of tokens"],
)
def test_entropy_by_hand(symbols, bits):
    close(tradeoff.entropy(copy.copy(symbols)), bits)  # lest an answer that empties it has it empty the next time


@exercise("entropy")
def test_a_context_that_tells_all_leaves_nothing():
    close(tradeoff.entropy(b"abababab", context=1), 0.0)
    close(tradeoff.entropy(b"abababab", context=0), 1.0)


@exercise("entropy")
@pytest.mark.parametrize(
    "symbols, context, bits",
    [
        ([1, 0, 1, 2], 1, 2 / 3),  # after 1 come 0 and 2: one bit each; after 0 always 1
        ([1, 0, 1, 2, 1], 1, 2 / 4),  # the last 1 is followed by nothing
        ([5, 5, 6, 5, 5, 7], 1, 4 * 1.5 / 5),  # after 5 come 5, 6, 5, 7; after 6 comes 5
        ([5, 5, 6, 5, 5, 7], 2, 2 / 4),  # after 5 5 come 6 and 7; after 5 6 and after 6 5 comes 5
    ],
)
def test_entropy_given_a_context_by_hand(symbols, context, bits):
    close(tradeoff.entropy(list(symbols), context), bits)


@exercise("entropy")
def test_contexts_of_large_symbols_are_kept_apart():
    # Two contexts that read alike in base 256, and two whose digits do; each is followed by just one symbol.
    close(tradeoff.entropy([1, 0, 5, 0, 256, 7], context=2), 0.0)
    close(tradeoff.entropy([1, 11, 5, 11, 1, 7], context=2), 0.0)


@exercise("entropy")
def test_contexts_are_kept_apart_in_every_base():
    # 1, 0 and 0, base are the same number in this base; each is followed by just one symbol.
    for base in [1000, 50257, 10**5, 10**6, *(2**power for power in range(8, 63))]:
        close(tradeoff.entropy([1, 0, 5, 0, base, 6], context=2), 0.0, name=f"the entropy with {base}")


@exercise("entropy")
@pytest.mark.parametrize("bits, context", [(8, 8), (16, 4), (32, 2), (21, 6)])
def test_long_contexts_are_told_apart_by_their_first_symbol(bits, context):
    # As numbers of 64 bits both windows would be the same: of so many symbols, only the last ones fit.
    middle = list(range(10, 9 + context))
    close(tradeoff.entropy([2**bits - 1, 4, *middle, 5, 6, *middle, 5], context), 0.0)


@exercise("entropy")
@pytest.mark.parametrize("context", [1, 2])
def test_negative_symbols_are_symbols(context):
    close(tradeoff.entropy([-1, -2, -3, -2, -1, -2], context), entropy_slowly([-1, -2, -3, -2, -1, -2], context))


@exercise("entropy")
@pytest.mark.parametrize("large", [2**24, 2**53], ids=["2**24", "2**53"])
def test_symbols_may_be_large_or_negative(large):
    close(tradeoff.entropy([large, large + 1, -1, -large]), 2.0)
    # Every symbol comes once, and so the one before it tells it.
    close(tradeoff.entropy([large, 5, large + 1, 6, -large, 7, -large - 1, 8], context=1), 0.0)


@exercise("entropy")
@pytest.mark.parametrize("symbols", [b"", [], (), b"a", [3]], ids=["b''", "[]", "()", "b'a'", "[3]"])
@pytest.mark.parametrize("context", [0, 1, 4])
def test_where_nothing_is_left_the_entropy_is_zero(symbols, context):
    close(tradeoff.entropy(copy.copy(symbols), context), 0.0)


@exercise("entropy")
@pytest.mark.parametrize("context", [9, 10, 1000])
def test_a_context_may_be_long(context):
    # Only what stands `context` places before tells what comes next.
    symbols = (0, *[2] * (context - 1), 0, 1, *[2] * (context - 1), 1)
    close(tradeoff.entropy(symbols, context), 0.0)
    close(tradeoff.entropy(symbols * 2, context), entropy_slowly(symbols * 2, context))


@exercise("entropy")
def test_a_context_longer_than_the_text_leaves_nothing():
    close(tradeoff.entropy(b"abc", context=3), 0.0)
    close(tradeoff.entropy([1, 2, 1, 3], context=9), 0.0)


@exercise("entropy")
def test_contexts_are_told_apart_by_their_symbols_not_their_digits():
    # 1 11 and 11 1, then something else each: nothing is left open.
    close(tradeoff.entropy([1, 11, 5, 11, 1, 6, 1, 11, 5, 11, 1, 6], context=2), 0.0)


@exercise("entropy")
@pytest.mark.parametrize("kind, context", [(bytes, 0), (list, 1), (tuple, 2), (bytes, 3)])
def test_entropy_of_shakespeare(kind, context):
    from shared.data import tiny_shakespeare

    data = kind(tiny_shakespeare().encode()[:1501])
    expected, kept = entropy_slowly(data, context), tuple(data)
    close(tradeoff.entropy(data, context), expected)
    equal(tuple(data), kept, name="the symbols afterwards")


# ---- BigramModel -----------------------------------------------------------------------------------------------------

BANANA = (1, 0, 2, 0, 2, 0)


def chance_slowly(ids, vocab_size, token, after=None):
    """Oracle: the formula with exact fractions, everything counted anew each time."""
    alone = Fraction(list(ids).count(token) + 1, len(ids) + vocab_size)
    following = [ids[i + 1] for i in range(len(ids) - 1) if ids[i] == after]
    if after is None or not following:
        return float(alone)
    kinds = len(set(following))
    return float((following.count(token) + kinds * alone) / (len(following) + kinds))


@exercise("BigramModel")
@pytest.mark.parametrize("token, chance", [(0, 4 / 10), (1, 2 / 10), (2, 3 / 10), (3, 1 / 10)])
def test_the_chance_of_a_token_alone_by_hand(token, chance):
    close(tradeoff.BigramModel(BANANA, 4).probability(token), chance)


@exercise("BigramModel")
@pytest.mark.parametrize(
    "token, after, chance",
    [
        (2, 0, (2 + 1 * 0.3) / (2 + 1)),  # a is followed twice, always by n: one kind; the third a by nothing
        (0, 0, (0 + 1 * 0.4) / (2 + 1)),
        (0, 1, (1 + 1 * 0.4) / (1 + 1)),
        (3, 2, (0 + 1 * 0.1) / (2 + 1)),
    ],
    ids=["n after a", "a after a", "a after b", "never seen after n"],
)
def test_the_chance_after_a_token_by_hand(token, after, chance):
    close(tradeoff.BigramModel(BANANA, 4).probability(token, after), chance)
    close(tradeoff.BigramModel(BANANA, 4).probability(token, after=after), chance, name="after= by its name")


@exercise("BigramModel")
def test_several_kinds_weigh_more():
    # 7 is followed by 7, 7, 1 and 2: four times, three kinds.
    model = tradeoff.BigramModel([7, 7, 7, 1, 7, 2], 8)
    close(model.probability(7, 7), (2 + 3 * 5 / 14) / 7)
    close(model.probability(1, 7), (1 + 3 * 2 / 14) / 7)


@exercise("BigramModel")
@pytest.mark.parametrize("after", [3, 5])
def test_a_token_that_was_never_followed_says_nothing(after):
    model = tradeoff.BigramModel([1, 0, 1, 3], 6)  # 3 is the last one, 5 never comes
    for token in range(6):
        close(model.probability(token, after), chance_slowly([1, 0, 1, 3], 6, token))


@exercise("BigramModel")
@pytest.mark.parametrize("ids", [[], [2], [2, 2], [4, 0, 4, 4, 1, 0, 0, 3, 4, 0]], ids=["none", "one", "two", "ten"])
@pytest.mark.parametrize("after", [None, *range(6)])
def test_the_chances_add_up_to_one_and_are_the_formulas(ids, after):
    model = tradeoff.BigramModel(list(ids), 6)
    chances = [model.probability(token, after) for token in range(6)]
    close(sum(chances), 1.0, name="the sum of all chances")
    close(chances, [chance_slowly(ids, 6, token, after) for token in range(6)])


@exercise("BigramModel")
def test_chances_in_a_longer_text():
    ids = [round(abs(random.Random(i).gauss(0, 9))) for i in range(400)]
    model = tradeoff.BigramModel(tuple(ids), 41)
    for after in (None, 0, 1, ids[-1], 30, 40):
        chances = [chance_slowly(ids, 41, token, after) for token in range(41)]
        close([model.probability(token, after) for token in range(41)], chances, name=f"after {after}")


@exercise("BigramModel")
def test_asking_changes_nothing():
    model, other = tradeoff.BigramModel(BANANA, 4), tradeoff.BigramModel([3, 3], 4)
    for _ in range(2):
        close([model.probability(3, 3), model.probability(3), model.probability(2, 0)], [0.1, 0.1, 2.3 / 3])
    close(other.probability(3, 3), (1 + 3 / 6) / 2, name="another model's chance")


@exercise("BigramModel")
def test_keeps_its_counts_when_the_list_changes():
    ids = list(BANANA)
    model = tradeoff.BigramModel(ids, 4)
    equal(ids, list(BANANA), name="the list")
    ids += [3, 3, 3]
    close(model.probability(3), 0.1)
    close(model.probability(3, 0), 0.1 / 3)


@exercise("BigramModel")
def test_a_large_vocabulary_needs_no_table_of_all_pairs():
    model = tradeoff.BigramModel([999_999, 5, 999_999, 5], 1_000_000)  # a table would take terabytes
    close(model.probability(5, 999_999), (2 + 3 / 1_000_004) / 3)


@exercise("BigramModel")
def test_memory_grows_with_the_pairs_that_occur():
    model = tradeoff.BigramModel(range(5000), 1_000_000)  # a row of the vocabulary for each token would take 40 GB
    close(model.probability(7, 6), (1 + 2 / 1_005_000) / 2)


@exercise("BigramModel")
def test_pairs_are_kept_apart_in_every_base():
    # 1, 0 and 0, base are the same number in this base; only the first of these pairs occurs.
    for base in [1000, 50257, 10**5, 10**6, *(2**power for power in range(8, 31))]:
        found = tradeoff.BigramModel([1, 0, 2, 0], 2 * base).probability(base, 0)
        close(found, 1 / (2 * base + 4) / 2, name=f"the chance of {base} after 0")


@exercise("BigramModel")
@pytest.mark.parametrize("large", [2**16, 2**24, 2**30], ids=["2**16", "2**24", "2**30"])
def test_large_ids_are_told_apart(large):
    ids, size = (large, large + 1, large, 5, 0, large, 1, 0), 2 * large
    model = tradeoff.BigramModel(ids, size)
    for token, after in ((5, large), (5, large + 1), (large + 1, large), (large, 0), (0, 1), (large, None)):
        close(model.probability(token, after), chance_slowly(ids, size, token, after), name=f"{token} after {after}")


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@exercise("BigramModel")
def test_asking_costs_the_same_after_a_long_text():
    # The fastest of five tries takes at most ten times as long.
    short, long = tradeoff.BigramModel([3, 0, 5] * 20, 9), tradeoff.BigramModel([3, 0, 5] * 20_000, 9)
    limit = 10 * min(seconds(lambda: [short.probability(5, 0) for _ in range(100)]) for _ in range(5))
    if all(seconds(lambda: [long.probability(5, 0) for _ in range(100)]) > limit for _ in range(5)):
        fail("`probability` takes over ten times as long after 60,000 ids as after 60: it counts again each time")


# ---- bits_per_byte ---------------------------------------------------------------------------------------------------


class Table:
    """A model whose chances are known: 1 / 2 ** bits. What nobody should ask for costs 77 bits."""

    def __init__(self, bits):
        self.bits = bits

    def probability(self, token, after=None):
        return 2.0 ** -self.bits.get((after, token), 77)


@exercise("bits_per_byte")
def test_bits_by_hand():
    model = Table({(None, 3): 5, (3, 4): 1, (4, 3): 2, (4, 4): 7, (3, 3): 7, (None, 4): 7})
    close(tradeoff.bits_per_byte(model, [3], "word"), 5 / 4)
    close(tradeoff.bits_per_byte(model, [3, 4, 3], "wordswords"), 8 / 10)


@exercise("bits_per_byte")
def test_each_token_is_told_the_one_before_it():
    model = Table({(None, 1): 1, (1, 2): 10, (2, 1): 100, (1, 1): 1000, (2, 2): 0, (None, 2): 0})
    close(tradeoff.bits_per_byte(model, [1, 1, 2, 1], "a"), 1111.0)


@exercise("bits_per_byte")
def test_the_first_token_has_none_before_it():
    model = Table({(None, 0): 4, (0, 0): 1, (0, 1): 3, (1, 0): 9, (1, 1): 2})
    close(tradeoff.bits_per_byte(model, [0, 0, 1], "ab"), (4 + 1 + 3) / 2)


@exercise("bits_per_byte")
@pytest.mark.parametrize("text, size", [("héé", 5), ("日本", 6), ("🚀", 4)])
def test_divides_by_the_bytes_of_the_text(text, size):
    model = Table({(None, 8): 3, (8, 9): 8})
    close(tradeoff.bits_per_byte(model, [8, 9], text), 11 / size)


@exercise("bits_per_byte")
def test_chances_that_are_no_powers_of_two():
    class Thirds:
        def probability(self, token, after=None):
            return 1 / 3 if after is None else 2 / 3

    close(tradeoff.bits_per_byte(Thirds(), [0, 1, 0], "abcd"), (3 * math.log2(3) - 2) / 4)


@exercise("bits_per_byte")
def test_a_long_text_costs_thousands_of_bits():
    model = Table({(None, 0): 9, (0, 1): 12, (1, 0): 14})
    close(tradeoff.bits_per_byte(model, (0, 1) * 500, "abc" * 1000), (9 + 500 * 12 + 499 * 14) / 3000)


@exercise("bits_per_byte")
def test_leaves_the_ids_as_they_are():
    model, ids = Table({(None, 0): 4, (0, 0): 1, (0, 1): 3}), [0, 0, 1]
    close(tradeoff.bits_per_byte(model, ids, "ab"), (4 + 1 + 3) / 2)
    equal(ids, [0, 0, 1], name="the ids afterwards")


# ---- model_cost ------------------------------------------------------------------------------------------------------


def built(vocab_size, width, layers, positions, tied):
    """Oracle: (embedding, body, operations for a token), from modules of torch with the same parameters."""
    block = nn.TransformerEncoderLayer(width, 1, 4 * width)
    others = [nn.Embedding(positions, width), nn.LayerNorm(width)]
    tables = [nn.Embedding(vocab_size, width)] + [nn.Linear(width, vocab_size, bias=False)] * (not tied)
    matrices = [p.numel() for p in block.parameters() if p.ndim == 2]
    return (
        sum(p.numel() for module in tables for p in module.parameters()),
        sum(p.numel() for module in [*others, *[block] * layers] for p in module.parameters()),
        2 * (layers * sum(matrices) + vocab_size * width),
    )


@exercise("model_cost")
def test_gpt2_small_has_124_million_parameters():
    cost = tradeoff.model_cost(50257, 4.0)
    equal(cost.embedding + cost.body, 124_439_808)
    close(cost.share, 38_597_376 / 124_439_808)


@exercise("model_cost")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("vocab_size, width, layers, positions", [(1000, 48, 3, 7), (256, 80, 1, 33), (5, 16, 0, 2)])
def test_counts_what_torch_counts(vocab_size, width, layers, positions, tied):
    embedding, body, flops = built(vocab_size, width, layers, positions, tied)
    cost = tradeoff.model_cost(vocab_size, 2.5, width, layers, positions, tied)
    equal(cost.embedding, embedding, name="embedding")
    equal(cost.body, body, name="body")
    close(cost.share, embedding / (embedding + body), name="share")
    close(cost.flops_per_byte, flops / 2.5, name="flops_per_byte")


@exercise("model_cost")
def test_is_tied_unless_told_otherwise():
    equal(tradeoff.model_cost(100, 1.0, 8).embedding, 800)
    equal(tradeoff.model_cost(100, 1.0, width=8, tied=False).embedding, 1600)


@exercise("model_cost")
@pytest.mark.parametrize("tied", [True, False])
def test_longer_tokens_make_a_byte_cheaper(tied):
    # One layer of width 10: 1200 weights; 30 tokens: 300 more. Twice their sum, for 1, 3 and 4.5 bytes.
    costs = [tradeoff.model_cost(30, size, 10, 1, 64, tied).flops_per_byte for size in (1, 3, 4.5)]
    close(costs, [3000.0, 1000.0, 2000 / 3])


# ---- glitch_candidates -----------------------------------------------------------------------------------------------


class Toy:
    """Its tokens are strings; it takes the longest one that fits, of those that it may use."""

    def __init__(self, tokens, usable=None, seen_as=lambda text: text):
        self.tokens, self.seen_as = tokens, seen_as
        self.usable = sorted(tokens if usable is None else usable, key=len, reverse=True)

    def encode(self, text):
        ids, text = [], self.seen_as(text)
        while text:
            fits = next(token for token in self.usable if text.startswith(token))
            ids.append(self.tokens.index(fits))
            text = text[len(fits) :]
        return ids

    def decode(self, ids):
        return "".join(self.tokens[i] for i in ids)


def found(toy, corpus):
    return tuple(tradeoff.glitch_candidates(len(toy.tokens), toy.encode, toy.decode, corpus))


@exercise("glitch_candidates")
def test_unused_are_the_tokens_that_no_text_needs():
    toy = Toy(["a", "b", "ab", "c", "abc"])
    equal(found(toy, ["ab", "ba"]), ([3, 4], [], []))
    equal(found(toy, ["abcabc"]), ([0, 1, 2, 3], [], []))


@exercise("glitch_candidates")
@pytest.mark.parametrize("corpus", [[], [""], ["", ""]])
def test_an_empty_corpus_uses_nothing(corpus):
    equal(found(Toy(["a", "b"]), corpus), ([0, 1], [], []))


@exercise("glitch_candidates")
def test_the_corpus_may_be_a_generator():
    equal(found(Toy(["a", "b", "c"]), (text for text in ("ab", "aa"))), ([2], [], []))


@exercise("glitch_candidates")
def test_texts_of_the_corpus_stay_apart():
    equal(found(Toy(["a", "b", "ab"]), ["a", "b"]), ([2], [], []))


@exercise("glitch_candidates")
def test_a_token_that_comes_back_twice_is_unreachable():
    equal(found(Toy(["a", "€"], seen_as=lambda text: text.replace("€", "€€")), ["a"]), ([1], [], [1]))


@exercise("glitch_candidates")
def test_a_token_that_comes_back_beside_another_is_unreachable():
    equal(found(Toy(["a", "€"], seen_as=lambda text: text.replace("€", "€a")), ["a"]), ([1], [], [1]))


@exercise("glitch_candidates")
def test_a_token_that_is_always_cut_is_unreachable():
    equal(found(Toy(["ab", "a", "b", "bab"], usable=["a", "b", "bab"]), ["a"]), ([0, 2, 3], [], [0]))


@exercise("glitch_candidates")
def test_a_token_that_turns_into_one_other_is_unreachable():
    toy = Toy(["A", "a", "b", "B"], seen_as=str.lower)
    equal(found(toy, ["Ab"]), ([0, 3], [], [0, 3]))


@exercise("glitch_candidates")
def test_a_token_that_the_corpus_uses_was_reached():
    # As in WordPiece: "##s" alone is cut into three, and yet a word may end in it.
    toy = Toy(["cat", "##s", "#", "s", "##z"], usable=["cat", "#", "s"])
    longer = lambda text: [0, 1] if text == "cats" else toy.encode(text.replace("z", "s"))  # noqa: E731
    got = tradeoff.glitch_candidates(5, longer, toy.decode, ["cats"])
    equal(tuple(got), ([2, 3, 4], [], [4]))


@exercise("glitch_candidates")
def test_what_the_corpus_needs_beyond_the_vocabulary_does_not_matter():
    got = tradeoff.glitch_candidates(2, lambda text: [7, 1, 50256] if text == "abc" else [0], lambda ids: "a", ["abc"])
    equal(tuple(got), ([0], [], []))


@exercise("glitch_candidates")
def test_pieces_of_characters_are_told_apart():
    characters = ["\ufffd", "a", "a\ufffd", "é"]  # what decode shows for half of an é is a U+FFFD
    got = tradeoff.glitch_candidates(
        4, lambda text: [1] if text == "a" else [9, 9], lambda ids: "".join(characters[i] for i in ids), []
    )
    equal(tuple(got), ([0, 1, 2, 3], [0, 2], [3]))


@exercise("glitch_candidates")
def test_u_fffd_itself_is_a_character_like_others():
    equal(found(Toy(["a", "\ufffd"]), ["a"]), ([1], [], []))


@pytest.fixture
@functools.cache  # no answer is ever given it
def gpt2():
    import tiktoken

    from shared.data import gpt2_bpe_files
    from shared.data.reference import bpe_ranks

    return tiktoken.Encoding(
        "gpt2",
        pat_str=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        mergeable_ranks=bpe_ranks(*gpt2_bpe_files()),
        special_tokens={"<|endoftext|>": 50256},
    )


@exercise("glitch_candidates")
def test_a_token_without_text_cannot_be_reached():
    candidates = tradeoff.glitch_candidates(1, lambda text: [], lambda ids: "", [])
    equal([list(part) for part in candidates], [[0], [], [0]], name="unused, fragments, unreachable")


@exercise("glitch_candidates")
def test_gpt2s_own_vocabulary(gpt2):
    def whole(token):
        raw = gpt2.decode_single_token_bytes(token)
        return raw.decode("utf-8", errors="ignore").encode() == raw

    def encode(text):
        return gpt2.encode(text, disallowed_special=())

    got = tradeoff.glitch_candidates(50257, encode, gpt2.decode, ["SolidGoldMagikarp,", " naïve 日本語"])
    used = {*encode("SolidGoldMagikarp,"), *encode(" naïve 日本語")}
    equal(got.unused, [token for token in range(50257) if token not in used], name="unused")
    equal(got.fragments, [token for token in range(50257) if token not in used and not whole(token)], name="fragments")
    equal(got.unreachable, [50256], name="unreachable")
