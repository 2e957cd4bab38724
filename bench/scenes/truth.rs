//! The truth beside a picture: `NAME.corners.toml`.

use std::fmt::Write as _;

use crate::scene::Scene;

/// The corners as TOML; a bare mat has none, nor has a page that runs out of the picture.
pub(crate) fn to_toml(scene: &Scene) -> String {
    let mut text = String::from(
        "# Where the page lies in the picture beside this file: top-left, top-right, bottom-right, bottom-left\n\
         # of the page, in pixels.\n",
    );
    let quads: Vec<String> = scene
        .corners()
        .iter()
        .map(|quad| quad.iter().map(|[x, y]| format!("[{x:.2}, {y:.2}]")).collect::<Vec<_>>().join(", "))
        .collect();
    // Writing to a string cannot fail.
    let _ = match quads.as_slice() {
        [] => writeln!(text, "found = false"),
        _ if !scene.shows_whole_papers() => writeln!(text, "found = false\ncut = true"),
        [one] => writeln!(text, "found = true\ncorners = [{one}]"),
        several => writeln!(text, "found = true\npages = [[{}]]", several.join("], [")),
    };
    text
}
