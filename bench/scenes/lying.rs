//! A paper that lies on the desk.

use crate::papers::Paper;
use crate::random::smooth_noise;

/// A paper and how it lies: the desk point of its middle, and its clockwise turn in radians.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lying {
    pub(crate) paper: Paper,
    pub(crate) middle_mm: [f32; 2],
    pub(crate) turn: f32,
    /// How far its edges stand off the desk: the length of the shadow.
    pub(crate) lift_mm: f32,
    /// Folded in three once, and flattened.
    pub(crate) folded: bool,
    /// How far the middles of the top, right, bottom and left side bulge outwards, as curled paper seen from
    /// above does.
    pub(crate) bow_mm: [f32; 4],
}

impl Lying {
    pub(crate) fn on_desk(&self, u: f32, v: f32) -> [f32; 2] {
        let (sin, cos) = self.turn.sin_cos();
        [self.middle_mm[0] + u * cos - v * sin, self.middle_mm[1] + u * sin + v * cos]
    }

    pub(crate) fn on_sheet(&self, x: f32, y: f32) -> [f32; 2] {
        let (sin, cos) = self.turn.sin_cos();
        let (dx, dy) = (x - self.middle_mm[0], y - self.middle_mm[1]);
        [dx * cos + dy * sin, dy * cos - dx * sin]
    }

    /// The corners on the desk, clockwise from the paper's own top-left.
    pub(crate) fn corners_mm(&self) -> [[f32; 2]; 4] {
        let [w, h] = self.paper.size_mm();
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(x, y)| self.on_desk(x * w / 2.0, y * h / 2.0))
    }

    /// How far a point of the sheet lies outside it, `[u, v]`; both at most zero inside.
    pub(crate) fn outside(&self, [u, v]: [f32; 2], [half_w, half_h]: [f32; 2]) -> [f32; 2] {
        let bulge = |along: f32| (1.0 - along * along).max(0.0);
        let [top, right, bottom, left] = self.bow_mm;
        let (across, down) = (bulge(v / half_h), bulge(u / half_w));
        let du = (u - half_w - right * across).max(-u - half_w - left * across);
        let dv = (v - half_h - bottom * down).max(-v - half_h - top * down);
        [du, dv]
    }

    /// How the waves and folds of the paper catch the light.
    pub(crate) fn shading(&self, u: f32, v: f32, half_w: f32, half_h: f32, seed: u32) -> f32 {
        let wave = 0.03 * smooth_noise(u * 0.011 + 3.0, v * 0.008, seed ^ 0x51);
        let mut shade = 1.0 + wave * (1.0 + self.lift_mm * 0.3);
        if self.folded {
            for (place, sign) in [(-half_h / 3.0, 1.0), (half_h / 3.0, -1.0)] {
                let away = v - place;
                shade += sign * 0.055 * (-away.abs() / 16.0).exp() * away.signum();
                shade -= 0.10 * (-(away / 0.45).powi(2)).exp();
            }
        }
        // The cut edge is a little darker where it curls down and away from the lamp.
        let rim = (half_w - u.abs()).min(half_h - v.abs());
        shade - 0.05 * (-rim.max(0.0) / 0.5).exp()
    }

    /// Share of the light that the paper keeps from a point beside it: a cast shadow away from the lamp,
    /// and a narrow dark seam all around.
    pub(crate) fn shadow(&self, lamp_mm: [f32; 3], ambient: f32, [x, y]: [f32; 2], half: [f32; 2]) -> f32 {
        let [lx, ly, lz] = lamp_mm;
        let (sx, sy) = ((x - lx) / lz * self.lift_mm, (y - ly) / lz * self.lift_mm);
        let outside = |x: f32, y: f32| {
            let [du, dv] = self.outside(self.on_sheet(x, y), half);
            du.max(0.0).hypot(dv.max(0.0))
        };
        let beside = outside(x, y);
        if beside > 12.0 * (1.0 + self.lift_mm) {
            return 0.0;
        }
        let wide = 0.8 + self.lift_mm;
        let cast = 1.0 - (outside(x - sx * 1.8, y - sy * 1.8) / wide).min(1.0);
        let seam = (-beside / (0.5 + 0.5 * self.lift_mm)).exp();
        (cast * cast * 0.5 * (1.0 - ambient * 0.6) + seam * 0.28).min(0.75)
    }
}
