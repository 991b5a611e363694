"""Accounts, and their logins and tokens."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import GIVEN_ONCE, Instant, Reference, RowId, partial_index

IS_ROLE = "role IN ('admin', 'operator', 'viewer')"


class User(Base):
    """A person or a program that may sign in.

    password_hash: empty without a password; a user that a proxy names (`from_proxy`) needs none.
    password_meets_rule: null for one that was chosen before there was a rule and not used since.
    folded_name: what names that look alike have in common; null where an older user has it.
    """

    __tablename__ = "user"
    __table_args__ = (
        UniqueConstraint("username"),
        CheckConstraint(IS_ROLE, name="known_role"),
        Index("uq_user_folded_name", "folded_name", unique=True),
        GIVEN_ONCE,
    )

    id: Mapped[RowId]
    username: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[Instant]
    disabled_at: Mapped[Instant | None]
    from_proxy: Mapped[bool] = mapped_column(server_default=false())
    password_meets_rule: Mapped[bool | None]
    folded_name: Mapped[str | None] = mapped_column(String(255))


class Login(Base):
    """One `POST /auth/login`: the family of all tokens that come from it, kept across refreshes."""

    __tablename__ = "login"
    __table_args__ = (Index("ix_login_user", "user_id"), Index("ix_login_expires", "expires_at"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[Reference] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(45))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    # To the hour; null: not since this is known.
    last_used_at: Mapped[Instant | None]


class ApiToken(Base):
    """A long-lived token for a script; only its SHA-256 is stored."""

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        CheckConstraint(IS_ROLE, name="known_role"),
        partial_index("uq_api_token_name", "name", where="revoked_at IS NULL", unique=True),
        Index("ix_api_token_user", "user_id"),
        GIVEN_ONCE,
    )

    id: Mapped[RowId]
    user_id: Mapped[Reference] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    # When it expires; null: never.
    expires_at: Mapped[Instant | None]
    # To the hour; null: not since this is known.
    last_used_at: Mapped[Instant | None]


class LoginThrottle(Base):
    """Login attempts for one name or one address in one period, counted across all workers."""

    __tablename__ = "login_throttle"
    __table_args__ = (Index("ix_login_throttle_ends", "ends_at"),)

    key: Mapped[str] = mapped_column(String(320), primary_key=True)
    attempts: Mapped[int]
    ends_at: Mapped[Instant]


class LoginAddress(Base):
    """An address that a user has signed in from; for IPv6 its /64 network, whose addresses change daily."""

    __tablename__ = "login_address"

    user_id: Mapped[Reference] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(String(45), primary_key=True)
    first_at: Mapped[Instant]
    last_at: Mapped[Instant]
