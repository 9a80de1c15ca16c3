"""What is served beside the endpoints: the OpenAPI document, a page to read it by, what monitoring
asks."""

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from sora.protocols.http.endpoint import Scope
from sora.protocols.http.schema import TEXT
from sora.protocols.http.shaping import written
from sora.protocols.http.site import JSON, Answer, Page

_HTML: Final = "text/html; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:monospace;background:#f4f4f4;padding:.1em .3em}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;"
    "text-align:left;padding:.3em .6em;vertical-align:top}h3{margin-top:2rem}"
    "b{display:inline-block;min-width:4.5em}"
)


def api_pages(document: Mapping[str, Any]) -> tuple[Page, ...]:
    """The OpenAPI document, and the same as a page for people. They need no key: what they say is
    in the source."""
    octets = written(document)
    page = readable(document).encode()

    async def as_json() -> Answer:
        return 200, JSON, octets

    async def as_page() -> Answer:
        return 200, _HTML, page

    return Page("/admin/openapi.json", as_json), Page("/admin/", as_page)


def monitoring_pages(
    registry: CollectorRegistry,
    is_ready: Callable[[], Awaitable[bool]],
    metrics_scope: Scope | None,
) -> tuple[Page, ...]:
    """`/metrics` for Prometheus, `/livez` and `/readyz` for who restarts and routes: those two say
    nothing else, and need no key. `metrics_scope` is None when metrics need none either."""

    async def metrics() -> Answer:
        return 200, CONTENT_TYPE_LATEST, generate_latest(registry)

    async def alive() -> Answer:
        return 200, _TEXT, b"ok\n"

    async def ready() -> Answer:
        if await is_ready():
            return 200, _TEXT, b"ok\n"
        return 503, _TEXT, b"not ready\n"

    return Page("/metrics", metrics, metrics_scope), Page("/livez", alive), Page("/readyz", ready)


def readable(document: Mapping[str, Any]) -> str:
    """The document as HTML, without any script."""
    schemas = document["components"]["schemas"]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{escape(document['info']['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(document['info']['title'])}</h1>",
        f"<p>{escape(document['info']['description'])} "
        '<a href="openapi.json">The OpenAPI document</a> says the same to programs.</p>',
        "<p><code>curl -H 'Authorization: Bearer KEY' http://127.0.0.1:8080/admin/accounts</code></p>",
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    parts += _operation(path, method, operation)
    parts.append("<h2>Values</h2>")
    for name, schema in sorted(schemas.items()):
        parts += _schema(name, schema)
    return "".join([*parts, "</html>\n"])


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> list[str]:
    parts = [
        f'<h3 id="{escape(operation["operationId"])}"><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code></h3>",
        f"<p>{escape(operation['summary'])}. {escape(operation['description'])}</p>",
    ]
    rows = [
        (one["name"], one["in"], _type(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    if "requestBody" in operation:
        [(media, content)] = operation["requestBody"]["content"].items()
        kind = _type(content["schema"]) if media == JSON else escape(media)
        rows.append(("", "body", kind, escape(content["schema"].get("description", ""))))
    for status, response in operation["responses"].items():
        content = list(response.get("content", {}).values())
        kind = _type(content[0]["schema"]) if content else ""
        rows.append((status, "answer", kind, escape(response["description"])))
    return [*parts, _table(rows)]


def _schema(name: str, schema: Mapping[str, Any]) -> list[str]:
    needed = schema.get("required", ())
    rows = [
        (field, "required" if field in needed else "", _type(one), escape(_about(one)))
        for field, one in schema["properties"].items()
    ]
    text = escape(schema.get("description", ""))
    return [f'<h3 id="{name}">{name}</h3><p>{text}</p>', _table(rows)]


def _about(schema: Mapping[str, Any]) -> str:
    words = [schema.get("description", "")]
    words += [
        f"{name}: {schema[name]}."
        for name in ("minimum", "maximum", "minLength", "maxLength", "pattern", "default")
        if name in schema and schema[name] != TEXT
    ]
    return " ".join(words)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    kind = schema.get("type", "")
    if kind == "array":
        return f"array of {_type(schema['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{where}</td><td>{kind}</td><td>{text}</td></tr>"
        for name, where, kind, text in rows
    )
    return f"<table>{cells}</table>"
