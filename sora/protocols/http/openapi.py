"""The OpenAPI 3.1 document, made from the list of endpoints (pure)."""

from collections.abc import Sequence
from typing import Any, Final, get_type_hints

from attrs import NOTHING, fields

from sora.errors import TooMany
from sora.protocols.http.endpoint import Endpoint
from sora.protocols.http.once import HEADER, LONGEST, PARTIAL
from sora.protocols.http.places import PLACES
from sora.protocols.http.problems import (
    BAD_REQUEST,
    CHANGED,
    FOREIGN,
    INTERNAL,
    KEY_REUSED,
    MEDIA_TYPE,
    NO_KEY,
    NOT_JSON,
    NOT_MESSAGE,
    NOT_PERMITTED,
    NOT_TAR,
    TOO_BIG,
    TOO_OFTEN,
    UNAVAILABLE,
    UNDER_WAY,
    WRONG_KEY,
    Kind,
    kind_of,
)
from sora.protocols.http.schema import Schemas, words_of
from sora.protocols.http.upload import MESSAGE, TAR

PREFIX: Final = "/admin"
_ALWAYS: Final = (
    BAD_REQUEST,
    NO_KEY,
    WRONG_KEY,
    FOREIGN,
    NOT_PERMITTED,
    NOT_TAR,
    TOO_BIG,
    TOO_OFTEN,
    INTERNAL,
    UNAVAILABLE,
)
_LOCATION: Final = {
    "description": "Where it is.",
    "schema": {"type": "string", "format": "uri-reference"},
}
_ETAG: Final = {
    "description": "What tells this state from others (RFC 9110 §8.8.3), for `If-Match`.",
    "schema": {"type": "string"},
}
_CONDITIONS: Final = [
    {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` of what is to be replaced; `*` where only something has to be"
        " there. Else nothing is done (412).",
        "required": False,
        "schema": {"type": "string"},
    },
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "`*`: only where nothing is there yet.",
        "required": False,
        "schema": {"type": "string", "enum": ["*"]},
    },
]
_IDEMPOTENCY_KEY: Final = {
    "name": HEADER,
    "in": "header",
    "description": "A string that is new for each thing that is asked for. The same request with"
    " the same key is done once, and answered alike for a day.",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
}
_UPLOADS: Final = {
    MESSAGE: {
        "type": "string",
        "format": "binary",
        "description": "The octets of a message (RFC 5322); every line ends with CRLF.",
    },
    TAR: {"type": "string", "format": "binary", "description": "A maildir, in a tar."},
}
_DOWNLOAD: Final = {
    "type": "string",
    "format": "binary",
    "description": "It comes in chunks; only with the last one it is whole.",
}
_PROBLEM: Final = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The kind of problem."},
        "title": {"type": "string", "description": "The kind, for people."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What it was this time."},
        "instance": {"type": "string", "description": "This request, as the log names it."},
        "trace": {
            "type": "string",
            "description": "The id of its trace, where the collector of traces gets it.",
        },
        "errors": {
            "type": "array",
            "description": "All flaws of the request.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "Where in the body (RFC 6901), or which parameter.",
                    },
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def document(endpoints: Sequence[Endpoint], groups: dict[str, str], version: str) -> dict[str, Any]:
    """The document as a JSON object. `groups` says what each group of endpoints is about."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        place = paths.setdefault(PREFIX + endpoint.path, {})
        place[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sora: administration",
            "version": version,
            "description": "Everything that `sora-admin` can do, over HTTP.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": text} for name, text in groups.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of the configuration: `Authorization: Bearer KEY`.",
                }
            },
            "schemas": {"Problem": _PROBLEM, **schemas.components},
        },
    }


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"Needs a key with the scope `{endpoint.scope}`.",
        "tags": [endpoint.group],
        "responses": _responses(endpoint, schemas),
    }
    parameters = [_in_path(name) for name in endpoint.parameters]
    if endpoint.query is not None:
        parameters += _in_query(endpoint.query, schemas)
    if endpoint.is_conditional:
        parameters += _CONDITIONS
    if endpoint.is_once:
        parameters.append(_IDEMPOTENCY_KEY)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {"application/json": {"schema": schemas.of(endpoint.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.takes:
        content = {endpoint.takes: {"schema": _UPLOADS[endpoint.takes]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _in_path(name: str) -> dict[str, Any]:
    facet = PLACES[name]
    schema = {"type": "string", "minLength": 1, **words_of(facet)}
    text = schema.pop("description")
    return {"name": name, "in": "path", "description": text, "required": True, "schema": schema}


def _in_query(kind: type[Any], schemas: Schemas) -> list[dict[str, Any]]:
    hints = get_type_hints(kind)
    found = []
    for one in fields(kind):
        schema = schemas.field(hints[one.name], one)
        text = schema.pop("description", "")
        if isinstance(schema.get("type"), list):
            # A parameter is left out, and never null.
            schema["type"] = schema["type"][0]
        found.append(
            {
                "name": one.name,
                "in": "query",
                "description": text,
                "required": one.default is NOTHING,
                "schema": schema,
            }
        )
    return found


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    if endpoint.downloads:
        content = {endpoint.downloads: {"schema": _DOWNLOAD}}
        found: dict[str, Any] = {"200": {"description": "All of it.", "content": content}}
    elif endpoint.answer is None:
        found = {"204": {"description": "It is done."}}
    else:
        content = {"application/json": {"schema": schemas.of(endpoint.answer)}}
        done: dict[str, Any] = {"description": "It is done.", "content": content}
        headers = {"Location": _LOCATION} if endpoint.place else {}
        if endpoint.tag is not None:
            headers["ETag"] = _ETAG
        if headers:
            done["headers"] = headers
        found = {str(endpoint.status): done}
        if endpoint.is_partial is not None:
            text = "Not all of it is done: the answer says what is."
            found[str(PARTIAL)] = {**done, "description": text}
    kinds = [*_ALWAYS, *map(kind_of, endpoint.errors)]
    if endpoint.body is not None:
        kinds.append(NOT_JSON)
    if endpoint.takes:
        kinds.append(NOT_MESSAGE if endpoint.takes == MESSAGE else NOT_TAR)
    if endpoint.is_conditional:
        kinds.append(CHANGED)
    if endpoint.downloads:
        kinds.append(kind_of(TooMany))
    if endpoint.is_once:
        kinds += [UNDER_WAY, KEY_REUSED, kind_of(TooMany)]
    by_status: dict[int, list[Kind]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(kind.status, []).append(kind)
    for status in sorted(by_status):
        found[str(status)] = {
            "description": "; ".join(f"{one.title} (`{one.name}`)" for one in by_status[status]),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return found
