"""Section 1: characters, batches, and the bigram baseline, counted and learned."""

import math
import random
from itertools import pairwise

import bigram
import pytest
import torch
from torch.nn import functional as F

from shared.checks import (
    close,
    equal,
    exercise,
    raises,
    randomize,
    same_distribution,
    same_for_any_layout,
    same_module,
)

TEXT = "To be,\nor not to be: Ünïcode?"


def count_slowly(ids, vocab_size):
    """Oracle: a table of counts, one pair at a time."""
    counts = [[0] * vocab_size for _ in range(vocab_size)]
    for this, following in pairwise(ids):
        counts[this][following] += 1
    return counts


# ---- CharTokenizer ---------------------------------------------------------------------------------------------------


@exercise("CharTokenizer")
def test_vocabulary_is_the_different_characters_sorted():
    tokenizer = bigram.CharTokenizer(TEXT)
    equal("".join(tokenizer.characters), "\n ,:?TbcdenortÜï")
    equal(tokenizer.vocab_size, 16)


@exercise("CharTokenizer")
def test_vocabulary_does_not_depend_on_the_order_of_the_text():
    shuffled = list(TEXT * 2)
    random.Random(0).shuffle(shuffled)
    equal(bigram.CharTokenizer("".join(shuffled)).encode(TEXT), bigram.CharTokenizer(TEXT).encode(TEXT))


@exercise("CharTokenizer")
def test_an_id_is_a_place_in_the_sorted_vocabulary():
    tokenizer = bigram.CharTokenizer("hello, World")  # sorted: " ,Wdehlor"
    equal(tokenizer.encode("World, hello"), [2, 7, 8, 6, 3, 1, 0, 5, 4, 6, 6, 7])


@exercise("CharTokenizer")
def test_decodes_a_list_of_ids_to_a_string():
    equal(bigram.CharTokenizer("hello, World").decode([2, 7, 6, 6, 0, 0, 8]), "Woll  r")


@exercise("CharTokenizer")
def test_any_character_has_an_id_of_its_own():
    # In the order of code points; é comes twice, as one character and as e with an accent that is a character itself.
    text = "😀ée\u0301汉ﬁÿĀſ"
    tokenizer = bigram.CharTokenizer(text)
    equal("".join(tokenizer.characters), "eéÿĀſ\u0301汉ﬁ😀")
    equal(tokenizer.encode(text), [8, 1, 0, 5, 6, 7, 2, 3, 4])
    equal(tokenizer.decode([8, 1, 0, 5, 6, 7, 2, 3, 4]), text)


@exercise("CharTokenizer")
@pytest.mark.parametrize("text", [TEXT, TEXT[::-1], "o", ""], ids=["the text", "backwards", "one character", "empty"])
def test_decode_undoes_encode(text):
    tokenizer = bigram.CharTokenizer(TEXT)
    ids = tokenizer.encode(text)
    equal(len(ids), len(text))
    equal(tokenizer.decode(ids), text)


@exercise("CharTokenizer")
@pytest.mark.parametrize("stranger", ["q", "B", "€"])
def test_names_a_character_that_is_not_in_the_vocabulary(stranger):
    raises(ValueError, bigram.CharTokenizer(TEXT).encode, f"to {stranger} be", names=stranger)


@exercise("CharTokenizer")
def test_white_space_counts_at_the_ends_too():
    tokenizer = bigram.CharTokenizer("\nto be ")
    equal("".join(tokenizer.characters), "\n beot")
    equal(tokenizer.encode(" be\n"), [1, 2, 3, 0])


@exercise("CharTokenizer")
@pytest.mark.parametrize("stranger", [" ", "\n"], ids=["a space", "a line break"])
def test_white_space_can_be_unknown_as_well(stranger):
    raises(ValueError, bigram.CharTokenizer("tobe").encode, f"to{stranger}be")


@exercise("CharTokenizer")
def test_every_tokenizer_has_a_vocabulary_of_its_own():
    first, second = bigram.CharTokenizer("cab"), bigram.CharTokenizer("a black crab")  # sorted: " abcklr"
    equal(first.encode("abc"), [0, 1, 2])
    equal(second.encode("abc"), [1, 2, 3])
    equal([first.decode([2, 0]), second.decode([3, 1])], ["ca", "ca"])


@exercise("CharTokenizer")
def test_decode_leaves_the_list_as_it_is():
    ids = [1, 0, 2]
    bigram.CharTokenizer("cab").decode(ids)
    equal(ids, [1, 0, 2], name="the ids after decode")


# ---- get_batch -------------------------------------------------------------------------------------------------------


