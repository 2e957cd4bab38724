//! From points to the figure around them: its hull, its straight stretches, four sides.

use yidang_model::Quad;

use crate::geometry::{Line, Point, cross, distance, minus, signed_area};

/// The stretches of a hull that are straight to `tolerance` pixels, as their ends (Douglas and Peucker).
pub(crate) fn straight_stretches(hull: &[Point], tolerance: f32) -> Vec<[Point; 2]> {
    let Some(first) = hull.first() else { return Vec::new() };
    let from_first = |i: &usize| distance(hull[*i], *first);
    let far = (0..hull.len()).max_by(|a, b| from_first(a).total_cmp(&from_first(b))).unwrap_or(0);
    let round: Vec<Point> = hull.iter().chain([first]).copied().collect();
    let mut kept = vec![*first];
    keep_between(&round[..=far], tolerance, &mut kept);
    keep_between(&round[far..], tolerance, &mut kept);
    kept.windows(2).map(|ends| [ends[0], ends[1]]).collect()
}

/// Keeps of a run of points those that leave the straight way; its last one too, its first was kept before.
fn keep_between(run: &[Point], tolerance: f32, kept: &mut Vec<Point>) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let off = |p: &Point| {
        let way = minus(*last, *first);
        cross(way, minus(*p, *first)).abs() / distance(*first, *last).max(f32::EPSILON)
    };
    let farthest = (1..run.len().saturating_sub(1)).max_by(|a, b| off(&run[*a]).total_cmp(&off(&run[*b])));
    match farthest.filter(|i| off(&run[*i]) > tolerance) {
        Some(i) => {
            keep_between(&run[..=i], tolerance, kept);
            keep_between(&run[i..], tolerance, kept);
        }
        None => kept.push(*last),
    }
}

/// Clockwise on the screen (y down). Andrew's monotone chain.
pub(crate) fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let mut hull: Vec<Point> = Vec::new();
    let mut half = |points: &mut dyn Iterator<Item = Point>| {
        let start = hull.len();
        for point in points {
            while hull.len() >= start + 2 {
                let (a, b) = (hull[hull.len() - 2], hull[hull.len() - 1]);
                if cross(minus(b, a), minus(point, b)) > 0.0 {
                    break;
                }
                hull.pop();
            }
            hull.push(point);
        }
        // Each half ends where the other starts.
        hull.pop();
    };
    half(&mut points.iter().copied());
    half(&mut points.iter().rev().copied());
    hull
}

/// The four-sided figure that hugs a hull most closely, clockwise; `None` where it is too thin to have one. Takes sides
/// away one by one, each time the one whose neighbours, made longer until they meet, add the least area.
pub(crate) fn quad_around(mut hull: Vec<Point>) -> Option<Quad> {
    while hull.len() > 4 {
        let count = hull.len();
        let without = |i: usize| {
            let [a, b, c, d] =
                [hull[(i + count - 1) % count], hull[i], hull[(i + 1) % count], hull[(i + 2) % count]];
            let corner = Line::through(a, b)?.meet(&Line::through(d, c)?)?;
            let added = signed_area(&[b, corner, c]);
            (added >= 0.0).then_some((added, i, corner))
        };
        let (_, i, corner) = (0..count).filter_map(without).min_by(|a, b| a.0.total_cmp(&b.0))?;
        hull[i] = corner;
        hull.remove((i + 1) % count);
    }
    hull.try_into().ok().filter(|quad: &Quad| signed_area(quad) > 0.0)
}
