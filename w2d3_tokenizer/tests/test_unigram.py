"""Section 6, unigram: the lattice, Viterbi, sums over all segmentations, EM, sampling, pruning, training."""

import math
import random
from fractions import Fraction
from functools import cache

import pytest
import torch
import unigram

from shared.checks import close, equal, exercise, raises, same_distribution

LOG_P = {"n": -2.0, "o": -1.75, "no": -2.5, "on": -3.0, "oo": -3.25, "noo": -5.0}
HALF = math.log(0.5)


# ---- Oracles: write down every segmentation --------------------------------------------------------------------------


def segmentations(text, log_p):
    """Every one, as (pieces, log probability)."""
    if not text:
        return [([], 0.0)]
    found = []
    for end in range(1, len(text) + 1):
        piece = text[:end]
        if piece in log_p:
            value = log_p[piece]
        elif end == 1:
            value = min(log_p.values(), default=0.0) - 10
        else:
            continue
        found += [([piece, *rest], value + more) for rest, more in segmentations(text[end:], log_p)]
    return found


def best_slowly(text, log_p):
    def order(segmentation):
        pieces, value = segmentation
        return value, [len(piece) for piece in reversed(pieces)]

    return max(segmentations(text, log_p), key=order)[0]


def expected_slowly(counts, log_p):
    expected = dict.fromkeys(log_p, 0.0)
    for word, count in counts.items():
        ways = segmentations(word, log_p)
        largest = max(value for _, value in ways)
        total = sum(math.exp(value - largest) for _, value in ways)
        for pieces, value in ways:
            for piece in pieces:
                if piece in expected:
                    expected[piece] += count * math.exp(value - largest) / total
    return expected


def likelihood_slowly(counts, log_p):
    return sum(
        count * math.log(sum(math.exp(value) for _, value in segmentations(word, log_p)))
        for word, count in counts.items()
    )


def em_slowly(counts, log_p):
    expected = {piece: max(count, 1e-10) for piece, count in expected_slowly(counts, log_p).items()}
    return {piece: math.log(count / sum(expected.values())) for piece, count in expected.items()}


def losses_slowly(counts, log_p):
    expected, losses = expected_slowly(counts, log_p), {}
    for piece, value in log_p.items():
        if len(piece) > 1:
            others = {other: log_p[other] for other in log_p if other != piece}
            losses[piece] = expected[piece] * (value - max(v for _, v in segmentations(piece, others)))
    return losses


def prune_slowly(counts, log_p, keep):
    """Raises where two losses at the cut are so close that rounding could decide (exact zeros are no such case)."""
    losses = losses_slowly(counts, log_p)
    order = sorted(losses, key=lambda piece: (-losses[piece], list(log_p).index(piece)))
    room = max(0, keep - (len(log_p) - len(losses)))
    if 0 < room < len(order):
        last, first = losses[order[room - 1]], losses[order[room]]
        if last != first and abs(last - first) < 1e-7 * (abs(last) + abs(first)):
            raise ValueError("choose other numbers for this test: the cut is too close to call")
    return {piece: value for piece, value in log_p.items() if len(piece) == 1 or piece in order[:room]}


def random_pieces(draw, alphabet="abc", pieces=7, longest=4, step=None, singles=None):
    """Random log probabilities; with `step` multiples of it, so that sums are exact and many of them equal."""
    names = {"".join(draw.choices(alphabet, k=draw.randint(2, longest))) for _ in range(pieces)}
    names = [*(alphabet if singles is None else singles), *sorted(names)]
    draw.shuffle(names)
    return {name: -step * draw.randint(0, 20) if step else draw.uniform(-6, -0.5) for name in names}


def random_text(draw, alphabet="abc", longest=7):
    return "".join(draw.choices(alphabet, k=draw.randint(0, longest)))


# ---- lattice ---------------------------------------------------------------------------------------------------------


@exercise("lattice")
def test_every_piece_stands_where_it_ends():
    expected = [[], [(0, -2.0)], [(0, -2.5), (1, -1.75)], [(0, -5.0), (1, -3.25), (2, -1.75)]]
    equal(unigram.lattice("noo", LOG_P), expected)


@exercise("lattice")
def test_one_character_and_none():
    equal(unigram.lattice("o", LOG_P), [[], [(0, -1.75)]])
    equal(unigram.lattice("", LOG_P), [[]])


