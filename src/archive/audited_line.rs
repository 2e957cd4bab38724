//! A ledger entry as it is told to an auditor: one form for a window's archive and for the repository's.

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_model::escaped;

use crate::AuditLine;

/// What an entry says, in words. It is personal: it is for whoever asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedLine {
    /// Its place in the ledger.
    pub sequence: u64,
    /// When, RFC 3339.
    pub at: String,
    /// `filed`, `looked`, `opened`, `refiled`, `erased` …
    pub action: String,
    /// The clerk, where the window software said.
    pub operator: Option<String>,
    /// Name of the client's token; at the repository behind the window's name.
    pub client: String,
    /// On what basis, of a look.
    pub basis: Option<String>,
    /// What for; why, of a refiling or a hold.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Materials it was about.
    pub materials: Vec<String>,
}

impl AuditedLine {
    /// The names of the fields, in the order of a row.
    pub const COLUMNS: [&str; 9] =
        ["sequence", "at", "action", "operator", "client", "basis", "purpose", "case", "materials"];

    /// The fields in one line, a tab between two: place, time, action, operator, client, basis, purpose, case, materials;
    /// `-` for what there is none of. What would move a terminal is shown and not obeyed.
    pub fn row(&self) -> String {
        let said = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), escaped);
        let materials = if self.materials.is_empty() { "-".to_owned() } else { self.materials.join(",") };
        let Self { sequence, at, action, operator, client, basis, purpose, case, .. } = self;
        [
            sequence.to_string(),
            escaped(at),
            escaped(action),
            said(operator),
            if client.is_empty() { "-".to_owned() } else { escaped(client) },
            said(basis),
            said(purpose),
            said(case),
            escaped(&materials),
        ]
        .join("\t")
    }
}

impl From<AuditLine> for AuditedLine {
    fn from(line: AuditLine) -> Self {
        let AuditLine { sequence, at, verb, operator, client, basis, purpose, case, materials } = line;
        let (at, action) = (at.to_string(), verb.as_str().to_owned());
        let materials = materials.iter().map(ToString::to_string).collect();
        Self { sequence, at, action, operator, client, basis, purpose, case, materials }
    }
}

impl fmt::Debug for AuditedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditedLine({})", self.sequence)
    }
}
