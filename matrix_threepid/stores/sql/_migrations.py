"""The migrations of the schema, in order; the version of a schema is the number of those that were applied.

An entry that was released never changes, since databases have it; a change of the schema is a new entry at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (  # Times are ms. No column is BOOLEAN or TIMESTAMP, which drivers read as different types.
        """CREATE TABLE threepid_sessions (
            sid TEXT NOT NULL PRIMARY KEY,
            purpose TEXT NOT NULL,
            medium TEXT NOT NULL,
            address TEXT NOT NULL,
            spelling TEXT NOT NULL,
            owner TEXT,
            pepper_id TEXT NOT NULL,
            secret_mac TEXT NOT NULL,
            slot TEXT,
            code_digits BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            token_expires_at BIGINT NOT NULL,
            send_attempt BIGINT,
            due_attempt BIGINT,
            due_at BIGINT,
            serial BIGINT NOT NULL,
            sent_serial BIGINT NOT NULL,
            guesses BIGINT NOT NULL,
            validated_at BIGINT,
            claimed_by TEXT,
            claimed_at BIGINT,
            spent_at BIGINT,
            ended BIGINT NOT NULL,
            decoy BIGINT NOT NULL,
            next_link TEXT,
            language TEXT NOT NULL,
            origin TEXT NOT NULL,
            client_mac TEXT NOT NULL,
            revision BIGINT NOT NULL
        )""",
        # Partial indexes: most sessions are over, and have neither a slot nor a message that is due.
        "CREATE UNIQUE INDEX threepid_sessions_slot ON threepid_sessions (slot) WHERE slot IS NOT NULL",
        "CREATE INDEX threepid_sessions_due ON threepid_sessions (due_at) WHERE due_at IS NOT NULL",
        """CREATE INDEX threepid_sessions_owner ON threepid_sessions (owner)
            WHERE owner IS NOT NULL AND ended = 0 AND spent_at IS NULL""",
        """CREATE INDEX threepid_sessions_threepid ON threepid_sessions (address, medium)
            WHERE ended = 0 AND spent_at IS NULL""",
        "CREATE INDEX threepid_sessions_expires ON threepid_sessions (expires_at)",
        # A key of a limit is a MAC or a name, never an address (SEC-117).
        "CREATE TABLE threepid_limits (name TEXT NOT NULL PRIMARY KEY, full_at BIGINT NOT NULL)",
        "CREATE INDEX threepid_limits_full ON threepid_limits (full_at)",
    ),
    (
        """CREATE TABLE threepid_bindings (
            id TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            id_server TEXT NOT NULL,
            medium TEXT,
            address TEXT,
            spelling TEXT,
            created_at BIGINT NOT NULL,
            bound_at BIGINT,
            unwanted_since BIGINT,
            due_at BIGINT,
            attempts BIGINT NOT NULL,
            revision BIGINT NOT NULL
        )""",
        "CREATE INDEX threepid_bindings_user ON threepid_bindings (user_id, created_at)",
        "CREATE INDEX threepid_bindings_due ON threepid_bindings (due_at) WHERE due_at IS NOT NULL",
        "CREATE INDEX threepid_bindings_nameless ON threepid_bindings (created_at) WHERE medium IS NULL",
        """CREATE TABLE threepid_associations (
            medium TEXT NOT NULL,
            address TEXT NOT NULL,
            mxid TEXT NOT NULL,
            ts BIGINT NOT NULL,
            PRIMARY KEY (address, medium)
        )""",
    ),
    (  # Erasing a user also deletes sessions that are over, so their indexes are no longer partial.
        "DROP INDEX threepid_sessions_owner",
        "CREATE INDEX threepid_sessions_owner ON threepid_sessions (owner) WHERE owner IS NOT NULL",
        "DROP INDEX threepid_sessions_threepid",
        "CREATE INDEX threepid_sessions_threepid ON threepid_sessions (address, medium)",
    ),
    # The field was renamed to the word of the rules, "consume".
    ("ALTER TABLE threepid_sessions RENAME COLUMN spent_at TO consumed_at",),
    (  # Notices are sent after the answer, so they are written down.
        "ALTER TABLE threepid_sessions ADD COLUMN notice TEXT",
        "ALTER TABLE threepid_sessions ADD COLUMN concerns TEXT",
    ),
    (  # Synapse has tables of its own that begin with "threepid_", and the stores may be in its database.
        "ALTER TABLE threepid_sessions RENAME TO matrix_threepid_sessions",
        "ALTER TABLE threepid_limits RENAME TO matrix_threepid_limits",
        "ALTER TABLE threepid_bindings RENAME TO matrix_threepid_bindings",
        "ALTER TABLE threepid_associations RENAME TO matrix_threepid_associations",
        # A partition may have other names (docs/stores.md).
        "ALTER INDEX IF EXISTS threepid_sessions_pkey RENAME TO matrix_threepid_sessions_pkey",
        "ALTER INDEX IF EXISTS threepid_limits_pkey RENAME TO matrix_threepid_limits_pkey",
        "ALTER INDEX IF EXISTS threepid_bindings_pkey RENAME TO matrix_threepid_bindings_pkey",
        "ALTER INDEX IF EXISTS threepid_associations_pkey RENAME TO matrix_threepid_associations_pkey",
        # SQLite cannot rename an index.
        "DROP INDEX threepid_sessions_slot",
        "CREATE UNIQUE INDEX matrix_threepid_sessions_slot ON matrix_threepid_sessions (slot) WHERE slot IS NOT NULL",
        "DROP INDEX threepid_sessions_due",
        "CREATE INDEX matrix_threepid_sessions_due ON matrix_threepid_sessions (due_at) WHERE due_at IS NOT NULL",
        "DROP INDEX threepid_sessions_owner",
        "CREATE INDEX matrix_threepid_sessions_owner ON matrix_threepid_sessions (owner) WHERE owner IS NOT NULL",
        "DROP INDEX threepid_sessions_threepid",
        "CREATE INDEX matrix_threepid_sessions_threepid ON matrix_threepid_sessions (address, medium)",
        "DROP INDEX threepid_sessions_expires",
        "CREATE INDEX matrix_threepid_sessions_expires ON matrix_threepid_sessions (expires_at)",
        "DROP INDEX threepid_limits_full",
        "CREATE INDEX matrix_threepid_limits_full ON matrix_threepid_limits (full_at)",
        "DROP INDEX threepid_bindings_user",
        "CREATE INDEX matrix_threepid_bindings_user ON matrix_threepid_bindings (user_id, created_at)",
        "DROP INDEX threepid_bindings_due",
        "CREATE INDEX matrix_threepid_bindings_due ON matrix_threepid_bindings (due_at) WHERE due_at IS NOT NULL",
        "DROP INDEX threepid_bindings_nameless",
        "CREATE INDEX matrix_threepid_bindings_nameless ON matrix_threepid_bindings (created_at) WHERE medium IS NULL",
    ),
    (
        """CREATE TABLE matrix_threepid_audit (
            id TEXT NOT NULL PRIMARY KEY,
            at BIGINT NOT NULL,
            event TEXT NOT NULL,
            user_id TEXT,
            caller TEXT,
            address_mac TEXT,
            details TEXT NOT NULL
        )""",
        "CREATE INDEX matrix_threepid_audit_at ON matrix_threepid_audit (at)",
        "CREATE INDEX matrix_threepid_audit_user ON matrix_threepid_audit (user_id) WHERE user_id IS NOT NULL",
        "CREATE INDEX matrix_threepid_audit_caller ON matrix_threepid_audit (caller) WHERE caller IS NOT NULL",
        """CREATE INDEX matrix_threepid_audit_address ON matrix_threepid_audit (address_mac)
            WHERE address_mac IS NOT NULL""",
    ),
    (  # Unbinds that were given up are deleted some time later.
        """CREATE INDEX matrix_threepid_bindings_given_up ON matrix_threepid_bindings (unwanted_since)
            WHERE unwanted_since IS NOT NULL AND due_at IS NULL""",
    ),
    (  # Messages of each medium are leased by workers of their own.
        "DROP INDEX matrix_threepid_sessions_due",
        """CREATE INDEX matrix_threepid_sessions_due ON matrix_threepid_sessions (medium, due_at)
            WHERE due_at IS NOT NULL""",
    ),
    (
        """CREATE TABLE matrix_threepid_identity_tokens (
            token_hash TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )""",
    ),
    (  # A mail may hold a code besides its link.
        "ALTER TABLE matrix_threepid_sessions ADD COLUMN with_link BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE matrix_threepid_sessions ADD COLUMN code_expires_at BIGINT NOT NULL DEFAULT 0",
    ),
    (  # Tokens are stored as MACs under a pepper; those stored as plain hashes end, and clients log in again.
        "DROP TABLE matrix_threepid_identity_tokens",
        """CREATE TABLE matrix_threepid_identity_tokens (
            token_mac TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )""",
        "CREATE INDEX matrix_threepid_identity_tokens_user ON matrix_threepid_identity_tokens (user_id)",
        "CREATE INDEX matrix_threepid_identity_tokens_created ON matrix_threepid_identity_tokens (created_at)",
        """CREATE TABLE matrix_threepid_identity_terms (
            user_id TEXT NOT NULL,
            document TEXT NOT NULL,
            accepted_at BIGINT NOT NULL,
            PRIMARY KEY (user_id, document)
        )""",
    ),
    (  # Users are looked up by hashes of their addresses, under two peppers each; "hashed" is the newest of them.
        """CREATE TABLE matrix_threepid_lookup_peppers (
            number BIGINT NOT NULL PRIMARY KEY,
            pepper TEXT NOT NULL,
            since BIGINT NOT NULL,
            ready BIGINT NOT NULL
        )""",
        "ALTER TABLE matrix_threepid_associations ADD COLUMN hash_0 TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE matrix_threepid_associations ADD COLUMN hash_1 TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE matrix_threepid_associations ADD COLUMN hashed BIGINT NOT NULL DEFAULT 0",
        "CREATE INDEX matrix_threepid_associations_hash_0 ON matrix_threepid_associations (hash_0)",
        "CREATE INDEX matrix_threepid_associations_hash_1 ON matrix_threepid_associations (hash_1)",
        "CREATE INDEX matrix_threepid_associations_hashed ON matrix_threepid_associations (hashed)",
    ),
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
)


def statements(version: int, dialect: str) -> Iterator[str]:
    """Yield what brings a schema to a version from the one before.

    SQLite has no ``ALTER INDEX``, and needs none: its indexes of primary keys have no names.
    """
    for statement in MIGRATIONS[version - 1]:
        if dialect == "postgresql" or not statement.startswith("ALTER INDEX"):
            yield statement