@exercise("lattice")
def test_an_unknown_character_costs_ten_more_than_the_rarest_piece():
    equal(unigram.lattice("xn", LOG_P), [[], [(0, -15.0)], [(1, -2.0)]])


@exercise("lattice")
def test_a_character_inside_a_piece_can_still_be_unknown():
    equal(unigram.lattice("ax", {"a": -1.0, "ax": -4.0}), [[], [(0, -1.0)], [(0, -4.0), (1, -14.0)]])


@exercise("lattice")
def test_without_pieces_everything_is_unknown():
    equal(unigram.lattice("né", {}), [[], [(0, -10.0)], [(1, -10.0)]])
    equal(unigram.lattice("é" * 30, {}), [[], *([(start, -10.0)] for start in range(30))], name="of a longer text")


@exercise("lattice")
def test_a_certain_piece_is_a_piece():
    equal(unigram.lattice("aa", {"a": 0.0}), [[], [(0, 0.0)], [(1, 0.0)]])


@exercise("lattice")
@pytest.mark.parametrize("length", [2, 19, 20, 21, 45])
def test_long_pieces_are_found_in_short_and_long_texts(length):
    text = "".join(chr(97 + i) for i in range(50))  # no character twice, none of them known
    arcs = unigram.lattice(text, {text[4 : 4 + length]: -3.0, text[:2]: -4.0})
    expected = [[], *([(start, -14.0)] for start in range(50))]
    expected[2].insert(0, (0, -4.0))
    expected[4 + length].insert(0, (4, -3.0))
    equal(arcs, expected)


@exercise("lattice")
def test_equals_a_loop_over_all_substrings():
    draw = random.Random(0)
    for _ in range(60):
        log_p = random_pieces(draw, "ab🙂", singles=draw.choice(["", "a", "ab🙂"]))
        text = random_text(draw, "ab🙂")
        expected = [[] for _ in range(len(text) + 1)]
        for start in range(len(text)):
            for end in range(start + 1, len(text) + 1):
                if text[start:end] in log_p:
                    expected[end].append((start, log_p[text[start:end]]))
                elif end == start + 1:
                    expected[end].append((start, min(log_p.values()) - 10))
        equal(unigram.lattice(text, log_p), expected, name=f"{text!r}, {log_p}")


# ---- viterbi ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def reference():
    """Hugging Face's Unigram. It makes one piece of unknown characters in a row; so do we, to compare."""
    from tokenizers.models import Unigram

    def segment(text, log_p):
        model = Unigram([("<unk>", 0.0), *log_p.items()], unk_id=0)
        return [token.value for token in model.tokenize(text)]

    return segment


def unknown_joined(pieces, log_p):
    joined = []
    before = True
    for piece in pieces:
        if piece not in log_p and not before:
            joined[-1] += piece
        else:
            joined.append(piece)
        before = piece in log_p
    return joined


@exercise("viterbi")
def test_the_most_probable_is_not_the_greedy_one():
    # no + o + n -6.25, noo + n -7, n + oo + n -7.25, no + on -5.5
    equal(unigram.viterbi("noon", LOG_P), ["no", "on"])
    # The longest piece first would give noo, n.
    equal(unigram.viterbi("noo", {"n": -2.0, "o": -1.0, "no": -1.5, "noo": -4.0}), ["no", "o"])


@exercise("viterbi")
@pytest.mark.parametrize("text, expected", [("", []), ("n", ["n"]), ("no", ["no"])])
def test_short_texts(text, expected):
    equal(unigram.viterbi(text, LOG_P), expected)


@exercise("viterbi")
def test_log_probabilities_are_added():
    # a, b: -1 - 2 = -3 is better than -3.5; multiplied, (-1) · (-2) = 2; with exp, e⁻¹ + e⁻².
    equal(unigram.viterbi("ab", {"a": -1.0, "b": -2.0, "ab": -3.5}), ["a", "b"])
    equal(unigram.viterbi("ab", {"a": -1.0, "b": -2.0, "ab": -2.5}), ["ab"])


@exercise("viterbi")
def test_of_equal_segmentations_the_longest_last_piece():
    equal(unigram.viterbi("ab", {"a": -1.0, "b": -1.0, "ab": -2.0}), ["ab"])
    equal(unigram.viterbi("abc", {"a": -1.0, "ab": -2.0, "bc": -2.0, "c": -1.0, "b": -3.0}), ["a", "bc"])
    equal(unigram.viterbi("aaa", {"a": -1.0, "aa": -1.0}), ["a", "aa"])


