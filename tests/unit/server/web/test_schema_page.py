"""The page of the API's description: what a document says is text in it, whatever it says."""

from tokenbudget_server.web.schema_page import write_page

EVIL = "</code><script>alert(1)</script>\"'"
DOCUMENT = {
    "info": {"title": EVIL, "version": EVIL, "description": f"{EVIL}\n\n| A | `b` |\n|---|---|\n| {EVIL} | `c` |"},
    "tags": [{"name": EVIL, "description": EVIL}],
    "paths": {
        f"/{EVIL}/{{thing_id}}": {
            "post": {
                "operationId": EVIL,
                "summary": EVIL,
                "description": EVIL,
                "tags": [EVIL],
                "security": [{"Key": []}],
                "parameters": [
                    {"name": EVIL, "in": "query", "required": True, "schema": {"enum": [EVIL]}, "description": EVIL},
                    {"name": "n", "in": "query", "schema": {"type": "integer", "minimum": 1.0, "default": EVIL}},
                ],
                "requestBody": {"content": {EVIL: {"schema": {"$ref": f"#/components/schemas/{EVIL}"}}}},
                "responses": {"200": {"description": EVIL, "content": {EVIL: {"schema": {"type": EVIL}}}}},
            }
        }
    },
    "components": {
        "securitySchemes": {"Key": {"type": "apiKey", "name": EVIL}},
        "schemas": {
            EVIL: {
                "description": EVIL,
                "required": [EVIL],
                "properties": {
                    EVIL: {"oneOf": [{"type": "string", "format": EVIL}, {"type": "null"}], "description": EVIL},
                    "of": {"type": "array", "items": {"$ref": f"#/components/schemas/{EVIL}"}},
                    "by": {"type": "object", "additionalProperties": {"type": "number", "maximum": 2.5}},
                },
            }
        },
    },
}


def test_nothing_that_a_document_says_is_markup():
    page = write_page(DOCUMENT)
    assert "<script" not in page
    assert "onerror" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<details") == page.count("</details>") == 2


def test_types_are_said_in_words():
    page = write_page(DOCUMENT)
    for said in ("integer ≥ 1", "map of number ≤ 2.5", "array of <a href=", "or null", "<th>b</th>", "<code>c</code>"):
        assert said in page, said
