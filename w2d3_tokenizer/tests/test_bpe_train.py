"""Section 5: learning merges from a text, the plain way and the fast way, and the two files that hold them."""

import functools
import gc
import json
import random
import time
from collections import Counter
from itertools import pairwise

import bpe
import bpe_train
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.checks import as_on_windows, equal, exercise, fail, raises
from shared.data import gpt2_bpe_files, tiny_shakespeare
from shared.data.reference import bpe_ranks

NASTY = {
    "accents and a sharp s": "Naïve Straße, ÅNGSTRÖM e\u0301",
    "emoji with joiners": "👩\u200d👩\u200d👧 🏳️\u200d🌈🏳️\u200d🌈",
    "right to left": "שלום עולם, مرحبا بالعالم",
    "NUL and controls": "a\0b\x7f\x85c\u2028",
    "white space of all kinds": "  two\t\ttabs \n\n\u00a0\u3000end  ",
    "CJK and Thai": "我爱你 我爱你 ภาษาไทย",
    "digits": "1234 ١٢٣ ½²",
    "contractions": "it's THEY'RE we'll 'tis '''",
    "special token": "<|endoftext|><|endoftext|>",
}
CODE = "def f(x):\n    if x == 0:\n        return f(x - 1) + f(x - 2)\n    return {x: f(x) for x in range(x)}\n" * 3
SCRIPTS = "Съешь же ещё этих мягких французских булок. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. 我能吞下玻璃而不伤身体。" * 2


@pytest.fixture
@functools.cache  # each text is trained on once, though many an answer is compared with it
def reference():
    """Hugging Face's BpeTrainer: `reference(counts, vocab_size)` gives its merges."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    @functools.cache
    def train(counts, vocab_size):
        counts = dict(counts)
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Split("|", "removed")  # our words are split and spelled already
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(["|".join([word] * count) for word, count in counts.items()], trainer)
        return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]

    return lambda counts, vocab_size: list(train(tuple(counts.items()), vocab_size))


@pytest.fixture
def reference_words():
    """`reference_words(text)` counts the pre-tokens that Hugging Face's ByteLevel makes of a text."""
    from tokenizers import pre_tokenizers

    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return lambda text: Counter(word for word, _ in split.pre_tokenize_str(text))


def random_counts(seed, letters, words, length):
    """A few random words with their counts: so few letters that runs, overlaps and ties abound."""
    draw = random.Random(seed)
    counts = Counter()
    for _ in range(words):
        word = "".join(draw.choice(letters) for _ in range(draw.randint(1, length)))
        counts[word] += draw.randint(1, 4)
    return counts


def merged(symbols, pair):
    """Oracle: every symbol becomes one character, so that `str.replace` can do it."""
    signs = {symbol: chr(0xE000 + i) for i, symbol in enumerate(dict.fromkeys([*symbols, *pair, "".join(pair)]))}
    text = "".join(signs[symbol] for symbol in symbols)
    text = text.replace(signs[pair[0]] + signs[pair[1]], signs["".join(pair)])
    return tuple({sign: symbol for symbol, sign in signs.items()}[sign] for sign in text)


def part(mapping, *keys):
    """What a dictionary has for these keys, and nothing for those that it lacks."""
    return {key: mapping[key] for key in keys if key in mapping} if isinstance(mapping, dict) else mapping


def ask(mapping, key):
    """What a mapping says of this key; a plain dict that lacks it would raise a KeyError."""
    return mapping[key] if key in mapping or hasattr(mapping, "__missing__") else "a KeyError"


# ---- count_words -----------------------------------------------------------------------------------------------------


@exercise("count_words")
def test_a_blank_belongs_to_the_word_behind_it():
    equal(bpe_train.count_words("to be or not to be"), {"to": 1, "Ġbe": 2, "Ġor": 1, "Ġnot": 1, "Ġto": 1})


@exercise("count_words")
def test_no_text_has_no_words():
    equal(bpe_train.count_words(""), {})


@exercise("count_words")
def test_a_word_that_never_came_counts_zero():
    equal(ask(bpe_train.count_words("to be"), "Ġnothing"), 0)


@exercise("count_words")
def test_white_space_and_punctuation_are_words_too():
    equal(bpe_train.count_words("a  b\n\nIt's!"), {"a": 1, "Ġ": 1, "Ġb": 1, "Ċ": 2, "It": 1, "'s": 1, "!": 1})


