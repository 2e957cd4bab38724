//! Whether what lies on the desk has come to rest. Pure: small grey pictures in, words out.

/// Cells of a small picture, across and down.
const ACROSS: usize = 64;
const DOWN: usize = 48;
/// Pixels looked at along each side of a cell; more would only average noise that is gone already.
const SAMPLES: usize = 6;
/// A cell that differs by more levels of 255 has something else in it: noise is far below, averaged as it is.
const STEP: f32 = 9.0;
/// So many such cells are movement; fewer are a speck, or an edge that trembles with the desk.
const CELLS_MOVED: usize = 6;
/// Lamps flicker by no more than this, up or down; what changes more is not light.
const FLICKER_MAX: f32 = 1.25;
/// Quiet pictures on end that make a rest: half a second at eight a second.
pub(super) const QUIET: u32 = 4;
/// How much of each picture at rest goes into what it is compared with: daylight and a camera that exposes by
/// itself drift, and are no movement.
const DRIFT: f32 = 1.0 / 16.0;
/// Darker cells say nothing about the light.
const DARK: f32 = 12.0;

/// A frame in few grey cells.
#[derive(Clone, PartialEq)]
pub(super) struct Small {
    cells: Vec<f32>,
}

impl Small {
    /// Of a picture of at least one pixel: `rgb` has three bytes a pixel, row by row.
    pub(super) fn of(width: usize, height: usize, rgb: &[u8]) -> Self {
        let mut cells = Vec::with_capacity(ACROSS * DOWN);
        for row in 0..DOWN {
            let ys = samples(row, DOWN, height);
            for column in 0..ACROSS {
                let xs = samples(column, ACROSS, width);
                let (mut sum, mut count) = (0_u32, 0_u32);
                for y in ys.clone() {
                    for x in xs.clone() {
                        let at = (y * width + x) * 3;
                        let [r, g, b] = [rgb[at], rgb[at + 1], rgb[at + 2]].map(u32::from);
                        sum += r + 2 * g + b;
                        count += 4;
                    }
                }
                cells.push(sum as f32 / count.max(1) as f32);
            }
        }
        Self { cells }
    }
}

/// Some pixels of a cell along one side.
fn samples(cell: usize, cells: usize, side: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
    let from = (cell * side / cells).min(side.saturating_sub(1));
    let to = ((cell + 1) * side / cells).clamp(from + 1, side.max(from + 1));
    (from..to).step_by(((to - from) / SAMPLES).max(1))
}

/// What a picture says after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Something moves, or has just stopped.
    Moving,
    /// It has come to rest with this picture.
    CameToRest,
    /// It rests, as it did before.
    Resting,
}

/// Looks at one small picture after the other.
#[derive(Default)]
pub(super) struct Settle {
    /// What lay there when it became quiet.
    reference: Option<Vec<f32>>,
    quiet: u32,
}

impl Settle {
    /// The next picture. A rest is told once, and again only after a movement.
    pub(super) fn see(&mut self, picture: &Small) -> Seen {
        let is_quiet = self.reference.as_ref().is_some_and(|before| !has_moved(before, &picture.cells));
        if !is_quiet {
            self.reference = Some(picture.cells.clone());
            self.quiet = 0;
            return Seen::Moving;
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet <= QUIET
            && let Some(reference) = &mut self.reference
            && self.quiet == QUIET
        {
            reference.clone_from(&picture.cells);
            return Seen::CameToRest;
        }
        if self.quiet < QUIET {
            return Seen::Moving;
        }
        for (kept, new) in self.reference.iter_mut().flatten().zip(&picture.cells) {
            *kept += (new - *kept) * DRIFT;
        }
        Seen::Resting
    }
}

/// Whether more differs than the light. Lamps flicker in bands along a sensor's rows, so each row is compared
/// in its own light.
fn has_moved(before: &[f32], now: &[f32]) -> bool {
    let rows = before.chunks_exact(ACROSS).zip(now.chunks_exact(ACROSS));
    let moved = rows.map(|(before, now)| {
        let light = light(before, now);
        before.iter().zip(now).filter(|(b, n)| (*n - *b * light).abs() > STEP).count()
    });
    moved.sum::<usize>() >= CELLS_MOVED
}

/// How much brighter most of a row has become.
fn light(before: &[f32], now: &[f32]) -> f32 {
    let lit = before.iter().zip(now).filter(|(b, _)| **b > DARK);
    let mut ratios: Vec<f32> = lit.map(|(b, n)| n / b).collect();
    if ratios.is_empty() {
        return 1.0;
    }
    let middle = ratios.len() / 2;
    let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
    median.clamp(1.0 / FLICKER_MAX, FLICKER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 320;
    const HEIGHT: usize = 240;

    /// A dark mat; paper from this column on where there is one, a hand over so many pixels from the right;
    /// the light of each row.
    fn picture(paper: Option<usize>, hand: usize, light: impl Fn(usize) -> f32, seed: u32) -> Small {
        let mut random = seed;
        let mut rgb = Vec::with_capacity(WIDTH * HEIGHT * 3);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (random >> 24) as f32 / 255.0 * 12.0 - 6.0;
                let on_paper = paper.is_some_and(|p| (p..p + 160).contains(&x) && (20..220).contains(&y));
                let grey = match () {
                    () if x >= WIDTH - hand && (100..160).contains(&y) => 150.0,
                    () if on_paper => 225.0,
                    () => 60.0,
                };
                rgb.extend([(grey * light(y) + noise).clamp(0.0, 255.0) as u8; 3]);
            }
        }
        Small::of(WIDTH, HEIGHT, &rgb)
    }

