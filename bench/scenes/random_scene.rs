//! Scenes drawn at random, as counters and phones see them.

use std::f32::consts::TAU;

use crate::camera::{Camera, Stand};
use crate::light::{Band, Light};
use crate::lying::Lying;
use crate::mat::{Mat, Surface};
use crate::papers::Paper;
use crate::random::Random;
use crate::scene::{Difficulty, Scene, Sensor, TWO_RAYS, corners_in, is_inside};
use crate::things::Thing;

/// What a scene is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One paper to be found.
    One,
    /// One that runs out of the picture.
    Cut,
    /// Two or three side by side.
    Several,
    /// No paper.
    Empty,
}

impl Purpose {
    /// What the scene of this seed is for when all kinds are made.
    pub(crate) const fn of(seed: u64) -> Self {
        match seed % 10 {
            0 => Self::Empty,
            3 => Self::Cut,
            6 => Self::Several,
            _ => Self::One,
        }
    }
}

const SIZES: [[usize; 2]; 5] = [[1024, 768], [1280, 960], [1280, 720], [768, 1024], [960, 720]];
const SKIN: [[f32; 3]; 3] = [[222.0, 172.0, 146.0], [196.0, 142.0, 112.0], [150.0, 104.0, 80.0]];

/// The scene of a seed.
pub(crate) fn random_scene(seed: u64, purpose: Purpose) -> Scene {
    let mut random = Random::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x1405_7b7e);
    let difficulty = Difficulty::ALL[random.below(3)];
    let mat = Mat::new(Surface::ALL[random.below(Surface::ALL.len())], &mut random);
    let mut scene = Scene {
        camera: camera(&mut random, difficulty, 400.0),
        light: light(&mut random, difficulty),
        sensor: sensor(&mut random, difficulty),
        mat,
        papers: Vec::new(),
        wanted: Vec::new(),
        things: Vec::new(),
        difficulty,
        seed: seed as u32,
    };
    match purpose {
        Purpose::Empty => {}
        Purpose::Several => lay_several(&mut scene, &mut random),
        Purpose::One | Purpose::Cut => lay_one(&mut scene, &mut random, purpose == Purpose::Cut),
    }
    if purpose == Purpose::One {
        lay_underneath(&mut scene, &mut random);
    }
    put_things(&mut scene, &mut random);
    scene
}

fn camera(random: &mut Random, difficulty: Difficulty, field_mm: f32) -> Camera {
    let phone = difficulty != Difficulty::Easy && random.below(2) == 0;
    let height_mm = field_mm * random.between(0.85, 1.25);
    let lean = if phone { 0.55 } else { 0.16 };
    Camera::new(Stand {
        size: SIZES[random.below(SIZES.len())],
        field_mm,
        height_mm,
        offset_mm: [
            random.between(-lean, lean) * height_mm * 0.7,
            random.between(-0.2 * lean, lean) * height_mm,
        ],
        distortion: random.between(-0.006, 0.012),
    })
}

fn light(random: &mut Random, difficulty: Difficulty) -> Light {
    let hard = difficulty == Difficulty::Hard;
    let cast = if difficulty == Difficulty::Easy { 0.08 } else { 0.22 };
    let mut bands = Vec::new();
    for _ in 0..random.below(if hard { 3 } else { 2 }) * usize::from(difficulty != Difficulty::Easy) {
        bands.push(Band {
            direction: random.between(0.0, TAU),
            place_mm: random.between(-200.0, 200.0),
            half_width_mm: random.between(20.0, 160.0),
            soft_mm: random.between(2.0, 30.0),
            strength: random.between(0.15, 0.5),
        });
    }
    Light {
        lamp_mm: [
            random.between(-500.0, 500.0),
            random.between(-500.0, 300.0),
            random.between(500.0, 1100.0),
        ],
        ambient: random.between(0.25, 0.75),
        exposure: if hard && random.below(4) == 0 {
            random.between(0.12, 0.3)
        } else {
            random.between(0.55, 1.05)
        },
        tint: [1.0 + random.between(-cast, cast), 1.0 + random.between(-cast, cast)],
        arm_shadow: [random.between(0.0, 0.3), random.between(0.0, TAU), random.between(-120.0, 120.0)],
        bands,
        glare: Vec::new(),
    }
}

fn sensor(random: &mut Random, difficulty: Difficulty) -> Sensor {
    let noise =
        if difficulty == Difficulty::Hard { random.between(1.0, 6.0) } else { random.between(0.6, 3.2) };
    Sensor { blur_px: random.between(0.5, 1.5), noise, quality: 68 + random.below(25) as u8, rays: TWO_RAYS }
}

