//! Tests of the verbs over the built-in stores, and over stores that fail.

mod faulty;
pub(crate) mod papers;
mod staging;
mod world;
