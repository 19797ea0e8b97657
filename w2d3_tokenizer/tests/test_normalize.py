"""Section 1: any text to plain words, compared with the normalizer inside Hugging Face's BERT tokenizer."""

import functools
import unicodedata

import normalize
import pytest
import unicode8
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.checks import equal, exercise, fail, raises
from shared.data import unicode_torture

STEPS = {
    "clean": "clean_text",
    "space_cjk": "handle_chinese_chars",
    "strip_accents": "strip_accents",
    "lowercase": "lowercase",
}
# Letters that got a small or large partner after Unicode 14: which of them a library knows depends on its age.
NEW_LETTERS = [(0x1C89, 0x1C8A), (0xA7CB, 0xA7DC), (0x10D50, 0x10D85), (0x16EA0, 0x16ED3)]


def sweep():
    """Every assigned character of this Python but for most of the long, dull blocks; and a few unassigned ones."""
    edges = {chr(code + near) for block in normalize.CJK for code in block for near in (-2, -1, 0, 1, 2)}
    edges |= {"\ufffe", "\uffff", "\ufdd0", "\u0378", "\U0001ffff", "\U0010ffff", "\ue000", "\U000f0000", "\U0010fffd"}
    for code in [*range(0x34000), *range(0xE0000, 0xE1000), 0xF0000, 0x10FFFD, 0x10FFFF]:
        character = chr(code)
        kind = unicodedata.category(character)
        dull = kind in ("Lo", "Co") and (0xAC00 <= code <= 0xD7A3 or not unicodedata.decomposition(character))
        # What decomposes or has a case, and is newer than the reference, is left out: Pythons don't agree about it.
        newer = unicode8.category(character) == "Cn" and unicodedata.decomposition(character)
        newer = newer or any(first <= code <= last for first, last in NEW_LETTERS)
        if character in edges or not (kind in ("Cn", "Cs") or newer or (dull and code % 61)):
            yield character


CHARACTERS = list(sweep())
KNOWN = [character for character in CHARACTERS if unicode8.category(character) != "Cn"]
NASTY = [c for c in KNOWN if unicode8.category(c)[0] in "MZC" and unicode8.category(c) != "Co"] + [
    c for c in KNOWN if len(c.lower()) > 1
]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(KNOWN),
        st.sampled_from(NASTY),
        st.sampled_from(
            "aAzZ09 \t\n\0\ufffd!$+<>^`|~_é가中文がカΣİßﬁ\u00a0\u00ad\u0085\u200d\u3000\u0301\u0327\u302e\U0001d16d"
        ),
    ),
    max_size=25,
).map("".join)
# No shrinking: a failure shows its first wrong place anyway.
FAST = settings(
    derandomize=True, database=None, deadline=None, max_examples=100, phases=[Phase.explicit, Phase.generate]
)


class Reference:
    """The reference with some of its steps: (character, origin) for each character of the normalised text."""

    def __init__(self, **steps):
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

        self.tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
        self.tokenizer.normalizer = normalizers.BertNormalizer(**{**dict.fromkeys(STEPS.values(), False), **steps})
        self.tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(?m:.)"), "isolated")  # each character a token
        self.text, self.pairs = functools.cache(self._text), functools.cache(self._pairs)

    def _text(self, text):
        return self.tokenizer.normalizer.normalize_str(text)

    def _pairs(self, text):
        offsets = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return [(character, start) for character, (start, _) in zip(self.text(text), offsets, strict=True)]


@pytest.fixture
@functools.cache  # no answer is ever given it
def references():
    return {
        **{step: Reference(**{flag: True}) for step, flag in STEPS.items()},
        "uncased": Reference(**dict.fromkeys(STEPS.values(), True)),
        "cased": Reference(clean_text=True, handle_chinese_chars=True),
    }


@pytest.fixture
def words():
    from tokenizers.pre_tokenizers import BertPreTokenizer

    return lambda text: [span for _, span in BertPreTokenizer().pre_tokenize_str(text)]


