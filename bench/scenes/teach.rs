//! Scenes to train the page net on: small photographs, and the corners of their papers in one list.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::drawer::Drawer;
use crate::jpeg;
use crate::random_scene::{Purpose, random_scene};
use crate::side_by_side::side_by_side;

/// Which scenes are made.
pub(crate) struct Lesson {
    pub(crate) seed: u64,
    pub(crate) count: u64,
    /// Longer side of the photographs in pixels.
    pub(crate) side_px: usize,
    /// Only those where the paper lies on its like.
    pub(crate) stacked: bool,
    pub(crate) threads: usize,
}

/// Writes `NNNNNN.jpg` for each scene, and `corners.txt`: a line for each paper to be found, with the scene's seed, the
/// photograph's width and height, the paper's four corners in pixels, and what it lies on. Unlike the truth beside a
/// scene that is to be measured, corners outside the photograph are written too.
pub(crate) fn teach(lesson: &Lesson, drawer: &Drawer, out: &Path) -> io::Result<()> {
    fs::create_dir_all(out)?;
    let seeds = lesson.seed..lesson.seed + lesson.count;
    let lines = side_by_side(seeds, lesson.threads, |seed| make(seed, lesson, drawer, out))?;
    let mut list = fs::File::options().create(true).append(true).open(out.join("corners.txt"))?;
    list.write_all(lines.concat().as_bytes())
}

fn make(seed: u64, lesson: &Lesson, drawer: &Drawer, out: &Path) -> io::Result<String> {
    let mut scene = random_scene(seed, Purpose::of(seed));
    if lesson.stacked && scene.papers.len() == scene.wanted.len() {
        return Ok(String::new());
    }
    scene.camera = scene.camera.scaled_to(lesson.side_px);
    let photograph = scene.photograph(drawer);
    fs::write(out.join(format!("{seed:06}.jpg")), jpeg(&photograph, scene.sensor.quality)?)?;
    let [width, height] = scene.camera.size;
    let mat = scene.mat.surface().as_str();
    let lines = scene.corners().into_iter().map(|quad| {
        let numbers: Vec<String> = quad.iter().flatten().map(|v| format!("{v:.2}")).collect();
        format!("{seed} {width} {height} {} {mat}\n", numbers.join(" "))
    });
    Ok(lines.collect())
}