@exercise("get_batch")
@pytest.mark.parametrize("batch_size", [1, 3])
def test_data_of_just_one_window_gives_that_window(batch_size, device):
    data = torch.tensor([4, 0, 7, 7, 2], device=device)
    inputs, targets = bigram.get_batch(data, batch_size, 4)
    close(inputs, torch.tensor([[4, 0, 7, 7]] * batch_size, device=device), name="inputs")
    close(targets, torch.tensor([[0, 7, 7, 2]] * batch_size, device=device), name="targets")


@exercise("get_batch")
def test_data_may_lie_in_memory_in_any_way(draw):
    def expected(data, batch_size, length):
        return data[:-1].expand(batch_size, length), data[1:].expand(batch_size, length)

    same_for_any_layout(bigram.get_batch, expected, draw.ints(0, 100, 5), 3, 4)


@exercise("get_batch")
@pytest.mark.parametrize("batch_size, length", [(3, 5), (1, 4), (4, 1)])
def test_every_window_lies_in_the_data_and_every_position_has_its_target(batch_size, length, device):
    data = (torch.arange(13) ** 2).to(device)  # no value twice, no constant step
    inputs, targets = bigram.get_batch(data, batch_size, length)
    starts = [data.tolist().index(first) for first in inputs[:, 0].tolist()]
    close(inputs, torch.stack([data[s : s + length] for s in starts]), name="inputs")
    close(targets, torch.stack([data[s + 1 : s + 1 + length] for s in starts]), name="targets")
    equal(len(starts), batch_size)


@exercise("get_batch")
def test_every_start_comes_equally_often(device):
    # 9 tokens hold 6 windows of 3 inputs and 3 targets: starts 0 to 5. n = 6000, chi-square, false alarms <= 1e-6.
    inputs, _ = bigram.get_batch(torch.arange(9, device=device), 6000, 3)
    same_distribution(inputs[:, 0], [1 / 6] * 6, name="starts")


@exercise("get_batch")
def test_rows_of_a_batch_start_independently(device):
    # 5 tokens hold 3 windows of 2 + 1: 9 pairs of starts. 8000 rows, n = 4000 pairs, chi-square, false alarms <= 1e-6.
    inputs, _ = bigram.get_batch(torch.arange(5, device=device), 8000, 2)
    even, odd = inputs[0::2, 0], inputs[1::2, 0]
    same_distribution(even * 3 + odd, [1 / 9] * 9, name="starts of neighbouring rows")


