//! The real agent with readers that come and go.

use std::time::Duration;

use serde_json::Value;
use yidang_idcard::frame::Command;
use yidang_usb_devices::{Form, SamFault};

use crate::agent::Agent;
use crate::ccid;
use crate::native::{CARDS, Native};
use crate::report::Report;

/// Checks the agent.
pub(crate) fn check(report: &mut Report) {
    let native = Native::new(Form::Split);
    native.lay(Some(CARDS[0]));
    let mut agent = None;
    report.check("agent: starts without a reader, and says so", || {
        let started = Agent::start("");
        let (status, body) = started.read_card(0);
        assert_eq!((status, body["code"].as_str()), (503, Some("reader_absent")), "{body}");
        agent = Some(started);
    });
    let Some(mut agent) = agent else { return };
    report.check("agent: a reader that is plugged in, pulled within a reply and plugged in again", || {
        let plugged = native.plug();
        let id = agent.next("device.found");
        assert!(id.starts_with("usb-"), "{id}");
        assert_eq!(agent.next("card.inserted"), id);
        let (status, body) = agent.read_card(0);
        is_the_first_card(status, &body);

        native.lay(Some(CARDS[0]));
        native.reader.fail(Command::ReadCard, SamFault::PullAfter(600));
        let plugged_again = std::thread::scope(|scope| {
            let again = scope.spawn(|| {
                while native.reader.waits_to_fail() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                drop(plugged);
                std::thread::sleep(Duration::from_secs(1));
                native.plug()
            });
            let (status, body) = agent.read_card(20_000);
            is_the_first_card(status, &body);
            again.join().expect("it is plugged in again")
        });
        assert_eq!(agent.next("device.lost"), id);
        assert_eq!(agent.next("device.found"), id);
        plugged_again.unplug();
        assert_eq!(agent.next("device.lost"), id);
    });
    report.check("agent: a PC/SC reader that is plugged in and pulled", || {
        let desk = ccid::Desk::new();
        desk.lay();
        let plugged = desk.plug();
        let id = agent.next("device.found");
        assert!(!id.starts_with("usb-"), "{id} is a native reader's");
        let (status, body) = agent.read_card(5_000);
        assert_eq!(
            (status, &body["id_number"]),
            (200, &Value::from("00000019900228001X")),
            "{}",
            body["code"]
        );
        assert_eq!(body["chip_serial"], "3030303030303031");
        plugged.unplug();
        assert_eq!(agent.next("device.lost"), id);
    });
}

#[track_caller]
fn is_the_first_card(status: u16, body: &Value) {
    assert_eq!(status, 200, "{}", body["code"]);
    assert_eq!(body["name"], "张一档");
    assert_eq!(body["id_number"], "00000019900228001X");
    assert_eq!(body["new_address"], "某省某市某区新样本路22号");
    assert_eq!(body["sam_id"], "05.01-20260101-0000000001-0000000001");
    assert_eq!(body["origin"], "device");
}
