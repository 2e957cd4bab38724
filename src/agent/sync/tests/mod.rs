//! The worker with a real archive, against a repository that misbehaves.

mod asking;
mod faults;
mod forgetting;
mod repository;
mod sending;
mod window;
