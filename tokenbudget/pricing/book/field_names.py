"""Parse the names of price fields by a grammar: ``<side>_cost_per_<unit>`` and suffixes in any order.

``input_cost_per_token_above_200k_tokens_priority``, ``output_cost_per_second_1080p`` and
``cache_creation_input_token_cost_above_1hr_batches`` all follow it, and so will the tiers that do not exist yet: a
suffix that is neither a threshold, a time to live nor a resolution is the name of a service tier.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_UNITS = "token|second|minute|character|image|pixel|query|page|request|credit|message|session|call|unit"
_MODALITIES = "audio|image|video|text|reasoning"
_PER_UNIT = re.compile(rf"(?:(?P<side>\w+?)_)?cost_per_(?:(?P<modality>{_MODALITIES})_(?:per_)?)?(?P<unit>{_UNITS})")
_CACHE = re.compile(rf"(?:\w+_)?cache_(?P<action>read|creation)_input_(?:(?P<modality>{_MODALITIES})_)?token_cost")
_ABOVE_TOKENS = re.compile(r"_above_(\d+)k_tokens$")
_ABOVE_HOURS = re.compile(r"_above_(\d+)hr$")
_ABOVE_SECONDS = re.compile(r"_above_(\d+)s_interval$")
_RESOLUTION = re.compile(r"_(\d+(?:\.\d+)?[a-zA-Z]*)$")
_TIER = re.compile(r"_([a-z]+)$")
_TIER_NAMES = {"batches": "batch"}
# Older spellings of fields that the grammar knows under another name.
_SYNONYMS = {"input_cost_per_token_cache_hit": "cache_read_input_token_cost"}
_NO_DOLLARS = ("input_dbu", "output_dbu")  # Databricks units, listed beside the dollars.


class Field(msgspec.Struct, frozen=True):
    """What one price field prices.

    Attributes
    ----------
    slot : str
        The part of a call it is the rate of: ``input``, ``cache_read``, ``cache_write_1h``, ``reasoning``,
        ``output_per_second``, …
    unit : str
        What one unit of it is: ``token``, ``second``, ``image``, …
    above : int
        The rate holds for calls with more input tokens than this; 0 for all.
    tier : str
        Service tier, e.g. ``batch``, ``flex``, ``priority``; empty for the standard one.
    """

    slot: str
    unit: str
    above: int = 0
    tier: str = ""


@lru_cache(maxsize=4096)
def parse(name: str) -> Field | None:
    """Parse the name of a price field; None if the grammar does not know it.

    Examples
    --------
    >>> parse("cache_creation_input_token_cost_above_1hr_above_200k_tokens")
    Field(slot='cache_write_1h', unit='token', above=200000, tier='')
    >>> parse("output_cost_per_token_priority_above_272k_tokens") == parse(
    ...     "output_cost_per_token_above_272k_tokens_priority"
    ... )
    True
    >>> parse("supports_vision") is None
    True
    """
    base, above, tier, variant = _SYNONYMS.get(name, name), 0, "", ""
    while True:
        if slot_and_unit := _base(base):
            slot, unit = slot_and_unit
            return Field(slot + variant, unit, above, _TIER_NAMES.get(tier, tier))
        if found := _ABOVE_TOKENS.search(base):
            above = int(found[1]) * 1000
        elif found := _ABOVE_HOURS.search(base):
            variant = f"_{found[1]}h"
        elif found := _ABOVE_SECONDS.search(base):
            variant = f":above_{found[1]}s"
        elif found := _RESOLUTION.search(base):
            variant = f":{found[1].lower()}"
        elif not tier and (found := _TIER.search(base)):
            tier = found[1]
        else:
            return None
        base = base[: found.start()]


def _base(name: str) -> tuple[str, str] | None:
    if found := _CACHE.fullmatch(name):
        action = "cache_read" if found["action"] == "read" else "cache_write"
        own = "" if name.startswith("cache_") else name.partition("_cache_")[0] + "_"
        return own + action + (f"_{found['modality']}" if found["modality"] else ""), "token"
    found = _PER_UNIT.fullmatch(name)
    if found is None or found["side"] in _NO_DOLLARS:
        return None
    return _slot(found["side"] or "", found["modality"] or "", found["unit"]), found["unit"]


def _slot(side: str, modality: str, unit: str) -> str:
    """Name tokens after the part they are (``input``, ``reasoning``), all else after the side and the unit."""
    if unit != "token":
        return "_".join(filter(None, (side, "per", modality, unit)))
    if modality == "reasoning":
        return "reasoning"
    return f"{side}_{modality}" if modality not in ("", "text") else side
