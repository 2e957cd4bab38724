//! The four photographs of `fixtures/desk`: one desk, one camera, three papers and the bare mat.

use crate::camera::{Camera, Stand};
use crate::light::Light;
use crate::lying::Lying;
use crate::mat::{Mat, Surface};
use crate::papers::Paper;
use crate::scene::{Difficulty, FOUR_RAYS, Scene, Sensor};

/// Each scene with its file name, without extension.
pub(crate) fn scenes() -> [(&'static str, Scene); 4] {
    let lying = |paper, x: f32, y: f32, turn: f32, lift_mm, folded| {
        Some(Lying { paper, middle_mm: [x, y], turn: turn.to_radians(), lift_mm, folded, bow_mm: [0.0; 4] })
    };
    [
        ("01-form", scene(lying(Paper::Form, 14.0, -4.0, 2.4, 1.6, false), 11)),
        ("02-certificate", scene(lying(Paper::Certificate, -8.0, 6.0, -3.2, 2.2, false), 22)),
        ("03-letter", scene(lying(Paper::Letter, -22.0, -2.0, -2.1, 2.6, true), 33)),
        ("bare-mat", scene(None, 44)),
    ]
}

fn scene(paper: Option<Lying>, seed: u32) -> Scene {
    Scene {
        mat: Mat::with_colour(Surface::CuttingMat, [34.0, 88.0, 82.0], 5),
        wanted: paper.iter().enumerate().map(|(i, _)| i).collect(),
        papers: paper.into_iter().collect(),
        things: Vec::new(),
        camera: Camera::new(Stand {
            size: [2304, 1728],
            field_mm: 452.0,
            height_mm: 430.0,
            offset_mm: [-18.0, 96.0],
            distortion: 0.006,
        }),
        light: Light {
            lamp_mm: [-330.0, -300.0, 620.0],
            ambient: 0.42,
            exposure: 0.84,
            tint: [1.03, 0.93],
            arm_shadow: [0.16, 0.5, 150.0],
            bands: Vec::new(),
            glare: Vec::new(),
        },
        sensor: Sensor { blur_px: 0.75, noise: 1.0, quality: 82, rays: FOUR_RAYS },
        difficulty: Difficulty::Easy,
        seed,
    }
}