@exercise("viterbi")
def test_then_the_longest_last_but_one():
    equal(unigram.viterbi("aaaaa", {"a": -1.0, "aa": -1.0}), ["a", "aa", "aa"])
    equal(unigram.viterbi("aaab", {"a": -1.0, "aa": -1.0, "b": -1.0}), ["a", "aa", "b"])


@exercise("viterbi")
def test_fewer_pieces_do_not_win_a_tie():
    # a, b, cde and abc, de are -3 each.
    log_p = {"a": -1.0, "b": -1.0, "cde": -1.0, "abc": -1.5, "de": -1.5, "c": -9.0, "d": -9.0, "e": -9.0}
    equal(unigram.viterbi("abcde", log_p), ["a", "b", "cde"])


@exercise("viterbi")
def test_an_unknown_character_is_a_piece_of_its_own():
    equal(unigram.viterbi("nox😀o", LOG_P), ["no", "x", "😀", "o"])
    equal(unigram.viterbi("é", {}), ["é"])


@exercise("viterbi")
@pytest.mark.parametrize("other, expected", [(-16.75, "a bx cd"), (-17.25, "ab x cd")])
def test_the_penalty_decides_between_ways(other, expected):
    # ab, unknown x, cd: -1 - 35 - 1 = -37. a, bx, cd: -19 + other - 1.
    log_p = {"ab": -1.0, "cd": -1.0, "q": -25.0, "a": -19.0, "b": -20.0, "bx": other}
    equal(unigram.viterbi("abxcd", log_p), expected.split())


@exercise("viterbi")
def test_a_long_text():
    equal(unigram.viterbi("ab" * 900 + "a", {"a": -1.0, "b": -1.0, "ba": -1.5}), ["a"] + ["ba"] * 900)


@exercise("viterbi")
def test_however_improbable_a_text_is_it_has_a_best_way():
    equal(unigram.viterbi("abab", {"a": -1e12, "b": -1e12, "ab": -1.5e12}), ["ab", "ab"])


@exercise("viterbi")
def test_equals_the_best_of_all_segmentations_ties_and_all():
    draw = random.Random(1)
    for _ in range(120):
        log_p = random_pieces(draw, "ab", pieces=6, step=draw.choice([0.25, 5.0]), singles=draw.choice(["", "a", "ab"]))
        text = random_text(draw, "abx" if draw.random() < 0.3 else "ab", 9)
        equal(unigram.viterbi(text, log_p), best_slowly(text, log_p), name=f"{text!r}, {log_p}")


@exercise("viterbi")
def test_equals_hugging_face(reference):
    draw = random.Random(2)
    for _ in range(250):
        alphabet = draw.choice(["ab", "abé", "no🙂", "abcdefg"])
        log_p = random_pieces(
            draw, alphabet, pieces=12, step=draw.choice([0.25, 2.0]), singles=alphabet[: draw.randint(0, 3)]
        )
        text = random_text(draw, alphabet, 30)
        got = unknown_joined(unigram.viterbi(text, log_p), log_p)
        equal(got, reference(text, log_p), name=f"{text!r}, {log_p}")


# ---- forward ---------------------------------------------------------------------------------------------------------


@exercise("forward")
def test_sums_over_both_ways():
    # e⁻² for n, o; e⁻³ for no.
    got = unigram.forward([[], [(0, -0.5)], [(0, -3.0), (1, -1.5)]])
    close(got, [0.0, -0.5, math.log(math.exp(-2) + math.exp(-3))])


@exercise("forward")
def test_one_way_is_a_sum_of_logs():
    close(unigram.forward([[], [(0, -1.0)], [(1, -2.0)], [(2, -4.0)]]), [0.0, -1.0, -3.0, -7.0])


@exercise("forward")
def test_of_nothing():
    equal(unigram.forward([[]]), [0.0])


@exercise("forward")
def test_a_place_without_a_way_has_minus_infinity():
    inf = math.inf
    close(unigram.forward([[], [], [(0, -1.0)], [(1, -1.0)], [(2, -3.0), (3, -1.0)]]), [0.0, -inf, -1.0, -inf, -4.0])


@exercise("forward")
def test_an_impossible_piece_adds_nothing():
    inf = math.inf
    close(unigram.forward([[], [(0, -inf)], [(0, -2.0), (1, -1.0)]]), [0.0, -inf, -2.0])


