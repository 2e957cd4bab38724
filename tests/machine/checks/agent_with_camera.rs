//! The real agent with a camera that comes and goes.

use crate::agent::Agent;
use crate::picture::{Desk, PAGES, with_comment};
use crate::report::Report;

/// Checks the agent.
pub(crate) fn check(report: &mut Report) {
    report.check("agent: a capture with a camera that is plugged in, pulled and plugged in again", || {
        let desk = Desk::new();
        // Small pictures: what becomes of a page is not what is checked here.
        let pictures = [PAGES[2].to_vec(), with_comment(PAGES[2], 100)];
        desk.camera.lay(&pictures[0], PAGES[2]);
        let mut agent = Agent::start("[camera]\ndriver = \"v4l2\"\n");
        let (status, body) = agent.capture();
        assert_eq!((status, body["code"].as_str()), (503, Some("camera_absent")), "{body}");
        let plugged = desk.plug();
        let id = agent.next("device.found");
        assert!(id.ends_with("-TEST0003"), "{id}");
        captures(&agent, &pictures[0]);
        plugged.unplug();
        assert_eq!(agent.next("device.lost"), id);
        desk.camera.lay(&pictures[1], PAGES[2]);
        let _plugged = desk.plug();
        assert_eq!(agent.next("device.found"), id);
        captures(&agent, &pictures[1]);
    });
}

/// Captures, and finds the camera's own bytes in the archive.
#[track_caller]
fn captures(agent: &Agent, wanted: &[u8]) {
    let (status, body) = agent.capture();
    assert_eq!((status, body["origin"].as_str()), (201, Some("device")), "{}", body["code"]);
    let id = body["id"].as_str().expect("an id");
    assert!(agent.original(id) == wanted, "the original differs from what the camera gave");
}
