//! How much of everything the wire carries. The repository refuses more; the agent never sends more.

/// Entries in one commit.
pub const COMMIT_ENTRIES_MAX: usize = 256;

/// Bytes of one commit's body. A commit is cut at whichever of this and [`COMMIT_ENTRIES_MAX`] comes first.
pub const COMMIT_BODY_MAX: usize = 16 << 20;

/// Bytes of any other JSON body.
pub const JSON_BODY_MAX: usize = 256 << 10;

/// Blobs asked about in one `blobs/missing`.
pub const BLOBS_ASKED_MAX: usize = 1000;

/// Bytes of one blob.
pub const BLOB_SIZE_MAX: usize = 32 << 20;

/// Seconds a feed request may wait for news.
pub const FEED_WAIT_MAX_S: u64 = 25;

/// Items in one answer of the feed.
pub const FEED_ITEMS_MAX: usize = 100;

/// Materials in one answer about a holder.
pub const MATERIALS_MAX: usize = 200;

/// Materials in one answer about a holder when the request names no number.
pub const MATERIALS_DEFAULT: usize = 50;

/// Holders of one material.
pub const HOLDERS_MAX: usize = 16;

/// Pages of one material.
pub const PAGES_MAX: usize = 200;

/// Characters in the name of a client or an operator.
pub const NAME_LENGTH_MAX: usize = 100;

/// Characters in any other single-line text: case, item, slot, issuer, document number, counter, basis.
pub const TEXT_LENGTH_MAX: usize = 200;

/// Characters in a remark, a purpose or a reason.
pub const REMARK_LENGTH_MAX: usize = 4000;

/// Seconds a grant lasts.
pub const GRANT_LIFETIME_S: u64 = 15 * 60;

/// Seconds the answer of `blobs/missing` holds.
pub const LEASE_LIFETIME_S: u64 = 60 * 60;