fn lying(paper: Paper, middle_mm: [f32; 2], turn: f32, random: &mut Random, difficulty: Difficulty) -> Lying {
    let curl = match difficulty {
        Difficulty::Easy => 0.001,
        Difficulty::Fair => 0.003,
        Difficulty::Hard => 0.005,
    };
    let [w, h] = paper.size_mm();
    let stiff = if matches!(paper, Paper::Card | Paper::Cover) { 0.0 } else { 1.0 };
    let bow_mm = [w, h, w, h].map(|side| side * curl * random.normal() * stiff);
    let lift_mm = random.between(0.2, 3.5);
    Lying { paper, middle_mm, turn, lift_mm, folded: random.unit() < 0.25 && stiff > 0.0, bow_mm }
}

/// Lays one paper so that it covers a share of the frame drawn at random, all of it inside, or some outside.
fn lay_one(scene: &mut Scene, random: &mut Random, cut: bool) {
    let difficulty = scene.difficulty;
    let paper = Paper::ALL[random.below(Paper::ALL.len())];
    let square = difficulty == Difficulty::Easy && random.below(3) > 0;
    let turn = if square { random.normal() * 0.06 } else { random.between(0.0, TAU) };
    let mut share = if random.below(5) == 0 { random.between(0.6, 0.9) } else { random.between(0.1, 0.7) };
    let [w, h] = paper.size_mm();
    let mut stand_random = Random::new(random.next());
    for _ in 0..200 {
        let field_mm = (w * h / share / 0.75).sqrt();
        scene.camera = camera(&mut Random::new(stand_random.next()), difficulty, field_mm);
        let reach = if cut { 0.62 } else { 0.36 };
        let middle =
            [random.between(-reach, reach) * field_mm, random.between(-reach, reach) * field_mm * 0.75];
        let lying = lying(paper, middle, turn, random, difficulty);
        let quad = corners_in(&scene.camera, &lying);
        let clear = deepest_outside(scene, &quad);
        if (!cut && clear < -0.006) || (cut && (0.03..0.30).contains(&clear)) {
            scene.papers = vec![lying];
            scene.wanted = vec![0];
            return;
        }
        share *= if cut { 1.0 } else { 0.97 };
    }
}

/// How far the corner that lies farthest out lies outside the picture, as a share of its shorter side.
fn deepest_outside(scene: &Scene, quad: &[[f32; 2]; 4]) -> f32 {
    let [width, height] = scene.camera.size.map(|side| side as f32);
    let out = quad.iter().map(|[x, y]| (-x).max(x - width).max(-y).max(y - height));
    out.fold(f32::MIN, f32::max) / width.min(height)
}

/// Two or three papers that do not touch, all inside.
fn lay_several(scene: &mut Scene, random: &mut Random) {
    let difficulty = scene.difficulty;
    let count = 2 + random.below(2);
    let papers: Vec<Paper> = if random.below(2) == 0 {
        vec![Paper::Card; count]
    } else {
        let small = [Paper::Card, Paper::Receipt, Paper::Slip, Paper::Cover, Paper::Proof, Paper::Register];
        (0..count).map(|_| small[random.below(small.len())]).collect()
    };
    let size_mm = papers.iter().map(|p| p.size_mm()[0] * p.size_mm()[1]).sum::<f32>().sqrt();
    for attempt in 0..400 {
        let field_mm = size_mm * (1.5 + attempt as f32 * 0.004);
        scene.camera = camera(&mut Random::new(random.next()), difficulty, field_mm);
        let laid: Vec<Lying> = papers
            .iter()
            .map(|paper| {
                let middle =
                    [random.between(-0.4, 0.4) * field_mm, random.between(-0.4, 0.4) * field_mm * 0.75];
                let turn = random.normal() * 0.5 + random.below(4) as f32 * TAU / 4.0;
                lying(*paper, middle, turn, random, difficulty)
            })
            .collect();
        let apart = |a: &Lying, b: &Lying| {
            let reach = |l: &Lying| l.paper.size_mm()[0].hypot(l.paper.size_mm()[1]) / 2.0;
            let (dx, dy) = (a.middle_mm[0] - b.middle_mm[0], a.middle_mm[1] - b.middle_mm[1]);
            dx.hypot(dy) > (reach(a) + reach(b)) * 0.9
        };
        let all_apart = (0..count).all(|i| (0..i).all(|j| apart(&laid[i], &laid[j])));
        if all_apart && laid.iter().all(|l| is_inside(&scene.camera, &corners_in(&scene.camera, l))) {
            scene.wanted = (0..count).collect();
            scene.papers = laid;
            return;
        }
    }
}