def number(text):
    """A text as the pairs that the first step gets."""
    return [(character, i) for i, character in enumerate(text)]


def same_for_every_character(answer, reference):
    """`answer` and `reference`, of a text, agree about each character between two x's; else fails with the first."""
    parts = [CHARACTERS[i : i + 250] for i in range(0, len(CHARACTERS), 250)]
    texts = ["x" + "".join(f"{character}x" for character in part) for part in parts]
    wrong = [part for part, text in zip(parts, texts) if answer(text) != reference(text)]
    differ = [f"x{c}x" for part in wrong for c in part if answer(f"x{c}x") != reference(f"x{c}x")]
    if differ:
        lines = [
            f"U+{ord(c):04X} ({unicode8.category(c)}, {unicodedata.name(c, 'no name')}) between two x's:\n"
            f"    expected  {reference(f'x{c}x')!a}\n    got       {answer(f'x{c}x')!a}"
            for c in (text[1] for text in differ[:3])
        ]
        fail(f"{len(differ)} characters of {len(CHARACTERS)} come out wrong; the first:", *lines)
    if wrong:
        fail("every character is right alone, but not in a longer text", ascii(texts[parts.index(wrong[0])][:60]))


def same_pairs(step, references, text):
    equal(getattr(normalize, step)(number(text)), references[step].pairs(text), name=f"{step} of {text!a}")


# ---- clean -----------------------------------------------------------------------------------------------------------


@exercise("clean")
@pytest.mark.parametrize("space", list(" \t\n\r\u00a0\u1680\u2003\u2028\u2029\u202f\u3000"), ids=ascii)
def test_every_white_space_becomes_a_space(space):
    equal(normalize.clean([("a", 0), (space, 1), ("b", 2)]), [("a", 0), (" ", 1), ("b", 2)])


@exercise("clean")
@pytest.mark.parametrize(
    "unseen",
    list("\0\ufffd\x01\x0b\x0c\x1c\x7f\u0085\u00ad\u200b\u200d\u200e\u2060\ufeff\ue000\U000e0041\U0010fffd"),
    ids=ascii,
)
def test_what_cannot_be_seen_is_dropped(unseen):
    equal(normalize.clean([("a", 0), (unseen, 1), ("b", 2)]), [("a", 0), ("b", 2)])


@exercise("clean")
@pytest.mark.parametrize("kept", list("é\u0301ßİ中が가!$€\ufe0f\U0001f468\u0378\ufffe\ufffc\u08e2\u0890"), ids=ascii)
def test_everything_else_stays_as_it_is(kept):
    equal(normalize.clean([("A", 0), (kept, 1), ("b", 2)]), [("A", 0), (kept, 1), ("b", 2)])


@exercise("clean")
def test_spaces_in_a_row_and_at_the_ends_all_stay():
    equal(normalize.clean(number(" \r\n a\t ")), number("    a  "))


@exercise("clean")
@pytest.mark.parametrize("text", ["", "\0", "\u200d\ufffd\x1b"], ids=ascii)
def test_nothing_may_be_left_of_a_text(text):
    equal(normalize.clean(number(text)), [])


@exercise("clean")
def test_an_emoji_family_loses_its_joiners_only():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    equal(normalize.clean(number(family)), [("\U0001f468", 0), ("\U0001f469", 2), ("\U0001f467", 4)])


@exercise("clean")
def test_clean_keeps_the_indices_it_is_given():
    pairs = [("\ufffd", 3), ("a", 7), ("\t", 7), ("\0", 8), ("b", 12), ("\u3000", 20)]
    equal(normalize.clean(pairs), [("a", 7), (" ", 7), ("b", 12), (" ", 20)])


# ---- space_cjk -------------------------------------------------------------------------------------------------------


@exercise("space_cjk")
def test_an_ideograph_gets_a_space_on_both_sides():
    equal(normalize.space_cjk(number("a中b")), [("a", 0), (" ", 1), ("中", 1), (" ", 1), ("b", 2)])


