//! The light that falls on the desk.

/// A lamp over the desk.
#[derive(Clone, Debug)]
pub(crate) struct Light {
    /// Where the lamp hangs, in desk millimetres.
    pub(crate) lamp_mm: [f32; 3],
    /// Share of the light that comes from everywhere.
    pub(crate) ambient: f32,
    /// Overall gain.
    pub(crate) exposure: f32,
    /// Gain of red and of blue against green.
    pub(crate) tint: [f32; 2],
    /// A wide soft shadow of the camera's arm: strength, direction, place.
    pub(crate) arm_shadow: [f32; 3],
    /// Shadows with an edge, of an arm or a head over the desk.
    pub(crate) bands: Vec<Band>,
    /// Reflections of lamps: place, radius in millimetres, strength.
    pub(crate) glare: Vec<([f32; 2], f32, f32)>,
}

/// A dark band across the desk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    pub(crate) direction: f32,
    pub(crate) place_mm: f32,
    pub(crate) half_width_mm: f32,
    /// How wide the edge of the shadow is.
    pub(crate) soft_mm: f32,
    pub(crate) strength: f32,
}

impl Light {
    /// Light that falls on a point of the desk.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let [lx, ly, lz] = self.lamp_mm;
        let direct = |x: f32, y: f32| lz.powi(3) / ((x - lx).powi(2) + (y - ly).powi(2) + lz * lz).powf(1.5);
        let lamp = direct(x, y) / direct(0.0, 0.0);
        let [strength, direction, place] = self.arm_shadow;
        let (sin, cos) = direction.sin_cos();
        let across = x * cos + y * sin - place;
        let arm = strength * (-(across / 70.0).powi(2)).exp();
        let vignette = 1.0 - 0.16 * (x * x + y * y) / (260.0 * 260.0);
        let open = self.bands.iter().map(|band| band.open(x, y)).product::<f32>();
        let lit = self.ambient + (1.0 - self.ambient) * lamp;
        self.exposure * lit * (1.0 - arm) * vignette.max(0.3) * open
    }

    /// Light that a lamp's reflection adds.
    pub(crate) fn glare_at(&self, x: f32, y: f32) -> f32 {
        let spot = |([gx, gy], radius, strength): &([f32; 2], f32, f32)| {
            strength * (-((x - gx).powi(2) + (y - gy).powi(2)) / (radius * radius)).exp()
        };
        self.glare.iter().map(spot).sum()
    }
}

impl Band {
    fn open(&self, x: f32, y: f32) -> f32 {
        let (sin, cos) = self.direction.sin_cos();
        let outside = (x * cos + y * sin - self.place_mm).abs() - self.half_width_mm;
        1.0 - self.strength * (0.5 - outside / self.soft_mm).clamp(0.0, 1.0)
    }
}
