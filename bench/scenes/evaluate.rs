//! Measures the page finder on random scenes.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use yidang_imaging::{PageOptions, make_page};
use yidang_model::Quad;

use crate::jpeg;
use crate::lettering::Lettering;
use crate::mat::Surface;
use crate::scene::Scene;

/// A crop counts as right from this intersection over union, the bar of SmartDoc 2015.
const RIGHT_IOU: f32 = 0.945;
/// A crop below this confidence is shown to the clerk as doubtful.
const DOUBTFUL_CONFIDENCE: f32 = 0.6;

/// What became of the scenes on one kind of mat.
#[derive(Default)]
struct Row {
    papers: usize,
    right: usize,
    missed: usize,
    wrong_and_sure: usize,
    corner_errors: Vec<f32>,
    empty: usize,
    found_on_empty: usize,
    cut_off: usize,
    sure_of_cut_off: usize,
}

/// Makes `count` scenes from `seed` on, looks for the page in each, prints a table and the scenes that failed.
pub(crate) fn evaluate(seed: u64, count: u64, letters: &Lettering, out: &mut impl Write) -> io::Result<()> {
    let mut rows: [Row; Surface::ALL.len() + 1] = Default::default();
    let mut spent = Duration::ZERO;
    for seed in seed..seed + count {
        let scene = Scene::random(seed);
        let bytes = jpeg(&scene.photograph(letters), scene.sensor.quality)?;
        let start = Instant::now();
        let page = make_page(&bytes, &PageOptions::default()).map_err(io::Error::other)?;
        spent += start.elapsed();
        let truth = scene.corners();
        let surface = Surface::ALL.iter().position(|s| *s == scene.mat.surface()).unwrap_or(0);
        for row in [surface, Surface::ALL.len()] {
            rows[row].count(&scene, page.corners.as_ref(), page.confidence);
        }
        let overlap = truth.zip(page.corners).map(|(t, f)| intersection_over_union(&t, &f));
        if overlap.map_or(truth.is_some() != page.corners.is_some(), |o| o < RIGHT_IOU) {
            let name = scene.mat.surface().as_str();
            let paper = scene.paper.map_or("none".to_owned(), |l| format!("{:?}", l.paper));
            let paper = if scene.shows_whole_paper() { paper } else { paper + ", not all of it" };
            writeln!(
                out,
                "scene {seed}: {name}, paper {paper}, overlap {overlap:?}, confidence {:.2}",
                page.confidence
            )?;
        }
    }
    writeln!(
        out,
        "| mat | papers | IoU >= {RIGHT_IOU} | not found | wrong and sure | median corner error, % of diagonal | empty mats | pages on them | cut-off papers | sure of one |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    let names = Surface::ALL.iter().map(|s| s.as_str()).chain(["all"]);
    for (name, row) in names.zip(&mut rows) {
        row.print(name, out)?;
    }
    writeln!(out, "make_page: {:.0} ms a scene", spent.as_secs_f64() * 1000.0 / count.max(1) as f64)
}

impl Row {
    fn count(&mut self, scene: &Scene, found: Option<&Quad>, confidence: f32) {
        let Some(truth) = &scene.corners() else {
            self.empty += 1;
            self.found_on_empty += usize::from(found.is_some());
            return;
        };
        if !scene.shows_whole_paper() {
            self.cut_off += 1;
            self.sure_of_cut_off += usize::from(found.is_some() && confidence >= DOUBTFUL_CONFIDENCE);
            return;
        }
        self.papers += 1;
        let Some(found) = found else {
            self.missed += 1;
            return;
        };
        if intersection_over_union(truth, found) >= RIGHT_IOU {
            self.right += 1;
        } else if confidence >= DOUBTFUL_CONFIDENCE {
            self.wrong_and_sure += 1;
        }
        let diagonal = distance(truth[0], truth[2]);
        let errors = truth.iter().zip(found).map(|(t, f)| distance(*t, *f));
        self.corner_errors.push(errors.fold(0.0, f32::max) / diagonal * 100.0);
    }

    fn print(&mut self, name: &str, out: &mut impl Write) -> io::Result<()> {
        self.corner_errors.sort_by(f32::total_cmp);
        let median = self.corner_errors.get(self.corner_errors.len() / 2).copied().unwrap_or(f32::NAN);
        let share = 100.0 * self.right as f32 / self.papers.max(1) as f32;
        let Self { papers, missed, wrong_and_sure, empty, found_on_empty, cut_off, sure_of_cut_off, .. } =
            self;
        writeln!(
            out,
            "| {name} | {papers} | {share:.1} % | {missed} | {wrong_and_sure} | {median:.3} | {empty} | {found_on_empty} | {cut_off} | {sure_of_cut_off} |"
        )
    }
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn area(corners: &[[f32; 2]]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f32>() / 2.0
}

/// Shared area over joint area of two convex clockwise figures (Sutherland and Hodgman's clipping).
fn intersection_over_union(a: &Quad, b: &Quad) -> f32 {
    let mut shared = a.to_vec();
    for i in 0..4 {
        let (from, to) = (b[i], b[(i + 1) % 4]);
        let inside =
            |p: [f32; 2]| (to[0] - from[0]) * (p[1] - from[1]) - (to[1] - from[1]) * (p[0] - from[0]);
        let mut kept = Vec::with_capacity(shared.len() + 1);
        for (j, p) in shared.iter().enumerate() {
            let q = shared[(j + 1) % shared.len()];
            let (at_p, at_q) = (inside(*p), inside(q));
            if at_p >= 0.0 {
                kept.push(*p);
            }
            if (at_p > 0.0 && at_q < 0.0) || (at_p < 0.0 && at_q > 0.0) {
                let t = at_p / (at_p - at_q);
                kept.push([p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t]);
            }
        }
        shared = kept;
    }
    let shared = area(&shared);
    shared / (area(a) + area(b) - shared)
}
