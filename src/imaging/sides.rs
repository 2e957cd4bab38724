//! Measures how much the sides of a figure look like a sheet's.

use crate::candidates::Candidate;
use crate::edges::dot;
use crate::geometry::{Point, between, distance};
use crate::picture::Pixels;

/// Places along a side that are looked at.
const PLACES: usize = 32;
/// The ends of a side are left out, as a share of it.
const END_SHARE: f32 = 0.05;
/// Where a side is looked at, in pixels outwards.
const OFFSETS_PX: [f32; 8] = [-5.5, -3.0, -1.5, 1.5, 3.0, 5.5, 9.0, 13.0];
/// Below this many levels a step cannot be told from noise.
const STEP_MIN: f32 = 3.5;

/// What [`Measures`] holds, by place.
pub(crate) const COUNT: usize = 14;

/// Where among the measures the mean share of the step stands that is still there some way off a side.
pub(crate) const LASTING: usize = 5;

/// Numbers that tell a sheet from anything else, each about 0 to 1.
pub(crate) type Measures = [f32; COUNT];

type Colour = [f32; 3];

/// One side, as the pixels along it show it.
struct Seen {
    /// Colour step from inside to outside close to the side, its direction and height.
    axis: Colour,
    height: f32,
    /// Share of the places with a clear step of that kind.
    support: f32,
    /// How much of the step is still there some way off: 1 for two surfaces, 0 for a printed line.
    lasting: f32,
    /// Medians of the colour inside and some way outside.
    inside: Colour,
    outside: Colour,
    /// Support just past the corners, where a sheet has none.
    overrun: f32,
}

/// The measures of a figure in the small picture.
pub(crate) fn measure(picture: &impl Pixels, candidate: &Candidate) -> Measures {
    let all: [Option<Seen>; 4] = std::array::from_fn(|i| side(picture, candidate, i));
    let of_rim = |i: &usize| candidate.rims[*i];
    let seen: Vec<&Seen> = (0..4).filter(|i| !of_rim(i)).filter_map(|i| all[i].as_ref()).collect();
    if seen.len() < 2 {
        return [0.0; COUNT];
    }
    let count = seen.len() as f32;
    let mean = |of: &dyn Fn(&Seen) -> f32| seen.iter().map(|s| of(s)).sum::<f32>() / count;
    let least = |of: &dyn Fn(&Seen) -> f32| seen.iter().map(|s| of(s)).fold(f32::MAX, f32::min);
    let most = |of: &dyn Fn(&Seen) -> f32| seen.iter().map(|s| of(s)).fold(f32::MIN, f32::max);
    let apart = |of: &dyn Fn(&Seen) -> Colour, among: &[&Seen]| {
        let pairs = among.iter().flat_map(|a| among.iter().map(move |b| (of(a), of(b))));
        pairs.map(|(a, b)| length(minus(a, b))).fold(0.0, f32::max)
    };
    // Where the frame cuts a sheet, the sheet reaches the frame: that side's inside counts too.
    let with_rims: Vec<&Seen> = all.iter().flatten().collect();
    let whiter = |s: &Seen| least_of(s.inside) - least_of(s.outside);
    let brighter = |s: &Seen| (s.axis[0] + s.axis[1] + s.axis[2]).signum();
    let quad = &candidate.quad;
    let size = picture.width() as f32 * picture.height() as f32;
    let share = (crate::geometry::signed_area(quad) / size).clamp(1e-3, 1.0);
    [
        least(&|s| s.support),
        mean(&|s| s.support),
        (least(&|s| s.height) / 30.0).clamp(0.0, 1.0).sqrt(),
        (mean(&|s| s.height) / 60.0).clamp(0.0, 1.0).sqrt(),
        least(&|s| s.lasting),
        mean(&|s| s.lasting),
        (least(&|s| length(minus(s.inside, s.outside))) / 40.0).min(1.0),
        (apart(&|s| s.inside, &with_rims) / 60.0).min(1.5),
        (apart(&|s| s.outside, &seen) / 60.0).min(1.5),
        mean(&|s| s.overrun),
        most(&|s| s.overrun),
        (share.ln() + 4.5) / 4.5,
        (mean(&whiter) / 80.0).clamp(-1.0, 1.0),
        mean(&brighter).abs(),
    ]
}