@exercise("count_words")
def test_every_byte_of_a_character_becomes_one():
    equal(bpe_train.count_words("é é 🙂"), {"Ã©": 1, "ĠÃ©": 1, "ĠðŁĻĤ": 1})


@exercise("count_words")
def test_a_long_word_is_counted_whole():
    equal(bpe_train.count_words("z" * 5000 + " é" + "=" * 1200), {"z" * 5000: 1, "ĠÃ©": 1, "=" * 1200: 1})


@exercise("count_words")
def test_capitals_stay():
    equal(bpe_train.count_words("The the The"), {"The": 1, "Ġthe": 1, "ĠThe": 1})


@exercise("count_words")
@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_counts_what_the_reference_splits(text, reference_words):
    equal(bpe_train.count_words(text), reference_words(text))


@exercise("count_words")
def test_counts_a_real_text_as_the_reference_does(reference_words):
    text = tiny_shakespeare()[:50_000] + CODE + SCRIPTS
    equal(bpe_train.count_words(text), reference_words(text))


@exercise("count_words")
def test_counts_any_text_as_the_reference_does(reference_words):
    # No letters that only a newer Unicode knows: the reference may split there in another place.
    @settings(derandomize=True, database=None, deadline=None, max_examples=100)
    @given(
        st.text(st.characters(max_codepoint=0x24F) | st.sampled_from("ष्ि我👩\u200d\u0301🏽ع\u3000½ \n'"), max_size=12)
    )
    def check(text):
        equal(bpe_train.count_words(text), reference_words(text))

    check()


@exercise("count_words")
@pytest.mark.parametrize("text, place", [("\ud800", 0), ("to be\udfff", 5), ("é or 👍 \udc80 to", 7)])
def test_a_lone_surrogate_is_an_error_with_its_place_in_the_text(text, place):
    raises(ValueError, bpe_train.count_words, text, names=place)


# ---- count_pairs -----------------------------------------------------------------------------------------------------


@exercise("count_pairs")
def test_counts_each_pair_as_often_as_its_words_come():
    equal(bpe_train.count_pairs({("a", "b", "c"): 3, ("b", "c"): 5}), {("a", "b"): 3, ("b", "c"): 8})


@exercise("count_pairs")
def test_the_order_of_a_pair_matters():
    equal(bpe_train.count_pairs({("a", "b"): 2, ("b", "a"): 3}), {("a", "b"): 2, ("b", "a"): 3})


@exercise("count_pairs")
def test_a_pair_that_comes_twice_in_a_word_counts_twice():
    equal(bpe_train.count_pairs({tuple("abab"): 3}), {("a", "b"): 6, ("b", "a"): 3})


@exercise("count_pairs")
def test_overlapping_pairs_all_count():
    equal(bpe_train.count_pairs({tuple("aaaa"): 2}), {("a", "a"): 6})


@exercise("count_pairs")
def test_symbols_may_be_long():
    words = {("a", "bc"): 1, ("ab", "c"): 2, ("Ġth", "e", "Ġth"): 4}
    equal(bpe_train.count_pairs(words), {("a", "bc"): 1, ("ab", "c"): 2, ("Ġth", "e"): 4, ("e", "Ġth"): 4})


@exercise("count_pairs")
@pytest.mark.parametrize("words", [{}, {("a",): 7}, {("abc",): 2, ("b",): 1}], ids=["no words", "one", "two"])
def test_where_no_two_symbols_meet_there_is_no_pair(words):
    equal(bpe_train.count_pairs(words), {})


@exercise("count_pairs")
def test_a_pair_that_never_came_counts_zero():
    equal(ask(bpe_train.count_pairs({("a", "b"): 2}), ("b", "a")), 0)


@exercise("count_pairs")
@pytest.mark.parametrize("seed", range(5))
def test_counts_pairs_of_random_words(seed):
    words = {tuple(word): count for word, count in random_counts(seed, "abc", 30, 8).items()}
    listed = [pair for word, count in words.items() for _ in range(count) for pair in pairwise(word)]
    equal(bpe_train.count_pairs(words), Counter(listed))


@exercise("count_pairs")
def test_leaves_the_words_as_they_are():
    words = {("a", "b", "c"): 3, ("b",): 5}
    bpe_train.count_pairs(words)
    equal(words, {("a", "b", "c"): 3, ("b",): 5}, name="the words after count_pairs")


