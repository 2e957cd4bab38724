//! Which way up a page is, by its writing.
//!
//! Lines of writing leave gaps between them, so the ink changes more steeply across lines than along them: that
//! tells lying pages. Full stops and commas stand alone at the foot of their line, in Chinese as in Latin writing:
//! that tells pages on their head. A page with too few of them stays as it lies.

use crate::Picture;
use crate::planes::Planes;
use crate::tone::ink;

/// Longer side of the picture that is looked at, in pixels: commas are some three pixels large.
const SIDE_PX: u32 = 1_600;
/// Longer runs of ink are rules of a table, in pixels.
const RULE_PX: usize = 48;
/// Ink this near in a line belongs together, in pixels: a character's width.
const GAP_PX: usize = 22;
/// Heights of lines of writing, in pixels.
const LINE_PX: std::ops::RangeInclusive<usize> = 8..=64;
/// How much steeper ink must change across lines than along them.
const DIRECTION_RATIO: f64 = 1.35;
/// Fewer marks tell nothing.
const MARKS_MIN: usize = 10;
/// This share of the marks must be at the same side of their lines.
const MARKS_AGREE: f32 = 0.85;
/// A mark is no larger than this share of its line's height, and its middle is at least so far from the line's.
const MARK_SIZE: f32 = 0.42;
const MARK_OFFSET: f32 = 0.16;
/// Strips in which ink is summed up.
const STRIPS: usize = 8;

/// How to stand a page upright.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upright {
    /// Quarter turns clockwise.
    pub quarter_turns: u8,
    /// How sure that is, 0 to 1: how many marks were found, and how many of them agree.
    pub confidence: f32,
}

/// How the page must be turned; `None` where its writing does not tell, and it should stay as it lies. Writing in
/// columns from top to bottom is taken for a lying page.
pub fn upright(page: &Picture) -> Option<Upright> {
    by_small(&page.shrunk(SIDE_PX))
}

/// The same, of a page in planes.
pub(crate) fn by_planes(page: &Planes) -> Option<Upright> {
    by_small(&page.shrunk(SIDE_PX))
}

fn by_small(small: &Picture) -> Option<Upright> {
    let upright = Dots { width: small.width() as usize, height: small.height() as usize, ink: ink(small) };
    let upright = upright.without_rules();
    let lying = upright.turned();
    let (across, along) = (upright.steepness(), lying.steepness());
    let (dots, turns) = match () {
        () if across > along * DIRECTION_RATIO => (upright, 0),
        () if along > across * DIRECTION_RATIO => (lying, 1),
        () => return None,
    };
    let [low, high] = dots.marks();
    let (all, agree) = (low + high, low.max(high));
    let share = agree as f32 / all.max(1) as f32;
    if all < MARKS_MIN || share < MARKS_AGREE {
        return None;
    }
    let confidence = (2.0 * share - 1.0) * (1.0 - 4.0 / all as f32);
    Some(Upright { quarter_turns: if low > high { turns } else { (turns + 2) % 4 }, confidence })
}

/// The page's ink.
struct Dots {
    width: usize,
    height: usize,
    ink: Vec<bool>,
}

impl Dots {
    fn row(&self, y: usize) -> &[bool] {
        &self.ink[y * self.width..(y + 1) * self.width]
    }

    /// Turned clockwise by a quarter.
    fn turned(&self) -> Self {
        let mut ink = Vec::with_capacity(self.ink.len());
        for y in 0..self.width {
            ink.extend((0..self.height).map(|x| self.ink[(self.height - 1 - x) * self.width + y]));
        }
        Self { width: self.height, height: self.width, ink }
    }

    /// Without long straight strokes in either direction.
    fn without_rules(&self) -> Self {
        let mut ink = self.ink.clone();
        let mut clear = |start: usize, step: usize, count: usize| {
            let mut run = 0;
            for i in 0..=count {
                if i < count && self.ink[start + i * step] {
                    run += 1;
                    continue;
                }
                if run > RULE_PX {
                    (i - run..i).for_each(|j| ink[start + j * step] = false);
                }
                run = 0;
            }
        };
        (0..self.height).for_each(|y| clear(y * self.width, 1, self.width));
        (0..self.width).for_each(|x| clear(x, self.width, self.height));
        Self { width: self.width, height: self.height, ink }
    }

