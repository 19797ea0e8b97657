"""Section 3, training WordPiece: characters, the best pair, merging, and the vocabulary."""

import random
from itertools import pairwise

import pytest
import wordpiece_train
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.checks import equal, exercise, raises

TEXT = """the sea sets the sand singing and the singers sing to the sea; a seal in the sand sees the singers, seizes
sand, sings again: see the sea, sing the sea, the sands, the seals! Queens quit quizzes in quiet, naïve
cafés sell cake"""
FEW = settings(derandomize=True, database=None, deadline=None, max_examples=40, phases=[Phase.generate])


# ---- Oracles: one thing at a time, ratios compared by cross-multiplication -------------------------------------------


def split_slowly(word):
    symbols = []
    for character in word:
        symbols.append("##" + character if symbols else character)
    return tuple(symbols)


def better(new, old):
    """Each is (count of the pair, count of a, count of b, pair)."""
    (n, a, b, pair), (m, c, d, other) = new, old
    if n * c * d != m * a * b:
        return n * c * d > m * a * b
    return n > m if n != m else pair < other


def best_slowly(words, minimum):
    places = [(symbols, i, count) for symbols, count in words.items() for i in range(len(symbols))]
    best = None
    for pair in {symbols[i : i + 2] for symbols, i, _ in places if i + 1 < len(symbols)}:
        n = sum(count for symbols, i, count in places if symbols[i : i + 2] == pair)
        a, b = (sum(count for symbols, i, count in places if symbols[i] == symbol) for symbol in pair)
        if n >= minimum and (best is None or better((n, a, b, pair), best)):
            best = (n, a, b, pair)
    return best and best[3]


def merge_slowly(symbols, pair):
    if len(symbols) < 2:
        return symbols
    if symbols[:2] == pair:
        return (pair[0] + pair[1].removeprefix("##"), *merge_slowly(symbols[2:], pair))
    return (symbols[0], *merge_slowly(symbols[1:], pair))


def train_slowly(counts, vocab_size, specials, minimum):
    words = {split_slowly(word): count for word, count in counts.items()}
    vocab = list(specials)
    for symbol in sorted({symbol for symbols in words for symbol in symbols}):
        vocab += [symbol] if symbol not in vocab else []
    while len(vocab) < vocab_size:
        pair = best_slowly(words, minimum)
        if pair is None:
            break
        words = {merge_slowly(symbols, pair): count for symbols, count in words.items()}
        new = pair[0] + pair[1].removeprefix("##")
        vocab += [new] if new not in vocab else []
    return vocab


def random_counts(random, alphabet, words, longest, most):
    """Few letters and small counts, so that many ratios are equal."""
    return {
        "".join(random.choices(alphabet, k=random.randint(1, longest))): random.randint(1, most) for _ in range(words)
    }


# ---- split_to_characters ---------------------------------------------------------------------------------------------


@exercise("split_to_characters")
@pytest.mark.parametrize(
    "word, expected",
    [
        ("sea", ("s", "##e", "##a")),
        ("ee", ("e", "##e")),
        ("x", ("x",)),
        ("", ()),
        ("a#b", ("a", "###", "##b")),
        ("##", ("#", "###")),
        ("🙂né", ("🙂", "##n", "##é")),
        ("e\u0301t", ("e", "##\u0301", "##t")),
    ],
    ids=["a word", "twice the same", "one character", "empty", "a #", "only #", "beyond ASCII", "a combining mark"],
)
def test_every_character_but_the_first_is_marked(word, expected):
    equal(wordpiece_train.split_to_characters(word), expected)


@FEW
@given(st.text(max_size=7))
def check_any_word(word):
    equal(wordpiece_train.split_to_characters(word), split_slowly(word))


@exercise("split_to_characters")
def test_any_string_can_be_split():
    check_any_word()


# ---- best_pair -------------------------------------------------------------------------------------------------------


