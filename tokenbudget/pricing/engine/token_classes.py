"""Parts of a call's tokens that may be billed apart, and what they are parts of."""

from __future__ import annotations

import msgspec

# What a part without a rate of its own is billed as.
WHOLE = {
    "cache_read": "input",
    "cache_read_audio": "cache_read",
    "cache_read_image": "cache_read",
    "cache_write": "input",
    "cache_write_5m": "cache_write",
    "cache_write_1h": "cache_write",
    "cache_write_12h": "cache_write_1h",
    "cache_write_audio": "cache_write",
    "input_audio": "input",
    "input_image": "input",
    "input_video": "input",
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
    "output_video": "output",
    "citation": "output",
}
# The side whose rate says how a tier or a long context moves the part's.
SIDE = {part: "output" if part in ("reasoning", "citation") else "input" for part in WHOLE} | {
    part: "output" for part in WHOLE if part.startswith("output")
}


class Part(msgspec.Struct, frozen=True):
    """A part of a call's tokens.

    Attributes
    ----------
    field : str
        The count it is read from.
    inside : tuple of str
        Parts inside it, billed apart where they are.
    cached : tuple of str
        Counts inside it that are billed as cached instead.
    own_rate_only : bool
        Billed with the whole unless it has a rate of its own.
    """

    name: str
    field: str
    inside: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()
    own_rate_only: bool = True


INPUT_PARTS = (
    Part("cache_read_audio", "cache_read_audio_tokens"),
    Part("cache_read_image", "cache_read_image_tokens"),
    Part("cache_read", "cache_read_tokens", ("cache_read_audio", "cache_read_image"), own_rate_only=False),
    Part("cache_write_5m", "cache_write_5m_tokens", own_rate_only=False),
    Part("cache_write_1h", "cache_write_1h_tokens", own_rate_only=False),
    Part("cache_write_12h", "cache_write_12h_tokens", own_rate_only=False),
    Part("cache_write_audio", "cache_write_audio_tokens"),
    Part(
        "cache_write",
        "cache_write_tokens",
        ("cache_write_5m", "cache_write_1h", "cache_write_12h", "cache_write_audio"),
        own_rate_only=False,
    ),
    Part("input_audio", "input_audio_tokens", cached=("cache_read_audio_tokens", "cache_write_audio_tokens")),
    Part("input_image", "input_image_tokens", cached=("cache_read_image_tokens",)),
    Part("input_video", "input_video_tokens"),
)
OUTPUT_PARTS = (
    Part("reasoning", "reasoning_tokens"),
    Part("output_audio", "output_audio_tokens"),
    Part("output_image", "output_image_tokens"),
    Part("output_video", "output_video_tokens"),
    Part("citation", "citation_tokens"),
)