/// Sheets under the one to be found: a stack all over, or now and then one that looks out.
fn lay_underneath(scene: &mut Scene, random: &mut Random) {
    let Some(top) = scene.papers.last().copied() else { return };
    let difficulty = scene.difficulty;
    let stack = scene.mat.surface() == Surface::Stack;
    let count = match difficulty {
        _ if stack => 3 + random.below(5),
        Difficulty::Easy => 0,
        Difficulty::Fair => usize::from(random.below(5) == 0),
        Difficulty::Hard => usize::from(random.below(3) == 0),
    };
    let mut under = Vec::new();
    let [w, h] = top.paper.size_mm();
    for _ in 0..count {
        let spread = if stack { 0.45 } else { 0.25 };
        let middle = top.on_desk(random.between(-spread, spread) * w, random.between(-spread, spread) * h);
        let mut below = lying(top.paper, middle, top.turn + random.normal() * 0.12, random, difficulty);
        below.lift_mm = random.between(0.2, 1.2);
        under.push(below);
    }
    scene.wanted = vec![under.len()];
    under.push(top);
    scene.papers = under;
}

/// Fingers, pens, cables, boxes and reflections, by difficulty.
fn put_things(scene: &mut Scene, random: &mut Random) {
    let amount = match scene.difficulty {
        Difficulty::Easy => return,
        Difficulty::Fair => 1 + random.below(2),
        Difficulty::Hard => 2 + random.below(3),
    };
    let [width, height] = scene.camera.size.map(|side| side as f32);
    for _ in 0..amount {
        let at = scene.camera.desk(random.unit() * width, random.unit() * height);
        let turn = random.between(0.0, TAU);
        let (sin, cos) = turn.sin_cos();
        let along = |t: f32, off: f32| [at[0] + cos * t - sin * off, at[1] + sin * t + cos * off];
        match random.below(6) {
            0 => put_hand(scene, random),
            1 => {
                let colour = std::array::from_fn(|_| random.between(15.0, 190.0));
                let pen = vec![along(-70.0, 0.0), along(70.0, 0.0)];
                add_clear_of_corners(scene, Thing::stroke(pen, random.between(3.5, 5.5), colour, true));
            }
            2 => {
                let wave = random.between(10.0, 60.0);
                let points =
                    (-8..=8).map(|i| along(i as f32 * 60.0, (i as f32 * 0.7).sin() * wave)).collect();
                let grey = random.between(15.0, 230.0);
                add_clear_of_corners(
                    scene,
                    Thing::stroke(points, random.between(1.5, 3.0), [grey; 3], random.below(2) == 0),
                );
            }
            3 => scene.light.glare.push((at, random.between(8.0, 40.0), random.between(0.2, 1.0))),
            4 => {
                let round = vec![at, [at[0] + 0.1, at[1]]];
                let colour = std::array::from_fn(|_| random.between(30.0, 235.0));
                scene.things.push(Thing::stroke(round, random.between(25.0, 45.0), colour, false));
            }
            _ => {
                let half = [random.between(6.0, 14.0), random.between(30.0, 80.0)];
                let colour = std::array::from_fn(|_| random.between(15.0, 120.0));
                // Narrow ones, a stapler or a ruler: a flat box is a sheet to anyone.
                scene.things.push(Thing::block(at, half, turn, colour));
            }
        }
    }
}

/// Adds a thing that lies across the papers, unless it hides a corner of one.
fn add_clear_of_corners(scene: &mut Scene, thing: Thing) {
    let corners = scene.papers.iter().flat_map(Lying::corners_mm);
    if corners.into_iter().all(|[x, y]| thing.distance(x, y) > 6.0) {
        scene.things.push(thing);
    }
}

/// One to three fingers that hold the paper at a place of its rim, or lie on the bare mat.
fn put_hand(scene: &mut Scene, random: &mut Random) {
    let skin = SKIN[random.below(SKIN.len())];
    let (tip, out) = match scene.papers.last() {
        Some(top) => {
            let corners = top.corners_mm();
            let i = random.below(4);
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            let t = random.between(0.0, 0.8);
            let tip = [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
            let length = (b[0] - a[0]).hypot(b[1] - a[1]);
            (tip, [(b[1] - a[1]) / length, (a[0] - b[0]) / length])
        }
        None => ([random.between(-90.0, 90.0), random.between(-60.0, 60.0)], [0.0, 1.0]),
    };
    let into = random.between(5.0, 22.0);
    for finger in 0..1 + random.below(3) {
        let off = finger as f32 * 21.0;
        let at = |d: f32| [tip[0] + out[0] * d - out[1] * off, tip[1] + out[1] * d + out[0] * off];
        scene.things.push(Thing::stroke(vec![at(-into), at(400.0)], random.between(7.0, 10.0), skin, true));
    }
}
