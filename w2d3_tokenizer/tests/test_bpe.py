"""Section 4: GPT-2's tokenizer, compared with `tokenizers` and with `tiktoken`, id for id."""

import functools
import json
import random
import re
import time
import unicodedata
from itertools import pairwise

import bpe
import pytest
import regex
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.checks import as_on_windows, equal, exercise, fail, raises
from shared.data import code_samples, gpt2_bpe_files, languages, tiny_shakespeare, unicode_torture
from shared.data.reference import bpe_ranks

END = "<|endoftext|>"
NASTY = unicode_torture()
# What a pre-tokenizer stumbles over, far more often than chance would bring it up.
PIECES = [" ", " ", "  ", "\n", "\t", "\r\n", "\xa0", "\u3000", "\x85", "\x1c", "\u200b", "\0", "'", "'s", "'t", "'re"]
PIECES += [
    "'ve",
    "'m",
    "'ll",
    "'d",
    "'S",
    "’s",
    "a",
    "B",
    "é",
    "e\u0301",
    "ß",
    "ʰ",
    "ª",
    "中",
    "א",
    "1",
    "٣",
    "½",
    "²",
    "Ⅷ",
]
PIECES += [
    "_",
    "-",
    "...",
    "€",
    "👍🏽",
    "👩\u200d👧",
    "\ufffd",
    "\ufeff",
    "\u0558",
    "\U000323b0",
    "\U0010ffff",
    END,
    "<|end",
]


def is_settled(character):
    """Whether all versions of the references agree on what it is: they learn of new characters one after the other."""
    return unicodedata.category(character) not in ("Cn", "Cs") and not regex.match(f"[{bpe.NEWER}]", character)


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cn")).filter(is_settled))
TEXTS |= st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
fast = settings(
    derandomize=True, database=None, deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate]
)


# The runner makes every fixture anew for every test, since a wrong answer may spoil what it is given. What no answer is
# ever given is made once.


@pytest.fixture
@functools.cache
def hugging():
    """GPT-2's tokenizer of Hugging Face, in which <|endoftext|> is always special."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer(*map(str, gpt2_bpe_files()))
    tokenizer.add_special_tokens([END])
    return tokenizer


@pytest.fixture
@functools.cache  # each text is split once, though many an answer is compared with it
def hugging_words():
    """`hugging_words(text)`: the pre-tokens of Hugging Face's ByteLevel, as pieces of the text."""
    from tokenizers import pre_tokenizers

    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = functools.cache(lambda text: [text[start:end] for _, (start, end) in split.pre_tokenize_str(text)])
    return lambda text: list(words(text))


@functools.cache
def tiktoken_ranks():
    return bpe_ranks(*gpt2_bpe_files())


@functools.cache
def make_tiktoken(**specials):
    """GPT-2's tokenizer with these special tokens."""
    import tiktoken
    from tiktoken_ext.openai_public import r50k_pat_str

    ranks = tiktoken_ranks()
    return tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens=specials)


@pytest.fixture
def tik():
    return make_tiktoken(**{END: 50256})


@pytest.fixture
def small_bpe():
    """`small_bpe(merges, word)`: what the BPE model of Hugging Face makes of a word; symbols are single characters."""
    from tokenizers import Tokenizer, models

    def merge(merges, word):
        symbols = dict.fromkeys([*word, *(symbol for pair in merges for symbol in (*pair, "".join(pair)))])
        vocab = {symbol: i for i, symbol in enumerate(symbols)}
        return Tokenizer(models.BPE(vocab=vocab, merges=merges)).encode(word).tokens

    return merge


@functools.cache
def read_gpt2_parts():
    vocab, merges = gpt2_bpe_files()
    lines = merges.read_text(encoding="utf-8").split("\n")[1:-1]
    return json.loads(vocab.read_text(encoding="utf-8")), [tuple(line.split(" ")) for line in lines]


@pytest.fixture
def gpt2_parts():
    """GPT-2's (vocab, merges), read here without the help of from_files."""
    vocab, merges = read_gpt2_parts()
    return vocab.copy(), merges.copy()


def make_gpt2(gpt2_parts, specials=None):
    """A new tokenizer for each test, so that a cache filled by one can't hide anything from the next."""
    vocab, merges = gpt2_parts
    return watched(bpe.BPETokenizer(vocab, merges, {END: 50256} if specials is None else specials))


class Cache(dict):
    """Fails where the list of a word has grown: extended by itself again and again, it would fill the memory."""

    def look(self, word, ids):
        if isinstance(word, str) and isinstance(ids, list) and len(ids) > len(word.encode()):
            fail(f"in the cache {word[:30]!r} has more ids than bytes: its list was extended after it was remembered")
        return ids

    def __getitem__(self, word):
        return self.look(word, super().__getitem__(word))

    def get(self, word, default=None):
        return self.look(word, super().get(word, default))


def watched(tokenizer):
    if type(getattr(tokenizer, "cache", None)) is dict:
        tokenizer.cache = Cache(tokenizer.cache)
    return tokenizer


def alphabet():
    """{byte: character}: by code point, Hugging Face's alphabet has the bytes below 256 first, then the others."""
    from tokenizers import pre_tokenizers

    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    themselves = {ord(character): character for character in characters if ord(character) < 256}
    others = [byte for byte in range(256) if byte not in themselves]
    return themselves | dict(zip(others, characters[len(themselves) :]))


def tiny(merges=(), specials=None):
    """A tokenizer of the 256 bytes and a few merges, whose ids have nothing to do with bytes or ranks."""
    characters = alphabet()
    vocab = {character: 1000 - 3 * byte for byte, character in characters.items()}
    vocab |= {left + right: 2000 + 7 * i for i, (left, right) in enumerate(merges)}
    return watched(bpe.BPETokenizer(vocab, list(merges), specials))


def utf8(text):
    """The ids of a text in a tokenizer without merges."""
    return [1000 - 3 * byte for byte in text.encode()]


def part(mapping, *keys):
    """What a dictionary has for these keys, and nothing for those that it lacks."""
    return {key: mapping[key] for key in keys if key in mapping} if isinstance(mapping, dict) else mapping


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def costs_no_more(large, small, complaint):
    """`large()` does about the same work as `small()`: the fastest of five tries takes at most ten times as long."""
    limit = 10 * min(seconds(small) for _ in range(5))
    if all(seconds(large) > limit for _ in range(5)):
        fail(complaint)


def where_they_part(got, expected, name):
    """`equal` for long lists: shows just the place where they part."""
    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
    equal(got[at : at + 4], expected[at : at + 4], name=f"{name}, from item {at}")
    equal(len(got), len(expected), name=f"the number of items, {name}")


