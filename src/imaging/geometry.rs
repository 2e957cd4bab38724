//! Points, lines and quadrilaterals of the plane.

use yidang_model::Quad;

pub(crate) type Point = [f32; 2];

pub(crate) fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

/// The point `t` of the way from `a` to `b`.
pub(crate) fn between(a: Point, b: Point, t: f32) -> Point {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
}

pub(crate) fn cross(a: Point, b: Point) -> f32 {
    a[0] * b[1] - a[1] * b[0]
}

pub(crate) fn distance(a: Point, b: Point) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Twice-counted corners would make it positive when they run clockwise on the screen.
pub(crate) fn signed_area(corners: &[Point]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(a, b)| cross(*a, *b)).sum::<f32>() / 2.0
}

/// Whether the corners run clockwise (y down) around a convex figure.
pub(crate) fn is_convex_clockwise(quad: &Quad) -> bool {
    (0..4).all(|i| {
        let (a, b, c) = (quad[i], quad[(i + 1) % 4], quad[(i + 2) % 4]);
        cross(minus(b, a), minus(c, b)) > 0.0
    })
}

/// Area that two convex clockwise figures share (Sutherland and Hodgman's clipping).
pub(crate) fn shared_area(a: &Quad, b: &Quad) -> f32 {
    let mut shared = a.to_vec();
    for i in 0..4 {
        let (from, to) = (b[i], b[(i + 1) % 4]);
        let inside = |p: Point| cross(minus(to, from), minus(p, from));
        let mut kept = Vec::with_capacity(shared.len() + 1);
        for (j, p) in shared.iter().enumerate() {
            let q = shared[(j + 1) % shared.len()];
            let (at_p, at_q) = (inside(*p), inside(q));
            if at_p >= 0.0 {
                kept.push(*p);
            }
            if (at_p > 0.0 && at_q < 0.0) || (at_p < 0.0 && at_q > 0.0) {
                kept.push(between(*p, q, at_p / (at_p - at_q)));
            }
        }
        shared = kept;
    }
    signed_area(&shared)
}

/// Area that two convex clockwise figures share, as a share of what they cover together: 1 for the same figure.
pub fn intersection_over_union(a: &Quad, b: &Quad) -> f32 {
    let shared = shared_area(a, b);
    shared / (signed_area(a) + signed_area(b) - shared)
}

/// A straight line: a point on it and its direction, of length one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) point: Point,
    pub(crate) direction: Point,
}

impl Line {
    /// The line through two points; `None` where they coincide.
    pub(crate) fn through(a: Point, b: Point) -> Option<Self> {
        let length = distance(a, b);
        (length > f32::EPSILON).then(|| Self { point: a, direction: minus(b, a).map(|v| v / length) })
    }

    /// Where two lines meet; `None` where they are as good as parallel.
    pub(crate) fn meet(&self, other: &Self) -> Option<Point> {
        let sine = cross(self.direction, other.direction);
        if sine.abs() < 1e-3 {
            return None;
        }
        let t = cross(minus(other.point, self.point), other.direction) / sine;
        Some([self.point[0] + self.direction[0] * t, self.point[1] + self.direction[1] * t])
    }
}

/// A projective map of the plane, row by row, the last number 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Homography([f64; 9]);

impl Homography {
    /// The map that takes the unit square's corners (0,0), (1,0), (1,1), (0,1) to the quad's; `None` for a
    /// quad that is no convex figure.
    pub(crate) fn from_unit_square(quad: &Quad) -> Option<Self> {
        let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = quad.map(|p| p.map(f64::from));
        let (dx1, dx2, sx) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
        let (dy1, dy2, sy) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
        let det = dx1 * dy2 - dx2 * dy1;
        if det.abs() < 1e-9 {
            return None;
        }
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        Some(Self([
            x1 - x0 + g * x1,
            x3 - x0 + h * x3,
            x0,
            y1 - y0 + g * y1,
            y3 - y0 + h * y3,
            y0,
            g,
            h,
            1.0,
        ]))
    }

    /// The map's nine numbers, row by row.
    pub(crate) fn matrix(&self) -> [f64; 9] {
        self.0
    }

    /// Where a point of the unit square goes.
    #[cfg(test)]
    pub(crate) fn apply(&self, u: f64, v: f64) -> Point {
        let m = &self.0;
        let w = m[6] * u + m[7] * v + m[8];
        [((m[0] * u + m[1] * v + m[2]) / w) as f32, ((m[3] * u + m[4] * v + m[5]) / w) as f32]
    }

    /// Width over height of the rectangle of which this is the view through a camera whose axis meets the
    /// picture at `centre`; `None` where the view is too flat to tell (opposite sides parallel) or impossible.
    ///
    /// The two columns of the map are the rectangle's axes seen by the camera: they stand at right angles in
    /// space, which gives the focal length, and their lengths then give the sides.
    pub(crate) fn aspect(&self, centre: [f64; 2]) -> Option<f64> {
        let m = &self.0;
        let column = |i: usize| {
            let w = m[6 + i];
            [m[i] - centre[0] * w, m[3 + i] - centre[1] * w, w]
        };
        let (a, b) = (column(0), column(1));
        let flat = a[2] * b[2];
        let size = (a[0].hypot(a[1]) * b[0].hypot(b[1])).max(1.0);
        let diagonal = 2.0 * centre[0].hypot(centre[1]);
        // Below this the focal length is ruled by a pixel's error in a corner.
        if flat.abs() * diagonal * diagonal < size * 0.01 {
            return None;
        }
        let focal_squared = -(a[0] * b[0] + a[1] * b[1]) / flat;
        let plausible = (0.4 * diagonal).powi(2)..(6.0 * diagonal).powi(2);
        if !plausible.contains(&focal_squared) {
            return None;
        }
        let length = |c: [f64; 3]| ((c[0] * c[0] + c[1] * c[1]) / focal_squared + c[2] * c[2]).sqrt();
        Some(length(a) / length(b))
    }
}
