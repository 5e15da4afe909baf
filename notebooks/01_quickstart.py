# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does my AI cost?
#
# Wrap a client, work as always, ask for a DataFrame. This notebook needs no server, no account, no key and no
# network: a small stand-in on this machine answers like OpenAI and Anthropic do. With your own key, leave out
# `base_url` and `api_key`.

# %%
import tempfile

import stand_in
from anthropic import Anthropic
from openai import OpenAI

import tokenbudget as tb

tb.configure(home=tempfile.mkdtemp(), url="")  # A journal of its own; your real one stays as it is.
url = stand_in.provider()

# %% [markdown]
# ## 1 · Wrap the client
#
# `tb.wrap` gives you the same client, now measured. Tags say what a call was for.

# %%
openai = tb.wrap(OpenAI(base_url=f"{url}/v1", api_key="not-needed"))
anthropic = tb.wrap(Anthropic(base_url=url, api_key="not-needed"))
question = [{"role": "user", "content": "What is the answer?"}]

with tb.tags(feature="chatbot", user_id="ana"):
    answer = openai.chat.completions.create(model="gpt-4o-mini", messages=question)
    anthropic.messages.create(model="claude-haiku-4-5", max_tokens=300, messages=question)


@tb.tagged(feature="search", user_id="ben")
def search() -> str:
    """Streams are measured as well."""
    stream = openai.chat.completions.create(
        model="gpt-4o-mini", messages=question, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


search()

# %% [markdown]
# ## 2 · Ask what it cost

# %%
first = tb.summary(period="24h")
first[["period", "requests", "cost_usd", "input_tokens", "output_tokens", "cache_hit_rate", "avg_latency_ms"]]

# %%
tb.by("feature", period="24h")[["feature", "requests", "cost_usd", "share", "cache_hit_rate"]]

# %% [markdown]
# Every cost is a sum you can check. Here is the receipt of the first answer: cached tokens have their own rate.

# %%
receipt = tb.explain(answer)
receipt

# %% [markdown]
# ## 3 · Look at a month
#
# One day is not much to look at, so here are two months of a made-up team, recorded with `tb.record`, which also takes
# calls of tools that are not wrapped.

# %%
stand_in.two_months()
tb.plot_costs(by="feature")

# %%
tb.by("model", limit=4)[["model", "requests", "cost_usd", "share", "avg_cost_usd", "avg_latency_ms"]]

# %% [markdown]
# Two dimensions come in long form, ready to pivot. Any tag is a dimension, and any dimension is a filter.

# %%
spend = tb.by(["feature", "user_id"])
spend.pivot(index="feature", columns="user_id", values="cost_usd").round(2)

# %%
tb.plot_costs(period="30d", by="model", kind="cumulative", feature=["chatbot", "summaries"])

# %%
tb.percentiles(by="model").query("measure == 'latency_ms'").round(0)

# %% [markdown]
# ## 4 · No price, no number
#
# An unknown model has no cost: not $0, but unknown. Every result states the number of such calls.
# `tb.configure(models={"my-finetune": "gpt-4o-mini"})` would give it a price.

# %%
openai.chat.completions.create(model="my-finetune", messages=question)
tb.summary(period="24h")[["requests", "cost_usd", "unpriced"]]

# %%
tb.by(["unpriced", "model"], period="24h", unpriced="unknown_model")[["unpriced_reason", "model", "requests"]]

# %% [markdown]
# ## 5 · The single calls

# %%
tb.events(period="24h", limit=5)[["occurred_at", "model", "cost_usd", "input_tokens", "output_tokens", "tag_feature"]]

# %% [markdown]
# ## Next
#
# * `tokenbudget up` starts a server on this machine with dashboards; this code then ships to it and asks it, unchanged.
# * `TOKENBUDGET_URL` and `TOKENBUDGET_API_KEY` point a whole team at one server.
