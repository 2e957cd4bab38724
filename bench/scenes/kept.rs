//! The small scenes of `fixtures/scenes`.

use crate::random_scene::{Purpose, random_scene};
use crate::scene::{FOUR_RAYS, Scene};

/// Longer side of the kept pictures.
const SIDE_PX: usize = 640;
/// JPEG quality of the kept pictures: they are many.
const QUALITY: u8 = 72;

/// Seeds of scenes that differ in mat, paper, light and what is in the way.
const SEEDS: [u64; 38] = [
    1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 23, 25, 29, 30, 31, 32, 33, 34, 38, 40, 41, 43, 44, 50,
    57, 66, 67, 76, 86, 96, 105, 125, 131, 144, 165,
];

/// Each scene with its file name, without extension.
pub(crate) fn scenes() -> Vec<(String, Scene)> {
    SEEDS.into_iter().map(kept).collect()
}

fn kept(seed: u64) -> (String, Scene) {
    let purpose = Purpose::of(seed);
    let mut scene = random_scene(seed, purpose);
    scene.camera = scene.camera.scaled_to(SIDE_PX);
    scene.sensor.rays = FOUR_RAYS;
    scene.sensor.quality = QUALITY;
    let mat = scene.mat.surface().as_str().replace(' ', "-");
    let what = match purpose {
        Purpose::One => scene.papers.last().map_or_else(String::new, |lying| lying.paper.name()),
        Purpose::Cut => "cut".to_owned(),
        Purpose::Several => "several".to_owned(),
        Purpose::Empty => "empty".to_owned(),
    };
    (format!("{seed:03}-{mat}-{what}"), scene)
}
