from decimal import Decimal

import polars as pl
import pytest

from tokenbudget.core.errors import PriceError
from tokenbudget.pricing.estimate import estimate


class TestEstimate:
    def test_from_no_output_to_all_of_it(self, pricer):
        job = estimate("gpt-4o", [100, 100, 300], max_tokens=50, pricer=pricer)
        assert (job.calls, job.input_tokens, job.output_tokens) == (3, (500, 500), (0, 150))
        assert job.cost_usd == (Decimal("0.00125"), Decimal("0.00275"))
        assert (
            repr(job) == "3 calls of gpt-4o (openai): $0.00125 to $0.00275 (input 500 to 500 tokens, output up to 150)"
        )

    def test_in_a_batch(self, pricer):
        assert estimate("gpt-4o", 1000, max_tokens=0, batch=True, pricer=pricer).cost_usd[0] == Decimal("0.00125")

    def test_texts_are_a_range_of_tokens(self, pricer):
        job = estimate("gpt-4o", "four score and seven years ago " * 10, max_tokens=1, pricer=pricer)
        assert job.input_tokens == (62, 125)

    @pytest.mark.parametrize(
        ("prompts", "calls"),
        [
            ("one", 1),
            (["one", "two"], 2),
            ([{"role": "user", "content": "one"}], 1),
            ([[{"role": "user", "content": "one"}], [{"role": "user", "content": "two"}]], 2),
            (pl.DataFrame({"id": [1, 2, 3], "prompt": ["a", "b", "c"]}), 3),
            (pl.DataFrame({"id": [1, 2, 3], "prompt": ["a", "b", "c"]}).to_pandas(), 3),
            (pl.DataFrame({"input_tokens": [1, 2, 3], "prompt": ["a", "b", "c"]}), 3),
            (pl.Series(["a", "b"]), 2),
            ([], 0),
        ],
    )
    def test_what_a_job_may_be(self, pricer, prompts, calls):
        assert estimate("gpt-4o", prompts, max_tokens=1, pricer=pricer).calls == calls

    def test_a_column_of_ones_choice(self, pricer):
        frame = pl.DataFrame({"prompt": ["a"], "frage": ["b" * 100]})
        assert estimate("gpt-4o", frame, max_tokens=1, column="frage", pricer=pricer).input_tokens == (20, 41)

    @pytest.mark.parametrize(
        ("model", "provider", "found"),
        [
            ("gpt-4o", None, ("openai", "gpt-4o")),
            ("azure/gpt-4o", None, ("azure", "gpt-4o")),
            ("gemini-3-flash", None, ("google", "gemini-3-flash")),
            ("gemini-3-flash", "gcp.vertex_ai", ("vertex", "gemini-3-flash")),
            ("openai/gpt-oss", "groq", ("groq", "openai/gpt-oss")),
        ],
    )
    def test_whose_price(self, pricer, model, provider, found):
        job = estimate(model, 1, max_tokens=1, provider=provider, pricer=pricer)
        assert (job.provider, job.model) == found

    @pytest.mark.parametrize(
        ("model", "prompts", "says"),
        [
            ("gpt-nope", "a", "name the provider"),
            ("openai/gpt-nope", "a", "no price for 'gpt-nope'"),
            ("gpt-4o", pl.DataFrame({"frage": ["a"]}), "it has frage"),
            ("gpt-4o", 1.5, "not float"),
        ],
    )
    def test_what_cannot_be_estimated_says_why(self, pricer, model, prompts, says):
        with pytest.raises(PriceError, match=says):
            estimate(model, prompts, max_tokens=1, pricer=pricer)
