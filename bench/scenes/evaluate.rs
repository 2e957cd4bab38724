//! Measures the page finder on random scenes.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use yidang_imaging::{Picture, Sight, decode, find_pages, intersection_over_union, look_for_page};
use yidang_model::Quad;

use crate::corner_error::corner_error;
use crate::drawer::Drawer;
use crate::jpeg;
use crate::mat::Surface;
use crate::random_scene::{Purpose, random_scene};
use crate::scene::{Difficulty, Scene};
use crate::side_by_side::side_by_side;

/// A crop counts as right from this intersection over union, the bar of SmartDoc 2015.
const RIGHT_IOU: f32 = 0.945;
/// A crop below this confidence is shown to the clerk as doubtful.
const DOUBTFUL_CONFIDENCE: f32 = 0.6;
/// So many papers are looked for where there are several.
const PAPERS_MOST: usize = 8;
/// Each scene's time is the shortest of so many runs.
const RUNS: usize = 2;

/// Which scenes are measured.
pub(crate) struct Measured<'a> {
    pub(crate) seed: u64,
    pub(crate) count: u64,
    /// Empty mats only.
    pub(crate) empty: bool,
    /// Folder where photographs are kept from run to run.
    pub(crate) keep: Option<&'a Path>,
    pub(crate) threads: usize,
}

/// What became of one scene.
struct Outcome {
    seed: u64,
    purpose: Purpose,
    surface: usize,
    difficulty: usize,
    paper: String,
    sight: Sight,
    overlap: f32,
    corner_error: f32,
    /// Where there are several: papers there, found rightly, and found that are none.
    several: [usize; 3],
    find_ms: f32,
}

impl Outcome {
    fn is_right(&self) -> bool {
        self.overlap >= RIGHT_IOU
    }

    fn is_wrong_and_sure(&self) -> bool {
        !self.is_right()
            && matches!(self.sight, Sight::Page(found) if found.confidence >= DOUBTFUL_CONFIDENCE)
    }
}

/// Makes the scenes, looks for the page in each, prints the scenes that failed and a table.
pub(crate) fn evaluate(measured: &Measured, drawer: &Drawer, out: &mut impl Write) -> io::Result<()> {
    let seeds = measured.seed..measured.seed + measured.count;
    let mut outcomes = side_by_side(seeds, measured.threads, |seed| look(seed, measured, drawer))?;
    outcomes.sort_by_key(|outcome| outcome.seed);
    for outcome in &outcomes {
        print_failure(outcome, out)?;
    }
    print_tables(&outcomes, out)
}

fn look(seed: u64, measured: &Measured, drawer: &Drawer) -> io::Result<Outcome> {
    let purpose = if measured.empty { Purpose::Empty } else { Purpose::of(seed) };
    let scene = random_scene(seed, purpose);
    let frame = frame(seed, &scene, measured.keep, drawer)?;
    let mut find_ms = f32::MAX;
    let mut sight = Sight::Nothing;
    for _ in 0..RUNS {
        let start = Instant::now();
        sight = look_for_page(&frame);
        find_ms = find_ms.min(start.elapsed().as_secs_f32() * 1000.0);
    }
    let truth = scene.corners();
    let found = match sight {
        Sight::Page(found) => Some(found.corners),
        Sight::Cut | Sight::Nothing => None,
    };
    let best = found.and_then(|found| {
        let by_overlap = |t: &&Quad| intersection_over_union(t, &found);
        truth.iter().max_by(|a, b| by_overlap(a).total_cmp(&by_overlap(b)))
    });
    let pair = best.zip(found);
    let several = if purpose == Purpose::Several { count_several(&truth, &frame) } else { [0; 3] };
    Ok(Outcome {
        seed,
        purpose,
        surface: Surface::ALL.iter().position(|s| *s == scene.mat.surface()).unwrap_or(0),
        difficulty: Difficulty::ALL.iter().position(|d| *d == scene.difficulty).unwrap_or(0),
        paper: scene.papers.last().map_or("none".to_owned(), |lying| lying.paper.name()),
        sight,
        overlap: pair.map_or(0.0, |(t, f)| intersection_over_union(t, &f)),
        corner_error: pair.map_or(1.0, |(t, f)| corner_error(t, &f)),
        several,
        find_ms,
    })
}

/// The photograph as the finder gets it: through JPEG.
fn frame(seed: u64, scene: &Scene, keep: Option<&Path>, drawer: &Drawer) -> io::Result<Picture> {
    let path = keep.map(|folder| folder.join(format!("{seed:06}.jpg")));
    let known = path.as_ref().and_then(|path| fs::read(path).ok());
    let bytes = match known {
        Some(bytes) => bytes,
        None => jpeg(&scene.photograph(drawer), scene.sensor.quality)?,
    };
    if let Some(path) = path.filter(|path| !path.exists()) {
        fs::write(path, &bytes)?;
    }
    decode(&bytes).map_err(io::Error::other)
}

