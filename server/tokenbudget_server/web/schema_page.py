"""``/schema``: the OpenAPI document as a page, which needs no script and nothing from another host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from tokenbudget_server.web.problems import MEDIA_TYPE

Document = Mapping[str, Any]

_STYLE = Path(__file__).with_suffix(".css")
_METHODS = ("get", "put", "post", "patch", "delete")
_CODE = re.compile(r"(`{1,2})(?=\S)(.+?)(?<=\S)\1")
_PLACE = re.compile(r"\{(\w+)\}")
_RULE = re.compile(r"\|[-|\s]+\|")
_REF = "#/components/schemas/"
_DEEPEST_EXAMPLE = 3
_LARGEST_BOUND = 10**9
_SCALARS = {"integer": 1, "number": 0.5, "boolean": True, "object": {}, "string": "…"}


class SchemaPage(OpenAPIRenderPlugin):
    """Renders the document for people, on the server."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._page: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Write the page; the document does not change while the server runs."""
        del request
        if self._page is None:
            self._page = write_page(openapi_schema).encode()
        return self._page


def write_page(document: Document) -> str:
    """Return the page of an OpenAPI document."""
    info, schemas = document["info"], document.get("components", {}).get("schemas", {})
    groups = list(_groups(document))
    names = "".join(_link(f"#schema-{name}", escape(name)) for name in sorted(schemas))
    sections = "".join(_section(document, name, said, operations) for name, said, operations in groups)
    described = "".join(_schema_details(name, schemas[name]) for name in sorted(schemas))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} API</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<style>{_STYLE.read_text("utf-8")}</style>
