//! Tests of the verbs over the built-in stores, and over stores that fail.

mod auditing;
mod concurrency;
mod copies;
mod crashes;
mod damage;
mod erasure;
mod export;
mod faulty;
mod filing;
mod half_forgotten;
mod holds;
mod ingesting;
mod inventory;
mod opening;
mod originals;
pub(crate) mod papers;
mod privacy;
mod recovery;
mod refiling;
mod salvage;
mod salvage_crashes;
mod scrubbing;
mod staging;
mod stress;
mod suites;
mod versions;
mod world;