@exercise("count_pairs")
def test_every_call_counts_for_itself():
    first = bpe_train.count_pairs({("a", "b"): 2})
    bpe_train.count_pairs({("x", "y"): 5})
    equal(first, {("a", "b"): 2}, name="the first counts after a second call")


# ---- replace_pair ----------------------------------------------------------------------------------------------------

REPLACED = {
    "once": (("t", "h", "e"), ("t", "h"), ("th", "e")),
    "at the end": (("b", "a", "t", "h"), ("t", "h"), ("b", "a", "th")),
    "every time": (tuple("banana"), ("a", "n"), ("b", "an", "an", "a")),
    "from the left": (tuple("aaa"), ("a", "a"), ("aa", "a")),
    "without overlap": (tuple("aaaaa"), ("a", "a"), ("aa", "aa", "a")),
    "a run inside": (tuple("baaab"), ("a", "a"), ("b", "aa", "a", "b")),
    "the whole word": (("t", "h"), ("t", "h"), ("th",)),
    "not there": (tuple("banana"), ("n", "b"), tuple("banana")),
    "not backwards": (("h", "t", "h", "e"), ("t", "h"), ("h", "th", "e")),
    "long symbols": (("ab", "c", "a", "bc", "ab", "c"), ("ab", "c"), ("abc", "a", "bc", "abc")),
    "the result is not merged again": (("a", "b", "b"), ("a", "b"), ("ab", "b")),
    "the result is no part of the next pair": (("a", "aa", "aaa"), ("a", "aa"), ("aaa", "aaa")),
    "symbols are no patterns": (("a", ".", "b", ".", "a", "b"), (".", "b"), ("a", ".b", ".", "a", "b")),
    "nor have backslashes a meaning": (("\\", "1", "\\", "n"), ("\\", "1"), ("\\1", "\\", "n")),
    "a longer symbol only ends like the left one": (("ba", "n", "a", "n"), ("a", "n"), ("ba", "n", "an")),
    "a longer symbol only begins like the right one": (("a", "na", "a", "n"), ("a", "n"), ("a", "na", "an")),
    "a run of two thousand": (("-",) * 4001, ("-", "-"), ("--",) * 2000 + ("-",)),
    "one symbol": (("a",), ("a", "a"), ("a",)),
    "no symbol": ((), ("a", "a"), ()),
}


@exercise("replace_pair")
@pytest.mark.parametrize("symbols, pair, expected", REPLACED.values(), ids=REPLACED)
def test_replaces_the_pair(symbols, pair, expected):
    equal(bpe_train.replace_pair(symbols, pair), expected)


@exercise("replace_pair")
@pytest.mark.parametrize("seed", range(4))
def test_replaces_what_str_replace_would(seed):
    draw = random.Random(seed)
    cases = [([draw.choice(["a", "b", "ab", "aa"]) for _ in range(draw.randint(0, 12))], draw) for _ in range(50)]
    pairs = [(draw.choice(["a", "b", "ab"]), draw.choice(["a", "b", "ab"])) for _ in cases]
    got = [bpe_train.replace_pair(tuple(symbols), pair) for (symbols, _), pair in zip(cases, pairs)]
    equal(got, [merged(symbols, pair) for (symbols, _), pair in zip(cases, pairs)])


# ---- train_naive and train: small cases by hand ----------------------------------------------------------------------

