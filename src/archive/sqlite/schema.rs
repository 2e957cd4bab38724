//! The tables of the databases, in one place. Every column is classified in `fields.toml`.

use crate::storage::Part;

/// What makes a file one of ours, and what is in it.
pub(crate) struct Schema {
    /// Whose errors it raises.
    pub(crate) part: Part,
    /// Its name in the data folder.
    pub(crate) file: &'static str,
    /// Written into the file's header; tells our three databases from each other and from anyone else's.
    pub(crate) application_id: i32,
    /// Step `n` leads from schema version `n` to `n + 1`; the file's `user_version` is the number of steps
    /// taken. Steps are added, never changed.
    pub(crate) migrations: &'static [&'static str],
    /// Whether every commit waits for the disk.
    pub(crate) durable: bool,
}

/// The ledger: append-only, which the triggers keep even a mistaken program from breaking.
pub(crate) const LEDGER: Schema = Schema {
    part: Part::Ledger,
    file: "ledger.db",
    application_id: i32::from_be_bytes(*b"YdLg"),
    migrations: &["
        CREATE TABLE entries (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            version INTEGER NOT NULL,
            at_millis INTEGER NOT NULL,
            verb TEXT NOT NULL,
            idempotency BLOB CHECK (length(idempotency) = 32),
            request BLOB CHECK (length(request) = 32),
            previous BLOB NOT NULL CHECK (length(previous) = 32),
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            body BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX entries_idempotency ON entries (idempotency) WHERE idempotency IS NOT NULL;
        CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
        CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
    "],
    durable: true,
};

/// The keyring. Keys are looked up by their random id, holders by tag.
pub(crate) const KEYRING: Schema = Schema {
    part: Part::Keyring,
    file: "keyring.db",
    application_id: i32::from_be_bytes(*b"YdKr"),
    migrations: &[
        "
        CREATE TABLE meta (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            store_id BLOB NOT NULL CHECK (length(store_id) = 16)
        ) STRICT;
        CREATE TABLE epochs (
            epoch INTEGER PRIMARY KEY CHECK (epoch > 0),
            proof BLOB NOT NULL CHECK (length(proof) = 32),
            began_at_millis INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE keys (
            id BLOB PRIMARY KEY CHECK (length(id) = 16),
            purpose TEXT NOT NULL,
            tag BLOB CHECK (length(tag) = 32),
            epoch INTEGER NOT NULL REFERENCES epochs (epoch),
            wrapped BLOB NOT NULL,
            created_at_millis INTEGER NOT NULL,
            CHECK ((tag IS NOT NULL) = (purpose = 'holder'))
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX keys_holder ON keys (tag) WHERE tag IS NOT NULL;
        CREATE INDEX keys_purpose ON keys (purpose);
    ",
        "
        ALTER TABLE epochs ADD COLUMN recovery BLOB;
        ALTER TABLE epochs ADD COLUMN office BLOB
            CHECK (length(office) = 8 AND recovery IS NOT NULL OR office IS NULL AND recovery IS NULL);
    ",
    ],
    durable: true,
};

/// The index. Materials and staged sets have the sequence of their ledger entry as row number, so that lists
/// in order of time are read in order of storage.
pub(crate) const INDEX: Schema = Schema {
    part: Part::Index,
    file: "index.db",
    application_id: i32::from_be_bytes(*b"YdIx"),
    migrations: &[
        "
        CREATE TABLE applied (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            sequence INTEGER NOT NULL CHECK (sequence >= 0)
        ) STRICT;
        INSERT INTO applied VALUES (1, 0);
        CREATE TABLE materials (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            filing BLOB NOT NULL CHECK (length(filing) = 32)
        ) STRICT;
        CREATE INDEX materials_filing ON materials (filing);
        CREATE TABLE material_holders (
            holder BLOB NOT NULL CHECK (length(holder) = 32),
            material INTEGER NOT NULL REFERENCES materials (sequence) ON DELETE CASCADE,
            PRIMARY KEY (holder, material)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX material_holders_material ON material_holders (material);
        CREATE TABLE material_blobs (
            name BLOB NOT NULL CHECK (length(name) = 32),
            material INTEGER NOT NULL REFERENCES materials (sequence) ON DELETE CASCADE,
            PRIMARY KEY (name, material)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX material_blobs_material ON material_blobs (material);
        CREATE TABLE staged (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            key BLOB NOT NULL CHECK (length(key) = 16),
            expires_at_millis INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('unfiled', 'filed', 'discarded')),
            material BLOB CHECK (length(material) = 16),
            CHECK ((material IS NOT NULL) = (state = 'filed'))
        ) STRICT;
        CREATE INDEX staged_unfiled ON staged (sequence) WHERE state = 'unfiled';
        CREATE INDEX staged_expiring ON staged (expires_at_millis) WHERE state = 'unfiled';
        CREATE TABLE staged_blobs (
            name BLOB NOT NULL CHECK (length(name) = 32),
            staged INTEGER NOT NULL REFERENCES staged (sequence) ON DELETE CASCADE,
            PRIMARY KEY (name, staged)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX staged_blobs_staged ON staged_blobs (staged);
        CREATE TABLE tombstones (
            material BLOB PRIMARY KEY CHECK (length(material) = 16)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE erasures (
            id BLOB PRIMARY KEY CHECK (length(id) = 16),
            state TEXT NOT NULL CHECK (state IN ('requested', 'refused', 'erasing', 'done')),
            requested INTEGER NOT NULL CHECK (requested >= 0),
            erased INTEGER NOT NULL CHECK (erased >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX erasures_erasing ON erasures (id) WHERE state = 'erasing';
        CREATE TABLE doomed_blobs (
            erasure BLOB NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
            name BLOB NOT NULL CHECK (length(name) = 32),
            PRIMARY KEY (erasure, name)
        ) STRICT, WITHOUT ROWID;
    ",
        "
        ALTER TABLE materials ADD COLUMN supersedes BLOB CHECK (length(supersedes) = 16);
        CREATE INDEX materials_supersedes ON materials (supersedes) WHERE supersedes IS NOT NULL;
    ",
        "
        CREATE TABLE holds (
            id BLOB PRIMARY KEY CHECK (length(id) = 16),
            sequence INTEGER NOT NULL UNIQUE CHECK (sequence > 0),
            holder BLOB CHECK (length(holder) = 32)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX holds_holder ON holds (holder) WHERE holder IS NOT NULL;
        CREATE TABLE held_materials (
            material BLOB NOT NULL CHECK (length(material) = 16),
            hold BLOB NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
            PRIMARY KEY (material, hold)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX held_materials_hold ON held_materials (hold);
        CREATE TABLE deferred_erasures (
            erasure BLOB PRIMARY KEY REFERENCES erasures (id) ON DELETE CASCADE,
            sequence INTEGER NOT NULL CHECK (sequence > 0)
        ) STRICT, WITHOUT ROWID;
    ",
        "
        ALTER TABLE materials ADD COLUMN originals_disposed INTEGER NOT NULL DEFAULT 0
            CHECK (originals_disposed IN (0, 1));
    ",
        "
        CREATE TABLE awaited_originals (
            material BLOB PRIMARY KEY CHECK (length(material) = 16),
            sequence INTEGER NOT NULL CHECK (sequence > 0),
            decided INTEGER NOT NULL CHECK (decided IN (0, 1))
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE applied ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0 CHECK (left_out >= 0);
    ",
        // What an earlier version left out it did not note: the last place says that there may be something, and the
        // index is made anew at the next opening where the ledger tells all of it.
        "
        CREATE TABLE left_out (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            last INTEGER NOT NULL CHECK (last >= sequence),
            material BLOB CHECK (length(material) = 16)
        ) STRICT;
        CREATE INDEX left_out_material ON left_out (material) WHERE material IS NOT NULL;
        INSERT INTO left_out (sequence, last) SELECT sequence, sequence FROM applied WHERE sequence > 0;
        ALTER TABLE applied DROP COLUMN left_out;
        ALTER TABLE applied ADD COLUMN rebuilt INTEGER NOT NULL DEFAULT 0 CHECK (rebuilt >= 0);
        ALTER TABLE applied ADD COLUMN stored_until_millis INTEGER NOT NULL DEFAULT 0;
    ",
        "
        ALTER TABLE left_out ADD COLUMN hold BLOB CHECK (length(hold) = 16);
        ALTER TABLE applied ADD COLUMN holds_doubted INTEGER NOT NULL DEFAULT 0 CHECK (holds_doubted IN (0, 1));
        CREATE TABLE confirmed_places (
            first INTEGER PRIMARY KEY CHECK (first > 0),
            last INTEGER NOT NULL CHECK (last >= first)
        ) STRICT;
    ",
    ],
    durable: false,
};

/// Where each blob lies in the segments: a view of them, made anew from their headers when it is lost.
pub(crate) const PLACES: Schema = Schema {
    part: Part::Blobs,
    file: "places.db",
    application_id: i32::from_be_bytes(*b"YdPl"),
    migrations: &["
        CREATE TABLE looked_through (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            segment INTEGER NOT NULL CHECK (segment >= 0),
            end INTEGER NOT NULL CHECK (end >= 0)
        ) STRICT;
        INSERT INTO looked_through VALUES (1, 0, 0);
        CREATE TABLE places (
            name BLOB PRIMARY KEY CHECK (length(name) = 32),
            segment INTEGER NOT NULL,
            begin INTEGER NOT NULL,
            size_bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
    "],
    durable: false,
};