# ---- byte_characters -------------------------------------------------------------------------------------------------


@exercise("byte_characters")
@pytest.mark.parametrize(
    "byte, character",
    [(65, "A"), (33, "!"), (126, "~"), (161, "¡"), (172, "¬"), (174, "®"), (255, "ÿ"), (0xC0, "À")],
)
def test_printable_bytes_stand_for_themselves(byte, character):
    equal(part(bpe.byte_characters(), byte), {byte: character})


@exercise("byte_characters")
@pytest.mark.parametrize(
    "byte, character", [(0, "Ā"), (10, "Ċ"), (32, "Ġ"), (127, "ġ"), (160, "ł"), (173, "Ń")], ids=str
)
def test_other_bytes_get_the_characters_from_256_on(byte, character):
    equal(part(bpe.byte_characters(), byte), {byte: character})


@exercise("byte_characters")
def test_all_256_are_those_of_hugging_face():
    equal(bpe.byte_characters(), alphabet())


@exercise("byte_characters")
def test_writes_utf8_as_hugging_face_writes_it():
    from tokenizers import pre_tokenizers

    text = "".join(map(chr, [*range(0x800), 0x1000, 0xFFFD, 0x10000, 0x50000, 0x90000, 0xD0000, 0x10FFFF]))
    expected = "".join(word for word, _ in pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text))
    characters = bpe.byte_characters()
    equal(part(characters, *text.encode()), part(alphabet(), *text.encode()))
    equal("".join(characters[byte] for byte in text.encode()), expected)


# ---- split_text ------------------------------------------------------------------------------------------------------


@exercise("split_text")
@pytest.mark.parametrize(
    "text, words",
    [
        ("", []),
        ("x", ["x"]),
        (" ", [" "]),
        ("two words", ["two", " words"]),
        (" first", [" first"]),
        ("well, yes.", ["well", ",", " yes", "."]),
        ("( a )", ["(", " a", " )"]),
        ("wait...what?!", ["wait", "...", "what", "?!"]),
        ("in 2024", ["in", " 2024"]),
        ("file2name", ["file", "2", "name"]),
        ("snake_case", ["snake", "_", "case"]),
        ("café naïve", ["café", " naïve"]),
        ("中文 字", ["中文", " 字"]),
        ("x² ½", ["x", "²", " ½"]),
        ("a!٣", ["a", "!", "٣"]),
        ("e\u0301!", ["e", "\u0301!"]),
        ("a\0b", ["a", "\0", "b"]),
        ("in 1234567", ["in", " 1234567"]),
        ('(a) "b"', ["(", "a", ")", ' "', "b", '"']),
    ],
)
def test_words_numbers_and_the_rest(text, words):
    equal(bpe.split_text(text), words)


@exercise("split_text")
@pytest.mark.parametrize(
    "text, words",
    [
        ("a  b", ["a", " ", " b"]),
        ("x:    y", ["x", ":", "   ", " y"]),
        ("a\nb", ["a", "\n", "b"]),
        ("a\n\nb", ["a", "\n", "\n", "b"]),
        ("a \nb", ["a", " ", "\n", "b"]),
        ("a\n b", ["a", "\n", " b"]),
        ("a\t!", ["a", "\t", "!"]),
        ("end  ", ["end", "  "]),
        ("end\n", ["end", "\n"]),
        ("   ", ["   "]),
        ("10\xa0km", ["10", "\xa0", "km"]),
        ("a\x85b", ["a", "\x85", "b"]),
    ],
)
def test_the_last_white_space_belongs_to_the_next_word(text, words):
    equal(bpe.split_text(text), words)


@exercise("split_text")
@pytest.mark.parametrize("length", [300, 5000])
def test_a_word_may_be_as_long_as_it_likes(length):
    words = ["x" * length, " " + "7" * length, "-" * length, " " * length, " é"]
    equal(bpe.split_text("".join(words)), words)


@exercise("split_text")
@pytest.mark.parametrize("character", ["\x1c", "\u180e", "\u200b", "\ufeff"], ids=ascii)
def test_some_blank_characters_are_no_white_space(character):
    equal(bpe.split_text(f"a {character}!b"), ["a", f" {character}!", "b"])