BY_HAND = {
    # aa twice, bb once.
    "the most frequent pair first": ({"aa": 2, "bb": 1}, 258, ["a a", "b b"]),
    "a word counts as often as it comes": ({"aa": 1, "aab": 1, "bb": 3}, 257, ["b b"]),
    # an 2 + 2, na 2: then ana is an + a.
    "then pairs of what was merged": ({"anan": 2}, 258, ["a n", "an an"]),
    "runs overlap when they are counted": ({"zzzz": 1, "bc": 2}, 257, ["z z"]),
    "but not when they are merged": ({"aaa": 2, "aab": 1}, 258, ["a a", "aa a"]),
    "words are never joined": ({"ab": 1, "ba": 1}, 400, ["a b", "b a"]),
    # ab, bc, cd once each: ab goes first; then c d, for c has a smaller id than ab.
    "a tie goes to the smaller first id": ({"abcd": 1}, 258, ["a b", "c d"]),
    "a tie in the first id goes to the smaller second id": ({"bz": 2, "by": 2, "bx": 2}, 258, ["b x", "b y"]),
    # an has id 256, z has 89: as ids z is smaller, as text an is.
    "a new token has a greater id than any byte": ({"an": 9, "anx": 2, "zx": 2}, 258, ["a n", "z x"]),
    "new tokens are numbered as they are made": ({"zz": 9, "yy": 8, "zzx": 1, "yyx": 1}, 259, ["z z", "y y", "zz x"]),
    # In GPT-2's order the blank (Ġ) comes behind z; in the order of bytes it comes before.
    "bytes are in GPT-2's order": ({"Ġa": 1, "zz": 1, "Ċa": 1}, 258, ["z z", "Ċ a"]),
    "pairs that come once are merged too": ({"abc": 1}, 400, ["a b", "ab c"]),
    "it stops when no pair is left": ({"a": 5, "bb": 1}, 1000, ["b b"]),
    "it stops when the vocabulary is full": ({"abcdefgh": 1}, 259, ["a b", "c d", "e f"]),
    "256 is full": ({"ab": 3}, 256, []),
    "one less is full too": ({"banana": 2, "bandana": 1}, 255, []),
    "and much less": ({"ab": 3}, 100, []),
    "no words": ({}, 300, []),
    "only words of one letter": ({"a": 4, "b": 1}, 300, []),
}
by_hand = pytest.mark.parametrize("counts, vocab_size, expected", BY_HAND.values(), ids=BY_HAND)


@exercise("train_naive")
@by_hand
def test_naive_finds_merges_worked_out_by_hand(counts, vocab_size, expected):
    equal(bpe_train.train_naive(Counter(counts), vocab_size), [tuple(merge.split()) for merge in expected])


@exercise("train_naive")
@pytest.mark.parametrize("tens", range(6))
def test_naive_equals_the_reference_on_random_words(tens, reference):
    for seed in range(10 * tens, 10 * tens + 10):
        counts = random_counts(seed, "ab" if seed % 2 else "abc", 1 + seed % 7, 4 + seed % 11)
        vocab_size = 256 + [3, 9, 100][seed % 3]
        equal(bpe_train.train_naive(counts, vocab_size), reference(counts, vocab_size))


@exercise("train_naive")
@pytest.mark.parametrize("text", [tiny_shakespeare()[:6_000], CODE, SCRIPTS], ids=["English", "code", "other scripts"])
def test_naive_equals_the_reference_on_a_text(text, reference, reference_words):
    counts = reference_words(text)
    equal(bpe_train.train_naive(counts, 256 + 80), reference(counts, 256 + 80))


@exercise("train_naive")
def test_naive_equals_the_reference_on_a_word_of_thousands_of_letters(reference):
    counts = Counter({"=" * 1500 + "ab" * 800: 1, "ba": 2})
    equal(bpe_train.train_naive(counts, 256 + 6), reference(counts, 256 + 6))


@exercise("train_naive")
def test_naive_leaves_the_counts_as_they_are():
    counts = Counter({"banana": 2, "bandana": 1})
    bpe_train.train_naive(counts, 400)
    equal(counts, {"banana": 2, "bandana": 1}, name="the counts after train_naive")


@exercise("train")
@by_hand
def test_finds_merges_worked_out_by_hand(counts, vocab_size, expected):
    equal(bpe_train.train(Counter(counts), vocab_size), [tuple(merge.split()) for merge in expected])


@exercise("train")
@pytest.mark.parametrize("tens", range(6))
def test_equals_the_reference_on_random_words(tens, reference):
    for seed in range(10 * tens, 10 * tens + 10):
        counts = random_counts(seed, "ab" if seed % 2 else "abc", 1 + seed % 7, 4 + seed % 11)
        vocab_size = 256 + [3, 9, 100][seed % 3]
        equal(bpe_train.train(counts, vocab_size), reference(counts, vocab_size))


@exercise("train")
def test_equals_the_reference_on_many_long_words(reference):
    counts = random_counts(7, "aabcĠ", 150, 25)
    equal(bpe_train.train(counts, 1000), reference(counts, 1000))


