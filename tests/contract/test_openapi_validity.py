"""`/openapi.json` is a valid document, and its examples are what its schemas allow."""

from typing import Any

from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate


def test_contract_2_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_contract_2_every_example_is_of_its_schema(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    checked = 0
    for name, operation in operations.items():
        contents = [response["content"] for response in operation["responses"].values()]
        if "requestBody" in operation:
            contents.append(operation["requestBody"]["content"])
        for content in contents:
            (described,) = content.values()
            if "example" in described:
                checked += 1
                schema = {**described["schema"], "components": document["components"]}
                assert list(OAS31Validator(schema).iter_errors(described["example"])) == [], name
    assert checked > 100
