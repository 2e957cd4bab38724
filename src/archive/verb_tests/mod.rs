//! Tests of the verbs over the built-in stores, and over stores that fail.

mod auditing;
mod concurrency;
mod crashes;
mod damage;
mod erasure;
mod export;
mod faulty;
mod filing;
mod half_forgotten;
mod ingesting;
mod inventory;
mod opening;
pub(crate) mod papers;
mod privacy;
mod refiling;
mod staging;
mod stress;
mod versions;
mod world;