fn side(picture: &impl Pixels, candidate: &Candidate, i: usize) -> Option<Seen> {
    let (from, to) = (candidate.quad[i], candidate.quad[(i + 1) % 4]);
    let along = distance(from, to).max(1.0);
    let outward = [(to[1] - from[1]) / along, -(to[0] - from[0]) / along];
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let is_inside = |p: &Point| (0.0..width).contains(&p[0]) && (0.0..height).contains(&p[1]);
    let step = (1.0 - 2.0 * END_SHARE) / (PLACES - 1) as f32;
    let places: Vec<[Colour; 8]> = (0..PLACES)
        .map(|k| between(from, to, END_SHARE + step * k as f32))
        .filter(is_inside)
        .map(|place| OFFSETS_PX.map(|out| at(picture, place, outward, out)))
        .collect();
    if places.len() < PLACES / 5 {
        return None;
    }
    let near = |p: &[Colour; 8]| scaled(minus(plus(p[1], p[2]), plus(p[3], p[4])), 0.5);
    let far = |p: &[Colour; 8]| minus(p[0], p[6]);
    let axis = median_colour(&places, near);
    let tall = length(axis);
    let axis = scaled(axis, 1.0 / tall.max(1e-3));
    let enough = (tall * 0.4).max(STEP_MIN);
    let clear = places.iter().filter(|p| dot(near(p), axis) > enough).count();
    let lasting = dot(median_colour(&places, far), axis) / tall.max(1.0);
    let mut overrun = 0.0;
    for (corner, away) in [(from, -1.0), (to, 1.0)] {
        let past = |k: f32| {
            let t = away * (4.0 + k * (along * 0.02).clamp(1.5, 5.0)) / along;
            [corner[0] + (to[0] - from[0]) * t, corner[1] + (to[1] - from[1]) * t]
        };
        let beyond: Vec<Point> = (0..6).map(|k| past(k as f32)).filter(is_inside).collect();
        let goes_on = beyond.iter().filter(|p| {
            let step = minus(at(picture, **p, outward, -2.0), at(picture, **p, outward, 2.0));
            dot(step, axis) > enough
        });
        overrun += goes_on.count() as f32 / 12.0;
    }
    Some(Seen {
        axis,
        height: tall,
        support: clear as f32 / places.len() as f32,
        lasting: lasting.clamp(-0.5, 1.2),
        inside: median_colour(&places, |p| scaled(plus(p[0], p[1]), 0.5)),
        outside: median_colour(&places, |p| scaled(plus(p[6], p[7]), 0.5)),
        overrun,
    })
}

fn at(picture: &impl Pixels, place: Point, outward: Point, out: f32) -> Colour {
    picture.sample(place[0] + outward[0] * out, place[1] + outward[1] * out)
}

fn median_colour(places: &[[Colour; 8]], of: impl Fn(&[Colour; 8]) -> Colour) -> Colour {
    let colours: Vec<Colour> = places.iter().map(of).collect();
    std::array::from_fn(|c| {
        let mut values: Vec<f32> = colours.iter().map(|colour| colour[c]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    })
}

fn plus(a: Colour, b: Colour) -> Colour {
    std::array::from_fn(|c| a[c] + b[c])
}

fn minus(a: Colour, b: Colour) -> Colour {
    std::array::from_fn(|c| a[c] - b[c])
}

fn scaled(a: Colour, by: f32) -> Colour {
    a.map(|v| v * by)
}

fn length(a: Colour) -> f32 {
    dot(a, a).sqrt()
}

fn least_of(a: Colour) -> f32 {
    a[0].min(a[1]).min(a[2])
}
