import pytest

from tokenbudget.capture.usage import token_estimate


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        ({"messages": [{"role": "user", "content": "12345678"}]}, 2),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "1234"}]}], "model": "gpt-4o"}, 1),
        ({"system": "1234", "messages": [{"role": "user", "content": "1234"}]}, 2),
        ({"input": "Größe"}, 2),  # seven bytes
        ({"input": [{"role": "user", "content": "1234"}], "instructions": "1234"}, 2),
        ({"prompt": ["1234", "5678"]}, 2),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, None),
        ({"input": "x", "previous_response_id": "resp_1"}, None),
        ({"input": "x", "conversation": "conv_1"}, None),
        ({"messages": []}, None),
        ({}, None),
        (None, None),
    ],
)
def test_prompts(request_body, expected):
    assert token_estimate.prompt_tokens(request_body) == expected


def test_lone_surrogates_are_text_too():
    assert token_estimate.text_bytes("\ud800") == 3
