//! What else lies on a desk, or reaches over it: fingers, pens, cables, boxes, cups.

/// A thing seen from above; colours are sRGB.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    shape: Shape,
    colour: [f32; 3],
    /// How far it stands off what it lies on: the width of its shadow.
    tall_mm: f32,
    /// Lies over the papers; otherwise under them, on the mat.
    pub(crate) over: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    /// A bent stroke with round ends, by its points and half its width.
    Stroke(Vec<[f32; 2]>, f32),
    /// A box with its middle, half its sides and its turn.
    Block([f32; 2], [f32; 2], f32),
}

impl Thing {
    pub(crate) fn stroke(points: Vec<[f32; 2]>, radius_mm: f32, colour: [f32; 3], over: bool) -> Self {
        Self { shape: Shape::Stroke(points, radius_mm), colour, tall_mm: radius_mm * 1.6, over }
    }

    pub(crate) fn block(middle: [f32; 2], half: [f32; 2], turn: f32, colour: [f32; 3]) -> Self {
        Self { shape: Shape::Block(middle, half, turn), colour, tall_mm: 6.0, over: false }
    }

    /// Millimetres from a point of the desk to the thing, negative inside.
    pub(crate) fn distance(&self, x: f32, y: f32) -> f32 {
        match &self.shape {
            Shape::Stroke(points, radius) => {
                let pairs = points.windows(2).map(|pair| to_segment([x, y], pair[0], pair[1]));
                pairs.fold(f32::MAX, f32::min) - radius
            }
            Shape::Block(middle, half, turn) => {
                let (sin, cos) = turn.sin_cos();
                let (dx, dy) = (x - middle[0], y - middle[1]);
                let (u, v) = ((dx * cos + dy * sin).abs() - half[0], (dy * cos - dx * sin).abs() - half[1]);
                u.max(0.0).hypot(v.max(0.0)) + u.max(v).min(0.0)
            }
        }
    }

    /// Its colour, darker towards a rounded rim, at a distance that is negative.
    pub(crate) fn colour(&self, distance: f32) -> [f32; 3] {
        let round = match self.shape {
            Shape::Stroke(_, radius) => 1.0 - 0.45 * (1.0 + distance / radius).clamp(0.0, 1.0).powi(2),
            Shape::Block(..) => 1.0,
        };
        self.colour.map(|c| c * round)
    }

    /// Share of the light it keeps from a point at this distance.
    pub(crate) fn shadow(&self, distance: f32) -> f32 {
        0.45 * (-distance.max(0.0) / self.tall_mm).exp()
    }
}

fn to_segment(p: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let t = (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
    (p[0] - a[0] - t * dx).hypot(p[1] - a[1] - t * dy)
}
