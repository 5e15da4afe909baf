"""The OpenAPI document: what Litestar cannot find out by itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition


class StructSchemas(OpenAPISchemaPlugin):
    """Describes msgspec structs, also those with a default that is a dict, at which Litestar's own plugin fails."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Take every struct."""
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Describe a struct; what has a default need not be sent and is left out when it has that value."""
        hints = field_definition.get_type_hints(include_extras=True, resolve_generics=True)
        described = msgspec.inspect.type_info(field_definition.type_)
        fields = described.fields if isinstance(described, msgspec.inspect.StructType) else ()
        schema: Schema = schema_creator.create_component_schema(
            field_definition,
            required=sorted(field.encode_name for field in fields if field.required),
            property_fields={
                field.encode_name: FieldDefinition.from_annotation(hints[field.name], name=field.encode_name)
                for field in fields
            },
        )
        return schema


class DecimalSchemas(OpenAPISchemaPlugin):
    """Describes ``Decimal`` as the number that `tokenbudget_server.exact` writes."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Take decimals."""
        return field_definition.annotation is Decimal

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Describe a number."""
        del field_definition, schema_creator
        return Schema(type=OpenAPIType.NUMBER)
