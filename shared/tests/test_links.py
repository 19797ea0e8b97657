"""Links that lead somewhere, by GitHub's own rules."""

import pytest

from shared.author import links


@pytest.mark.parametrize(
    "heading, slug",
    [
        ("2. Attention: where tokens talk", "2-attention-where-tokens-talk"),
        ("`causal_mask`", "causal_mask"),
        ("What's *new*, & [why](x.md)?", "whats-new--why"),
        ("W2D1 · GPT-2", "w2d1--gpt-2"),
    ],
)
def test_slugs_are_github_s(heading, slug):
    assert links.slugify(heading) == slug


def test_headings_of_one_name_are_numbered_and_code_has_none():
    assert links.anchors("# A\n## A\n```\n# B\n```\n<a id='c'></a>\n") == {"a", "a-1", "c"}


def test_only_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / "code.py").write_text("1\n2\n")
    (tmp_path / "README.md").write_text(
        "# A\n[1](#a) [2](code.py#L2) [3](https://github.com/x) `[4](no)` [5](mailto:a@b.c)\n"
        "```\n[6](no)\n```\n[7](code.py#L3) ![8](no.svg 'title') <img src=\"no2.svg\">\n[9]: no3.md\n[10](<code.py>)\n"
    )
    found = links.broken_links(tmp_path / "README.md", "R")
    assert found == ["R:6: code.py has no #L3", "R:6: no.svg is not there", "R:6: no2.svg is not there"] + [
        "R:7: no3.md is not there"
    ]