</head>
<body>
<div class="layout">
<nav aria-label="Contents">
<a class="brand" href="/"><img src="/favicon.svg" alt="">{escape(info["title"])}</a>
{"".join(_contents(name, operations) for name, _, operations in groups)}
<h2>Reference</h2><ul>{_link("#problems", "Problems")}</ul>
<h2>Schemas</h2><ul>{names}</ul>
</nav>
<main>
<h1>{escape(info["title"])} API</h1>
<p class="lead">Version {escape(info["version"])}. Send your API key with each request, in the header
<code>Authorization: Bearer tb_ak_…</code>. Open a route to see what it takes and answers.</p>
<ul class="links">{_link("/", "Dashboard")}{_link("/schema/openapi.json", "openapi.json")}
{_link("/schema/openapi.yaml", "openapi.yaml")}</ul>
{sections}
<section id="problems"><h2>Problems</h2>{_markdown(info.get("description", ""))}</section>
<section id="schemas"><h2>Schemas</h2><p>What bodies and answers are made of.</p>{described}</section>
</main>
</div>
</body>
</html>
"""


def _groups(document: Document) -> Iterator[tuple[str, str, list[tuple[str, str, Document]]]]:
    """Return each tag's name, description and operations, in the document's order."""
    found: dict[str, list[tuple[str, str, Document]]] = {tag["name"]: [] for tag in document.get("tags", ())}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                tags = item[method].get("tags") or ["other"]
                found.setdefault(tags[0], []).append((path, method, item[method]))
    said = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    yield from ((name, said.get(name, ""), operations) for name, operations in found.items() if operations)


def _contents(name: str, operations: Iterable[tuple[str, str, Document]]) -> str:
    rows = "".join(
        _link(f"#{operation['operationId']}", f"{_verb(method)}<span>{escape(path)}</span>")
        for path, method, operation in operations
    )
    return f"<h2>{escape(name)}</h2><ul>{rows}</ul>"


def _section(document: Document, name: str, said: str, operations: Iterable[tuple[str, str, Document]]) -> str:
    rows = "".join(_operation(document, path, method, operation) for path, method, operation in operations)
    return (
        f'<section id="tag-{escape(name)}"><h2>{escape(name.capitalize())}</h2><p>{_inline(said)}</p>{rows}</section>'
    )


def _operation(document: Document, path: str, method: str, operation: Document) -> str:
    shown = _PLACE.sub(r"<i>{\1}</i>", escape(path))
    parts = [
        _markdown(operation.get("description", "")),
        _parameters(operation.get("parameters", ())),
        _request_body(operation.get("requestBody")),
        _answers(operation["responses"]),
        f"<h3>Example</h3><pre>{escape(_example_call(document, path, method, operation))}</pre>",
    ]
    return (
        f'<details><summary>{_verb(method)}<span class="path">{shown}</span>'
        f'<span class="what">{_inline(operation.get("summary", ""))}</span></summary>'
        f'<div class="body" id="{escape(operation["operationId"])}">{"".join(parts)}</div></details>'
    )


def _parameters(parameters: Iterable[Document]) -> str:
    rows = [
        _row(one["name"], one.get("schema", {}), one.get("description", ""), is_required=one.get("required", False))
        for one in parameters
    ]
    return f"<h3>Parameters</h3>{_table(('Name', 'Type', 'Meaning'), rows)}" if rows else ""


def _request_body(body: Document | None) -> str:
    if body is None:
        return ""
    shown = "".join(_content(media_type, content["schema"]) for media_type, content in body["content"].items())
    return f"<h3>Body</h3>{shown}"


def _content(media_type: str, schema: Document) -> str:
    """Describe what is sent: by name, and field by field where it has none."""
    fields = _fields(schema) if "properties" in schema else ""
    return f'<p><code>{escape(media_type)}</code> <span class="muted">{_type(schema)}</span></p>{fields}'


def _answers(responses: Document) -> str:
    rows = []
    for status, answer in responses.items():
        content = {name: each for name, each in answer.get("content", {}).items() if name != MEDIA_TYPE}
        kinds = "".join(
            _content(media_type, each["schema"]) for media_type, each in content.items() if "schema" in each
        )
        mark = f'<span class="status s{escape(status[0])}">{escape(status)}</span>'
        rows.append(f"<tr><td>{mark}</td><td><p>{_inline(answer.get('description', ''))}</p>{kinds}</td></tr>")
    return f"<h3>Answers</h3>{_table(('Status', 'Meaning'), rows)}"


def _schema_details(name: str, schema: Document) -> str:
    said = _markdown(schema.get("description", ""))
    fields = _fields(schema) if "properties" in schema else f"<p>{_type(schema)}</p>"
    return (
        f'<details><summary><span class="path">{escape(name)}</span></summary>'
        f'<div class="body" id="schema-{escape(name)}">{said}{fields}</div></details>'
    )


def _fields(schema: Document) -> str:
    required = set(schema.get("required", ()))
    rows = [
        _row(name, field, field.get("description", ""), is_required=name in required)
        for name, field in schema["properties"].items()
    ]
    return _table(("Field", "Type", "Meaning"), rows)


def _row(name: str, schema: Document, said: str, *, is_required: bool) -> str:
    must = '<span class="must">required</span>' if is_required else ""
    stop = "." if said else ""
    default = f"{stop} Default: <code>{escape(_json(schema['default']))}</code>" if "default" in schema else ""
    return (
        f'<tr><td><code>{escape(name)}</code>{must}</td><td><span class="type">{_type(schema)}</span></td>'
        f"<td>{_inline(said)}{default}</td></tr>"
    )


def _type(schema: Document) -> str:
    """Say in words what a schema allows."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#schema-{name}">{name}</a>'
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(_type, choices))
    if "enum" in schema:
        return " or ".join(f"<code>{escape(_json(value))}</code>" for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map of {_type(schema['additionalProperties'])}"
    return " ".join(filter(None, (escape(kind), escape(schema.get("format", "")), _bounds(schema))))


def _bounds(schema: Document) -> str:
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    shown = [f"≥ {low:g}"] if low is not None else []
    if high is not None and high < _LARGEST_BOUND:
        shown.append(f"≤ {high:g}")
    return ", ".join(shown)


def _example_call(document: Document, path: str, method: str, operation: Document) -> str:
    place = _PLACE.sub("1", path)
    query = "&".join(
        f"{one['name']}=…" for one in operation.get("parameters", ()) if one["in"] == "query" and one.get("required")
    )
    lines = [
        f"curl {'' if method == 'get' else f'-X {method.upper()} '}'$TOKENBUDGET_URL{place}{query and '?' + query}'"
    ]
    lines[0] = lines[0].replace("'", '"')
    lines += [f"-H '{header}'" for need in operation.get("security", ()) for header in _credentials(document, need)]
    if body := operation.get("requestBody"):
        ((media_type, content), *_) = body["content"].items()
        lines += [f"-H 'Content-Type: {media_type}'", f"-d '{_json(_example(document, content['schema']))}'"]
    return " \\\n  ".join(lines)


def _credentials(document: Document, need: Document) -> Iterator[str]:
    for name in need:
        scheme = document["components"]["securitySchemes"][name]
        yield f"{scheme['name']}: …" if scheme["type"] == "apiKey" else "Authorization: Bearer tb_ak_…"


def _example(document: Document, schema: Document, depth: int = 0) -> Any:
    """Return the least that a schema requires."""
    if "$ref" in schema:
        return _example(document, document["components"]["schemas"][schema["$ref"].removeprefix(_REF)], depth)
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return _example(document, choices[0], depth)
    if "properties" in schema and depth < _DEEPEST_EXAMPLE:
        needed = schema.get("required") or list(schema["properties"])[:1]
        return {name: _example(document, schema["properties"][name], depth + 1) for name in needed}
    if schema.get("type") == "array":
        return [_example(document, schema.get("items", {}), depth + 1)]
    if schema.get("format") == "date-time":
        return "2026-11-01T09:00:00Z"
    return schema["enum"][0] if "enum" in schema else _SCALARS.get(schema.get("type", "object"), {})


def _markdown(text: str) -> str:
    """Write paragraphs and tables, which are what descriptions have of Markdown."""
    blocks = (block for block in re.split(r"\n\s*\n", text.strip()) if block)
    return "".join(_markdown_table(block) if block.startswith("|") else f"<p>{_inline(block)}</p>" for block in blocks)


def _markdown_table(block: str) -> str:
    lines = [line.strip() for line in block.splitlines() if not _RULE.fullmatch(line.strip())]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = ["<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in cells[1:]]
    return _table([cell.strip("`") for cell in cells[0]], rows)


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\2</code>", escape(text, quote=False))


def _verb(method: str) -> str:
    return f'<span class="verb {method}">{method.upper()}</span>'


def _link(to: str, text: str) -> str:
    return f'<li><a href="{escape(to)}">{text}</a></li>'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