@exercise("best_pair")
def test_two_that_always_stand_together_beat_a_frequent_pair():
    words = {("t", "##o"): 9, ("t", "##e"): 7, ("i", "##f"): 5}  # 9 / (16 · 9), 7 / (16 · 7), 5 / (5 · 5)
    equal(wordpiece_train.best_pair(words), ("i", "##f"))


@exercise("best_pair")
def test_where_there_is_one_pair_it_is_the_best():
    equal(wordpiece_train.best_pair({("a", "##b"): 3, ("a",): 4, ("c",): 900}), ("a", "##b"))


@exercise("best_pair")
def test_a_word_counts_as_often_as_it_comes():
    # (a, ##b): 12 / (12 · 12). (c, ##d): 4 / (4 · 4), the best; each word counted once, all three are equal.
    equal(wordpiece_train.best_pair({("a", "##b"): 12, ("c", "##d"): 4, ("e", "##f"): 6}), ("c", "##d"))


@exercise("best_pair")
def test_both_symbols_are_counted_wherever_they_stand():
    # (a, ##b): 4 / (4 · 9), since ##b stands behind x, too. (c, ##d): 5 / (5 · 7), with c and ##d elsewhere.
    words = {
        ("a", "##b"): 4,
        ("x", "##y", "##b"): 5,
        ("c", "##d"): 5,
        ("x", "##y", "##d"): 2,
        ("x",): 9,
        ("y", "##y"): 20,
    }
    equal(wordpiece_train.best_pair(words), best_slowly(words, 2))
    equal(wordpiece_train.best_pair(words), ("c", "##d"))


@exercise("best_pair")
def test_the_left_symbol_counts_where_nothing_follows_it():
    # (a, ##b): 3 / (8 · 3) since a is a word, too. (c, ##d): 6 / (6 · 6).
    equal(wordpiece_train.best_pair({("a", "##b"): 3, ("a",): 5, ("c", "##d"): 6}), ("c", "##d"))


@exercise("best_pair")
def test_a_symbol_at_the_start_is_not_the_same_one_inside():
    # a and ##a are two symbols: (a, ##b) has 4 / (4 · 4); were they one, it would have 4 / (9 · 4) and lose.
    equal(wordpiece_train.best_pair({("a", "##b"): 4, ("x", "##a"): 5, ("x", "##z"): 6}), ("a", "##b"))


@exercise("best_pair")
def test_places_that_overlap_all_count():
    # (##x, ##x): 2 · 3 places, ##x: 3 · 3, so 6 / 81. (o, ##x): 3 / (9 · 9). (p, ##q): 5 / (7 · 10) = 1 / 14, less
    # than 6 / 81. Were (##x, ##x) counted once in a word, it would have 3 / 81, and lose.
    words = {("o", "##x", "##x", "##x"): 3, ("o",): 6, ("p", "##q"): 5, ("p",): 2, ("n", "##q"): 5, ("n",): 95}
    equal(wordpiece_train.best_pair(words), ("##x", "##x"))


@exercise("best_pair")
def test_a_pair_of_equal_symbols_divides_by_the_square():
    # (##o, ##o): 4 / (8 · 8). (p, ##q): 2 / (4 · 5) is more; divided by the count just once, it would lose.
    words = {("n", "##o", "##o"): 4, ("n",): 40, ("p", "##q"): 2, ("p",): 2, ("n", "##q"): 3}
    equal(wordpiece_train.best_pair(words), ("p", "##q"))


@exercise("best_pair")
def test_pairs_that_are_too_rare_are_left_out():
    words = {("a", "##b"): 3, ("c", "##d"): 4, ("c",): 1, ("e", "##f"): 30}  # 1 / 3, 4 / 20, 1 / 30
    for minimum, expected in [(1, "ab"), (3, "ab"), (4, "cd"), (5, "ef"), (30, "ef")]:
        equal(wordpiece_train.best_pair(words, minimum), (expected[0], "##" + expected[1]), name=f"minimum {minimum}")
    equal(wordpiece_train.best_pair(words, minimum=31), None, name="minimum 31")


