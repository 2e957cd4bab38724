//! The real agent with a camera that comes and goes.

use yidang_device::whole_jpeg;

use crate::agent::Agent;
use crate::picture::{Desk, PAGES, without_tables};
use crate::report::Report;

/// Checks the agent.
pub(crate) fn check(report: &mut Report) {
    report.check("agent: a capture with a camera that is plugged in, pulled and plugged in again", || {
        let desk = Desk::new();
        // A small picture: what becomes of a page is not what is checked here.
        desk.camera.lay(PAGES[2], PAGES[2]);
        let mut agent = Agent::start("[camera]\ndriver = \"v4l2\"\n");
        let (status, body) = agent.capture();
        assert_eq!((status, body["code"].as_str()), (503, Some("camera_absent")), "{body}");
        let plugged = desk.plug();
        let id = agent.next("device.found");
        assert!(id.ends_with("-TEST0003"), "{id}");
        captures(&agent, PAGES[2]);
        plugged.unplug();
        assert_eq!(agent.next("device.lost"), id);
        let bare = without_tables(PAGES[2]);
        desk.camera.lay(&bare, PAGES[2]);
        let _plugged = desk.plug();
        assert_eq!(agent.next("device.found"), id);
        let mended = whole_jpeg(&bare).expect("it is whole");
        assert!(bare.len() < mended.len() && mended.len() <= PAGES[2].len());
        captures(&agent, &mended);
    });
}

/// Captures, which decodes the picture, and finds these bytes in the archive.
#[track_caller]
fn captures(agent: &Agent, wanted: &[u8]) {
    let (status, body) = agent.capture();
    assert_eq!((status, body["origin"].as_str()), (201, Some("device")), "{}", body["code"]);
    let id = body["id"].as_str().expect("an id");
    assert!(agent.original(id) == wanted, "the original differs from what the camera gave");
}