@exercise("space_cjk")
def test_between_two_ideographs_stand_two_spaces():
    expected = [(" ", 0), ("中", 0), (" ", 0), (" ", 1), ("文", 1), (" ", 1)]
    equal(normalize.space_cjk(number("中文")), expected)


@exercise("space_cjk")
@pytest.mark.parametrize("text", ["", "ひらがな", "カタカナ", "한국어", "ㄅㄆ", "々〇。", "ｶﾅ", "éß!"], ids=ascii)
def test_what_is_no_ideograph_stays_alone(text):
    equal(normalize.space_cjk(number(text)), number(text))


@exercise("space_cjk")
@pytest.mark.parametrize("block", normalize.CJK, ids=lambda block: f"{block[0]:X} to {block[1]:X}")
def test_both_ends_of_a_block_belong_to_it(block):
    before, first, last, behind = (chr(code) for code in (block[0] - 1, *block, block[1] + 1))
    expected = [(before, 0), (" ", 1), (first, 1), (" ", 1), (" ", 2), (last, 2), (" ", 2), (behind, 3)]
    equal(normalize.space_cjk(number(before + first + last + behind)), expected)


@exercise("space_cjk")
def test_space_cjk_keeps_the_indices_it_is_given():
    pairs = [(" ", 3), ("文", 7), ("a", 7), ("か", 12)]
    equal(normalize.space_cjk(pairs), [(" ", 3), (" ", 7), ("文", 7), (" ", 7), ("a", 7), ("か", 12)])


# ---- strip_accents ---------------------------------------------------------------------------------------------------


@exercise("strip_accents")
@pytest.mark.parametrize(
    "text, expected",
    [("é", "e"), ("e\u0301", "e"), ("Ǖ", "U"), ("İ", "I"), ("й", "и"), ("ά", "α"), ("\u212b", "A"), ("\u0301", "")],
    ids=ascii,
)
def test_accents_go_and_case_stays(text, expected):
    equal("".join(character for character, _ in normalize.strip_accents(number(text))), expected)


@exercise("strip_accents")
@pytest.mark.parametrize("text", ["", "a", "ß", "ﬁ", "ø", "ł", "²", "½", "ı", "\u20dd", "\u0903", "Ω", "ａ"], ids=ascii)
def test_what_has_no_mark_of_category_mn_is_not_touched(text):
    equal(normalize.strip_accents(number(text)), number(text))


@exercise("strip_accents")
def test_korean_syllables_come_apart_and_stay_apart():
    # Three letters of the alphabet in a syllable, U+D55C; they are letters (Lo), so nothing is dropped.
    equal(normalize.strip_accents([("한", 5)]), [("\u1112", 5), ("\u1161", 5), ("\u11ab", 5)])


@exercise("strip_accents")
def test_strip_accents_keeps_the_indices_it_is_given():
    pairs = [("\u0301", 3), ("Ǖ", 4), ("e", 7), ("\u0301", 8), ("\u0327", 9), ("ç", 12), ("x", 12)]
    equal(normalize.strip_accents(pairs), [("U", 4), ("e", 7), ("c", 12), ("x", 12)])


@exercise("strip_accents")
@pytest.mark.parametrize("mark", list("\u1df6\u1ab0\u1734\ua9bd\U000111c9\u08e2"), ids=ascii)
def test_the_categories_are_those_of_unicode_8(mark, references):
    equal(normalize.strip_accents(number(f"a{mark}b")), references["strip_accents"].pairs(f"a{mark}b"))