@exercise("best_pair")
def test_without_being_told_a_pair_must_come_twice():
    equal(wordpiece_train.best_pair({("z", "##q"): 1, ("a", "##b"): 2, ("a",): 50}), ("a", "##b"))
    equal(wordpiece_train.best_pair({("z", "##q"): 1}), None)


@exercise("best_pair")
def test_the_minimum_is_for_the_pair_not_for_the_word():
    words = {("a", "##b"): 2, ("a", "##b", "##c"): 2, ("a", "##b", "##d"): 1}
    equal(wordpiece_train.best_pair(words, 5), ("a", "##b"))


@exercise("best_pair")
@pytest.mark.parametrize(
    "words", [{}, {(): 4}, {("a",): 9, ("b",): 7}], ids=["no words", "empty word", "no neighbours"]
)
def test_without_neighbours_there_is_no_best_pair(words):
    equal(wordpiece_train.best_pair(words, 1), None)


@exercise("best_pair")
def test_the_words_stay_as_they_were():
    words = {("a", "##b"): 8, ("c", "##d"): 3, ("e",): 1}
    wordpiece_train.best_pair(words)
    equal(words, {("a", "##b"): 8, ("c", "##d"): 3, ("e",): 1}, name="words afterwards")


@exercise("best_pair")
def test_of_equal_ratios_the_larger_count_wins():
    # 2 / (2 · 12) = 1 / 12, 6 / (6 · 12) = 1 / 12: with the same right symbol, the ratio is the same.
    words = {("a", "##n"): 2, ("b", "##n"): 6, ("c", "##n"): 4}
    equal(wordpiece_train.best_pair(words), ("b", "##n"))
    equal(wordpiece_train.best_pair(dict(reversed(words.items()))), ("b", "##n"))


@exercise("best_pair")
@pytest.mark.parametrize("turned", [False, True], ids=["as written", "words in the other order"])
@pytest.mark.parametrize(
    "one, other",
    [
        (("b", "##a"), ("c", "##d")),
        (("a", "##y"), ("ab", "##c")),  # joined, "abc" would come before "ay"
        (("##z", "##p"), ("a", "##b")),  # "#" comes before letters
        (("a", "##z"), ("a", "##é")),
    ],
)
def test_then_the_smaller_tuple(one, other, turned):
    words = {("w", "##v", *one): 3, ("w", "##u", *other): 3, ("##v", "##v"): 9, ("##u", "##u"): 9, ("w",): 50}
    words = dict(reversed(words.items())) if turned else words
    equal(wordpiece_train.best_pair(words), best_slowly(words, 2))


@exercise("best_pair")
@pytest.mark.parametrize(
    "one, other", [((3, 3, 5), (2, 2, 5)), ((3, 5, 3), (2, 2, 5)), ((3, 3, 9), (2, 6, 3)), ((9, 26, 24), (3, 8, 26))]
)
def test_rounding_does_not_decide_a_tie(one, other):
    # Each is (count of the pair, of a, of b), with exactly the same ratio. Rounded on the way, the second seems larger.
    words = {("f",): 100_000}
    for (n, a, b), left, right in [(one, "a", "##b"), (other, "c", "##d")]:
        words |= {(left, right): n, (left,): a - n, ("f", right): b - n}
    equal(wordpiece_train.best_pair({symbols: n for symbols, n in words.items() if n}), ("a", "##b"))


@exercise("best_pair")
def test_ratios_that_nearly_agree_are_not_equal():
    # 20 / (19999 · 20002) is larger than 40 / (20000 · 40002) and 20 / (20000 · 20001), by some billionths of them.
    words = {("f",): 10**9, ("c", "##d"): 20, ("c",): 19_979, ("f", "##d"): 19_982}
    words |= {
        ("b", "##e"): 40,
        ("b",): 19_960,
        ("f", "##e"): 39_962,
        ("a", "##g"): 20,
        ("a",): 19_980,
        ("f", "##g"): 19_981,
    }
    equal(wordpiece_train.best_pair(words), ("c", "##d"))


