//! The tables of the three databases, as steps from each version to the next.

use crate::storage::Part;

/// One of the databases.
pub(super) struct Schema {
    /// What its faults are reported under.
    pub(super) part: Part,
    /// SQLite's `application_id`: tells the file from any other program's.
    pub(super) application_id: i64,
    /// `synchronous`: `FULL` for the truth, `NORMAL` for the view.
    pub(super) synchronous: &'static str,
    /// Step n leads from version n to version n + 1.
    pub(super) steps: &'static [&'static str],
}

pub(super) const LEDGER: Schema = Schema {
    part: Part::Ledger,
    application_id: 0x5944_4C31,
    synchronous: "FULL",
    steps: &["
        CREATE TABLE entries (
            sequence    INTEGER PRIMARY KEY,
            version     INTEGER NOT NULL,
            at          INTEGER NOT NULL,
            verb        TEXT NOT NULL,
            idempotency BLOB,
            request     BLOB,
            previous    BLOB NOT NULL,
            hash        BLOB NOT NULL,
            body        BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX entries_by_idempotency ON entries (idempotency) WHERE idempotency IS NOT NULL;
    "],
};

pub(super) const KEYRING: Schema = Schema {
    part: Part::Keyring,
    application_id: 0x5944_4B31,
    synchronous: "FULL",
    steps: &["
        CREATE TABLE meta (store_id TEXT NOT NULL) STRICT;
        INSERT INTO meta VALUES (lower(hex(randomblob(16))));
        CREATE TABLE keys (
            id         BLOB PRIMARY KEY,
            purpose    TEXT NOT NULL,
            tag        BLOB UNIQUE,
            epoch      INTEGER NOT NULL,
            wrapped    BLOB NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX keys_by_purpose ON keys (purpose);
        CREATE TABLE epochs (
            epoch     INTEGER PRIMARY KEY,
            check_sum BLOB NOT NULL,
            began_at  INTEGER NOT NULL
        ) STRICT;
    "],
};

pub(super) const INDEX: Schema = Schema {
    part: Part::Index,
    application_id: 0x5944_4931,
    synchronous: "NORMAL",
    steps: &["
        CREATE TABLE progress (applied INTEGER NOT NULL) STRICT;
        INSERT INTO progress VALUES (0);
        CREATE TABLE materials (
            id       BLOB PRIMARY KEY,
            sequence INTEGER NOT NULL UNIQUE,
            filing   BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX materials_by_filing ON materials (filing, sequence);
        CREATE TABLE material_holders (
            holder   BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            material BLOB NOT NULL,
            PRIMARY KEY (holder, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX material_holders_by_material ON material_holders (material);
        CREATE TABLE blob_users (
            blob     BLOB NOT NULL,
            owner    BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            PRIMARY KEY (blob, owner)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blob_users_by_owner ON blob_users (owner);
        CREATE TABLE staged (
            id         BLOB PRIMARY KEY,
            sequence   INTEGER NOT NULL,
            key        BLOB NOT NULL,
            expires_at INTEGER NOT NULL,
            state      TEXT NOT NULL,
            material   BLOB
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX unfiled ON staged (sequence) WHERE state = 'unfiled';
        CREATE INDEX unfiled_by_expiry ON staged (expires_at) WHERE state = 'unfiled';
        CREATE TABLE tombstones (material BLOB PRIMARY KEY, erasure BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE erasures (
            id        BLOB PRIMARY KEY,
            state     TEXT NOT NULL,
            requested INTEGER NOT NULL,
            erased    INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE doomed_blobs (
            erasure BLOB NOT NULL,
            blob    BLOB NOT NULL,
            PRIMARY KEY (erasure, blob)
        ) STRICT, WITHOUT ROWID;
    "],
};