    /// How steeply the amount of ink changes from row to row, in upright strips, because lines of different columns
    /// stand at different heights.
    fn steepness(&self) -> f64 {
        let strip = self.width.div_ceil(STRIPS);
        let mut before = [0_u32; STRIPS];
        let mut sum = 0.0;
        for y in 0..self.height {
            let mut here = [0_u32; STRIPS];
            for (count, dots) in here.iter_mut().zip(self.row(y).chunks(strip)) {
                *count = dots.iter().filter(|dot| **dot).count() as u32;
            }
            sum += here.iter().zip(&before).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>();
            before = here;
        }
        sum / strip as f64
    }

    /// How many small marks stand alone at the foot and at the head of their lines.
    fn marks(&self) -> [usize; 2] {
        let mut counts = [0, 0];
        for [left, top, right, bottom] in self.lines() {
            let groups = self.groups([left, top, right, bottom]);
            let Some((head, foot)) = body(&groups) else { continue };
            let height = (foot - head) as f32;
            for group in &groups {
                let (wide, high) = ((group.right - group.left) as f32, (group.bottom - group.top) as f32);
                if wide.max(high) > height * MARK_SIZE || group.dots < 4 {
                    continue;
                }
                let middle = (group.top + group.bottom) as f32 / 2.0 - (head + foot) as f32 / 2.0;
                counts[0] += usize::from(middle > height * MARK_OFFSET);
                counts[1] += usize::from(middle < -height * MARK_OFFSET);
            }
        }
        counts
    }

    /// Boxes of writing: ink smeared along the rows, in connected pieces `[left, top, right, bottom]`.
    fn lines(&self) -> Vec<[usize; 4]> {
        let mut smeared = self.ink.clone();
        for y in 0..self.height {
            let mut last = None;
            for x in 0..self.width {
                if self.ink[y * self.width + x] {
                    if let Some(last) = last.filter(|last| x - last <= GAP_PX) {
                        smeared[y * self.width + last..y * self.width + x].fill(true);
                    }
                    last = Some(x);
                }
            }
        }
        let mut boxes = Vec::new();
        for start in 0..smeared.len() {
            if smeared[start] {
                let found = self.take_piece(&mut smeared, start);
                let (wide, high) = (found[2] - found[0], found[3] - found[1]);
                if LINE_PX.contains(&high) && wide >= high * 3 {
                    boxes.push(found);
                }
            }
        }
        boxes
    }

    /// Clears a connected piece and gives its box.
    fn take_piece(&self, smeared: &mut [bool], start: usize) -> [usize; 4] {
        let mut found = [usize::MAX, usize::MAX, 0, 0];
        let mut stack = vec![start];
        smeared[start] = false;
        while let Some(at) = stack.pop() {
            let (x, y) = (at % self.width, at / self.width);
            found = [found[0].min(x), found[1].min(y), found[2].max(x + 1), found[3].max(y + 1)];
            for y in y.saturating_sub(1)..(y + 2).min(self.height) {
                for x in x.saturating_sub(1)..(x + 2).min(self.width) {
                    let other = y * self.width + x;
                    if smeared[other] {
                        smeared[other] = false;
                        stack.push(other);
                    }
                }
            }
        }
        found
    }

    /// What stands between empty columns of a line.
    fn groups(&self, [left, top, right, bottom]: [usize; 4]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut is_open = false;
        for x in left..right {
            let mut rows = (top..bottom).filter(|y| self.ink[y * self.width + x]);
            let Some(first) = rows.next() else {
                is_open = false;
                continue;
            };
            let (last, more) = rows.fold((first, 1), |(_, count), y| (y, count + 1));
            match groups.last_mut().filter(|_| is_open) {
                Some(group) => {
                    group.right = x + 1;
                    group.top = group.top.min(first);
                    group.bottom = group.bottom.max(last + 1);
                    group.dots += more;
                }
                None => {
                    groups.push(Group { left: x, right: x + 1, top: first, bottom: last + 1, dots: more });
                }
            }
            is_open = true;
        }
        groups
    }
}

struct Group {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
    dots: usize,
}

/// Head and foot of a line's characters: the medians of its larger groups.
fn body(groups: &[Group]) -> Option<(usize, usize)> {
    let tallest = groups.iter().map(|g| g.bottom - g.top).max()?;
    let large: Vec<&Group> = groups.iter().filter(|g| (g.bottom - g.top) * 2 > tallest).collect();
    if large.len() < 3 {
        return None;
    }
    let median = |of: fn(&Group) -> usize| {
        let mut values: Vec<usize> = large.iter().map(|group| of(group)).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let (head, foot) = (median(|g| g.top), median(|g| g.bottom));
    (foot > head + 5).then_some((head, foot))
}