# Marks that aren't Mn, so that their order shows. U+302E, 302F: class 224. U+1D165, 1D166: 216. 1D16D: 226. 0903: 0.
@exercise("strip_accents")
@pytest.mark.parametrize(
    "text",
    [
        "a\U0001d165\u302e",
        "\U0001d15e\u0327",
        "a\u302e\U0001d165",
        "\U0001d16d\u302e\U0001d165a",
        "a\u302f\u302e",
        "a\U0001d166\u302e\U0001d165",
        "\u302ea\U0001d165",
        "\u302e\u0903\U0001d165",
        "é\u302e\U0001d165",
        "\u302e\u0301\U0001d165",
        "\u302e\u0334\U0001d165",
        "\u302e\u034f\U0001d165",  # U+034F is Mn, class 0
        "\U0001d160\U0001d16d\u302e\U0001d15e",  # two notes that decompose, with marks between
        "\u0329\U0001d172",
        "\u1ac5\u1df8",  # marks that came after Unicode 9 have class 0
        "\U00011938",  # decomposes, but only since Unicode 13
    ],
    ids=ascii,
)
def test_marks_that_stay_are_sorted_by_combining_class_and_indices_are_not(text, references):
    same_pairs("strip_accents", references, text)


@exercise("strip_accents")
def test_sorted_by_class_with_the_indices_in_order():
    # U+302E has class 224, U+1D165 class 216.
    equal(
        normalize.strip_accents([("a", 4), ("\u302e", 6), ("\U0001d165", 9)]),
        [("a", 4), ("\U0001d165", 6), ("\u302e", 9)],
    )


@exercise("strip_accents")
def test_any_row_of_marks_comes_out_as_from_the_reference(references):
    marks = [c for c in KNOWN if unicode8.combining(c)] + list("\u302e\u302f\U0001d165\U0001d16d\u1ac5") * 99

    @FAST
    @given(
        st.lists(st.one_of(st.sampled_from(marks), st.sampled_from("aéÅ가\u0903\u034f中")), max_size=12).map("".join)
    )
    def check(text):
        same_pairs("strip_accents", references, text)

    check()


# ---- lowercase -------------------------------------------------------------------------------------------------------


@exercise("lowercase")
@pytest.mark.parametrize(
    "text, expected",
    [
        ("Ab", [("a", 0), ("b", 1)]),
        ("ß", [("ß", 0)]),
        ("ẞ", [("ß", 0)]),
        ("ﬁ", [("ﬁ", 0)]),
        ("Σ", [("σ", 0)]),
        ("ς", [("ς", 0)]),
        ("ΟΔΟΣ", [("ο", 0), ("δ", 1), ("ο", 2), ("σ", 3)]),
        ("aİb", [("a", 0), ("i", 1), ("\u0307", 1), ("b", 2)]),
        ("ıI", [("ı", 0), ("i", 1)]),
        ("ÅÉ", [("å", 0), ("é", 1)]),
        ("ǅ", [("ǆ", 0)]),
        ("中 1", [("中", 0), (" ", 1), ("1", 2)]),
        ("", []),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_each_character_becomes_small_by_itself(text, expected):
    equal(normalize.lowercase(number(text)), expected)


@exercise("lowercase")
def test_lowercase_keeps_the_indices_it_is_given():
    equal(normalize.lowercase([("B", 3), ("İ", 7), ("c", 12)]), [("b", 3), ("i", 7), ("\u0307", 7), ("c", 12)])


# ---- each step against the reference ---------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [pytest.param(step, marks=exercise(step)) for step in STEPS])
def test_every_character_comes_out_as_from_the_reference(step, references):
    function = getattr(normalize, step)
    same_for_every_character(lambda text: function(number(text)), references[step].pairs)


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=exercise(step)) for step in STEPS if step != "strip_accents"]
)
def test_any_text_comes_out_as_from_the_reference(step, references):
    FAST(given(TEXTS)(lambda text: same_pairs(step, references, text)))()


# ---- normalize -------------------------------------------------------------------------------------------------------


def normalized(text, uncased=True):
    """The text and the origins that the answer gives, as a list of the two."""
    answer = normalize.normalize(text, uncased)
    two = len(answer) == 2 and isinstance(answer[0], str) and not isinstance(answer[1], str)
    equal(two, True, name="is the answer a text and a list of origins")
    return [answer[0], list(answer[1])]