@exercise("best_pair")
def test_pairs_that_join_to_the_same_letters_are_different():
    # (a#, ##b) and (a, ###b) come twice each, so they are too rare; counted together, they would win.
    words = {("a#", "##b"): 2, ("a", "###b"): 2, ("x", "##y"): 3, ("x",): 1}
    equal(wordpiece_train.best_pair(words, 3), ("x", "##y"))


@exercise("best_pair")
def test_equals_a_slow_loop():
    draw = random.Random(0)
    for _ in range(150):
        words = {split_slowly(word): n for word, n in random_counts(draw, "abc", 8, 5, draw.choice([1, 3, 60])).items()}
        if draw.random() < 0.5:
            words = {merge_slowly(symbols, ("a", "##b")): count for symbols, count in words.items()}
        minimum = draw.choice([1, 2, 3, 7])
        equal(wordpiece_train.best_pair(words, minimum), best_slowly(words, minimum), name=f"{words}, {minimum}")


# ---- merge_pair ------------------------------------------------------------------------------------------------------


@exercise("merge_pair")
@pytest.mark.parametrize(
    "symbols, pair, expected",
    [
        ("s ##e ##a", "##e ##a", "s ##ea"),
        ("s ##e ##a", "s ##e", "se ##a"),
        ("s ##e ##a ##s ##e ##a", "##e ##a", "s ##ea ##s ##ea"),
        ("s ##e ##a", "##a ##e", "s ##e ##a"),
        ("s ##e ##a", "s ##a", "s ##e ##a"),
        ("s", "s ##e", "s"),
        ("e ##e ##s", "##e ##s", "e ##es"),
        ("a ##b ##a ##b", "a ##b", "ab ##a ##b"),
        ("sea ##ling ##s", "sea ##ling", "sealing ##s"),
    ],
    ids=lambda value: value,
)
def test_merges_the_pair_and_nothing_else(symbols, pair, expected):
    equal(wordpiece_train.merge_pair(tuple(symbols.split()), tuple(pair.split())), tuple(expected.split()))


@exercise("merge_pair")
@pytest.mark.parametrize("length, expected", [(2, "##aa"), (3, "##aa ##a"), (4, "##aa ##aa"), (5, "##aa ##aa ##a")])
def test_no_symbol_is_used_twice(length, expected):
    symbols = ("b", *["##a"] * length)
    equal(wordpiece_train.merge_pair(symbols, ("##a", "##a")), ("b", *expected.split()))


@exercise("merge_pair")
@pytest.mark.parametrize(
    "symbols, pair, expected",
    [
        (("a", "###", "##b"), ("a", "###"), ("a#", "##b")),
        (("#", "###", "##b"), ("#", "###"), ("##", "##b")),
        (("a", "###", "###"), ("###", "###"), ("a", "####")),
        (("a", "##b##", "##c"), ("a", "##b##"), ("ab##", "##c")),
    ],
    ids=["after a letter", "two #", "inside a word", "## inside a piece"],
)
def test_a_number_sign_of_the_text_stays(symbols, pair, expected):
    equal(wordpiece_train.merge_pair(symbols, pair), expected)


@exercise("merge_pair")
def test_an_empty_word_stays_empty():
    equal(wordpiece_train.merge_pair((), ("a", "##b")), ())


@exercise("merge_pair")
def test_a_word_may_have_thousands_of_symbols():
    equal(wordpiece_train.merge_pair(("a", "##b", "##a") * 2000, ("a", "##b")), ("ab", "##a") * 2000)
    equal(wordpiece_train.merge_pair(("a", *["##a"] * 3000), ("##a", "##a")), ("a", *["##aa"] * 1500))


