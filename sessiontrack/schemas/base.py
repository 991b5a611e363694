"""What every schema is made from, and the shapes that every resource answers with."""

from marshmallow import INCLUDE, RAISE, Schema, fields


class Strict(Schema):
    """Refuses by name what it does not know: a typing error must not be ignored."""

    class Meta:
        """marshmallow's options."""

        unknown = RAISE


class Nothing(Strict):
    """No field, no parameter."""


class Answer(Schema):
    """What a call answers: at least this; a client must not trip over more."""

    class Meta:
        """marshmallow's options; here they say in the OpenAPI document that there may be more."""

        unknown = INCLUDE


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