    fn steady(_: usize) -> f32 {
        1.0
    }

    fn rests(settle: &mut Settle, pictures: impl IntoIterator<Item = Small>) -> usize {
        pictures.into_iter().filter(|p| settle.see(p) == Seen::CameToRest).count()
    }

    #[test]
    fn a_rest_is_told_once_and_again_only_after_a_movement() {
        let mut settle = Settle::default();
        let still = |at, from: u32| (from..from + 12).map(move |seed| picture(Some(at), 0, steady, seed));
        assert_eq!(rests(&mut settle, still(80, 1)), 1);
        assert_eq!(rests(&mut settle, still(80, 100)), 0, "noise is no movement");
        assert_eq!(rests(&mut settle, still(90, 200)), 1, "a paper pushed by 3 % of the width has moved");
        assert_eq!(settle.see(&picture(Some(90), 0, steady, 300)), Seen::Resting);
    }

    #[test]
    fn a_rest_needs_quiet_pictures_on_end() {
        let mut settle = Settle::default();
        for seed in 0..QUIET {
            assert_eq!(settle.see(&picture(Some(80), 0, steady, seed)), Seen::Moving);
        }
        assert_eq!(settle.see(&picture(Some(80), 0, steady, 9)), Seen::CameToRest);
        let mut settle = Settle::default();
        let pushed = (0..40).map(|step| picture(Some(40 + step * 3), 0, steady, 1));
        assert_eq!(rests(&mut settle, pushed), 0, "a paper that is pushed slowly does not rest");
    }

    #[test]
    fn a_hand_in_the_picture_is_movement() {
        let mut settle = Settle::default();
        assert_eq!(rests(&mut settle, (0..8).map(|seed| picture(Some(80), 0, steady, seed))), 1);
        let hand = (1..30).map(|step| picture(Some(80), 20 + (step % 7) * 12, steady, step as u32));
        assert_eq!(rests(&mut settle, hand), 0);
        assert_eq!(rests(&mut settle, (0..8).map(|seed| picture(Some(80), 0, steady, seed))), 1);
    }

    #[test]
    fn flickering_lamps_and_fading_daylight_are_no_movement() {
        let mut settle = Settle::default();
        let banded = |shift: usize| {
            move |y: usize| 1.0 + 0.08 * (((y + shift * 17) % 80) as f32 / 80.0 * std::f32::consts::TAU).sin()
        };
        let flicker = (0..40).map(|n| picture(Some(80), 0, banded(n), n as u32));
        assert_eq!(rests(&mut settle, flicker), 1);
        let dusk = (0..200).map(|n| picture(Some(80), 0, move |_| 1.0 - n as f32 * 0.002, n));
        assert_eq!(rests(&mut settle, dusk), 0);
    }

    #[test]
    fn tiny_pictures_are_pictures_too() {
        let one = Small::of(1, 1, &[7, 7, 7]);
        assert!(one.cells.len() == ACROSS * DOWN && one.cells.iter().all(|c| *c == 7.0));
    }
}