@exercise("merge_pair")
def test_symbols_are_compared_whole():
    equal(wordpiece_train.merge_pair(("a", "##bc", "##b", "##c"), ("##b", "##c")), ("a", "##bc", "##bc"))


@exercise("merge_pair")
def test_merging_equals_a_slow_recursion():
    draw = random.Random(1)
    for _ in range(200):
        symbols = split_slowly("".join(draw.choices("ab#", k=draw.randint(2, 9))))
        pair = tuple(draw.choice(list(pairwise(symbols))))
        once = merge_slowly(symbols, pair)
        equal(wordpiece_train.merge_pair(symbols, pair), once, name=f"{symbols}, {pair}")
        again = tuple(draw.choice(list(pairwise(once)) or [pair]))
        equal(wordpiece_train.merge_pair(once, again), merge_slowly(once, again), name=f"{once}, {again}")


# ---- train_wordpiece -------------------------------------------------------------------------------------------------


@exercise("train_wordpiece")
def test_specials_then_alphabet_then_merges():
    counts = {"to": 9, "te": 7, "if": 5}  # (i, ##f), then (t, ##o) and (t, ##e), equal in ratio
    expected = ["[UNK]", "##e", "##f", "##o", "i", "t", "if", "to", "te"]
    for size in (6, 7, 8, 9):
        equal(wordpiece_train.train_wordpiece(counts, size, ("[UNK]",)), expected[:size], name=f"{size} pieces")


@exercise("train_wordpiece")
def test_stops_when_no_pair_is_left():
    equal(wordpiece_train.train_wordpiece({"to": 3, "a": 1}, 50, ()), ["##o", "a", "t", "to"])


