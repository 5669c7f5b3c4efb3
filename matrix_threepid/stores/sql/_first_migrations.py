"""The first migrations of the schema, whose tables had other names; released ones never change (``_migrations``)."""

from __future__ import annotations

FIRST: tuple[tuple[str, ...], ...] = (
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
)
