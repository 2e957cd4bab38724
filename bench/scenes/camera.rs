//! A pinhole above the desk, a little tilted, with a little lens distortion.

/// Desk coordinates are millimetres with y towards the person at the desk; the desk is the plane z = 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    /// Pixels across and down.
    pub(crate) size: [usize; 2],
    centre: [f32; 3],
    /// Rows: the picture's x, its y, and the view, in desk coordinates.
    axes: [[f32; 3]; 3],
    focal_px: f32,
    /// Radial term, by the squared distance from the middle in half-diagonals.
    distortion: f32,
}

/// Where the camera stands and what it sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stand {
    /// Pixels across and down.
    pub(crate) size: [usize; 2],
    /// Millimetres of desk across the middle of the picture.
    pub(crate) field_mm: f32,
    /// Millimetres above the desk.
    pub(crate) height_mm: f32,
    /// How far the camera stands off the middle of what it looks at, x and y, in millimetres.
    pub(crate) offset_mm: [f32; 2],
    /// Radial distortion at the picture's corner.
    pub(crate) distortion: f32,
}

impl Camera {
    /// A camera on this stand that looks at the desk's origin.
    pub(crate) fn new(stand: Stand) -> Self {
        let centre = [stand.offset_mm[0], stand.offset_mm[1], stand.height_mm];
        let distance = dot(centre, centre).sqrt();
        let view = centre.map(|c| -c / distance);
        let right = unit(cross([0.0, -1.0, 0.0], view));
        let down = cross(view, right);
        let down = if down[1] < 0.0 { down.map(|c| -c) } else { down };
        let focal_px = stand.size[0] as f32 * distance / stand.field_mm;
        Self { size: stand.size, centre, axes: [right, down, view], focal_px, distortion: stand.distortion }
    }

    /// The same view with this many pixels along the longer side.
    pub(crate) fn scaled_to(self, side_px: usize) -> Self {
        let longer = self.size[0].max(self.size[1]);
        let scale = side_px as f32 / longer as f32;
        Self { size: self.size.map(|s| s * side_px / longer), focal_px: self.focal_px * scale, ..self }
    }

    fn half_diagonal(&self) -> f32 {
        (self.size[0] as f32).hypot(self.size[1] as f32) / 2.0
    }

    /// The point of the desk seen at a point of the picture.
    pub(crate) fn desk(&self, x: f32, y: f32) -> [f32; 2] {
        let (dx, dy) = (x - self.size[0] as f32 / 2.0, y - self.size[1] as f32 / 2.0);
        let r = dx.hypot(dy) / self.half_diagonal();
        let straight = 1.0 + self.distortion * r * r;
        let (u, v) = (dx * straight / self.focal_px, dy * straight / self.focal_px);
        let [right, down, view] = self.axes;
        let ray: [f32; 3] = std::array::from_fn(|i| right[i] * u + down[i] * v + view[i]);
        let t = -self.centre[2] / ray[2];
        [self.centre[0] + ray[0] * t, self.centre[1] + ray[1] * t]
    }

    /// The point of the picture where a point of the desk is seen.
    pub(crate) fn picture(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let from = [x - self.centre[0], y - self.centre[1], -self.centre[2]];
        let depth = dot(from, self.axes[2]);
        let u = dot(from, self.axes[0]) / depth * self.focal_px;
        let v = dot(from, self.axes[1]) / depth * self.focal_px;
        let (mut dx, mut dy) = (u, v);
        for _ in 0..20 {
            let r = dx.hypot(dy) / self.half_diagonal();
            let straight = 1.0 + self.distortion * r * r;
            (dx, dy) = (u / straight, v / straight);
        }
        [dx + self.size[0] as f32 / 2.0, dy + self.size[1] as f32 / 2.0]
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: [f32; 3]) -> [f32; 3] {
    let length = dot(a, a).sqrt();
    a.map(|c| c / length)
}
