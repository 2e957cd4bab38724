//! What is wrong along the rim of a straightened page: fingers on it, corners that are not there.

use crate::glance::Glance;
use crate::grey::luma;

/// A finger reaches so far into the page, as a share of its longer side.
const FINGER_DEPTH_MIN: f32 = 0.03;
/// A finger crosses no more of the rim, as a share of the longer side: what is wider is the desk, or print.
const FINGER_WIDTH_MAX: f32 = 0.25;
/// How much of the shorter side is looked at for a missing corner, largest first.
const CORNER_LEGS: [f32; 5] = [0.20, 0.15, 0.11, 0.08, 0.06];
/// Of a missing corner's triangle so much is not paper, and of the other half of its square so much is.
const NOT_PAPER_SHARE: f32 = 0.9;
const PAPER_SHARE: f32 = 0.85;
/// How far from the paper around a colour is before it is no paper, in steps of 255.
const PAPER_DIFFERENCE: u8 = 46;

/// Share of the page that skin covers, from its rim inwards.
pub(crate) fn finger_share(glance: &Glance) -> f32 {
    let (width, height) = (glance.width, glance.height);
    let paper = glance.median(0..width, 0..height);
    let skin: Vec<bool> = glance.colours.iter().map(|colour| is_skin(*colour, paper)).collect();
    let mut seen = vec![false; skin.len()];
    let longer = width.max(height) as f32;
    let on_rim = |cell: usize| {
        let (x, y) = (cell % width, cell / width);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let mut covered = 0;
    for start in (0..skin.len()).filter(|cell| on_rim(*cell)) {
        if seen[start] || !skin[start] {
            continue;
        }
        seen[start] = true;
        let mut patch = vec![start];
        let (mut next, mut crossing, mut depth) = (0, 0, 0);
        while let Some(cell) = patch.get(next).copied() {
            next += 1;
            let (x, y) = (cell % width, cell / width);
            crossing += usize::from(on_rim(cell));
            depth = depth.max(x.min(y).min(width - 1 - x).min(height - 1 - y));
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
                let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else {
                    continue;
                };
                let other = y * width + x;
                if x < width && y < height && skin[other] && !seen[other] {
                    seen[other] = true;
                    patch.push(other);
                }
            }
        }
        let is_finger = depth as f32 >= longer * FINGER_DEPTH_MIN
            && crossing as f32 <= longer * FINGER_WIDTH_MAX
            && crossing >= 3;
        covered += if is_finger { patch.len() } else { 0 };
    }
    covered as f32 / skin.len() as f32
}

/// Whether a colour is skin under a light in which paper has this colour. Skin throws back more red than green and
/// more green than blue, and neither as little as red ink does.
fn is_skin(colour: [u8; 3], paper: [u8; 3]) -> bool {
    let [r, g, b] = [0, 1, 2].map(|c| f32::from(colour[c]) / f32::from(paper[c].max(1)));
    (0.32..1.05).contains(&r)
        && (0.52..0.90).contains(&(g / r))
        && (0.36..0.86).contains(&(b / r))
        && b <= g * 1.03
}

/// How much of the shorter side is missing at the worst corner, as a share of that side.
pub(crate) fn corner_missing(glance: &Glance) -> f32 {
    let shorter = glance.width.min(glance.height);
    let missing = |corner: usize| {
        CORNER_LEGS.into_iter().find(|leg| {
            let cells = (shorter as f32 * leg) as usize;
            cells >= 6 && 2 * cells <= shorter && is_cut_off(glance, corner, cells)
        })
    };
    (0..4).filter_map(missing).fold(0.0, f32::max)
}

/// Whether the triangle with legs of so many cells at a corner shows something else than the page.
fn is_cut_off(glance: &Glance, corner: usize, leg: usize) -> bool {
    let (width, height) = (glance.width, glance.height);
    let (is_right, is_low) = (corner % 2 == 1, corner / 2 == 1);
    let inner = |is_far: bool, size: usize| if is_far { size - 2 * leg..size - leg } else { leg..2 * leg };
    let paper = glance.median(inner(is_right, width), inner(is_low, height));
    let (mut gone, mut corner_cells, mut there, mut page_cells) = (0, 0, 0, 0);
    for y in 0..leg {
        for x in 0..leg {
            let column = if is_right { width - 1 - x } else { x };
            let row = if is_low { height - 1 - y } else { y };
            let is_paper = is_alike(glance.colours[row * width + column], paper);
            if x + y + 2 < leg {
                corner_cells += 1;
                gone += usize::from(!is_paper);
            } else if x + y > leg + 1 {
                page_cells += 1;
                there += usize::from(is_paper);
            }
        }
    }
    gone as f32 >= corner_cells as f32 * NOT_PAPER_SHARE && there as f32 >= page_cells as f32 * PAPER_SHARE
}

fn is_alike(colour: [u8; 3], paper: [u8; 3]) -> bool {
    let by_tint = (0..3).map(|c| colour[c].abs_diff(paper[c])).max().unwrap_or(0);
    by_tint < PAPER_DIFFERENCE && luma(colour).abs_diff(luma(paper)) < PAPER_DIFFERENCE
}