@exercise("forward")
@pytest.mark.parametrize("length", [10, 1500])
def test_neither_underflows_nor_overflows(length):
    # Pieces of one and of two, worth 1/8 and 1/64: there are Fibonacci many ways, each worth 8 ** -length.
    for log_p in (3 * HALF, -3 * HALF):
        arcs = [[(end - size, size * log_p) for size in (2, 1) if size <= end] for end in range(length + 1)]
        ways = [1, 1]
        while len(ways) <= length:
            ways.append(ways[-1] + ways[-2])
        got, step = unigram.forward(arcs), length // 10
        equal(len(got), length + 1, name="the number of places")
        close(got[::step], [math.log(n) + end * log_p for end, n in enumerate(ways)][::step], rtol=1e-9)


@exercise("forward")
@pytest.mark.parametrize("small", [-21.0, -25.0])
def test_many_small_ways_add_up(small):
    # One way of probability 1, and 2,000 that are worth little each, but not together.
    arcs = [[], *([(0, small)] for _ in range(2000)), [(0, 0.0), *((place, 0.0) for place in range(1, 2001))]]
    close(unigram.forward(arcs)[-1], math.log1p(2000 * math.exp(small)), rtol=0, atol=1e-10)


@exercise("forward")
def test_equals_the_sum_over_all_segmentations():
    draw = random.Random(3)
    for _ in range(60):
        text = random_text(draw, "ab", 8)
        log_p = random_pieces(draw, "ab")
        arcs = [
            [(start, log_p[text[start:end]]) for start in range(end) if text[start:end] in log_p]
            for end in range(len(text) + 1)
        ]
        prefixes = [segmentations(text[:end], log_p) for end in range(len(text) + 1)]
        expected = [math.log(sum(math.exp(value) for _, value in ways)) for ways in prefixes]
        before = [list(ending) for ending in arcs]
        close(unigram.forward(arcs), expected, rtol=1e-9, atol=1e-9, name=f"{text!r}, {log_p}")
        equal(arcs, before, name="the arcs afterwards")


# ---- expected_counts -------------------------------------------------------------------------------------------------


@exercise("expected_counts")
def test_each_way_counts_as_it_is_probable():
    # a, b: 1/4. ab: 1/12. So 3/4 and 1/4 of the time.
    log_p = {"a": HALF, "b": HALF, "ab": math.log(1 / 12)}
    close(unigram.expected_counts({"ab": 1}, log_p), {"a": 0.75, "b": 0.75, "ab": 0.25})


@exercise("expected_counts")
def test_words_count_as_often_as_they_come():
    log_p = {"a": HALF, "b": HALF, "ab": math.log(1 / 12)}
    close(unigram.expected_counts({"ab": 8, "b": 5, "": 3}, log_p), {"a": 6.0, "b": 11.0, "ab": 2.0})


@exercise("expected_counts")
def test_a_piece_can_stand_in_a_word_several_times():
    # a a a, aa a, a aa: 1/8 each.
    close(unigram.expected_counts({"aaa": 3}, {"a": HALF, "aa": 2 * HALF}), {"a": 5.0, "aa": 2.0})


@exercise("expected_counts")
def test_pieces_that_never_fit_count_zero():
    close(unigram.expected_counts({"a": 2}, {"aa": -1.0, "a": -1.0, "b": -1.0}), {"aa": 0.0, "a": 2.0, "b": 0.0})
    close(unigram.expected_counts({}, {"a": -1.0}), {"a": 0.0})


@exercise("expected_counts")
def test_unknown_characters_are_read_but_not_counted():
    log_p = {"a": -1.0, "ax": -8.0, "b": -2.0}  # a, x: -1 - 18; ax: -8
    got = unigram.expected_counts({"axb": 4, "y": 2}, log_p)
    close(got, expected_slowly({"axb": 4, "y": 2}, log_p))
    equal(set(got), {"a", "ax", "b"}, name="the keys")


@exercise("expected_counts")
def test_a_long_word_does_not_underflow():
    # All ways of cutting 900 into ones and twos are equally likely: ways[n] of them, with `twos[n]` twos in all.
    ways, twos = [1, 1], [0, 0]
    for n in range(2, 901):
        ways.append(ways[n - 1] + ways[n - 2])
        twos.append(twos[n - 1] + twos[n - 2] + ways[n - 2])
    share = float(Fraction(twos[900], ways[900]))
    got = unigram.expected_counts({"a" * 900: 2}, {"a": 4 * HALF, "aa": 8 * HALF})
    close(got, {"a": 2 * (900 - 2 * share), "aa": 2 * share}, rtol=1e-7)


