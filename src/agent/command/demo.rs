//! `yidang demo`: what may be asked of it.

use std::path::PathBuf;

use clap::Args;

/// How to show the main job. It takes no configuration.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DemoWish {
    /// Ends after the last step; without it, everything stays up to be tried.
    #[arg(long)]
    pub once: bool,
    /// The folder for everything; a new one among the temporary files unless said.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Port of the first window's local API; any free one unless said.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
}
