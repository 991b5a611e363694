"""What is sent to the receiver of a webhook, and what comes of it."""

from dataclasses import dataclass

from sessiontrack.values.webhook_formats import JSON

# The receiver is well, and will not take this one.
FAULTS_OF_THE_DELIVERY = range(400, 500)
BUSY = (408, 425, 429)
GONE = 410


@dataclass(frozen=True)
class Message:
    """What is to be sent where; `delivery_id` is the same at each attempt.

    body: this project's own JSON, until senders.formats has shaped it.
    """

    url: str
    secret: str
    delivery_id: str
    body: bytes
    format: str = JSON


@dataclass(frozen=True)
class SendResult:
    """What came of an attempt.

    status: of the answer, None where there was none.
    error: empty where it was taken; else one line, without the URL's path.
    retry_after: seconds that the receiver asks for, 0 where it does not.
    """

    status: int | None
    error: str = ""
    retry_after: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return not self.error

    @property
    def is_final(self) -> bool:
        """Whether the receiver wants nothing more of it."""
        return self.status == GONE

    @property
    def is_receivers_trouble(self) -> bool:
        """Whether others to the same receiver would fare no better now."""
        return bool(self.error) and (self.status not in FAULTS_OF_THE_DELIVERY or self.status in BUSY)
