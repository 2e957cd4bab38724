//! Keeping what was captured, as far as there is room in the tray.

use yidang_archive::{Actor, Idempotency, Stage, Staged};

use crate::app::App;
use crate::clock;
use crate::problem::Problem;

/// Keeps these in this name, all of them unless the archive fails; durable when it returns.
pub(super) fn keep(
    app: &App,
    by: &Actor,
    stages: Vec<Stage>,
    key_of: impl Fn(usize) -> Option<Idempotency>,
) -> Result<Vec<Staged>, Problem> {
    app.tray.enter(&by.client, &stages, clock::now())?;
    let mut entered: Vec<_> = stages.iter().map(|stage| stage.id).collect();
    let mut kept = Vec::with_capacity(stages.len());
    for (at, stage) in stages.into_iter().enumerate() {
        let stage = Stage { by: by.clone(), idempotency: key_of(at), ..stage };
        match app.archive.stage(stage) {
            Ok(staged) => {
                entered.retain(|id| *id != staged.id);
                kept.push(staged);
            }
            Err(error) => {
                app.tray.leave(entered);
                return Err(error.into());
            }
        }
    }
    // What an earlier call kept stands in the tray under its own name.
    app.tray.leave(entered);
    Ok(kept)
}