@exercise("train")
@pytest.mark.parametrize("length", [2, 3, 100, 255, 3001])
def test_equals_the_reference_on_a_run_of_one_letter(length, reference):
    counts = Counter({"a" * length: 2, "b": 1})
    equal(bpe_train.train(counts, 256 + 12), reference(counts, 256 + 12))


@exercise("train")
def test_ids_beyond_a_thousand_decide_ties_as_small_ones_do():
    lefts, rights = map(chr, range(43, 73)), list(map(chr, range(73, 103)))
    pairs = [(left, right) for left in lefts for right in rights]
    counts = Counter({left + right: 5000 - i for i, (left, right) in enumerate(pairs)})  # so pair i gets the id 256 + i
    words = ["".join(pairs[44] + pairs[844]), "".join(pairs[45]) + "&"]  # ids 300, 1100 and 301, 5
    expected = [*pairs, ("".join(pairs[44]), "".join(pairs[844])), ("".join(pairs[45]), "&")]
    counts.update(dict.fromkeys(words, 3))
    # Each of the two words makes its parts more frequent by three, so leave room between the counts.
    counts = Counter({word: 10 * n if len(word) == 2 else n for word, n in counts.items()})
    equal(bpe_train.train(counts, 256 + 902)[-4:], expected[-4:], name="the last merges")


@exercise("train")
def test_leaves_the_counts_as_they_are():
    counts = Counter({"banana": 2, "bandana": 1})
    bpe_train.train(counts, 400)
    equal(counts, {"banana": 2, "bandana": 1}, name="the counts after train")


# ---- train: the work that it does ------------------------------------------------------------------------------------


RECOUNTS = 30  # train gets the processor time of so many naive merges, for more than ten times as many
PRINTABLE = [chr(code) for code in (*range(33, 127), *range(174, 256))]  # each is its own byte character


