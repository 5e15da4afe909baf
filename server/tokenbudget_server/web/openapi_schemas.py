"""The OpenAPI document: structs and amounts, which Litestar describes otherwise than they are."""

from __future__ import annotations

from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import Parameter
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from tokenbudget.core.event import Event
from tokenbudget.core.usage import Usage

_SENT = {Event, Usage}
"""Structs that clients send."""


class _SentAmount(Decimal):
    """An amount as clients send it."""


class StructSchemas(OpenAPISchemaPlugin):
    """Describes msgspec structs, also those with a default that is a dict, at which Litestar's own plugin fails."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Take every struct."""
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Describe a struct; what has a default need not be sent and is left out when it has that value."""
        field_definition = _named(field_definition)
        hints = field_definition.get_type_hints(include_extras=True, resolve_generics=True)
        described = msgspec.inspect.type_info(field_definition.type_)
        fields = described.fields if isinstance(described, msgspec.inspect.StructType) else ()
        schema: Schema = schema_creator.create_component_schema(
            field_definition,
            required=sorted(field.encode_name for field in fields if field.required),
            property_fields={
                field.encode_name: FieldDefinition.from_annotation(
                    _documented(hints[field.name], is_sent=field_definition.annotation in _SENT), name=field.encode_name
                )
                for field in fields
            },
        )
        return schema


class DecimalSchemas(OpenAPISchemaPlugin):
    """Describes ``Decimal`` as the number that `web.decimal_response` writes, and that may be sent as text."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Take decimals."""
        return field_definition.annotation in {Decimal, _SentAmount}

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Describe a number."""
        del schema_creator
        number = Schema(type=OpenAPIType.NUMBER)
        if field_definition.annotation is Decimal:
            return number
        return Schema(one_of=[number, Schema(type=OpenAPIType.STRING, description="The number, as text")])


def _named(field: FieldDefinition) -> FieldDefinition:
    """Name a generic struct after its parameters: ``StoredEventPage`` is a page of stored events."""
    if not field.args:
        return field
    name = "".join(part.__name__ for part in (*field.args, field.origin))
    return FieldDefinition.from_annotation(Annotated[field.annotation, Parameter(schema_component_key=name)])


def _documented(hint: Any, *, is_sent: bool) -> Any:
    """Return the type to describe in place of another: a whole number is a number, and must not fit twice."""
    if hint is Decimal:
        return _SentAmount if is_sent else Decimal
    parts = tuple(_documented(part, is_sent=is_sent) for part in get_args(hint))
    if not parts:
        return hint
    if get_origin(hint) in {Union, UnionType}:
        return Union[tuple(part for part in parts if not (part is int and float in parts))]  # noqa: UP007
    return get_origin(hint)[parts]
