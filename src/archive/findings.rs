//! Every kind of damage that a check can name. What is not here is not reported without whoever adds it meeting the
//! tests that ask for an example of each.

use crate::check::Check;
use crate::storage::{Part, StorageFault};

/// What found it, where, and how it is damaged.
pub type Finding = (Check, Part, StorageFault);

/// All of them.
pub const FINDINGS: &[Finding] = &[
    (Check::Chain, Part::Ledger, StorageFault::Missing),
    (Check::Chain, Part::Ledger, StorageFault::Damaged),
    (Check::Entries, Part::Ledger, StorageFault::Missing),
    (Check::Entries, Part::Ledger, StorageFault::Damaged),
    (Check::Entries, Part::Ledger, StorageFault::NewerVersion),
    (Check::Anchor, Part::Ledger, StorageFault::Missing),
    (Check::Anchor, Part::Ledger, StorageFault::Damaged),
    (Check::Copies, Part::Ledger, StorageFault::Missing),
    (Check::Copies, Part::Ledger, StorageFault::Damaged),
    (Check::Blobs, Part::Blobs, StorageFault::Missing),
    (Check::Blobs, Part::Blobs, StorageFault::Damaged),
    (Check::Index, Part::Index, StorageFault::Missing),
    (Check::Index, Part::Index, StorageFault::Damaged),
    (Check::Pages, Part::Ledger, StorageFault::Missing),
    (Check::Keys, Part::KeyKeeper, StorageFault::Missing),
    (Check::Keys, Part::KeyKeeper, StorageFault::Damaged),
    (Check::Keys, Part::Keyring, StorageFault::Missing),
    (Check::Keys, Part::Keyring, StorageFault::Damaged),
    (Check::Pictures, Part::Blobs, StorageFault::Damaged),
    (Check::Modes, Part::Folder, StorageFault::Exposed),
    (Check::Modes, Part::KeyKeeper, StorageFault::Exposed),
    (Check::KeysApart, Part::KeyKeeper, StorageFault::Exposed),
    (Check::Leftovers, Part::Index, StorageFault::Leftover),
    (Check::Leftovers, Part::Folder, StorageFault::Exposed),
    (Check::Leftovers, Part::Folder, StorageFault::Leftover),
    (Check::Leftovers, Part::KeyKeeper, StorageFault::Exposed),
    (Check::Leftovers, Part::KeyKeeper, StorageFault::Leftover),
];
