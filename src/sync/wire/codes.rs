//! Why the repository did not take an entry: stable words.

/// Result code: the repository does not take materials of simulated devices.
pub const SIMULATED_REFUSED: &str = "simulated_refused";
/// Result code: the material was erased and cannot come back.
pub const MATERIAL_ERASED: &str = "material_erased";
/// Result code: another material is on file under this identifier.
pub const MATERIAL_CONFLICT: &str = "material_conflict";
/// Result code: this agent may not ask that this be forgotten. It neither filed it itself nor had the dossier
/// open lately.
pub const ERASURE_DENIED: &str = "erasure_denied";
/// Result code: a legal hold keeps this from being forgotten.
pub const LEGAL_HOLD: &str = "legal_hold";
/// Result code: the repository does not know all its holds, one of which may keep this from being forgotten.
pub const HOLDS_UNPROVEN: &str = "holds_unproven";
/// Result code: this agent may not put this right. It neither filed it itself nor had the dossier open lately.
pub const REFILING_DENIED: &str = "refiling_denied";
/// Result code: no such material is on file.
pub const MATERIAL_UNKNOWN: &str = "material_unknown";
/// Result code: this agent may not have the originals of this disposed of: another one filed it.
pub const ORIGINALS_DENIED: &str = "originals_denied";
/// Result code: this is of another kind now, which may have another term.
pub const MATERIAL_CHANGED: &str = "material_changed";
/// Result code: the repository's ledger is damaged, and does not tell what every picture is needed for.
pub const LEDGER_DAMAGED: &str = "ledger_damaged";
/// Result code: the entry does not hold together.
pub const INVALID: &str = "invalid";
/// Result code: this version of the repository does not know such entries.
pub const ENTRY_UNKNOWN: &str = "entry_unknown";