def processor_seconds(call):
    """Without the garbage collector, which in a large process can take longer than the call."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        call()
        return time.process_time() - start
    finally:
        gc.enable()


def recount(words):
    """What a naive trainer does at each merge, RECOUNTS times."""
    for _ in range(RECOUNTS):
        pairs = Counter()
        for symbols, count in words:
            for pair in pairwise(symbols):
                pairs[pair] += count
        max(pairs, key=lambda pair: (pairs[pair], pair))
        for symbols, _ in words:
            i = 0
            while i < len(symbols):
                i += 2 if symbols[i : i + 2] == ("\0", "\0") else 1


def check_work(counts, merges, complaint):
    # A right answer needs a seventh of the limit or less, a naive one ten times the limit. Processor time knows nothing
    # of other programs; should something else have been in the way of the first measurement, another decides.
    words = [(tuple(word), count) for word, count in counts.items()]
    for _ in range(2):
        limit = processor_seconds(lambda: recount(words))
        spent = processor_seconds(lambda: bpe_train.train(counts, 256 + merges))
        if spent <= limit:
            return
        if spent > 5 * limit:
            break
    fail(f"{merges} merges take longer than {RECOUNTS} naive ones: {complaint}")


def few_words_matter():
    """300 frequent words of two letters, and 800 rare ones, whose pairs come much later."""
    draw = random.Random(0)
    counts = Counter({"".join(draw.choices(PRINTABLE[:8], k=12)): 1 for _ in range(800)})
    frequent = [left + right for left in PRINTABLE[10:30] for right in PRINTABLE[30:45]]
    return counts | Counter({pair: 10_000 + i for i, pair in enumerate(frequent)})


@exercise("train")
def test_pairs_are_not_recounted_at_every_merge(monkeypatch):
    counts, seen = few_words_matter(), []
    count_pairs = bpe_train.count_pairs

    def watched(words):
        seen.append(len(words))
        return count_pairs(words)

    monkeypatch.setattr(bpe_train, "count_pairs", watched)
    merges = bpe_train.train(counts, 256 + 50)
    equal(len(merges), 50, name="how many merges")
    if sum(seen) > 10 * len(counts):
        fail(f"for 50 merges, count_pairs was given all words {sum(seen) // len(counts)} times")


@exercise("train")
def test_a_merge_touches_only_the_words_that_hold_its_pair():
    check_work(few_words_matter(), 300, "a merge should look only at the words that hold its pair")


@exercise("train")
def test_the_next_pair_is_found_without_looking_at_all_pairs():
    pairs = [left + right for left in PRINTABLE for right in PRINTABLE]
    random.Random(0).shuffle(pairs)
    counts = Counter({pair: i + 1 for i, pair in enumerate(pairs[:3000])})
    check_work(counts, 800, "the next pair should be found without looking at all the others")


@exercise("train")
@pytest.mark.parametrize(
    "text, merges",
    [(tiny_shakespeare()[:40_000], 500), (CODE, 300), (SCRIPTS, 400)],
    ids=["English", "code", "other scripts"],
)
def test_equals_the_reference_on_a_text(text, merges, reference, reference_words):
    counts = reference_words(text)
    equal(bpe_train.train(counts, 256 + merges), reference(counts, 256 + merges))


# ---- vocabulary ------------------------------------------------------------------------------------------------------


@pytest.fixture
def gpt2():
    """GPT-2's own (vocabulary, merges), read from OpenAI's files."""
    vocab_path, merges_path = gpt2_bpe_files()
    lines = merges_path.read_text(encoding="utf-8").split("\n")
    return json.loads(vocab_path.read_text(encoding="utf-8")), [tuple(line.split()) for line in lines[1:-1]]


@exercise("vocabulary")
def test_without_merges_there_are_256_characters_and_the_end_of_text():
    vocab = bpe_train.vocabulary([])
    expected = {"!": 0, "A": 32, "~": 93, "¡": 94, "Ā": 188, "Ġ": 220, "<|endoftext|>": 256}
    equal(part(vocab, *expected), expected)
    equal(len(vocab), 257)


@exercise("vocabulary")
def test_merges_follow_in_order_and_special_tokens_come_last():
    vocab = bpe_train.vocabulary([("t", "h"), ("Ġ", "th"), ("a", "n")], specials=("<|end|>", "<|begin|>"))
    equal(list(vocab)[256:], ["th", "Ġth", "an", "<|end|>", "<|begin|>"])


@exercise("vocabulary")
def test_ids_count_up_from_0():
    vocab = bpe_train.vocabulary([("z", "z"), ("a", "b")])
    equal(part(vocab, "ab"), {"ab": 257})
    equal(list(vocab.values()), list(range(259)))


@exercise("vocabulary")
def test_special_tokens_are_not_needed():
    equal(list(bpe_train.vocabulary([("z", "z")], specials=()))[-2:], ["Ń", "zz"])


@exercise("vocabulary")
def test_leaves_the_merges_as_they_are():
    merges = [("z", "z"), ("a", "b")]
    equal(len(bpe_train.vocabulary(merges)), 259)
    equal(merges, [("z", "z"), ("a", "b")], name="the merges afterwards")


@exercise("vocabulary")
def test_gpt2s_merges_give_gpt2s_vocabulary(gpt2):
    vocab, merges = gpt2
    equal(list(bpe_train.vocabulary(merges)), sorted(vocab, key=vocab.get))


# ---- save ------------------------------------------------------------------------------------------------------------

MERGES = [("t", "h"), ("Ġ", "th"), ("Ã", "©"), ("Ġth", "e"), ("#", "#"), ("\\", '"')]
FILES = ["merges.txt", "vocab.json"]
SAMPLE = 'The thé, then "##" \\" the\n\nend é'


def written(folder, *names):
    """The bytes of these files, as far as they are there."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def merges_of(folder):
    """The text of merges.txt, or what there is of files instead."""
    files = written(folder, "merges.txt")
    return files["merges.txt"].decode("utf-8", "replace") if files else "there is no merges.txt"


def vocab_of(folder):
    """What vocab.json holds, or what there is of files instead."""
    files = written(folder, "vocab.json")
    return json.loads(files["vocab.json"]) if files else "there is no vocab.json"


@exercise("save")
def test_merges_stand_one_a_line_below_the_version(tmp_path):
    bpe_train.save(tmp_path, [("t", "h"), ("Ġ", "th")])
    equal(merges_of(tmp_path), "#version: 0.2\nt h\nĠ th\n")


@exercise("save")
def test_the_vocabulary_is_json(tmp_path):
    bpe_train.save(tmp_path, [("t", "h"), ("Ã", "©")])
    expected = {"!": 0, "Ġ": 220, "th": 256, "Ã©": 257, "<|endoftext|>": 258}
    equal(part(vocab_of(tmp_path), *expected), expected)
    equal(len(vocab_of(tmp_path)), 259)


