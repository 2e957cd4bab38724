//! Drawn papers, kept: to draw one takes longer than to photograph it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::lettering::Lettering;
use crate::papers::Paper;
use crate::sheet::Sheet;

/// So many versions of each paper are drawn; they differ in wear and in what is written.
const VERSIONS: u32 = 3;

/// Draws papers, each version once.
pub(crate) struct Drawer {
    letters: Lettering,
    drawn: Mutex<HashMap<(Paper, u32), Arc<Sheet>>>,
    versions: u32,
}

impl Drawer {
    pub(crate) fn new(letters: Lettering) -> Self {
        Self { letters, drawn: Mutex::default(), versions: VERSIONS }
    }

    /// One that draws a paper of its own for each seed.
    pub(crate) fn unsparing(letters: Lettering) -> Self {
        Self { versions: u32::MAX, ..Self::new(letters) }
    }

    /// The paper as it is for this seed.
    pub(crate) fn sheet(&self, paper: Paper, seed: u32) -> Arc<Sheet> {
        let version = seed % self.versions;
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            drawn.entry((paper, version)).or_insert_with(|| Arc::new(paper.draw(&self.letters, version))),
        )
    }
}