@exercise("expected_counts")
def test_equals_the_average_over_all_segmentations():
    draw = random.Random(4)
    for _ in range(40):
        log_p = random_pieces(draw, "abc", pieces=9, singles=draw.choice(["abc", "ac"]))
        counts = {random_text(draw): draw.randint(1, 9) for _ in range(4)}
        got, expected = unigram.expected_counts(counts, log_p), expected_slowly(counts, log_p)
        close(got, expected, rtol=1e-7, atol=1e-9, name=f"{counts}, {log_p}")


# ---- em_step ---------------------------------------------------------------------------------------------------------


@exercise("em_step")
def test_probabilities_are_shares_of_the_expected_counts():
    # Expected: a 6, b 11, ab 2, of 19.
    got = unigram.em_step({"ab": 8, "b": 5}, {"a": HALF, "b": HALF, "ab": math.log(1 / 12)})
    close(got, {"a": math.log(6 / 19), "b": math.log(11 / 19), "ab": math.log(2 / 19)})


@exercise("em_step")
def test_an_unused_piece_keeps_a_tiny_probability():
    got = unigram.em_step({"a": 4}, {"a": -1.0, "b": -1.0, "aa": -3.0})
    close(got, {"a": 0.0, "b": math.log(1e-10 / 4), "aa": math.log(1e-10 / 4)}, rtol=1e-6, atol=1e-8)


@exercise("em_step")
def test_the_total_is_that_of_the_raised_counts():
    close(unigram.em_step({}, {"a": -1.0, "b": -2.0}), {"a": HALF, "b": HALF})
    close(unigram.em_step({}, {"a": -1.0}), {"a": 0.0})


@exercise("em_step")
def test_a_count_that_underflows_is_raised_too():
    # z alone is needed with a chance of e⁻⁹⁹⁷ only: as a float64, 0.
    got = unigram.em_step({"zz": 1}, {"z": -500.0, "zz": -3.0})
    close(got, {"z": math.log(1e-10), "zz": 0.0}, rtol=1e-6, atol=1e-8)


@exercise("em_step")
def test_the_same_pieces_with_probabilities_that_sum_to_one():
    draw = random.Random(5)
    for _ in range(20):
        log_p = random_pieces(draw, "abc", pieces=9)
        counts = {random_text(draw): draw.randint(1, 9) for _ in range(5)} | {"cab": 2}
        got = unigram.em_step(counts, dict(log_p))
        equal(set(got), set(log_p), name="the pieces")
        close(sum(math.exp(value) for value in got.values()), 1.0, rtol=1e-9, name="sum of the probabilities")
        close(got, em_slowly(counts, log_p), rtol=1e-7, atol=1e-9)


@exercise("em_step")
def test_every_step_raises_the_likelihood():
    draw = random.Random(6)
    for _ in range(5):
        counts = {random_text(draw): draw.randint(1, 9) for _ in range(6)} | {"abab": 20, "cab": 7}
        log_p = dict.fromkeys(random_pieces(draw, "abc", pieces=9), -3.0)
        likelihoods = []
        for _ in range(5):
            log_p = unigram.em_step(counts, log_p)
            likelihoods.append(likelihood_slowly(counts, log_p))
        equal(likelihoods == sorted(likelihoods), True, name="does the likelihood never fall")
        equal(likelihoods[-1] > likelihoods[0] + 1e-3, True, name="is the likelihood higher in the end")


@exercise("em_step")
def test_what_went_in_stays_as_it_was():
    counts, log_p = {"ab": 8}, {"a": -1.0, "b": -2.0, "ab": -2.0}
    unigram.em_step(counts, log_p)
    equal((counts, log_p), ({"ab": 8}, {"a": -1.0, "b": -2.0, "ab": -2.0}), name="arguments afterwards")


# ---- sample ----------------------------------------------------------------------------------------------------------


