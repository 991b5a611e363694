"""What every schema is made from, and the shapes that every resource answers with."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from marshmallow import INCLUDE, RAISE, Schema, fields


class Strict(Schema):
    """Refuses by name what it does not know: a typing error must not be ignored.

    cleared: in a change, what a field (by attribute) is once it was sent empty; no other one may be empty.
    """

    cleared: ClassVar[Mapping[str, Any]] = {}

    class Meta:
        """marshmallow's options."""

        unknown = RAISE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._optional = {
            field.data_key or name: field.attribute or name
            for name, field in self.load_fields.items()
            if not field.required and (not self.cleared or (field.attribute or name) in self.cleared)
        }

    def in_own_names(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was sent, where a client has other names for it than this schema."""
        return given

    def load_given(self, given: Mapping[str, Any]) -> Any:
        """Load what was sent. An optional field that is null or an empty text counts as not given.

        Raises:
            ValidationError: a field is unknown, missing, or has a value that it cannot have.
        """
        empty = [name for name, value in given.items() if value in (None, "") and name in self._optional]
        if not empty:
            return self.load(given)
        loaded = self.load({name: value for name, value in given.items() if name not in empty})
        for attribute in self.cleared.keys() & {self._optional[name] for name in empty}:
            loaded[attribute] = self.cleared[attribute]
        return loaded


class Nothing(Strict):
    """No field, no parameter."""


class Answer(Schema):
    """What a call answers: at least this; a client must not trip over more."""

    class Meta:
        """marshmallow's options; here they say in the OpenAPI document that there may be more."""

        unknown = INCLUDE


class Success(Answer):
    """The first field of most answers."""

    success = fields.Boolean(required=True, metadata={"enum": [True]})


def listed_or_named(names: Iterable[str]) -> dict[str, Any]:
    """A list of six numbers, or (format=named) an object of numbers: marshmallow has no field for that."""
    six = {"type": "array", "items": {"type": "integer"}, "minItems": 6, "maxItems": 6}
    return {"oneOf": [six, {"type": "object", "properties": {name: {"type": "integer"} for name in names}}]}


class ErrorAnswer(Answer):
    """What every error answers."""

    success = fields.Boolean(required=True, metadata={"enum": [False]})
    error = fields.String(required=True, metadata={"description": "A code for programs."})
    message = fields.String(required=True, metadata={"description": "One plain sentence."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What is wrong, by field; only where fields are at fault."},
    )
