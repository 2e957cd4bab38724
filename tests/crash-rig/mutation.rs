//! Lies about syncing that a rig worth its name must notice.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::Failure;
use crate::disk::{build, text};

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mutation {
    /// Folders are not synced.
    DirectoryFsync,
    /// Nothing is left out that matters: files are synced without the time of their last change, as in the mutation
    /// above, and folders are synced. Nothing may be lost.
    Fdatasync,
    /// The ledger's journal is not synced at each commit, as with `synchronous=NORMAL`.
    LedgerNormal,
}

impl Mutation {
    /// Whether the rig must notice it.
    pub(crate) fn loses(self) -> bool {
        self != Self::Fdatasync
    }

    /// Whether it shows only once the journals of a store no longer grow.
    pub(crate) fn needs_wear(self) -> bool {
        self != Self::LedgerNormal
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::DirectoryFsync => "directory-fsync",
            Self::Fdatasync => "fdatasync",
            Self::LedgerNormal => "ledger-normal",
        }
    }
}

/// A library that is loaded before the C library and answers for its `fsync` and `fdatasync`.
pub(crate) struct Shim {
    library: PathBuf,
    trigger: PathBuf,
}

impl Shim {
    /// Compiles it into that folder.
    pub(crate) fn build(folder: &Path) -> Result<Self, Failure> {
        let (library, trigger) = (folder.join("shim.so"), folder.join("trigger"));
        build(include_str!("shim.c"), &library, &["-shared", "-fPIC"])?;
        Ok(Self { library, trigger })
    }

    /// The variables of a program that it is to be loaded into, with that fault.
    pub(crate) fn environment(&self, fault: &str) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            pair("LD_PRELOAD", text(&self.library)),
            pair("CRASH_RIG_FAULT", fault),
            pair("CRASH_RIG_TRIGGER", text(&self.trigger)),
        ]
    }

    /// Whether a fault that waits for it shows itself.
    pub(crate) fn set(&self, fails: bool) -> Result<(), Failure> {
        if fails {
            std::fs::write(&self.trigger, b"")?;
        } else {
            std::fs::remove_file(&self.trigger)?;
        }
        Ok(())
    }
}
