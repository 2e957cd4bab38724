//! From a region to the four-sided figure around it.

use yidang_model::Quad;

use crate::geometry::{Line, Point, cross, minus, signed_area};
use crate::regions::Mask;

/// The four-sided figure that hugs the region most closely, clockwise, and the region's area in pixels; `None`
/// where the region is too thin to have one.
pub(crate) fn quad_of_region(region: &Mask) -> Option<(Quad, f32)> {
    let mut outline = Vec::new();
    let mut area = 0.0;
    for (y, row) in region.bits.chunks_exact(region.width).enumerate() {
        let (Some(first), Some(last)) = (row.iter().position(|b| *b), row.iter().rposition(|b| *b)) else {
            continue;
        };
        area += row.iter().filter(|b| **b).count() as f32;
        for (x, y) in [(first, y), (first, y + 1), (last + 1, y), (last + 1, y + 1)] {
            outline.push([x as f32, y as f32]);
        }
    }
    let hull = convex_hull(outline);
    let quad = four_sides(hull)?;
    Some((quad, area))
}

/// Clockwise on the screen (y down). Andrew's monotone chain.
fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
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

/// Takes sides away one by one, each time the one whose neighbours, made longer until they meet, add the least
/// area, until four are left.
fn four_sides(mut hull: Vec<Point>) -> Option<Quad> {
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
