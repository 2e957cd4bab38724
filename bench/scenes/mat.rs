//! What the paper lies on.

use std::f32::consts::TAU;

use crate::random::{Random, smooth_noise};

/// A surface with its pattern; colours are sRGB values 0 to 255 by desk millimetres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mat {
    surface: Surface,
    colour: [f32; 3],
    seed: u32,
    /// How the pattern lies, in radians.
    turn: f32,
}

/// The families of surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// The dark felt most document cameras come with.
    Felt,
    /// A light wooden desk.
    Wood,
    /// A green mat with a printed grid.
    CuttingMat,
    /// A painted or laminated top of one colour, often light.
    Plain,
    /// A top strewn with specks, like stone or terrazzo.
    Speckled,
    /// A cloth or mat printed with dots.
    Dots,
    /// A woven cloth of checks or stripes.
    Cloth,
    /// A top of nearly the paper's own colour.
    White,
    /// Sheets of the same size all over the desk.
    Stack,
}

impl Surface {
    pub(crate) const ALL: [Self; 9] = [
        Self::Felt,
        Self::Wood,
        Self::CuttingMat,
        Self::Plain,
        Self::Speckled,
        Self::Dots,
        Self::Cloth,
        Self::White,
        Self::Stack,
    ];

    /// The word in tables.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Felt => "felt",
            Self::Wood => "wood",
            Self::CuttingMat => "cutting mat",
            Self::Plain => "plain",
            Self::Speckled => "speckled",
            Self::Dots => "dots",
            Self::Cloth => "cloth",
            Self::White => "white",
            Self::Stack => "stack",
        }
    }
}

impl Mat {
    /// A mat of this family; the random stream decides colour and pattern.
    pub(crate) fn new(surface: Surface, random: &mut Random) -> Self {
        let colour = match surface {
            Surface::Felt => {
                let base = random.between(32.0, 78.0);
                [base, base + random.between(-4.0, 10.0), base + random.between(-4.0, 14.0)]
            }
            Surface::Wood => {
                let base = random.between(135.0, 205.0);
                [base, base * random.between(0.76, 0.86), base * random.between(0.50, 0.66)]
            }
            Surface::CuttingMat => {
                let base = random.between(70.0, 110.0);
                [base * random.between(0.25, 0.5), base, base * random.between(0.7, 1.1)]
            }
            Surface::Plain => {
                let base = random.between(70.0, 205.0);
                std::array::from_fn(|_| base + random.between(-14.0, 14.0))
            }
            Surface::Speckled => {
                let base = random.between(90.0, 175.0);
                [base, base - random.between(0.0, 8.0), base - random.between(0.0, 16.0)]
            }
            Surface::Dots | Surface::Cloth => std::array::from_fn(|_| random.between(60.0, 190.0)),
            Surface::White => {
                let base = random.between(205.0, 238.0);
                [base, base - random.between(0.0, 6.0), base - random.between(0.0, 18.0)]
            }
            Surface::Stack => {
                let base = random.between(60.0, 190.0);
                [base, base * random.between(0.7, 1.05), base * random.between(0.6, 1.05)]
            }
        };
        Self { surface, colour, seed: random.next() as u32, turn: random.between(0.0, TAU) }
    }

    /// The same family with a chosen colour.
    pub(crate) const fn with_colour(surface: Surface, colour: [f32; 3], seed: u32) -> Self {
        Self { surface, colour, seed, turn: 0.0 }
    }

    pub(crate) const fn surface(&self) -> Surface {
        self.surface
    }

    /// The colour at a point of the desk.
    pub(crate) fn colour(&self, x: f32, y: f32) -> [f32; 3] {
        let seed = self.seed;
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = (x * cos - y * sin, x * sin + y * cos);
        let gain = match self.surface {
            Surface::Felt => {
                let fibre = smooth_noise(x * 2.6, y * 2.6, seed) * 0.6
                    + smooth_noise((x + y) * 1.1, (x - y) * 3.1, seed ^ 1) * 0.5;
                1.0 + 0.07 * fibre + 0.04 * smooth_noise(x * 0.02, y * 0.02, seed ^ 2)
            }
            Surface::Wood => self.wood_gain(x, y),
            Surface::CuttingMat => 1.0 + 0.03 * smooth_noise(x * 1.8, y * 1.8, seed) + self.grid_gain(x, y),
            Surface::Dots => self.dots_gain(x, y),
            Surface::Cloth => self.cloth_gain(x, y),
            Surface::Plain | Surface::White | Surface::Stack => {
                1.0 + 0.012 * smooth_noise(x * 0.8, y * 0.8, seed)
            }
            Surface::Speckled => {
                let speck = smooth_noise(x * 0.7, y * 0.7, seed);
                1.0 + 0.05 * smooth_noise(x * 2.0, y * 2.0, seed ^ 5)
                    + if speck > 0.55 { -0.28 } else { 0.0 }
                    + if speck < -0.6 { 0.2 } else { 0.0 }
            }
        };
        self.colour.map(|c| (c * gain).clamp(0.0, 255.0))
    }

    /// Long rings, bent a little, and short pores along them.
    fn wood_gain(&self, x: f32, y: f32) -> f32 {
        let bend = 9.0 * smooth_noise(x * 0.008, y * 0.02, self.seed);
        let ring = ((y + bend) * 0.55).sin() * 0.5 + smooth_noise(x * 0.01, (y + bend) * 0.6, self.seed ^ 3);
        let pore = smooth_noise(x * 0.22, y * 3.2, self.seed ^ 4);
        1.0 + 0.045 * ring + if pore > 0.45 { -0.10 * (pore - 0.45) } else { 0.0 }
    }

    /// Round dots in rows, lighter or darker than the ground.
    fn dots_gain(&self, x: f32, y: f32) -> f32 {
        let pitch = 7.0 + (self.seed % 23) as f32;
        let radius = pitch * (0.15 + (self.seed / 23 % 5) as f32 * 0.05);
        let away = |v: f32| (v / pitch - (v / pitch).round()) * pitch;
        let inside = (radius - away(x).hypot(away(y))).clamp(0.0, 0.5) * 2.0;
        let depth = if self.seed & 0x100 == 0 { 0.55 } else { -0.45 };
        1.0 + depth * inside + 0.03 * smooth_noise(x * 1.5, y * 1.5, self.seed)
    }

    /// Threads that cross, some of them in another colour.
    fn cloth_gain(&self, x: f32, y: f32) -> f32 {
        let pitch = 18.0 + (self.seed % 31) as f32;
        let stripe = |v: f32| f32::from((v / pitch).rem_euclid(1.0) < 0.4);
        let checks = stripe(x) + if self.seed & 0x200 == 0 { stripe(y) } else { 0.0 };
        let weave = (x * 4.1).sin() * (y * 4.1).sin();
        1.0 - 0.16 * checks + 0.05 * weave + 0.05 * smooth_noise(x * 0.9, y * 0.9, self.seed)
    }

    /// Printed lines: fine ones each 10 mm, strong ones each 50 mm.
    fn grid_gain(&self, x: f32, y: f32) -> f32 {
        let near = |v: f32, step: f32, half: f32| {
            let away = (v / step - (v / step).round()).abs() * step;
            (half + 0.12 - away).clamp(0.0, 0.24) / 0.24
        };
        let fine = near(x, 10.0, 0.12).max(near(y, 10.0, 0.12));
        let strong = near(x, 50.0, 0.28).max(near(y, 50.0, 0.28));
        (fine * 0.38).max(strong * 0.62)
    }
}
