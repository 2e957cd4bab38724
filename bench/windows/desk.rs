//! How soon a paper that has come to rest is kept.

use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;

use crate::percentiles::Percentiles;
use crate::window::Window;
use crate::{Failure, PATIENCE, preview, say};

/// Sides of the frames: what a camera of five megapixels gives.
const WIDTH: usize = 2592;
const HEIGHT: usize = 1944;

pub(crate) fn settled(folder: &TempDir, papers: u32) -> Result<(), Failure> {
    let frames = preview::frames(folder.path(), WIDTH, HEIGHT)?;
    let window = Window::over_desk(folder.path(), "settled", &frames)?;
    preview::watch(&window, Arc::default())?;
    let (_, mut after) = window.events(None)?;
    let (mut rested, mut kept) = (Vec::new(), Vec::new());
    for number in 0..papers {
        let began = Instant::now();
        window.lay(Some(["form", "letter"][number as usize % 2]))?;
        loop {
            let (events, next) = window.events(Some(after))?;
            after = next;
            if events.iter().any(|event| event["type"] == "page.settled") {
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("paper {number} does not come to rest").into());
            }
        }
        rested.push(began.elapsed());
        let began = Instant::now();
        let capture = window.capture()?;
        kept.push(began.elapsed());
        if capture["corners"].is_null() {
            return Err(format!("no page is found on paper {number}").into());
        }
    }
    say(&format!("{papers} papers of {WIDTH} x {HEIGHT}, one after the other, a preview running"))?;
    say(&format!("laid, told that it rests        {}", Percentiles::of(rested)))?;
    say(&format!("told, the durable answer        {}", Percentiles::of(kept)))
}