def drawn(text, log_p, n, alpha):
    """What `same_distribution` wants: which segmentations were drawn, the probability of each, and their names."""
    ways = segmentations(text, log_p)
    number = {tuple(pieces): i for i, (pieces, _) in enumerate(ways)}
    generator = torch.Generator().manual_seed(5)
    samples = [tuple(unigram.sample(text, log_p, alpha, generator)) for _ in range(n)]
    strange = next((pieces for pieces in samples if pieces not in number), None)
    equal(strange, None, name="a sample that is no segmentation")
    weights = [math.exp(alpha * value) for _, value in ways]
    return dict(
        samples=[number[pieces] for pieces in samples],
        probabilities=[weight / sum(weights) for weight in weights],
        outcomes=[" ".join(pieces) for pieces in number],
    )


@exercise("sample")
@pytest.mark.parametrize("text", ["", "n", "é"])
def test_a_text_with_one_segmentation(text):
    equal(unigram.sample(text, {"n": -1.0, "no": -2.0}), list(text))


@exercise("sample")
def test_a_sample_is_a_segmentation_in_order():
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        pieces = unigram.sample("noonxno", LOG_P, generator=generator)
        equal("".join(pieces), "noonxno")
        equal([piece for piece in pieces if piece not in LOG_P], ["x"], name="pieces that are unknown")


@exercise("sample")
def test_draws_in_proportion_to_probability():
    # n, o: 1/3 of no's chance. n = 500, chi-square, false alarms <= 1e-6.
    log_p = {"n": HALF, "o": HALF, "no": math.log(0.75)}
    same_distribution(**drawn("no", log_p, 500, 1.0), name="segmentations of no")


@exercise("sample")
@pytest.mark.parametrize("alpha", [1.0, 0.4, 0.0])
def test_every_segmentation_comes_as_often_as_it_should(alpha):
    # "noon" has 6 segmentations. n = 700, chi-square, false alarms <= 1e-6 each.
    same_distribution(**drawn("noon", LOG_P, 700, alpha), name=f"segmentations, alpha {alpha}")


@exercise("sample")
def test_all_of_many_segmentations_come_equally_often():
    # 34 ways of cutting eight into ones and twos. n = 1000, chi-square, false alarms <= 1e-6.
    same_distribution(**drawn("aaaaaaaa", {"a": -3.0, "aa": -1.0}, 1000, 0.0), name="segmentations, alpha 0")


@exercise("sample")
def test_what_comes_later_decides_too():
    # a or ab first, both 1/2; but after ab comes c, after a comes bc, twenty times rarer.
    # n = 500, chi-square, false alarms <= 1e-6.
    log_p = {"a": HALF, "ab": HALF, "c": -1.0, "bc": -1.0 - math.log(20), "b": -30.0}
    same_distribution(**drawn("abc", log_p, 500, 1.0), name="segmentations")


@exercise("sample")
def test_alpha_applies_to_an_unknown_character_as_well():
    # ax, b: -3. a, unknown x, b: -1 - 12 - 2. With alpha = 0.1, 1 against e⁻¹·². n = 500, false alarms <= 1e-6.
    same_distribution(**drawn("axb", {"a": -1.0, "b": -2.0, "ax": -1.0}, 500, 0.1), name="segmentations")


@exercise("sample")
def test_without_alpha_it_is_one():
    # Two ways, 3/4 and 1/4; with alpha 1/2 they would be 63 : 37. n = 500, chi-square, false alarms <= 1e-6.
    log_p, generator = {"n": HALF, "o": HALF, "no": math.log(0.75)}, torch.Generator().manual_seed(1)
    lengths = [len(unigram.sample("no", log_p, generator=generator)) - 1 for _ in range(500)]
    same_distribution(lengths, [0.75, 0.25], name="cuts")


@exercise("sample")
def test_with_a_large_alpha_only_the_best_is_left():
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        equal(unigram.sample("noon", LOG_P, 200.0, generator), ["no", "on"])


@exercise("sample")
def test_a_long_text_can_be_drawn():
    text = "noon" * 300
    pieces = unigram.sample(text, LOG_P, 0.9, torch.Generator().manual_seed(0))
    equal("".join(pieces), text)
    equal(set(pieces) - set(LOG_P), set(), name="strange pieces")