@exercise("get_batch")
def test_the_same_generator_gives_the_same_batch(device):
    data = torch.arange(1000, device=device)
    torch.manual_seed(1)
    first, _ = bigram.get_batch(data, 5, 3, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(2)
    again, _ = bigram.get_batch(data, 5, 3, generator=torch.Generator().manual_seed(7))
    other, _ = bigram.get_batch(data, 5, 3, generator=torch.Generator().manual_seed(8))
    close(again, first, name="the batch from a generator with the same seed")
    equal(torch.equal(other, first), False, name="does a generator with another seed give the same batch")


@exercise("get_batch")
def test_a_generator_goes_on_from_batch_to_batch(device):
    # Five starts out of 997 come a second time with a chance of 1e-15.
    data, generator = torch.arange(1000, device=device), torch.Generator().manual_seed(7)
    first, _ = bigram.get_batch(data, 5, 3, generator=generator)
    second, _ = bigram.get_batch(data, 5, 3, generator=generator)
    equal(torch.equal(first, second), False, name="is the second batch the first again")


@exercise("get_batch")
def test_without_a_generator_torchs_seed_decides(device):
    data = torch.arange(1000, device=device)
    batches = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        batches.append(bigram.get_batch(data, 5, 3)[0])
    close(batches[1], batches[0], name="the batch after the same torch.manual_seed")
    equal(torch.equal(batches[2], batches[0]), False, name="does another torch.manual_seed give the same batch")


# ---- count_bigrams ---------------------------------------------------------------------------------------------------


@exercise("count_bigrams")
@pytest.mark.parametrize("length", [2, 3, 200])
def test_counts_every_pair_as_often_as_it_comes(length, draw):
    ids = draw.ints(0, 5, length)
    expected = torch.tensor(count_slowly(ids.tolist(), 7), device=ids.device)  # 5 and 6 never come
    close(bigram.count_bigrams(ids, 7), expected)


@exercise("count_bigrams")
@pytest.mark.parametrize("vocab_size", [1, 65, 300])
def test_counts_pairs_of_a_vocabulary_of_any_size(vocab_size, draw):
    ids = draw.ints(0, vocab_size, 400)
    expected = torch.tensor(count_slowly(ids.tolist(), vocab_size), device=ids.device)
    close(bigram.count_bigrams(ids, vocab_size), expected)


@exercise("count_bigrams")
def test_counts_a_pair_of_equal_tokens_that_overlaps_itself(device):
    expected = torch.tensor([[0, 0, 0], [0, 4, 1], [0, 0, 0]], device=device)
    close(bigram.count_bigrams(torch.tensor([1, 1, 1, 1, 1, 2], device=device), 3), expected)


@exercise("count_bigrams")
def test_counts_a_pair_that_comes_tens_of_thousands_of_times(device):
    # Past 32,767, where a counter of 16 bits turns negative.
    ids = torch.zeros(33_000, dtype=torch.int64, device=device)
    close(bigram.count_bigrams(ids, 2), torch.tensor([[32_999, 0], [0, 0]], device=device))


@exercise("count_bigrams")
@pytest.mark.parametrize("length", [0, 1])
def test_too_little_text_holds_no_pair(length, device):
    ids = torch.full((length,), 2, device=device)
    close(bigram.count_bigrams(ids, 3), torch.zeros(3, 3, dtype=torch.int64, device=device))


@exercise("count_bigrams")
def test_counts_in_any_layout(draw):
    def expected(ids, vocab_size):
        return torch.tensor(count_slowly(ids.tolist(), vocab_size), device=ids.device)

    same_for_any_layout(bigram.count_bigrams, expected, draw.ints(0, 4, 50), 4)


# ---- log_probabilities -----------------------------------------------------------------------------------------------


@exercise("log_probabilities")
@pytest.mark.parametrize("smoothing", [1.0, 0.25, 3])
def test_is_the_log_of_each_rows_shares(smoothing, draw):
    counts = draw.ints(0, 40, 5, 5)
    counts[3] = 0  # a token that was never seen: all that is left is the smoothing
    rows = [[math.log((c + smoothing) / (sum(row) + 5 * smoothing)) for c in row] for row in counts.tolist()]
    close(bigram.log_probabilities(counts, smoothing), torch.tensor(rows, device=counts.device))


@exercise("log_probabilities")
def test_adds_one_unless_told_otherwise(device):
    counts = torch.tensor([[3, 0], [1, 9]], device=device)
    expected = torch.tensor([[4 / 5, 1 / 5], [2 / 12, 10 / 12]], device=device).log()
    close(bigram.log_probabilities(counts), expected)


@exercise("log_probabilities")
def test_without_smoothing_a_pair_never_seen_is_impossible(device):
    counts = torch.tensor([[3, 0, 1], [5, 5, 0], [0, 0, 2]], device=device)
    expected = torch.tensor([[0.75, 0, 0.25], [0.5, 0.5, 0], [0, 0, 1]], device=device).log()
    close(bigram.log_probabilities(counts, 0), expected)


@exercise("log_probabilities")
def test_of_a_token_never_seen_nothing_is_known_without_smoothing(device):
    counts = torch.tensor([[3, 0, 1], [0, 0, 0], [0, 0, 2]], device=device)
    expected = torch.tensor([[0.75, 0, 0.25], [math.nan] * 3, [0, 0, 1]], device=device).log()
    close(bigram.log_probabilities(counts, 0), expected)


@exercise("log_probabilities")
@pytest.mark.parametrize("smoothing", [0, 0.5])
def test_counts_may_be_in_the_billions(smoothing, device):
    # A row's sum is beyond 2**32; a count that float32 can't hold is rounded, and no more.
    counts = torch.tensor([[3_000_000_000, 1_000_000_001], [2**31, 2**33]], device=device)
    rows = [[math.log((c + smoothing) / (sum(row) + 2 * smoothing)) for c in row] for row in counts.tolist()]
    close(bigram.log_probabilities(counts, smoothing), torch.tensor(rows, device=device))


@exercise("log_probabilities")
def test_of_counts_in_any_layout(draw):
    def expected(counts):
        return ((counts + 1) / (counts.sum(dim=1) + 5)[:, None]).log().float()

    same_for_any_layout(bigram.log_probabilities, expected, draw.ints(0, 40, 5, 5))


# ---- bigram_loss -----------------------------------------------------------------------------------------------------


@exercise("bigram_loss")
@pytest.mark.parametrize("length", [2, 3, 31])
def test_is_the_mean_over_neighbours(length, draw):
    log_p = draw(6, 6).log_softmax(dim=1)
    ids = draw.ints(0, 6, length)
    steps = [-log_p[a, b].item() for a, b in zip(ids.tolist(), ids.tolist()[1:])]
    close(bigram.bigram_loss(log_p, ids), torch.tensor(sum(steps) / len(steps), device=ids.device))


@exercise("bigram_loss")
def test_of_a_table_that_knows_nothing_is_the_log_of_the_vocabulary(device):
    table = torch.full((11, 11), -math.log(11), device=device)
    ids = torch.tensor([3, 3, 10, 0, 7], device=device)
    close(bigram.bigram_loss(table, ids), torch.tensor(math.log(11), device=device))


@exercise("bigram_loss")
def test_loss_of_any_layout(draw):
    def mine(log_p, ids):
        # A table is float32. In float64 its rows would add up to 1 only nearly, and it matters who divides by the sum.
        return bigram.bigram_loss(log_p.float(), ids)

    def expected(log_p, ids):
        return F.nll_loss(log_p.float()[ids[:-1]], ids[1:])

    same_for_any_layout(mine, expected, draw(6, 6).log_softmax(dim=1), draw.ints(0, 6, 9))


@exercise("bigram_loss")
def test_only_a_pair_that_comes_can_make_the_loss_infinite(device):
    table = torch.tensor([[0.75, 0, 0.25], [0.5, 0.5, 0], [0, 0, 1]], device=device).log()  # three pairs are impossible
    possible = torch.tensor([1, 1, 0, 2, 2], device=device)
    expected = (math.log(2) + math.log(2) + math.log(4)) / 4
    close(bigram.bigram_loss(table, possible), torch.tensor(expected, device=device))
    impossible = torch.tensor([1, 0, 1, 1], device=device)
    close(bigram.bigram_loss(table, impossible), torch.tensor(math.inf, device=device))


# ---- BigramModel -----------------------------------------------------------------------------------------------------


@exercise("BigramModel")
def test_has_one_parameter_a_table_that_starts_as_zeros():
    parameters = list(bigram.BigramModel(7).parameters())
    close(parameters, [torch.zeros(7, 7)], name="the parameters")
    equal([p.requires_grad for p in parameters], [True], name="requires_grad")


@exercise("BigramModel")
@pytest.mark.parametrize("batch, time", [(2, 5), (1, 1), (3, 4)])
def test_scores_are_the_row_of_the_token(batch, time, draw, device):
    model = randomize(bigram.BigramModel(7)).to(device)
    (table,) = model.parameters()
    ids = draw.ints(0, 7, batch, time)
    expected = torch.stack([torch.stack([table[i] for i in row]) for row in ids.tolist()])
    close(model(ids), expected)


@exercise("BigramModel")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_scores_have_the_tables_dtype(dtype, draw, device):
    # Apple's GPUs know no float64.
    model = randomize(bigram.BigramModel(65)).to("cpu" if device.type == "mps" else device, dtype)
    (table,) = model.parameters()
    ids = draw.ints(0, 65, 2, 40).to(table.device)
    close(model(ids), F.embedding(ids, table))


@exercise("BigramModel")
def test_an_impossible_pair_is_the_matter_of_its_own_row(draw, device):
    model = randomize(bigram.BigramModel(7)).to(device)
    (table,) = model.parameters()
    with torch.no_grad():
        table[3, 1] = -math.inf
    ids = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 3]], device=device)
    close(model(ids), F.embedding(ids, table))


