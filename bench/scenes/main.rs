//! Makes photographs of a desk with a paper on it, and measures how well the page finder finds the paper.
//!
//! `scenes desk DIR` makes the four pictures of `fixtures/desk`, `scenes fixtures DIR` those of `fixtures/scenes`; `scenes make OUT` makes random ones;
//! `scenes evaluate` makes random ones in memory and prints a table.

mod camera;
mod corner_error;
mod desk;
mod drawer;
mod evaluate;
mod kept;
mod lettering;
mod light;
mod lying;
mod mat;
mod papers;
mod random;
mod random_scene;
mod scene;
mod seal;
mod sheet;
mod side_by_side;
mod small_papers;
mod teach;
mod things;
mod truth;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::drawer::Drawer;
use crate::evaluate::{Measured, evaluate};
use crate::lettering::Lettering;
use crate::random_scene::{Purpose, random_scene};
use crate::scene::{Photograph, Scene};
use crate::teach::{Lesson, teach};

#[derive(Parser)]
#[command(about = "Photographs of a desk that never was")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Draw letters as strokes even where the system has Chinese fonts: the same pictures on every machine
    #[arg(long, global = true)]
    strokes: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make random photographs, each with its corners beside it
    Make {
        /// Folder to write to
        out: PathBuf,
        /// First scene
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many scenes
        #[arg(long, default_value_t = 10)]
        count: u64,
    },
    /// Look for the page in random photographs and print how often it was found
    Evaluate {
        /// First scene
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many scenes
        #[arg(long, default_value_t = 300)]
        count: u64,
        /// Empty mats only
        #[arg(long)]
        empty: bool,
        /// Keep the photographs in this folder, and take those that are there
        #[arg(long)]
        keep: Option<PathBuf>,
        /// Scenes made side by side
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Make small random photographs to train the page net on, with all corners in one list
    Teach {
        /// Folder to write to
        out: PathBuf,
        /// First scene
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many scenes
        #[arg(long, default_value_t = 1000)]
        count: u64,
        /// Longer side of the photographs in pixels
        #[arg(long, default_value_t = 640)]
        side_px: usize,
        /// Of them only those where the paper lies on its like
        #[arg(long)]
        stacked: bool,
        /// Scenes made side by side
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Make the four photographs of fixtures/desk
    Desk {
        /// Folder to write to
        out: PathBuf,
    },
    /// Make the small photographs of fixtures/scenes
    Fixtures {
        /// Folder to write to
        out: PathBuf,
    },
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let letters = if arguments.strokes { Lettering::strokes() } else { Lettering::of_system() };
    match arguments.command {
        Command::Make { out, seed, count } => {
            let drawer = Drawer::new(letters);
            fs::create_dir_all(&out)?;
            for seed in seed..seed + count {
                write(&out, &format!("{seed:06}"), &random_scene(seed, Purpose::of(seed)), &drawer)?;
            }
        }
        Command::Evaluate { seed, count, empty, keep, threads } => {
            if let Some(folder) = &keep {
                fs::create_dir_all(folder)?;
            }
            let measured = Measured { seed, count, empty, keep: keep.as_deref(), threads };
            evaluate(&measured, &Drawer::new(letters), &mut io::stdout())?;
        }
        Command::Teach { out, seed, count, side_px, stacked, threads } => {
            teach(&Lesson { seed, count, side_px, stacked, threads }, &Drawer::new(letters), &out)?;
        }
        Command::Desk { out } => {
            let drawer = Drawer::unsparing(letters);
            fs::create_dir_all(&out)?;
            for (name, scene) in desk::scenes() {
                write(&out, name, &scene, &drawer)?;
            }
        }
        Command::Fixtures { out } => {
            let drawer = Drawer::new(letters);
            fs::create_dir_all(&out)?;
            for (name, scene) in kept::scenes() {
                write(&out, &name, &scene, &drawer)?;
            }
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, scene: &Scene, drawer: &Drawer) -> io::Result<()> {
    let photograph = scene.photograph(drawer);
    fs::write(folder.join(format!("{name}.jpg")), jpeg(&photograph, scene.sensor.quality)?)?;
    fs::write(folder.join(format!("{name}.corners.toml")), truth::to_toml(scene))
}

/// The photograph as a camera would hand it over.
fn jpeg(photograph: &Photograph, quality: u8) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    let [width, height] = photograph.size.map(|side| u16::try_from(side).unwrap_or(u16::MAX));
    encoder.encode(&photograph.rgb, width, height, jpeg_encoder::ColorType::Rgb).map_err(io::Error::other)?;
    Ok(bytes)
}