@exercise("split_text")
@pytest.mark.parametrize("ending", ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"])
def test_contractions_are_words(ending):
    equal(bpe.split_text(f"we{ending}!{ending}x"), ["we", ending, "!" + ending[0], ending[1:] + "x"])
    equal(bpe.split_text(f"{ending}{ending}q"), [ending, ending, "q"])


@exercise("split_text")
@pytest.mark.parametrize(
    "text, words",
    [
        ("DON'T", ["DON", "'", "T"]),
        ("I'LL", ["I", "'", "LL"]),
        ("don’t", ["don", "’", "t"]),
        ("'tis", ["'t", "is"]),
        (" 's", [" '", "s"]),
        ("'v 'l", ["'", "v", " '", "l"]),
        ("a''s", ["a", "''", "s"]),
        ("'1", ["'", "1"]),
    ],
)
def test_what_looks_like_a_contraction(text, words):
    equal(bpe.split_text(text), words)


@exercise("split_text")
@pytest.mark.parametrize(
    "character", ["\u0558", "\u088f", "\ua7ce", "\U00012550", "\U0002cea2", "\U000323b0", "\U0003d000"], ids=ascii
)
def test_letters_newer_than_unicode_16_are_no_letters(character):
    equal(
        bpe.split_text(f"a{character}!2{character} {character}"),
        ["a", character + "!", "2", character, " " + character],
    )


@exercise("split_text")
@pytest.mark.parametrize("beside", ["a", "7", "!"])
def test_every_character_is_what_the_reference_takes_it_for(beside, hugging_words):
    # Of ideographs, Hangul and cuneiform the ends will do. Beside a letter, only a letter doesn't begin a new word.
    ends = [0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xAC00, 0xD7A3, 0x20000, 0x2A6DF, 0x2B739, 0x2B81D, 0x2CEA1, 0x2EBE0]
    ends += [
        0x2EE5D,
        0x14400,
        0x14646,
        0x187F7,
        0x18CD5,
        0x18D08,
        0x191D2,
        0x30000,
        0x3134A,
        0x323AF,
        0x33479,
        0x3D000,
        0x3FC3F,
        0x40000,
        0xE0100,
        0xF0000,
    ]
    points = {*range(0x3400), *range(0x9FF0, 0xAC10), *range(0xD7A0, 0xD800), *range(0xE000, 0xE010)}
    points |= {*range(0xF8F0, 0x12700), *range(0x16800, 0x17000), *range(0x1AFF0, 0x1B180), *range(0x1D000, 0x1F000)}
    points |= {*(end + i for end in ends for i in range(-3, 4))}
    text = beside.join(filter(is_settled, map(chr, sorted(points))))
    where_they_part(bpe.split_text(text), hugging_words(text), f"of characters with {beside!r} between them")


@exercise("split_text")
def test_splits_nasty_text_as_the_reference(hugging_words):
    for name, text in NASTY.items():
        equal(bpe.split_text(text), hugging_words(text), name=name)


@exercise("split_text")
def test_splits_any_text_as_the_reference_and_loses_nothing(hugging_words):
    @fast
    @given(TEXTS)
    def check(text):
        words = bpe.split_text(text)
        equal(words, hugging_words(text), name=ascii(text))
        equal("".join(words), text)

    check()


@exercise("split_text")
def test_splits_code_and_other_languages_as_the_reference(hugging_words):
    for name, text in (languages() | code_samples()).items():
        where_they_part(bpe.split_text(text), hugging_words(text), name)


# ---- merge_word ------------------------------------------------------------------------------------------------------


def merge_slowly(symbols, ranks):
    """Oracle: look at all neighbours again after each pass."""
    symbols = list(symbols)
    while True:
        found = [pair for pair in pairwise(symbols) if pair in ranks]
        if not found:
            return symbols
        best, out = min(found, key=ranks.get), []
        while symbols:
            take = 2 if tuple(symbols[:2]) == best else 1
            out.append("".join(symbols[:take]))
            symbols = symbols[take:]
        symbols = out


@exercise("merge_word")
@pytest.mark.parametrize("word", ["", "a", "ab", "abc"])
def test_without_merges_nothing_happens(word):
    equal(bpe.merge_word(word, {}), list(word))


@exercise("merge_word")
@pytest.mark.parametrize(
    "word, merged",
    [
        ("aa", ["aa"]),
        ("aaa", ["aa", "a"]),
        ("aaaa", ["aaaa"]),
        ("aaaaa", ["aaaa", "a"]),
        ("aaaaaa", ["aaaa", "aa"]),
        ("aaaaaaa", ["aaaa", "aa", "a"]),
        ("aabaaa", ["aa", "b", "aa", "a"]),
    ],
)
def test_runs_merge_from_the_left_without_overlap(word, merged):
    equal(bpe.merge_word(word, {("a", "a"): 0, ("aa", "aa"): 1}), merged)


@exercise("merge_word")
def test_banana_step_by_step():
    ranks = {("an", "a"): 2, ("b", "an"): 1, ("a", "n"): 0}
    equal(bpe.merge_word("banana", {("a", "n"): 0}), ["b", "an", "an", "a"])
    equal(bpe.merge_word("banana", {("a", "n"): 0, ("b", "an"): 1}), ["ban", "an", "a"])
    equal(bpe.merge_word("banana", ranks), ["ban", "ana"])


@exercise("merge_word")
def test_the_lowest_rank_goes_first_not_the_leftmost_pair():
    equal(bpe.merge_word("abc", {("a", "b"): 5, ("b", "c"): 3}), ["a", "bc"])
    equal(bpe.merge_word("abc", {("a", "b"): 3, ("b", "c"): 5}), ["ab", "c"])


@exercise("merge_word")
def test_the_lowest_rank_goes_first_not_the_longest_token():
    # "abc" is a token, but the merge of b and c comes before that of a and b.
    ranks = {("b", "c"): 0, ("a", "b"): 1, ("ab", "c"): 2}
    equal(bpe.merge_word("abc", ranks), ["a", "bc"])
    equal(bpe.merge_word("xab", ranks), ["x", "ab"])


@exercise("merge_word")
def test_a_pair_merges_wherever_it_stands_before_the_next_one_does():
    ranks = {("c", "d"): 0, ("a", "b"): 1, ("b", "c"): 2, ("ab", "ab"): 3}
    equal(bpe.merge_word("abcdababbc", ranks), ["ab", "cd", "abab", "bc"])


@exercise("merge_word")
def test_symbols_may_be_longer_than_a_character_and_equal_text_is_not_an_equal_pair():
    ranks = {("a", "bc"): 0, ("x", "y"): 1}
    equal(bpe.merge_word(["ab", "c", "x", "y", "a", "bc"], ranks), ["ab", "c", "xy", "abc"])
    equal(bpe.merge_word(("a", "bc", "a"), ranks), ["abc", "a"])


@exercise("merge_word")
def test_a_word_of_a_thousand_merges():
    ranks = {("a", "b"): 3, ("ab", "c"): 8}
    equal(bpe.merge_word("abc" * 600 + "ab", ranks), ["abc"] * 600 + ["ab"])


@exercise("merge_word")
def test_leaves_its_arguments_as_they_are():
    symbols, ranks = list("banana"), {("a", "n"): 0, ("an", "an"): 4}
    bpe.merge_word(symbols, ranks)
    equal(symbols, list("banana"), name="the symbols afterwards")
    equal(ranks, {("a", "n"): 0, ("an", "an"): 4}, name="the ranks afterwards")


@exercise("merge_word")
def test_a_word_without_pairs_comes_back_as_a_new_list():
    symbols = ["a", "b"]
    bpe.merge_word(symbols, {("b", "a"): 0}).append("c")
    equal(symbols, ["a", "b"], name="the symbols after the result was changed")


@exercise("merge_word")
@pytest.mark.parametrize("seed", range(12))
def test_merges_by_tables_of_all_kinds_as_hugging_face(seed, small_bpe):
    # Tables as training makes them: parts before the whole, no symbol made twice. Few letters, so that much overlaps.
    draw = random.Random(seed)
    symbols, merges = list("abc"[: 2 + seed % 2]), []
    while len(merges) < 3 + seed % 9:
        pair = draw.choice(symbols), draw.choice(symbols)
        if "".join(pair) not in symbols:
            merges.append(pair)
            symbols.append("".join(pair))
    table = list(enumerate(merges, start=seed % 3))
    draw.shuffle(table)
    ranks = {pair: 10 * rank for rank, pair in table}
    for length in (2, 3, 5, 9, 17, 40, 41, 90):
        word = "".join(draw.choices("abc"[: 2 + seed % 2], k=length))
        expected = small_bpe(merges, word)
        equal(merge_slowly(word, ranks), expected, name="the test's own slow loop")
        equal(bpe.merge_word(word, ranks), expected, name=f"{word} by {merges}")


@exercise("merge_word")
def test_merges_gpt2s_words_as_tiktoken(gpt2_parts, tik):
    ranks = {pair: rank for rank, pair in enumerate(gpt2_parts[1])}
    words = ["wants", "deeds", "takes", "proceed", "themselves", "antidisestablishmentarianism", "a" * 37, "ha" * 30]
    words += sorted(set(re.findall("[a-zA-Z]+", tiny_shakespeare()[:20000])))
    for word in words:
        equal(bpe.merge_word(word, ranks), [tik.decode([id]) for id in tik.encode(word)], name=word)


@exercise("merge_word")
def test_merges_a_word_of_two_thousand_letters_as_tiktoken(gpt2_parts, tik):
    ranks = {pair: rank for rank, pair in enumerate(gpt2_parts[1])}
    word = "".join(re.findall("[a-zA-Z]+", tiny_shakespeare()))[:2000]
    where_they_part(bpe.merge_word(word, ranks), [tik.decode([id]) for id in tik.encode(word)], "the symbols")


@exercise("merge_word")
def test_fifty_thousand_ranks_cost_no_more_than_five(gpt2_parts):
    few = {("a", "n"): 0, ("an", "a"): 1, ("b", "an"): 2, ("n", "d"): 3, ("an", "d"): 4}
    many = few | {(left, right + "?"): 5 + rank for rank, (left, right) in enumerate(gpt2_parts[1])}
    words = ["banana", "bandana", "and", "nan"] * 5
    costs_no_more(
        lambda: [bpe.merge_word(word, many) for word in words],
        lambda: [bpe.merge_word(word, few) for word in words],
        "the same words take over ten times as long with 50,000 pairs in ranks as with five",
    )


@exercise("merge_word")
def test_a_long_word_of_few_different_letters():
    # "aaaa…" needs few rounds, however the merging is done.
    ranks = {("a" * 2**i, "a" * 2**i): i for i in range(8)}
    equal(bpe.merge_word("a" * 3003, ranks), ["a" * 256] * 11 + ["a" * 128, "a" * 32, "a" * 16, "a" * 8, "aa", "a"])


# ---- BPETokenizer.from_files -----------------------------------------------------------------------------------------


def write_files(folder, vocab, merges):
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8", newline="")
    (folder / "merges.txt").write_text(merges, encoding="utf-8", newline="")
    return folder / "vocab.json", folder / "merges.txt"


SMALL = {"#": 4, "a": 0, "Ġ": 7, "##": 2, "Ġa": 9, "aa": 1, "é": 8, "<end>": 3, "<pad>": 6}


@exercise("BPETokenizer.from_files")
@pytest.mark.parametrize("end", ["\n", ""], ids=["a line break at the end", "none"])
def test_reads_the_vocabulary_and_the_merges(end, tmp_path):
    files = write_files(tmp_path, SMALL, "#version: 0.2\n# #\nĠ a\na a" + end)
    read = bpe.BPETokenizer.from_files(*files, specials=())
    equal(read.vocab, SMALL, name="vocab")
    equal(read.ranks, {("#", "#"): 0, ("Ġ", "a"): 1, ("a", "a"): 2}, name="ranks")
    equal(read.specials, {}, name="specials")


@exercise("BPETokenizer.from_files")
def test_the_files_are_utf8_on_windows_too(tmp_path):
    files = write_files(tmp_path, SMALL, "#version: 0.2\nĠ a\n")
    with as_on_windows():
        read = bpe.BPETokenizer.from_files(*files, specials=())
    equal(read.vocab, SMALL, name="vocab")
    equal(read.ranks, {("Ġ", "a"): 0}, name="ranks")


@exercise("BPETokenizer.from_files")
@pytest.mark.parametrize("kind", [list, tuple, set, iter], ids=lambda kind: kind.__name__)
def test_specials_are_looked_up_in_the_vocabulary(kind, tmp_path):
    vocab, merges = write_files(tmp_path, SMALL, "#version: 0.2\na a\n")
    read = bpe.BPETokenizer.from_files(str(vocab), str(merges), specials=kind(["<pad>", "<end>"]))
    equal(read.specials, {"<pad>": 6, "<end>": 3}, name="specials")


@exercise("BPETokenizer.from_files")
def test_endoftext_is_special_unless_told_otherwise(tmp_path):
    files = write_files(tmp_path, SMALL | {END: 11}, "#version: 0.2\na a\n")
    equal(bpe.BPETokenizer.from_files(*files).specials, {END: 11}, name="specials")


@exercise("BPETokenizer.from_files")
def test_names_a_special_that_the_vocabulary_lacks(tmp_path):
    files = write_files(tmp_path, SMALL, "#version: 0.2\na a\n")
    raises(ValueError, bpe.BPETokenizer.from_files, *files, specials=["<end>", "<mask>"], names="<mask>")
    raises(ValueError, bpe.BPETokenizer.from_files, *files, names="endoftext")


@exercise("BPETokenizer.from_files")
def test_only_the_first_line_is_a_version(tmp_path):
    files = write_files(tmp_path, SMALL, "#version: 0.2\n# #\n#version :\n#version: 0.2\n")
    ranks = bpe.BPETokenizer.from_files(*files, specials=()).ranks
    equal(ranks, {("#", "#"): 0, ("#version", ":"): 1, ("#version:", "0.2"): 2}, name="ranks")


@exercise("BPETokenizer.from_files")
def test_a_vocabulary_without_merges(tmp_path):
    files = write_files(tmp_path, SMALL, "#version: 0.2\n")
    equal(bpe.BPETokenizer.from_files(*files, specials=()).ranks, {}, name="ranks")


@exercise("BPETokenizer.from_files")
def test_a_subclass_makes_one_of_its_own(tmp_path):
    class Mine(bpe.BPETokenizer):
        pass

    files = write_files(tmp_path, SMALL, "#version: 0.2\na a\n")
    equal(type(Mine.from_files(*files, specials=())).__name__, "Mine")


@exercise("BPETokenizer.from_files")
def test_reads_gpt2s_files_as_tiktoken():
    read = bpe.BPETokenizer.from_files(*gpt2_bpe_files())
    byte = {character: byte for byte, character in alphabet().items()}
    ranks = {bytes(byte[c] for c in left + right): 256 + rank for (left, right), rank in read.ranks.items()}
    equal(len(ranks), 50000, name="how many merges")
    equal(
        ranks == {token: rank for token, rank in tiktoken_ranks().items() if rank >= 256}, True, name="the same ranks"
    )
    equal(len(read.vocab), 50257, name="the size of the vocabulary")
    equal(read.specials, {END: 50256}, name="specials")


# ---- BPETokenizer.encode_ordinary ------------------------------------------------------------------------------------


@exercise("BPETokenizer.encode_ordinary")
@pytest.mark.parametrize("text", ["", "a", " ", "ab ba", "é€👍", "\0\n\x7f\xad", "\ufffd"], ids=ascii)
def test_without_merges_ids_are_those_of_the_bytes(text):
    equal(tiny().encode_ordinary(text), utf8(text))


@exercise("BPETokenizer.encode_ordinary")
def test_merges_within_words_but_never_across_them():
    tokenizer = tiny([("a", "b"), ("ab", "Ġ"), ("Ġ", "ab"), ("b", "!"), ("ab", "!")])
    equal(tokenizer.encode_ordinary("ab ab!"), [2000, 2014, *utf8("!")])


@exercise("BPETokenizer.encode_ordinary")
def test_merges_the_bytes_of_a_character():
    tokenizer = tiny([("â", "Ĥ"), ("Ġ", "â"), ("âĤ", "¬")])
    equal(tokenizer.encode_ordinary("€ €\u20ad"), [2014, *utf8(" "), 2014, 2000, *utf8("\u20ad")[2:]])


@exercise("BPETokenizer.encode_ordinary")
def test_a_special_that_is_a_whole_word_is_text_too():
    equal(tiny(specials={"stop": 77, " now": 78}).encode_ordinary("stop now"), utf8("stop now"))
    in_vocabulary = bpe.BPETokenizer({**tiny().vocab, "stop": 77}, [], {"stop": 77})
    equal(in_vocabulary.encode_ordinary("stop now"), utf8("stop now"), name="ids where the vocabulary has the special")


@exercise("BPETokenizer.encode_ordinary")
def test_special_tokens_are_text_like_any_other(gpt2_parts, tik):
    equal(tiny(specials={END: 5}).encode_ordinary(f"a{END}"), utf8(f"a{END}"))
    equal(make_gpt2(gpt2_parts).encode_ordinary(f"one{END}"), tik.encode_ordinary(f"one{END}"))


class Watched(dict):
    """Counts how often it is asked."""

    asked = 0

    def __contains__(self, pair):
        self.asked += 1
        return super().__contains__(pair)

    def __getitem__(self, pair):
        self.asked += 1
        return super().__getitem__(pair)

    def get(self, pair, default=None):
        self.asked += 1
        return super().get(pair, default)


def lookups(*texts):
    """How often a new tokenizer looks into its ranks for these texts, one after the other."""
    tokenizer = tiny([("a", "n"), ("an", "a")])
    tokenizer.ranks = Watched(tokenizer.ranks)
    for text in texts:
        tokenizer.encode_ordinary(text)
    return tokenizer.ranks.asked


@exercise("BPETokenizer.encode_ordinary")
def test_a_word_is_merged_once():
    tokenizer = tiny([("a", "n"), ("an", "a")])
    first = list(tokenizer.encode_ordinary("banana"))
    equal(tokenizer.encode_ordinary("banana"), first, name="the same word again")
    equal(len(tokenizer.encode_ordinary("banana, banana" * 50)), 50 * (2 * len(first) + 2), name="the number of ids")

    # All words are in the first of these texts. How often a merge has to look is the answer's own affair.
    once = lookups("banana, bananabanana, banana")
    for texts in (["banana, banana" * 2] * 2, ["banana, banana" * 50], ["banana, banana" * 2, " banana", ",banana"]):
        if (again := lookups(*texts)) > once:
            lines = f"its words, each once:   {once} lookups in ranks", f"the text with repeats:  {again}"
            fail("words are merged again that were merged before", *lines)


@exercise("BPETokenizer.encode_ordinary")
@pytest.mark.parametrize("word", ["an" * 15, "an" * 150, "n" * 5000], ids=["30", "300", "5000"])
def test_a_long_word_is_merged_once_too(word):
    text = f"{word}, {word}"
    if lookups(text, text) > lookups(text):
        fail(f"a word of {len(word)} letters is merged again when the same text comes a second time")


@exercise("BPETokenizer.encode_ordinary")
def test_no_word_is_forgotten_however_many_there_are():
    text = " ".join(map(str, range(20_000)))
    if lookups(text, text) > lookups(text):
        fail("of 20,000 different words, some are merged again when the same text comes a second time")


@exercise("BPETokenizer.encode_ordinary")
def test_a_cache_of_many_words_takes_more():
    tokenizer = tiny([("a", "n"), ("an", "a")])
    tokenizer.ranks = Watched(tokenizer.ranks)
    tokenizer.encode_ordinary("banana")
    tokenizer.cache.update((str(number), [7]) for number in range(100_000, 400_000))
    tokenizer.encode_ordinary("ananas")
    before = tokenizer.ranks.asked
    tokenizer.encode_ordinary("banana")
    if tokenizer.ranks.asked > before:
        fail("with 300,000 words in the cache, an older one was forgotten, and is merged again")


@exercise("BPETokenizer.encode_ordinary")
def test_long_words_are_whole_and_not_mistaken_for_one_another():
    tokenizer = tiny([("a", "b"), ("ab", "c")])
    for end in ("a", "b", "ab", "a"):
        equal(tokenizer.encode_ordinary("abc" * 700 + end)[700:], tiny([("a", "b")]).encode_ordinary(end), name=end)
    equal(tokenizer.encode_ordinary("abc" * 700), [2007] * 700)


@exercise("BPETokenizer.encode_ordinary")
def test_the_list_belongs_to_the_caller():
    tokenizer = tiny([("a", "b")])
    tokenizer.encode_ordinary("abc").append(7)
    tokenizer.encode_ordinary("abc").clear()
    equal(tokenizer.encode_ordinary("abc"), [2000, *utf8("c")], name="the ids after other results were changed")
    equal(tokenizer.encode_ordinary("abc abc"), [2000, *utf8("c "), 2000, *utf8("c")])
    equal(tokenizer.encode_ordinary("abc"), [2000, *utf8("c")], name="the ids after a longer text")


@exercise("BPETokenizer.encode_ordinary")
def test_every_tokenizer_remembers_its_own_words():
    first, second = tiny([("a", "b")]), tiny([("b", "c")])
    equal(first.encode_ordinary("abc"), [2000, *utf8("c")])
    equal(second.encode_ordinary("abc"), [*utf8("a"), 2000])
    equal(first.encode_ordinary("abc"), [2000, *utf8("c")])


@exercise("BPETokenizer.encode_ordinary")
def test_encodes_nasty_text_as_tiktoken(gpt2_parts, tik):
    gpt2 = make_gpt2(gpt2_parts)
    for name, text in (NASTY | languages() | code_samples()).items():
        where_they_part(gpt2.encode_ordinary(text[:1500]), tik.encode_ordinary(text[:1500]), name)


@exercise("BPETokenizer.encode_ordinary")
def test_encodes_any_text_as_tiktoken(gpt2_parts, tik):
    gpt2 = make_gpt2(gpt2_parts)

    @fast
    @given(TEXTS)
    def check(text):
        equal(gpt2.encode_ordinary(text), tik.encode_ordinary(text), name=ascii(text))

    check()


@exercise("BPETokenizer.encode_ordinary")
def test_encodes_shakespeare_as_both_references(gpt2_parts, tik, hugging):
    text = tiny_shakespeare()[:30000]
    ids = make_gpt2(gpt2_parts).encode_ordinary(text)
    where_they_part(ids, tik.encode_ordinary(text), "tiktoken")
    where_they_part(ids, hugging.encode(text).ids, "tokenizers")


# ---- BPETokenizer.encode ---------------------------------------------------------------------------------------------

SPECIALS = {"<a>": 5, "<|b|>": 6, "[c*]": 8}


@exercise("BPETokenizer.encode")
def test_text_without_specials():
    tokenizer = tiny([("o", "n")], SPECIALS)
    for kinds in ({}, {"allowed_special": "all"}, {"disallowed_special": ()}):
        equal(tokenizer.encode("one <a", **kinds), [2000, *utf8("e <a")], name=str(kinds))
        equal(tokenizer.encode("", **kinds), [], name=f"nothing, {kinds}")


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize("special", list(SPECIALS))
def test_a_special_is_an_error_unless_something_is_said(special):
    raises(ValueError, tiny(specials=SPECIALS).encode, f"x{special}y", names=special)


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize("allowed", ["all", {"<a>", "<|b|>", "[c*]"}, frozenset(SPECIALS), list(SPECIALS)], ids=str)
def test_allowed_specials_become_their_ids(allowed):
    tokenizer = tiny([("a", ">"), ("Ġ", "x")], SPECIALS)
    equal(tokenizer.encode("<a>", allowed_special=allowed), [5])
    ids = tokenizer.encode("<a>x<|b|> x[c*]<a><a>", allowed_special=allowed)
    equal(ids, [5, *utf8("x"), 6, 2007, 8, 5, 5])


@exercise("BPETokenizer.encode")
def test_what_is_neither_allowed_nor_disallowed_is_text():
    tokenizer = tiny(specials=SPECIALS)
    equal(tokenizer.encode("x<a><|b|>", disallowed_special=()), utf8("x<a><|b|>"))
    equal(tokenizer.encode("x<a><|b|>", allowed_special={"<|b|>"}, disallowed_special=set()), [*utf8("x<a>"), 6])
    ids = tokenizer.encode("x<a><|b|>", allowed_special={"<a>"}, disallowed_special=["[c*]"])
    equal(ids, [*utf8("x"), 5, *utf8("<|b|>")])


@exercise("BPETokenizer.encode")
def test_what_is_not_allowed_is_disallowed_by_default():
    tokenizer = tiny(specials=SPECIALS)
    equal(tokenizer.encode("x<a>", allowed_special={"<a>"}), [*utf8("x"), 5])
    raises(ValueError, tokenizer.encode, "<a>x<|b|>", allowed_special={"<a>"}, names="<|b|>")


@exercise("BPETokenizer.encode")
def test_disallowing_is_stronger_than_allowing():
    tokenizer = tiny(specials=SPECIALS)
    raises(ValueError, tokenizer.encode, "x<a>", allowed_special={"<a>"}, disallowed_special={"<a>"}, names="<a>")
    raises(ValueError, tokenizer.encode, "x<a>", allowed_special="all", disallowed_special=("<a>",), names="<a>")
    equal(tokenizer.encode("<a>", allowed_special="all", disallowed_special="all"), [5])


@exercise("BPETokenizer.encode")
def test_any_string_can_be_disallowed_but_only_specials_are_specials():
    tokenizer = tiny(specials=SPECIALS)
    raises(ValueError, tokenizer.encode, "a secret", disallowed_special={"secret"}, names="secret")
    equal(tokenizer.encode("a secret", allowed_special={"secret", "<a>"}), utf8("a secret"))


@exercise("BPETokenizer.encode")
def test_all_in_a_collection_is_a_string_like_others():
    tokenizer = tiny(specials=SPECIALS)
    for kind in (set, list):
        one, none = kind(["all"]), kind()
        ids = tokenizer.encode("<a>", allowed_special=one, disallowed_special=none)
        equal(ids, utf8("<a>"), name=f"the ids with allowed_special={one}")
        ids = tokenizer.encode("<a>", disallowed_special=one)
        equal(ids, utf8("<a>"), name=f"the ids with disallowed_special={one}")
        raises(ValueError, tokenizer.encode, "a ball", disallowed_special=one, names="all")


@exercise("BPETokenizer.encode")
def test_does_not_change_the_sets_it_is_given():
    tokenizer, allowed, disallowed = tiny(specials=SPECIALS), {"<a>", "no"}, {"[c*]", "<|b|>"}
    tokenizer.encode("x<a>", allowed_special=allowed, disallowed_special=disallowed)
    tokenizer.encode("x<a>", allowed_special="all")
    equal(allowed, {"<a>", "no"}, name="allowed_special afterwards")
    equal(disallowed, {"[c*]", "<|b|>"}, name="disallowed_special afterwards")
    equal(tokenizer.specials, {"<a>": 5, "<|b|>": 6, "[c*]": 8}, name="specials afterwards")


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize("order", [1, -1], ids=["shorter first", "longer first"])
def test_of_two_specials_at_the_same_place_the_longer_one_counts(order):
    specials = dict([("<a>", 5), ("<a><b>", 6), ("<b>", 7)][::order])
    ids = tiny(specials=specials).encode("<a><b><b><a>", allowed_special="all")
    equal(ids, [6, 7, 5])


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize("order", [1, -1], ids=["the first one first", "the second one first"])
def test_of_two_specials_that_overlap_the_one_that_begins_first_counts(order):
    specials = dict([("<a>", 5), ("><b>>", 6), ("<b>>", 7)][::order])
    equal(tiny(specials=specials).encode("<a><b>>", allowed_special="all"), [5, 7])
    equal(tiny(specials=specials).encode("a><b>>", allowed_special="all"), [*utf8("a"), 6])


@exercise("BPETokenizer.encode")
def test_a_special_with_a_letter_between_its_own_is_none():
    equal(tiny(specials={"b": 5, "cbb": 6}).encode("cbab", allowed_special="all"), [*utf8("c"), 5, *utf8("a"), 5])
    equal(tiny(specials={"abd": 5, "b": 6}).encode("abcd", allowed_special="all"), [*utf8("a"), 6, *utf8("cd")])


@exercise("BPETokenizer.encode")
def test_equals_a_slow_search_for_specials_that_overlap():
    draw = random.Random(1)
    for _ in range(100):
        specials = {"".join(draw.choices("abc", k=draw.randint(1, 4))): 5 + i for i in range(draw.randint(1, 4))}
        text, expected, i = "".join(draw.choices("abcd", k=draw.randint(0, 9))), [], 0
        while i < len(text):  # at each place the longest special that stands there, or a letter
            here = max((special for special in specials if text.startswith(special, i)), key=len, default="")
            expected += [specials[here]] if here else utf8(text[i])
            i += max(1, len(here))
        found = tiny(specials=specials).encode(text, allowed_special="all")
        equal(found, expected, name=f"the ids of {text!r} with {specials}")


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize("order", [1, -1], ids=["<s> first", "</s> first"])
def test_specials_may_share_letters_and_be_letters(order):
    tokenizer = tiny([("a", "<")], dict([("<s>", 5), ("s", 1), ("5", 6), ("6", 5), ("</s>", 7)][::order]))
    equal(tokenizer.encode("<s>a</s>", allowed_special={"<s>", "</s>"}, disallowed_special=()), [5, *utf8("a"), 7])
    equal(tokenizer.encode("<s>56s</s>6", allowed_special="all"), [5, 6, 5, 1, 7, 5])
    equal(tokenizer.encode("</s", allowed_special="all"), [*utf8("</"), 1])


@exercise("BPETokenizer.encode")
def test_no_character_of_the_text_is_taken_for_a_special():
    # What somebody might put in a special's place for a while: NUL and other controls, private use, the last ones.
    characters = [*map(chr, range(32)), *map(chr, range(0xE000, 0xE008)), "\uf8ff", "\ufdd0", "\ufffd", "\uffff"]
    text = "\0\0".join([*characters, "\U000f0000", "\U00100000", "\U0010ffff"])
    ids = tiny(specials=SPECIALS).encode(f"<a>{text}<|b|>{text}", allowed_special="all")
    equal(ids, [5, *utf8(text), 6, *utf8(text)])


@exercise("BPETokenizer.encode")
def test_capitals_and_small_letters_differ_in_specials():
    tokenizer = tiny([("!", "<")], SPECIALS)
    equal(tokenizer.encode("!<A><a>!<A>", allowed_special="all"), [2000, *utf8("A>"), 5, 2000, *utf8("A>")])
    equal(tokenizer.encode("!<A>"), [2000, *utf8("A>")])


@exercise("BPETokenizer.encode")
def test_a_disallowed_string_counts_inside_an_allowed_special_too():
    tokenizer = tiny(specials={"<a>": 5, "<<a>>": 6})
    equal(tokenizer.encode("<<a>>", allowed_special="all"), [6])
    equal(tokenizer.encode("<<a>>", allowed_special={"<<a>>"}, disallowed_special=()), [6])
    raises(ValueError, tokenizer.encode, "<<a>>", allowed_special={"<<a>>"}, names="<a>")
    raises(ValueError, tokenizer.encode, "x<a>y", allowed_special="all", disallowed_special={"a>y"}, names="a>y")


@exercise("BPETokenizer.encode")
def test_a_text_may_hold_thousands_of_specials():
    ids = tiny(specials=SPECIALS).encode("<a>é<|b|>" * 2500, allowed_special="all")
    equal(ids, [5, *utf8("é"), 6] * 2500)


@exercise("BPETokenizer.encode")
def test_a_special_with_white_space_takes_only_its_own():
    ids = tiny([("Ġ", "x")], {"< é >": 5}).encode(" < é > x\n", allowed_special="all")
    equal(ids, [*utf8(" "), 5, 2000, *utf8("\n")])


@exercise("BPETokenizer.encode")
def test_without_specials_there_is_nothing_to_cut():
    for allowed in ("all", set(), {"<a>"}):
        equal(tiny().encode("<a>b", allowed_special=allowed), utf8("<a>b"), name=f"allowed_special={allowed}")


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize(
    "text, position",
    [("\ud800", 0), ("ab\udfff", 2), ("two words\udc80!", 9), ("👍é<a>x\ud83d", 6), ("<a><a> \udc4d<a>", 7)],
    ids=ascii,
)
def test_a_lone_surrogate_is_an_error_that_names_its_position(text, position):
    tokenizer = tiny(specials=SPECIALS)
    raises(ValueError, tokenizer.encode, text, allowed_special="all", names=position)
    raises(ValueError, tokenizer.encode, text, disallowed_special=(), names=position)


@exercise("BPETokenizer.encode")
@pytest.mark.parametrize("kinds", [{"allowed_special": "all"}, {"allowed_special": {END}}], ids=str)
def test_encodes_endoftext_as_both_references(kinds, gpt2_parts, tik, hugging):
    gpt2 = make_gpt2(gpt2_parts)
    for text in (END, END + END, f"a {END} b", f" {END}\n", f"don't{END}'t", f"{END[:-1]}{END}", f"<|{END}|>"):
        ids = gpt2.encode(text, **kinds)
        equal(ids, tik.encode(text, **kinds), name=f"{text!r} in tiktoken")
        equal(ids, hugging.encode(text).ids, name=f"{text!r} in tokenizers")


@exercise("BPETokenizer.encode")
def test_encodes_any_text_with_any_specials_as_tiktoken(gpt2_parts):
    specials = {END: 50256, "<|sep|>": 50300, "(?:.*)": 50301, "é ü": 50302}
    gpt2, reference = make_gpt2(gpt2_parts, specials), make_tiktoken(**specials)
    pieces = st.sampled_from([*PIECES, *specials, *specials])
    texts = st.lists(pieces, max_size=9).map("".join)
    names = st.sets(st.sampled_from([*specials, "a"]))

    @fast
    @given(texts, st.just("all") | names, names, st.sampled_from(list(specials)))
    def check(text, allowed, disallowed, special):
        kinds = {"allowed_special": allowed, "disallowed_special": {name for name in disallowed if name not in text}}
        equal(gpt2.encode(text, **kinds), reference.encode(text, **kinds), name=f"{text!a}, {kinds}")
        kinds = {"allowed_special": allowed, "disallowed_special": {*disallowed, special}}
        raises(ValueError, reference.encode, text + special, **kinds)
        raises(ValueError, gpt2.encode, text + special, **kinds)

    check()


# ---- BPETokenizer.decode ---------------------------------------------------------------------------------------------


@exercise("BPETokenizer.decode")
@pytest.mark.parametrize("text", ["", "a", " ", "\0\n", "two words", "é€👍", "ãģ Ġ", "\r\n\r", "\ufeffa"], ids=ascii)
def test_decodes_bytes(text):
    equal(tiny().decode(utf8(text)), text)


@exercise("BPETokenizer.decode")
def test_a_special_of_the_vocabulary_is_not_spelt_in_byte_characters():
    special = "<| Grüße |>"
    tokenizer = tiny()
    tokenizer = bpe.BPETokenizer({**tokenizer.vocab, special: 77}, [], {special: 77})
    equal(tokenizer.decode([*utf8("a"), 77]), f"a{special}")


@exercise("BPETokenizer.decode")
def test_a_special_that_could_be_a_byte_character_is_its_text():
    vocab = tiny().vocab
    tokenizer = bpe.BPETokenizer(vocab, [], {"é": vocab["é"]})
    equal(tokenizer.decode([*utf8("a"), vocab["é"]]), "aé")


@exercise("BPETokenizer.decode")
def test_decodes_merged_tokens():
    tokenizer = tiny([("Ġ", "a"), ("Ã", "©"), ("Ġa", "Ã"), ("©", "!")])
    equal(tokenizer.decode([2000, 2007, 2014, 2021]), " aé aé!")


@exercise("BPETokenizer.decode")
def test_joins_the_bytes_of_a_character_before_it_decodes():
    equal(tiny().decode([1000 - 3 * 0xE2, 1000 - 3 * 0x82, 1000 - 3 * 0xAC]), "€")
    equal(tiny([("â", "Ĥ"), ("¬", "x")]).decode([2000, 2007]), "€x")


@exercise("BPETokenizer.decode")
@pytest.mark.parametrize(
    "bytes, text",
    [
        ([0xE2, 0x82], "\ufffd"),
        ([0xE2, 0x82, 0x41], "\ufffdA"),
        ([0x41, 0xAC, 0x41], "A\ufffdA"),
        ([0xFF, 0xFE], "\ufffd\ufffd"),
        ([0xC0, 0x80], "\ufffd\ufffd"),
        ([0xED, 0xA0, 0x80], "\ufffd\ufffd\ufffd"),
        ([0xF0, 0x9F, 0x91, 0xF0, 0x9F, 0x91, 0x8D], "\ufffd👍"),
    ],
    ids=["cut off", "cut off in the middle", "no beginning", "never UTF-8", "overlong", "surrogate", "cut and whole"],
)
def test_bytes_that_are_not_utf8_become_replacement_characters(bytes, text):
    equal(tiny().decode([1000 - 3 * byte for byte in bytes]), text)


@exercise("BPETokenizer.decode")
def test_specials_become_their_text():
    tokenizer = tiny(specials={"<a>": 5, "< é Ġ >": 6})
    equal(tokenizer.decode([5, *utf8("x"), 6, 5]), "<a>x< é Ġ ><a>")
    equal(tokenizer.decode([1000 - 3 * 0xE2, 1000 - 3 * 0x82, 5, 1000 - 3 * 0xAC]), "\ufffd<a>\ufffd")


@exercise("BPETokenizer.decode")
def test_decodes_thousands_of_ids_as_one_text():
    # Of three bytes each: whatever is cut off after a round number of ids, a character goes with it.
    equal(tiny().decode(utf8("€" * 3001)), "€" * 3001)


@exercise("BPETokenizer.decode")
def test_a_large_vocabulary_costs_no_more_than_a_small_one(gpt2_parts):
    large, small = make_gpt2(gpt2_parts), tiny()
    costs_no_more(
        lambda: [large.decode([id]) for id in range(50_000, 50_100)],
        lambda: [small.decode([1000 - 3 * byte]) for byte in range(100)],
        "the same number of ids takes over ten times as long with 50,257 tokens as with 256",
    )


@exercise("BPETokenizer.decode")
@pytest.mark.parametrize("stranger", [-1, 2, 999, 50257, 10**20])
def test_names_an_id_that_no_token_has(stranger):
    raises(ValueError, tiny([("a", "b")], {"<a>": 5}).decode, [1000, stranger, 1000], names=stranger)


@exercise("BPETokenizer.decode")
@pytest.mark.parametrize("stranger", [-1, -50257, 50257])
def test_gpt2_has_ids_from_0_to_50256(stranger, gpt2_parts):
    gpt2 = make_gpt2(gpt2_parts)
    equal([gpt2.decode([0]), gpt2.decode([50256])], ["!", END])
    raises(ValueError, gpt2.decode, [stranger], names=stranger)


@exercise("BPETokenizer.decode")
def test_takes_any_iterable_and_leaves_a_list_as_it_is():
    ids = utf8("abc")
    equal(tiny().decode(iter(ids)), "abc", name="an iterator")
    equal(tiny().decode(tuple(ids)), "abc", name="a tuple")
    tiny().decode(ids)
    equal(ids, utf8("abc"), name="the ids afterwards")


@exercise("BPETokenizer.decode")
def test_decodes_any_ids_as_both_references(gpt2_parts, tik, hugging):
    gpt2 = make_gpt2(gpt2_parts)
    single = [id for token, id in gpt2_parts[0].items() if len(token) < 3]  # many pieces of characters among them

    @fast
    @given(st.lists(st.sampled_from(single) | st.integers(0, 50256), max_size=12))
    def check(ids):
        text = gpt2.decode(ids)
        equal(text, tik.decode(ids), name=f"{ids} in tiktoken")
        equal(text, hugging.decode(ids, skip_special_tokens=False), name=f"{ids} in tokenizers")

    check()


@exercise("BPETokenizer.decode")
def test_decodes_every_token_as_tiktoken(gpt2_parts, tik):
    gpt2 = make_gpt2(gpt2_parts)
    ids = range(0, 50257, 3)
    where_they_part([gpt2.decode([id]) for id in ids], [tik.decode([id]) for id in ids], "every third token")


@exercise("BPETokenizer.decode")
def test_decode_undoes_encode_for_every_text(gpt2_parts):
    gpt2 = make_gpt2(gpt2_parts)

    @fast
    @given(TEXTS)
    def check(text):
        equal(gpt2.decode(gpt2.encode(text, allowed_special="all")), text, name="decode(encode), specials allowed")
        equal(gpt2.decode(gpt2.encode(text, disallowed_special=())), text, name="decode(encode), specials as text")

    check()
    for text in NASTY.values():
        equal(gpt2.decode(gpt2.encode(text, disallowed_special=())), text)