@exercise("BigramModel")
def test_keeps_what_it_learned_when_saved_and_loaded(draw, device):
    model, other = randomize(bigram.BigramModel(6)).to(device), bigram.BigramModel(6).to(device)
    other.load_state_dict(model.state_dict())
    ids = draw.ints(0, 6, 2, 3)
    close(other(ids), model(ids))


@exercise("BigramModel")
def test_gradients_reach_the_rows_of_the_tokens_and_no_others(draw, device):
    model = bigram.BigramModel(5).to(device)
    names = [name for name, _ in model.named_parameters()]  # of one parameter; whatever it is called
    theirs = randomize(torch.nn.Embedding(5, 5)).to(device)
    ids = torch.tensor([[0, 3, 3], [4, 0, 3]], device=device)
    same_module(model, theirs, ids, rename=dict(zip(["weight"], names)))


@exercise("BigramModel")
def test_learns_what_counting_finds(device):
    ids = [0, 1, 2, 0, 2, 2, 1, 0, 0, 1, 1, 2, 0, 1, 2, 1, 0, 2, 0]  # every pair of the three comes at least once
    counts = torch.tensor(count_slowly(ids, 3), dtype=torch.float32)
    best = -(counts * (counts / counts.sum(dim=1, keepdim=True)).log()).sum() / counts.sum()
    model, data = bigram.BigramModel(3).to(device), torch.tensor(ids, device=device)
    for _ in range(100):  # the whole text as one batch
        scores = model(data[None, :-1])[0]
        equal(scores.requires_grad, True, name="do gradients reach the table")
        loss = F.cross_entropy(scores, data[1:])
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 4 * parameter.grad
    close(loss, best.to(device), rtol=1e-4, name="the loss after 100 steps")