@exercise("save")
def test_the_vocabulary_stands_in_the_order_of_its_ids(tmp_path):
    bpe_train.save(tmp_path, [("t", "h"), ("a", "n")])
    vocab = vocab_of(tmp_path)
    equal(part(vocab, "th", "an"), {"th": 256, "an": 257})
    equal(list(vocab), sorted(vocab, key=vocab.get))


@exercise("save")
def test_the_special_tokens_of_the_caller_are_saved(tmp_path):
    bpe_train.save(tmp_path, [("t", "h")], specials=("<|a|>", "<|b|>"))
    equal(part(vocab_of(tmp_path), "th", "<|a|>", "<|b|>"), {"th": 256, "<|a|>": 257, "<|b|>": 258})
    equal(len(vocab_of(tmp_path)), 259)


@exercise("save")
@pytest.mark.parametrize("name", ["new", "two/new"], ids=["one", "and the one around it"])
def test_makes_the_folder(name, tmp_path):
    bpe_train.save(str(tmp_path / name), [("a", "b")])
    equal(merges_of(tmp_path / name), "#version: 0.2\na b\n")


@exercise("save")
def test_the_files_are_the_same_on_windows(tmp_path):
    with as_on_windows():
        bpe_train.save(tmp_path, [("Ã", "©"), ("Ġ", "t")])
    equal(merges_of(tmp_path), "#version: 0.2\nÃ ©\nĠ t\n")
    equal(part(vocab_of(tmp_path), "Ã©"), {"Ã©": 256})


@exercise("save")
def test_replaces_older_files(tmp_path):
    bpe_train.save(tmp_path, [("a", "b"), ("c", "d")])
    bpe_train.save(tmp_path, [("x", "y")])
    equal(merges_of(tmp_path), "#version: 0.2\nx y\n")
    equal(sorted(path.name for path in tmp_path.iterdir()), FILES)


@exercise("save")
def test_without_merges_there_is_only_the_version(tmp_path):
    bpe_train.save(tmp_path, [])
    equal(merges_of(tmp_path), "#version: 0.2\n")


@exercise("save")
def test_gpt2s_merges_give_gpt2s_files(gpt2, tmp_path):
    vocab, merges = gpt2
    bpe_train.save(tmp_path, merges)
    equal(merges_of(tmp_path) == gpt2_bpe_files()[1].read_text(encoding="utf-8"), True, name="same merges.txt")
    equal(vocab_of(tmp_path) == vocab, True, name="same vocab.json")


@exercise("save")
def test_tiktoken_and_hugging_face_read_the_files(tmp_path):
    from tokenizers import ByteLevelBPETokenizer

    bpe_train.save(tmp_path, MERGES)
    equal(sorted(written(tmp_path, *FILES)), FILES, name="the files")
    vocab, merges = str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")
    ranks = bpe_ranks(vocab, merges)
    equal([ranks[token] for token in (b"th", b" th", "é".encode(), b" the", b"##", b'\\"')], list(range(256, 262)))
    expected = ["T", "h", "e", "Ġth", "Ã©", ",", "Ġthe", "n", "Ġ", '"', "##", '"', "Ġ", '\\"', "Ġthe", "Ċ", "Ċ"]
    equal(ByteLevelBPETokenizer(vocab, merges).encode(SAMPLE).tokens, [*expected, "e", "n", "d", "Ġ", "Ã©"])


@exercise("save")
def test_section_4s_tokenizer_reads_the_files(tmp_path):
    from tokenizers import ByteLevelBPETokenizer

    bpe_train.save(tmp_path, MERGES)
    equal(sorted(written(tmp_path, *FILES)), FILES, name="the files")
    vocab, merges = tmp_path / "vocab.json", tmp_path / "merges.txt"
    expected = ByteLevelBPETokenizer(str(vocab), str(merges)).encode(SAMPLE).ids
    equal(bpe.BPETokenizer.from_files(vocab, merges).encode(SAMPLE), expected)


@exercise("save")
def test_transformers_loads_the_folder(tmp_path):
    from transformers import GPT2Tokenizer

    bpe_train.save(tmp_path, MERGES)
    equal(sorted(written(tmp_path, *FILES)), FILES, name="the files")
    equal(GPT2Tokenizer.from_pretrained(tmp_path).encode("the end<|endoftext|>")[-1], 262)