@exercise("normalize")
@pytest.mark.parametrize(
    "text, expected, origins",
    [
        ("", "", []),
        ("A", "a", [0]),
        ("Zoë!", "zoe!", [0, 1, 2, 3]),
        ("e\u0301É", "ee", [0, 2]),
        ("\ufeffA\0b", "ab", [1, 3]),
        ("\0\ufffd", "", []),
        ("X中Y", "x 中 y", [0, 1, 1, 1, 2]),
        ("İI", "ii", [0, 1]),
        ("글A", "\u1100\u1173\u11afa", [0, 0, 0, 1]),
        ("\u3000A\tb", " a b", [0, 1, 2, 3]),
        ("がA", "かa", [0, 1]),
        ("ΣΑΣ ẞﬁ", "σασ ßﬁ", [0, 1, 2, 3, 4, 5]),
        ("co\u00adop\u200dÉR", "cooper", [0, 1, 3, 4, 6, 7]),
        ("😀\0é😀", "😀e😀", [0, 2, 3]),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_the_text_and_where_each_character_comes_from(text, expected, origins):
    got, positions = normalized(text)
    equal(got, expected, name="the text")
    equal(positions, origins, name="the origins")


@exercise("normalize")
@pytest.mark.parametrize(
    "text, expected, origins",
    [
        ("Zoë\tÉI\u0301", "Zoë ÉI\u0301", [0, 1, 2, 3, 4, 5, 6]),
        ("İ\0글が", "İ글が", [0, 2, 3]),
        ("A中", "A 中 ", [0, 1, 1, 1]),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_a_cased_text_keeps_case_and_accents(text, expected, origins):
    got, positions = normalized(text, uncased=False)
    equal(got, expected, name="the text")
    equal(positions, origins, name="the origins")


@exercise("normalize")
def test_what_is_dropped_first_no_longer_parts_two_marks():
    # Classes 226 and 224, with a joiner between: cleaning comes first, so they are neighbours and change places.
    equal(normalized("a\U0001d16d\u200d\u302e"), ["a\u302e\U0001d16d", [0, 1, 3]])


@exercise("normalize")
@pytest.mark.parametrize("uncased", [True, False], ids=["uncased", "cased"])
@pytest.mark.parametrize(
    "text, position",
    [
        ("\ud800", 0),
        ("ab\udfff", 2),
        ("\0\0\0\ud800a", 3),
        ("中文\udc00", 2),
        ("é😀a\ud83dab", 3),
        ("12345678901234567\udbff\0", 17),
        ("x\ude00\ud83d", 1),
        ("word \udabc and \udabc", 5),
    ],
    ids=lambda value: ascii(value),
)
def test_a_lone_surrogate_is_a_value_error_that_says_where(text, position, uncased):
    raises(ValueError, normalize.normalize, text, uncased, names=position)


@exercise("normalize")
@pytest.mark.parametrize("name", unicode_torture())
def test_tortured_text_comes_out_as_from_the_reference(name, references):
    text = unicode_torture()[name]
    equal(normalized(text), as_answer(references["uncased"].pairs(text)), name="uncased")
    equal(normalized(text, uncased=False), as_answer(references["cased"].pairs(text)), name="cased")


def as_answer(pairs):
    return ["".join(character for character, _ in pairs), [origin for _, origin in pairs]]


@exercise("normalize")
def test_any_text_normalizes_as_in_the_reference(references):
    @FAST
    @given(TEXTS)
    def check(text):
        got, origins = normalized(text)
        equal(got, references["uncased"].text(text), name=f"uncased text of {text!a}")
        equal(len(origins), len(got), name=f"number of origins for {text!a}")
        cased = as_answer(references["cased"].pairs(text))
        equal(normalized(text, uncased=False), cased, name=f"cased {text!a}")

    check()


@exercise("normalize")
def test_two_halves_of_a_pair_are_two_lone_surrogates():
    raises(ValueError, normalize.normalize, "ab\ud83d\ude00", names=2)


@exercise("normalize")
def test_accents_go_before_case_does():
    equal(normalized("\u0130\U0001d165"), ["i\U0001d165", [0, 1]])


# ---- split_words -----------------------------------------------------------------------------------------------------


def parts(text):
    return [text[start:end] for start, end in normalize.split_words(text)]


@exercise("split_words")
def test_spans_have_a_start_and_an_end_behind_it():
    equal(normalize.split_words("so, what?"), [(0, 2), (2, 3), (4, 8), (8, 9)])


@exercise("split_words")
@pytest.mark.parametrize("text", ["", " ", " \t\n  "], ids=ascii)
def test_no_words(text):
    equal(normalize.split_words(text), [])


@exercise("split_words")
@pytest.mark.parametrize(
    "text, expected",
    [
        ("a", ["a"]),
        ("  two  words ", ["two", "words"]),
        ("can't", ["can", "'", "t"]),
        ("...", [".", ".", "."]),
        ("!a!", ["!", "a", "!"]),
        ("$5+x<y=z>^`|~", ["$", "5", "+", "x", "<", "y", "=", "z", ">", "^", "`", "|", "~"]),
        ("snake_case", ["snake", "_", "case"]),
        ("3.14", ["3", ".", "14"]),
        ("«¿qué?»", ["«", "¿", "qué", "?", "»"]),
        ("a—b…c", ["a", "—", "b", "…", "c"]),
        ("中。文", ["中", "。", "文"]),
        ("€5£±×", ["€5£±×"]),
        ("☃😀☃", ["☃😀☃"]),
        ("e\u0301a", ["e\u0301a"]),
        ("a\u00a0b\u3000c\u2028d\u0085e\x0bf", ["a", "b", "c", "d", "e", "f"]),
        ("a\u200bb\u200dc", ["a\u200bb\u200dc"]),
        ("a\x1cb\x1fc", ["a\x1cb\x1fc"]),
        ("¼²a1", ["¼²a1"]),
        ("a\u2e43b\u166dc", ["a\u2e43b", "\u166d", "c"]),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_words_and_marks(text, expected):
    equal(parts(text), expected)


@exercise("split_words")
@pytest.mark.parametrize("mark", [chr(code) for code in range(33, 127) if not chr(code).isalnum()])
def test_every_ascii_mark_stands_alone(mark):
    equal(normalize.split_words(f"a{mark}b"), [(0, 1), (1, 2), (2, 3)])


@exercise("split_words")
def test_every_character_is_split_as_by_the_reference(words):
    same_for_every_character(normalize.split_words, words)


@exercise("split_words")
def test_any_text_is_split_as_by_the_reference(words):
    @FAST
    @given(TEXTS)
    def check(text):
        equal(normalize.split_words(text), words(text), name=f"split_words of {text!a}")

    check()


@pytest.mark.parametrize("step", [pytest.param(step, marks=exercise(step)) for step in STEPS])
def test_the_pairs_that_came_in_stay_as_they_are(step):
    pairs = number("\tÉ中x")
    getattr(normalize, step)(pairs)
    equal(pairs, number("\tÉ中x"), name="the pairs afterwards")


# ---- long texts ------------------------------------------------------------------------------------------------------

LONG = "\tÉ中x\u200d" * 700  # more characters than Python allows calls within calls


@pytest.mark.parametrize("step", [pytest.param(step, marks=exercise(step)) for step in STEPS])
def test_a_text_of_thousands_of_characters(step, references):
    equal(getattr(normalize, step)(number(LONG)), references[step].pairs(LONG))


@exercise("normalize")
def test_a_long_text_normalizes_too(references):
    equal(normalized(LONG, uncased=False), as_answer(references["cased"].pairs(LONG)))


@exercise("split_words")
def test_a_long_text_has_many_words(words):
    equal(normalize.split_words("a b," * 800), words("a b," * 800))
