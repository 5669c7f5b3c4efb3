"""The migrations after the first ones; released ones never change (``_migrations``)."""

from __future__ import annotations

SECOND: tuple[tuple[str, ...], ...] = (
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
)
