"""What is right and wrong with this install: what the call answers."""

from marshmallow import fields
from marshmallow.validate import OneOf

from sessiontrack.schemas.base import Answer, Success

STATES = ("ok", "warning", "wrong")


class FindingAnswer(Answer):
    """One finding."""

    name = fields.String(required=True, metadata={"description": "What was looked at."})
    state = fields.String(required=True, validate=OneOf(STATES))
    code = fields.String(
        required=True, metadata={"description": "Which sentence it is, for other languages."}
    )
    values = fields.Dict(
        keys=fields.String(),
        values=fields.Raw(),
        required=True,
        metadata={"description": "The texts and numbers in the sentence, by name."},
    )
    message = fields.String(required=True, metadata={"description": "How it is, and what to do about it."})


class DoctorAnswer(Success):
    """`GET /doctor`."""

    state = fields.String(required=True, validate=OneOf(STATES), metadata={"description": "The worst."})
    checks = fields.List(fields.Nested(FindingAnswer), required=True)