@exercise("train_wordpiece")
def test_berts_specials_come_first():
    vocab = wordpiece_train.train_wordpiece({"to": 3}, 8)
    equal(vocab, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##o", "t", "to"])


@exercise("train_wordpiece")
def test_without_words_only_specials():
    equal(wordpiece_train.train_wordpiece({}, 9, ("[UNK]", "[SEP]")), ["[UNK]", "[SEP]"])
    equal(wordpiece_train.train_wordpiece({"": 4}, 9, ("[UNK]", "[SEP]")), ["[UNK]", "[SEP]"])


@exercise("train_wordpiece")
def test_the_alphabet_is_never_cut():
    counts = {"to": 3, "at": 2}  # ##o, ##t, a, t
    equal(wordpiece_train.train_wordpiece(counts, 5, ("[UNK]",)), ["[UNK]", "##o", "##t", "a", "t"])
    raises(ValueError, wordpiece_train.train_wordpiece, counts, 4, ("[UNK]",))
    raises(ValueError, wordpiece_train.train_wordpiece, counts, 8)


@exercise("train_wordpiece")
def test_rare_characters_belong_to_the_alphabet_rare_pairs_are_not_merged():
    counts = {"zq": 1, "to": 3, "ta": 2}
    equal(wordpiece_train.train_wordpiece(counts, 50, ()), ["##a", "##o", "##q", "t", "z", "to", "ta"])
    equal(wordpiece_train.train_wordpiece(counts, 50, (), 3), ["##a", "##o", "##q", "t", "z", "to"])
    equal(wordpiece_train.train_wordpiece(counts, 6, (), minimum=1), ["##a", "##o", "##q", "t", "z", "zq"])


@exercise("train_wordpiece")
def test_counts_are_taken_anew_after_every_merge():
    counts = {"sing": 4, "sings": 3, "song": 3, "gong": 2, "in": 2}
    equal(wordpiece_train.train_wordpiece(counts, 30, ()), train_slowly(counts, 30, (), 2))


@exercise("train_wordpiece")
def test_a_piece_that_comes_about_twice_is_one_piece():
    # "aaaa" and the like give ("a", "##aa") and ("aa", "##a") on their way, which are the same piece.
    counts = {"aaa": 2, "aaaa": 3, "baaa": 5, "baaaa": 4, "aa": 7}
    vocab = wordpiece_train.train_wordpiece(counts, 60, ("[UNK]",), 1)
    equal(len(set(vocab)), len(vocab), name="different pieces")
    equal(vocab, train_slowly(counts, 60, ("[UNK]",), 1))


@exercise("train_wordpiece")
def test_a_special_that_is_in_the_text_comes_once():
    equal(wordpiece_train.train_wordpiece({"to": 3}, 9, ("t", "to", "x")), ["t", "to", "x", "##o"])


@exercise("train_wordpiece")
def test_a_letter_among_the_specials_takes_no_second_place():
    equal(wordpiece_train.train_wordpiece({"to": 3}, 2, ("t",)), ["t", "##o"])
    equal(wordpiece_train.train_wordpiece({"to": 3}, 3, ("t", "##o")), ["t", "##o", "to"])
    raises(ValueError, wordpiece_train.train_wordpiece, {"to": 3}, 1, ("t",))


@exercise("train_wordpiece")
def test_a_special_that_is_named_twice_comes_once():
    specials = ("[UNK]", "t", "[UNK]")
    equal(wordpiece_train.train_wordpiece({"to": 3}, 9, specials), ["[UNK]", "t", "##o", "to"])
    equal(wordpiece_train.train_wordpiece({"to": 3}, 3, specials), ["[UNK]", "t", "##o"])


@exercise("train_wordpiece")
def test_training_goes_on_after_a_merge_that_makes_a_special():
    counts = {"to": 5, "tod": 3}  # (t, ##o) first, then (to, ##d)
    equal(wordpiece_train.train_wordpiece(counts, 9, ("to",)), ["to", "##d", "##o", "t", "tod"])


@exercise("train_wordpiece")
def test_characters_of_any_script_are_sorted_by_their_code_points():
    counts = {"字é": 2, "🙂a": 3, "ÿ": 1}  # (字, ##é): 2 / (2 · 2), (🙂, ##a): 3 / (3 · 3)
    expected = ["##a", "##é", "ÿ", "字", "🙂", "字é", "🙂a"]
    equal(wordpiece_train.train_wordpiece(counts, 99, ()), expected)


@exercise("train_wordpiece")
def test_the_counts_stay_as_they_were():
    counts = {"to": 3, "at": 2}
    wordpiece_train.train_wordpiece(counts, 20)
    equal(counts, {"to": 3, "at": 2}, name="counts afterwards")


@exercise("train_wordpiece")
def test_the_vocabulary_equals_that_of_a_slow_loop():
    draw = random.Random(2)
    for _ in range(40):
        counts = random_counts(draw, "abc#", 7, 6, draw.choice([1, 4, 30]))
        size, minimum = draw.randint(14, 30), draw.choice([1, 2, 4])
        expected = train_slowly(counts, size, ("[UNK]", "[X]"), minimum)
        got = wordpiece_train.train_wordpiece(counts, size, ("[UNK]", "[X]"), minimum)
        equal(got, expected, name=f"{counts}, {size} pieces, minimum {minimum}")


@pytest.fixture(scope="session")
def wordpiece_model():
    from tokenizers.models import WordPiece

    return WordPiece


@exercise("train_wordpiece")
@pytest.mark.parametrize("size", [90, 120])
def test_hugging_faces_tokenizer_reads_every_word_with_it(size, wordpiece_model):
    words = TEXT.split()
    counts = {word: words.count(word) for word in words}
    vocab = wordpiece_train.train_wordpiece(counts, size)
    equal(vocab, train_slowly(counts, size, wordpiece_train.SPECIALS, 2))
    model = wordpiece_model({piece: i for i, piece in enumerate(vocab)}, unk_token="[UNK]")
    for word in counts:
        pieces = [token.value for token in model.tokenize(word)]
        equal("".join(piece if i == 0 else piece[2:] for i, piece in enumerate(pieces)), word, name=f"pieces of {word}")