@exercise("sample")
def test_the_generator_decides_and_nothing_else():
    torch.manual_seed(1)
    first = unigram.sample("noon" * 20, LOG_P, 0.5, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(2)
    random.seed(2)
    again = unigram.sample("noon" * 20, LOG_P, 0.5, generator=torch.Generator().manual_seed(7))
    other = unigram.sample("noon" * 20, LOG_P, 0.5, generator=torch.Generator().manual_seed(8))
    equal(again, first, name="the sample of a generator with the same seed")
    equal(other == first, False, name="does a generator with another seed give the same sample")


@exercise("sample")
def test_a_generator_goes_on_from_sample_to_sample():
    generator = torch.Generator().manual_seed(7)
    first, second = (unigram.sample("noon" * 20, LOG_P, 0.5, generator) for _ in range(2))
    equal(second == first, False, name="is the second sample the first again")


@exercise("sample")
def test_without_a_generator_torchs_seed_decides():
    samples = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        samples.append(unigram.sample("noon" * 20, LOG_P, 0.5))
    equal(samples[1], samples[0], name="the sample after the same torch.manual_seed")
    equal(samples[2] == samples[0], False, name="does another torch.manual_seed give the same sample")


# ---- prune -----------------------------------------------------------------------------------------------------------


@exercise("prune")
def test_the_piece_that_is_missed_least_goes():
    # Losses: ab 6 · (-1 + 4), cd 4 · (-1 + 4), if the words are nearly always read with them.
    log_p = {"ab": -1.0, "a": -2.0, "b": -2.0, "cd": -1.0, "c": -2.0, "d": -2.0}
    kept = unigram.prune({"ab": 6, "cd": 4}, log_p, 5)
    equal(kept, {"ab": -1.0, "a": -2.0, "b": -2.0, "c": -2.0, "d": -2.0})
    equal(list(kept), ["ab", "a", "b", "c", "d"], name="their order")


@exercise("prune")
def test_a_frequent_piece_goes_if_its_parts_are_as_good():
    # ab is used 9 times as often as cd, but a, b is nearly as probable; c, d is not.
    log_p = {"a": -1.0, "b": -1.0, "c": -6.0, "d": -6.0, "ab": -1.9, "cd": -2.0}
    equal(set(unigram.prune({"ab": 9, "cd": 1}, log_p, 5)), set("abcd") | {"cd"})


@exercise("prune")
def test_a_probable_piece_goes_if_it_is_not_used():
    log_p = {"a": -4.0, "b": -4.0, "ab": -1.0, "ba": -3.0}
    equal(set(unigram.prune({"ba": 3}, log_p, 3)), {"a", "b", "ba"})


@exercise("prune")
def test_the_parts_may_be_longer_than_characters():
    # abc: 5 · (-3 + 4) as ab, c; by characters alone it would be 5 · (-3 + 15). bb: 2 · (-4 + 10).
    log_p = {"a": -5.0, "b": -5.0, "c": -1.0, "ab": -3.0, "abc": -3.0, "bb": -4.0}
    counts = {"abc": 5, "bb": 2, "ab": 20}
    equal(set(unigram.prune(counts, log_p, 5)), {"a", "b", "c", "ab", "bb"})
    equal(unigram.prune(counts, log_p, 5), prune_slowly(counts, log_p, 5))


@exercise("prune")
@pytest.mark.parametrize(
    "keep, expected",
    [(0, "a b c"), (2, "a b c"), (3, "a b c"), (4, "a b c ab"), (5, "a b c ab bc"), (9, "a b c ab bc")],
)
def test_single_characters_always_stay(keep, expected):
    log_p = {"c": -30.0, "a": -2.0, "ab": -1.0, "b": -3.0, "bc": -32.5}
    equal(set(unigram.prune({"ab": 5, "bc": 1}, log_p, keep)), set(expected.split()))


@exercise("prune")
def test_a_character_of_any_script_is_one_character():
    log_p = {"é": -9.0, "🙂": -9.0, "é字": -4.0, "字": -9.0, "字🙂": -4.0, "🙂é字": -2.0}
    equal(list(unigram.prune({"é字": 5, "字🙂": 1}, log_p, 4)), ["é", "🙂", "é字", "字"])


@exercise("prune")
def test_the_dictionary_that_came_in_stays_as_it_was():
    log_p, counts = {"a": -1.0, "b": -1.0, "ab": -4.0, "aa": -1.0}, {"ab": 10}
    unigram.prune(counts, log_p, 2)
    equal(log_p, {"a": -1.0, "b": -1.0, "ab": -4.0, "aa": -1.0}, name="log_p afterwards")
    equal(counts, {"ab": 10}, name="counts afterwards")


@exercise("prune")
def test_of_equal_losses_the_first_stays():
    log_p = {"a": -1.0, "b": -1.0, "bb": -1.0, "ab": -3.0, "aa": -1.0, "ba": -1.5}  # none of them is used: all lose 0
    equal(list(unigram.prune({"a": 3, "b": 2}, log_p, 4)), ["a", "b", "bb", "ab"])


@exercise("prune")
def test_what_makes_things_worse_goes_first():
    # ab is worse than a, b: its loss is negative, less than that of aa, which is never used.
    log_p = {"a": -1.0, "b": -1.0, "ab": -4.0, "aa": -1.0}
    equal(set(unigram.prune({"ab": 10}, log_p, 3)), {"a", "b", "aa"})


@exercise("prune")
def test_equals_brute_force():
    draw = random.Random(7)
    for _ in range(40):
        log_p = random_pieces(draw, "abc", pieces=9)
        counts = {random_text(draw): draw.randint(1, 9) for _ in range(5)} | {"cabba": 2}
        keep = draw.randint(4, len(log_p))
        got, expected = unigram.prune(counts, dict(log_p), keep), prune_slowly(counts, log_p, keep)
        equal(got, expected, name=f"{counts}, {log_p}, {keep}")


# ---- train_unigram ---------------------------------------------------------------------------------------------------

WORDS = {"sing": 9, "singer": 5, "sings": 4, "ring": 7, "rings": 3, "sinner": 2, "inner": 6, "reins": 1, "grin": 3}


@cache  # seconds of writing down segmentations, the same for every answer
def train_slowly(vocab_size, seed_size, shrink, em_steps):
    counts = dict(WORDS)
    log_p = unigram.seed_pieces(counts, seed_size)
    while True:
        for _ in range(em_steps):
            log_p = em_slowly(counts, log_p)
        if len(log_p) <= vocab_size:
            return log_p
        log_p = prune_slowly(counts, log_p, max(vocab_size, math.floor(shrink * len(log_p))))


@exercise("train_unigram")
def test_as_many_pieces_as_asked_for():
    for size in (6, 7, 12):
        log_p = unigram.train_unigram(WORDS, size)
        equal(len(log_p), size, name="the number of pieces")
        equal(set("singer") - set(log_p), set(), name="characters that are missing")
        close(sum(math.exp(value) for value in log_p.values()), 1.0, rtol=1e-6, name="sum of the probabilities")


@exercise("train_unigram")
def test_too_small_for_the_characters():
    raises(ValueError, unigram.train_unigram, WORDS, 5)
    raises(ValueError, unigram.train_unigram, {"ab": 3}, 1)


@exercise("train_unigram")
def test_fewer_pieces_where_the_seed_has_fewer():
    equal(sorted(unigram.train_unigram({"ab": 3}, 50)), ["a", "ab", "b"])
    equal(sorted(unigram.train_unigram({"é字": 3}, 3)), ["é", "é字", "字"])
    equal(len(unigram.train_unigram(WORDS, 50, seed_size=4)), 10)
    equal(sorted(unigram.train_unigram(WORDS, 50, seed_size=0)), sorted("singer"), name="with no others in the seed")


@exercise("train_unigram")
def test_a_seed_of_the_right_size_is_still_trained():
    close(unigram.train_unigram(WORDS, 50, 8, em_steps=3), train_slowly(50, 8, 0.75, 3), rtol=1e-6)


@exercise("train_unigram")
@pytest.mark.parametrize(
    "size, seed_size, shrink, em_steps",
    [(9, 30, 0.75, 2), (7, 25, 0.5, 1), (7, 5, 0.7, 1), (14, 20, 0.9, 3), (6, 12, 0.75, 1), (8, 40, 0.4, 1)],
)
def test_equals_training_by_brute_force(size, seed_size, shrink, em_steps):
    got = unigram.train_unigram(WORDS, size, seed_size, shrink, em_steps)
    close(got, train_slowly(size, seed_size, shrink, em_steps), rtol=1e-5)


@exercise("train_unigram")
def test_without_em_steps_the_seed_is_only_pruned():
    close(unigram.train_unigram(WORDS, 9, 30, em_steps=0), train_slowly(9, 30, 0.75, 0), rtol=1e-6)


@exercise("train_unigram")
def test_the_usual_settings():
    close(unigram.train_unigram(WORDS, 9), train_slowly(9, 5000, 0.75, 2), rtol=1e-5)
    equal(list(WORDS.values()), [9, 5, 4, 7, 3, 2, 6, 1, 3], name="the counts afterwards")
