//! The truth beside a picture: `NAME.corners.toml`.

use std::fmt::Write as _;

use yidang_model::Quad;

/// The corners as TOML; a bare mat has none.
pub(crate) fn to_toml(corners: Option<&Quad>) -> String {
    let mut text = String::from(
        "# Where the page lies in the picture beside this file: top-left, top-right, bottom-right, bottom-left\n\
         # of the page, in pixels.\n",
    );
    match corners {
        None => text.push_str("found = false\n"),
        Some(quad) => {
            let points: Vec<String> = quad.iter().map(|[x, y]| format!("[{x:.2}, {y:.2}]")).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "found = true\ncorners = [{}]", points.join(", "));
        }
    }
    text
}
