"""The migrations of the schema, in order; the version of a schema is the number of those that were applied.

An entry that was released never changes, since databases have it; a change of the schema is a new entry at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._first_migrations import FIRST
from ._second_migrations import SECOND

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    *FIRST,
    *SECOND,
    (  # Mails name the app and the system that asked.
        "ALTER TABLE matrix_threepid_sessions ADD COLUMN device TEXT NOT NULL DEFAULT ''",
    ),
    (
        """CREATE TABLE matrix_threepid_uia_sessions (
            id TEXT NOT NULL PRIMARY KEY,
            subject TEXT NOT NULL,
            kept TEXT NOT NULL,
            password_hash TEXT,
            completed TEXT NOT NULL,
            user_id TEXT,
            device_id TEXT,
            done_at BIGINT,
            expires_at BIGINT NOT NULL,
            revision BIGINT NOT NULL
        )""",
        "CREATE INDEX matrix_threepid_uia_sessions_expires ON matrix_threepid_uia_sessions (expires_at)",
    ),
    (  # What can be taken back on accounts (Policy.undo_links).
        """CREATE TABLE matrix_threepid_reversals (
            user_id TEXT NOT NULL PRIMARY KEY,
            id TEXT NOT NULL,
            pepper_id TEXT NOT NULL,
            state TEXT NOT NULL,
            began_at BIGINT NOT NULL,
            last_at BIGINT NOT NULL,
            before TEXT NOT NULL,
            changes TEXT NOT NULL,
            confirmed TEXT NOT NULL,
            locked TEXT NOT NULL,
            expires_at BIGINT,
            revision BIGINT NOT NULL
        )""",
        "CREATE UNIQUE INDEX matrix_threepid_reversals_id ON matrix_threepid_reversals (id)",
        """CREATE INDEX matrix_threepid_reversals_expires ON matrix_threepid_reversals (expires_at)
            WHERE expires_at IS NOT NULL""",
    ),
    (  # A look-up is answered from its index alone, which takes half the reads.
        "DROP INDEX matrix_threepid_associations_hash_0",
        "CREATE INDEX matrix_threepid_associations_hash_0 ON matrix_threepid_associations (hash_0, mxid)",
        "DROP INDEX matrix_threepid_associations_hash_1",
        "CREATE INDEX matrix_threepid_associations_hash_1 ON matrix_threepid_associations (hash_1, mxid)",
    ),
    (  # What became of messages, where a host has it recorded.
        """CREATE TABLE matrix_threepid_messages (
            id TEXT NOT NULL PRIMARY KEY,
            sid TEXT,
            user_id TEXT,
            medium TEXT NOT NULL,
            kind TEXT NOT NULL,
            purpose TEXT NOT NULL,
            address_key TEXT NOT NULL,
            provider TEXT NOT NULL,
            written_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            status TEXT NOT NULL,
            recorded TEXT NOT NULL,
            revision BIGINT NOT NULL
        )""",
        """CREATE INDEX matrix_threepid_messages_session ON matrix_threepid_messages (sid, written_at)
            WHERE sid IS NOT NULL""",
        "CREATE INDEX matrix_threepid_messages_user ON matrix_threepid_messages (user_id) WHERE user_id IS NOT NULL",
        "CREATE INDEX matrix_threepid_messages_address ON matrix_threepid_messages (address_key, written_at)",
        "CREATE INDEX matrix_threepid_messages_expires ON matrix_threepid_messages (expires_at)",
        """CREATE TABLE matrix_threepid_message_counts (
            day BIGINT NOT NULL,
            medium TEXT NOT NULL,
            purpose TEXT NOT NULL,
            provider TEXT NOT NULL,
            status TEXT NOT NULL,
            number BIGINT NOT NULL,
            PRIMARY KEY (day, medium, purpose, provider, status)
        )""",
    ),
    (  # A message that waits says what it was charged, so that an outage can give it back.
        "ALTER TABLE matrix_threepid_sessions ADD COLUMN charged TEXT",
        "ALTER TABLE matrix_threepid_sessions ADD COLUMN untried BIGINT",
    ),
    (  # Addresses that get no messages for a while.
        """CREATE TABLE matrix_threepid_suppressions (
            key TEXT NOT NULL PRIMARY KEY,
            failed_at BIGINT,
            span BIGINT NOT NULL,
            reason TEXT NOT NULL,
            complained_at BIGINT,
            expires_at BIGINT NOT NULL,
            revision BIGINT NOT NULL
        )""",
        "CREATE INDEX matrix_threepid_suppressions_expires ON matrix_threepid_suppressions (expires_at)",
    ),
    (  # An identity server's invitations, and the addresses that want no more of them.
        """CREATE TABLE matrix_threepid_invitations (
            token TEXT NOT NULL PRIMARY KEY,
            medium TEXT NOT NULL,
            address TEXT NOT NULL,
            room_id TEXT NOT NULL,
            sender TEXT NOT NULL,
            public_key TEXT NOT NULL,
            stop_hash TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            delivered_at BIGINT
        )""",
        """CREATE INDEX matrix_threepid_invitations_waiting ON matrix_threepid_invitations (address, medium)
            WHERE delivered_at IS NULL""",
        "CREATE INDEX matrix_threepid_invitations_key ON matrix_threepid_invitations (public_key)",
        "CREATE INDEX matrix_threepid_invitations_created ON matrix_threepid_invitations (created_at)",
        """CREATE TABLE matrix_threepid_no_invitations (
            address TEXT NOT NULL,
            medium TEXT NOT NULL,
            since BIGINT NOT NULL,
            PRIMARY KEY (address, medium)
        )""",
    ),
    (  # What an identity server has to tell homeservers of binds; invitations of an address are listed by age.
        "DROP INDEX matrix_threepid_invitations_waiting",
        """CREATE INDEX matrix_threepid_invitations_waiting ON matrix_threepid_invitations (address, medium, created_at)
            WHERE delivered_at IS NULL""",
        """CREATE TABLE matrix_threepid_onbinds (
            id TEXT NOT NULL PRIMARY KEY,
            medium TEXT NOT NULL,
            address TEXT NOT NULL,
            user_id TEXT NOT NULL,
            server TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            due_at BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            revision BIGINT NOT NULL
        )""",
        "CREATE INDEX matrix_threepid_onbinds_due ON matrix_threepid_onbinds (due_at)",
        "CREATE INDEX matrix_threepid_onbinds_server ON matrix_threepid_onbinds (server)",
    ),
    (  # What becomes of a message to another spelling says nothing of the address.
        "ALTER TABLE matrix_threepid_messages ADD COLUMN spelled_otherwise BIGINT NOT NULL DEFAULT 0",
    ),
    (  # The module for Synapse as a shadow: its session for each session of Synapse's.
        """CREATE TABLE matrix_threepid_shadow_pairs (
            sid TEXT NOT NULL PRIMARY KEY,
            session TEXT NOT NULL,
            paired_at BIGINT NOT NULL
        )""",
        "CREATE INDEX matrix_threepid_shadow_pairs_paired ON matrix_threepid_shadow_pairs (paired_at)",
    ),
)


def statements(version: int, dialect: str) -> Iterator[str]:
    """Yield what brings a schema to a version from the one before.

    SQLite has no ``ALTER INDEX``, and needs none: its indexes of primary keys have no names.
    """
    for statement in MIGRATIONS[version - 1]:
        if dialect == "postgresql" or not statement.startswith("ALTER INDEX"):
            yield statement
