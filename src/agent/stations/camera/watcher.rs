//! Watches the desk while somebody watches the preview: where the page lies, and when it has come to rest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use yidang_imaging::{Found, Picture, Sight};

use super::keeper::Shared;
use super::settle::{Seen, Settle, Small};

/// How often it looks: eight times a second, and half as often while all is quiet.
const LOOK_EVERY: Duration = Duration::from_millis(125);
const LOOK_AT_REST_EVERY: Duration = Duration::from_millis(250);
/// Longer side of what it looks at; more would make no page clearer.
const LOOK_SIDE_PX: u32 = 640;
/// The outline is told at most so often.
const OUTLINE_EVERY: Duration = Duration::from_millis(250);
/// An outline is told anew when a corner has moved by this share of the picture's diagonal.
const CORNER_MOVED: f32 = 0.01;

/// Until the station stops. Blocks on its own thread.
pub(super) fn watch(shared: &Arc<Shared>) {
    while shared.clients.wait_for_one() {
        let mut desk = Desk::new(shared);
        while shared.clients.wish().is_some() && !shared.stop.is_cancelled() {
            let shot = shared.clients.listen().borrow().clone();
            if let Some(shot) = shot.filter(|shot| shot.number != desk.seen) {
                desk.seen = shot.number;
                desk.look(&shot.frame.bytes);
            }
            shared.stop.sleep(if desk.rests { LOOK_AT_REST_EVERY } else { LOOK_EVERY });
        }
        shared.rest.send_replace(false);
        if shared.stop.is_cancelled() {
            return;
        }
    }
}

struct Desk<'a> {
    shared: &'a Shared,
    settle: Settle,
    /// Number of the frame that was looked at last.
    seen: u64,
    rests: bool,
    /// Where the page was when it was last told, and when that was.
    told: Option<Sight>,
    told_at: Option<Instant>,
}

impl<'a> Desk<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self { shared, settle: Settle::default(), seen: 0, rests: false, told: None, told_at: None }
    }

    fn look(&mut self, bytes: &[u8]) {
        // A frame that broke on its way says nothing; the next one will.
        let Some(view) = View::of(bytes) else { return };
        let picture = &view.picture;
        let small = Small::of(picture.width() as usize, picture.height() as usize, picture.rgb());
        let seen = self.settle.see(&small);
        self.rests = seen != Seen::Moving;
        match seen {
            Seen::Resting => {}
            Seen::Moving => {
                self.shared.rest.send_replace(false);
                if self.told_at.is_none_or(|at| at.elapsed() >= OUTLINE_EVERY) {
                    self.tell_outline(view.sight(), &view);
                }
            }
            Seen::CameToRest => {
                let sight = view.sight();
                self.tell_outline(sight, &view);
                if let Sight::Page(found) = sight {
                    // The event first: who captures on it is not to be overtaken by who waits for the rest itself.
                    let data = self.data(Some(&found), &view);
                    self.shared.events.publish("page.settled", data.into());
                    self.shared.rest.send_replace(true);
                }
            }
        }
    }

    fn tell_outline(&mut self, sight: Sight, view: &View) {
        let diagonal = (view.width as f32).hypot(view.height as f32);
        if self.told.as_ref().is_some_and(|told| is_same(told, &sight, diagonal)) {
            return;
        }
        let found = match &sight {
            Sight::Page(found) => Some(found),
            Sight::Cut | Sight::Nothing => None,
        };
        let mut data = self.data(found, view);
        data.insert("cut".into(), (sight == Sight::Cut).into());
        self.shared.events.publish_latest("page.outline", "camera", data.into());
        self.told = Some(sight);
        self.told_at = Some(Instant::now());
    }

    /// What is told of a page, or of its absence.
    fn data(&self, found: Option<&Found>, view: &View) -> Map<String, Value> {
        let data = json!({
            "camera": self.shared.id,
            "corners": found.map(|f| f.corners),
            "confidence": found.map_or(0.0, |f| f.confidence),
            "width": view.width,
            "height": view.height,
        });
        match data {
            Value::Object(data) => data,
            _ => Map::new(),
        }
    }
}

/// A frame of the preview, made as small as looking at it needs.
struct View {
    picture: Picture,
    /// Of the frame itself.
    width: u32,
    height: u32,
}

impl View {
    fn of(bytes: &[u8]) -> Option<Self> {
        let header = yidang_imaging::inspect(bytes).ok()?;
        let picture = yidang_imaging::decode_small(bytes, LOOK_SIDE_PX).ok()?;
        Some(Self { picture, width: header.width, height: header.height })
    }

    /// Looks for a page; its corners are in the frame's own pixels.
    fn sight(&self) -> Sight {
        let [across, down] = [
            self.width as f32 / self.picture.width() as f32,
            self.height as f32 / self.picture.height() as f32,
        ];
        match yidang_imaging::look_for_page(&self.picture) {
            Sight::Page(found) => {
                Sight::Page(Found { corners: found.corners.map(|[x, y]| [x * across, y * down]), ..found })
            }
            other => other,
        }
    }
}

/// Whether a page is where it was, or is as little there, or as much cut off, as it was.
fn is_same(told: &Sight, sight: &Sight, diagonal: f32) -> bool {
    match (told, sight) {
        (Sight::Page(told), Sight::Page(found)) => {
            let near =
                |(a, b): (&[f32; 2], &[f32; 2])| (a[0] - b[0]).hypot(a[1] - b[1]) < CORNER_MOVED * diagonal;
            told.corners.iter().zip(&found.corners).all(near)
        }
        _ => told == sight,
    }
}
