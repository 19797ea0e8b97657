"""The check of what a sampler draws: right ones pass, wrong ones are told apart."""

import pytest
import torch
from saying import said

from shared.checks import same_distribution


def draw(probabilities, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(torch.tensor(probabilities), n, replacement=True, generator=generator)


ZIPF = (1 / torch.arange(1.0, 1001)).softmax(0).tolist()


@pytest.mark.parametrize(
    "probabilities, n",
    [([0.1, 0.2, 0.3, 0.4], 1000), ([0.5, 0.5], 40), ([1.0], 5), ([0.0, 1.0], 5), (ZIPF, 500), ([0.9999, 1e-4], 10**6)],
)
def test_a_right_sampler_passes(probabilities, n):
    for seed in range(20):
        same_distribution(draw(probabilities, n, seed), probabilities)


def test_same_distribution_says():
    samples = draw([0.1, 0.2, 0.3, 0.4], 2000)
    assert said(same_distribution, samples, [0.1, 0.2, 0.4, 0.3]) == (
        "the samples don't follow the distribution; furthest off is outcome 3:\n"
        "  expected  about 600 of 2000 draws\n"
        f"  got       {(samples == 3).sum()}      (chi-square 110.6, at most 40.1 allowed)"
    )
    assert said(same_distribution, samples.tolist(), [0.2, 0.5, 0.3, 0.0], name="top-p") == (
        f"top-p: outcome 3 has probability 0, but came {(samples == 3).sum()} times in 2000 draws"
    )
    assert "furthest off is d:" in said(same_distribution, samples, [0.1, 0.2, 0.4, 0.3], outcomes="abcd")
    assert said(same_distribution, samples, [0.3, 0.3, 0.4]) == "3 was drawn, but the outcomes are 0 to 2"
    assert said(same_distribution, None, [0.3, 0.7]) == "the answer returned None: is a `return` missing?"
    assert said(same_distribution, samples.float(), [0.3, 0.7]) == "float32 samples instead of integers"


def test_same_distribution_counts_rare_outcomes_in_groups():
    rare = [0.9] + [0.1 / 500] * 500
    same_distribution(draw(rare, 2000), rare)
    common = torch.zeros(1800, dtype=torch.int64)
    message = said(same_distribution, torch.cat([common, torch.full((200,), 1)]), rare)
    assert (
        "furthest off is a group of 38 rare outcomes:\n  expected  about 15 of 2000 draws\n  got       200 " in message
    )


def test_same_distribution_wants_enough_samples():
    with pytest.raises(ValueError, match="10 samples are too few to tell 2 outcomes apart"):
        same_distribution(draw([0.5, 0.5], 10), [0.5, 0.5])
    with pytest.raises(ValueError, match="the probabilities sum to 2"):
        same_distribution(draw([0.5, 0.5], 100), [1, 1])


def test_a_right_sampler_fails_as_seldom_as_promised():
    from scipy.special import chdtri
    from scipy.stats import binom

    n, counts = 1000, torch.arange(1001).double().numpy()
    for mean in (15, 16, 20, 50, 500):  # with two outcomes the chance is exact: the first one's count is binomial
        excess = (counts - mean) ** 2 / (mean * (1 - mean / n))
        assert binom.pmf(counts, n, mean / n)[excess > chdtri(1, 1e-6 / 100)].sum() < 1e-6
