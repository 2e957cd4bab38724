//! The worker with a real archive, against a repository that misbehaves.

mod asking;
mod courier;
mod enrolling;
mod faults;
mod forgetting;
mod originals;
mod refiling;
mod repository;
mod sending;
mod window;