fn count_several(truth: &[Quad], frame: &Picture) -> [usize; 3] {
    let found = find_pages(frame, PAPERS_MOST);
    let agree = |t: &Quad, f: &Quad| intersection_over_union(t, f) >= RIGHT_IOU;
    let right = truth.iter().filter(|t| found.iter().any(|f| agree(t, &f.corners))).count();
    let wrong = found.iter().filter(|f| !truth.iter().any(|t| agree(t, &f.corners))).count();
    [truth.len(), right, wrong]
}

fn print_failure(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let as_it_should = match outcome.purpose {
        Purpose::One => outcome.is_right(),
        Purpose::Several => outcome.several[0] == outcome.several[1] && outcome.several[2] == 0,
        Purpose::Cut => outcome.sight == Sight::Cut,
        Purpose::Empty => !matches!(outcome.sight, Sight::Page(_)),
    };
    if as_it_should {
        return Ok(());
    }
    let saw = match outcome.sight {
        Sight::Page(found) => {
            format!("page, overlap {:.3}, confidence {:.2}", outcome.overlap, found.confidence)
        }
        other => format!("{other:?}"),
    };
    writeln!(
        out,
        "scene {}: {:?} {} {} {}: {saw}",
        outcome.seed,
        outcome.purpose,
        Surface::ALL[outcome.surface].as_str(),
        Difficulty::ALL[outcome.difficulty].as_str(),
        outcome.paper,
    )
}

fn print_tables(outcomes: &[Outcome], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "| scenes | papers | IoU >= {RIGHT_IOU} | mean IoU | not found | wrong and sure | median corner error, % | cut: told, sure of one | empty: pages | several: there, right, wrong |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for (i, surface) in Surface::ALL.iter().enumerate() {
        print_row(surface.as_str(), outcomes.iter().filter(|o| o.surface == i), out)?;
    }
    for (i, difficulty) in Difficulty::ALL.iter().enumerate() {
        print_row(difficulty.as_str(), outcomes.iter().filter(|o| o.difficulty == i), out)?;
    }
    print_row("all", outcomes.iter(), out)?;
    let mut times: Vec<f32> = outcomes.iter().map(|o| o.find_ms).collect();
    times.sort_by(f32::total_cmp);
    let at = |share: f32| times.get((times.len() as f32 * share) as usize).copied().unwrap_or(f32::NAN);
    writeln!(
        out,
        "find: shortest {:.1} ms, median {:.1} ms, 95 % {:.1} ms a scene",
        at(0.0),
        at(0.5),
        at(0.95)
    )
}

fn print_row<'a>(
    name: &str,
    outcomes: impl Iterator<Item = &'a Outcome> + Clone,
    out: &mut impl Write,
) -> io::Result<()> {
    let of = |purpose: Purpose| outcomes.clone().filter(move |o| o.purpose == purpose);
    let single = || of(Purpose::One);
    let papers = single().count();
    let right = single().filter(|o| o.is_right()).count();
    let mean = single().map(|o| o.overlap).sum::<f32>() / papers.max(1) as f32;
    let missed = single().filter(|o| !matches!(o.sight, Sight::Page(_))).count();
    let wrong = single().filter(|o| o.is_wrong_and_sure()).count();
    let mut errors: Vec<f32> = single().map(|o| o.corner_error * 100.0).collect();
    errors.sort_by(f32::total_cmp);
    let median = errors.get(errors.len() / 2).copied().unwrap_or(f32::NAN);
    let told = of(Purpose::Cut).filter(|o| o.sight == Sight::Cut).count();
    let sure = of(Purpose::Cut).filter(|o| o.is_wrong_and_sure()).count();
    let pages = of(Purpose::Empty).filter(|o| matches!(o.sight, Sight::Page(_))).count();
    let several = of(Purpose::Several).fold([0; 3], |sum, o| std::array::from_fn(|i| sum[i] + o.several[i]));
    writeln!(
        out,
        "| {name} | {papers} | {:.1} % | {mean:.3} | {missed} | {wrong} | {median:.3} | {}: {told}, {sure} | {}: {pages} | {}, {}, {} |",
        100.0 * right as f32 / papers.max(1) as f32,
        of(Purpose::Cut).count(),
        of(Purpose::Empty).count(),
        several[0],
        several[1],
        several[2],
    )
}
