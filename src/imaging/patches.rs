//! Patches of a picture that are page, as the [net](crate::net) sees it.

use yidang_model::Quad;

use crate::geometry::{Point, signed_area};
use crate::hull::{convex_hull, quad_around};
use crate::net::{Of, Sightings};

/// Places at least this likely are page.
const PAGE_MIN: f32 = 0.5;
/// A patch of fewer places is none.
const PATCH_PLACES_MIN: usize = 24;
/// A patch fills at least this share of its four-sided outline, or it is no page.
const FILL_MIN: f32 = 0.72;

/// A patch of the picture that is page.
pub(crate) struct Patch {
    /// In pixels of the picture.
    pub(crate) hull: Vec<Point>,
    area: f32,
}

impl Patch {
    /// The least and the largest coordinates of its hull.
    pub(crate) fn bounds(&self) -> [Point; 2] {
        let of = |c: usize| self.hull.iter().map(move |p| p[c]);
        let (least, most) = (|c| of(c).fold(f32::MAX, f32::min), |c| of(c).fold(f32::MIN, f32::max));
        [[least(0), least(1)], [most(0), most(1)]]
    }

    /// Its four-sided outline, if it is about as large.
    pub(crate) fn outline(&self) -> Option<Quad> {
        quad_around(self.hull.clone()).filter(|quad| self.area > FILL_MIN * signed_area(quad))
    }
}

/// The patches of page, the largest first.
pub(crate) fn patches(seen: &Sightings) -> Vec<Patch> {
    let [width, height] = seen.size;
    let page = seen.all(Of::Page);
    let mut patch_of = vec![0_usize; page.len()];
    let mut found: Vec<Patch> = Vec::new();
    for start in 0..page.len() {
        if patch_of[start] != 0 || page[start] < PAGE_MIN {
            continue;
        }
        let number = start + 1;
        patch_of[start] = number;
        let mut patch = vec![start];
        let mut next = 0;
        while let Some(place) = patch.get(next).copied() {
            next += 1;
            let (x, y) = (place % width, place / width);
            let neighbours = [
                (x > 0).then(|| place - 1),
                (x + 1 < width).then_some(place + 1),
                (y > 0).then(|| place - width),
                (y + 1 < height).then_some(place + width),
            ];
            for near in neighbours.into_iter().flatten() {
                if patch_of[near] == 0 && page[near] >= PAGE_MIN {
                    patch_of[near] = number;
                    patch.push(near);
                }
            }
        }
        if patch.len() >= PATCH_PLACES_MIN {
            let hull = convex_hull(rim_of(seen, &patch, |place| patch_of[place] == number));
            found.push(Patch { hull, area: patch.len() as f32 * seen.cell[0] * seen.cell[1] });
        }
    }
    found.sort_by(|a, b| b.area.total_cmp(&a.area));
    found
}

/// The points of a patch's rim, in pixels of the picture: between the middles of its outermost places and their
/// neighbours outside, where the likelihood passes [`PAGE_MIN`].
fn rim_of(seen: &Sightings, patch: &[usize], is_in: impl Fn(usize) -> bool) -> Vec<Point> {
    let [width, height] = seen.size;
    let page = seen.all(Of::Page);
    let mut points = Vec::new();
    for place in patch.iter().copied() {
        let (x, y) = (place % width, place / width);
        let mut add = |outside: Option<usize>, [dx, dy]: [f32; 2]| {
            if outside.is_some_and(&is_in) {
                return;
            }
            // The picture's own rim is half a place from the middle of its last one.
            let far = outside.map_or(0.5, |outside| {
                let (here, there) = (page[place], page[outside].min(PAGE_MIN));
                (here - PAGE_MIN) / (here - there).max(1e-3)
            });
            let at = [x as f32 + 0.5 + dx * far, y as f32 + 0.5 + dy * far];
            points.push(std::array::from_fn(|c| seen.origin[c] + at[c] * seen.cell[c]));
        };
        add((x > 0).then(|| place - 1), [-1.0, 0.0]);
        add((x + 1 < width).then_some(place + 1), [1.0, 0.0]);
        add((y > 0).then(|| place - width), [0.0, -1.0]);
        add((y + 1 < height).then_some(place + width), [0.0, 1.0]);
    }
    points
}
