//! Promise: a window program sees what the camera sees, and captures a paper as it comes to rest.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::preview::Preview;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const CERTIFICATE: &[u8] = include_bytes!("../fixtures/desk/02-certificate.jpg");
const CAMERA: &str = "simulated-camera";
/// Everything here happens within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(40);

fn ticket(agent: &Agent) -> String {
    let ticket = agent.post("/v1/preview-tickets", &json!({"rate": 30})).expect(201);
    assert_eq!(ticket["camera"], CAMERA);
    ticket["url"].as_str().expect("an address").to_owned()
}

fn watch(agent: &Agent) -> Preview {
    let preview = Preview::begin(&agent.url, &ticket(agent), &[]);
    assert_eq!(preview.status, 200, "{}", preview.head);
    preview
}

fn lay(agent: &Agent, frame: Option<&str>) {
    agent.post("/v1/simulated/desk", &json!({"frame": frame})).expect(204);
}

fn fault(agent: &Agent, fault: &str, times: u32) {
    let wish = json!({"device": "camera", "fault": fault, "times": times});
    agent.post("/v1/simulated/fault", &wish).expect(204);
}

fn wait_until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads frames until this one comes.
fn see(preview: &mut Preview, wanted: &[u8]) {
    let began = Instant::now();
    while preview.frame().expect("the preview goes on") != wanted {
        assert!(began.elapsed() < PATIENCE, "the frame never came");
    }
}

/// The events of these types after this one, as they come; the id to go on from.
struct Events<'a> {
    agent: &'a Agent,
    after: u64,
}

impl<'a> Events<'a> {
    fn from_now(agent: &'a Agent) -> Self {
        let after = agent.get("/v1/events?wait_ms=0").expect(200)["after"].as_u64().expect("a number");
        Self { agent, after }
    }

    /// Waits for the next event of this type.
    fn next(&mut self, kind: &str) -> Value {
        wait_until(kind, || {
            let polled = self.agent.get(&format!("/v1/events?after={}&wait_ms=1000", self.after)).expect(200);
            for event in polled["events"].as_array().expect("events") {
                self.after = event["id"].as_u64().expect("a number");
                if event["type"] == kind {
                    return Some(event["data"].clone());
                }
            }
            None
        })
    }
}

#[test]
fn a_preview_shows_the_cameras_own_bytes_to_everyone_and_goes_on_during_a_capture() {
    let agent = Agent::start();
    let [mut first, mut second] = [watch(&agent), watch(&agent)];
    assert!(first.head.contains("content-type: multipart/x-mixed-replace; boundary=yidang-frame"));
    assert!(first.head.contains("cache-control: no-store"), "{}", first.head);
    see(&mut first, FORM);
    see(&mut second, FORM);
    // The second one does not read on for a while: it holds nobody up, and sees the newest frame afterwards.
    let capture = agent.post("/v1/captures", &json!({})).expect(201);
    let original =
        agent.get(&format!("/v1/captures/{}/image?rendition=original", capture["id"].as_str().unwrap()));
    assert_eq!(original.bytes, FORM);
    see(&mut first, CERTIFICATE);
    for _ in 0..20 {
        assert_eq!(first.frame().expect("it goes on"), CERTIFICATE);
    }
    see(&mut second, CERTIFICATE);
}

#[test]
fn a_ticket_is_good_once_for_its_camera_its_page_and_its_token() {
    let agent = Agent::start();
    let url = ticket(&agent);
    assert_eq!(Preview::begin(&agent.url, &url, &[]).status, 200);
    assert_eq!(Preview::begin(&agent.url, &url, &[]).status, 403, "it is used up");
    let elsewhere = ticket(&agent).replace(CAMERA, "another");
    assert_eq!(Preview::begin(&agent.url, &elsewhere, &[]).status, 403);
    // A page that may not call is refused, and so is one that does not say who it is.
    let foreign = [("Origin", "https://foreign.example")];
    assert_eq!(Preview::begin(&agent.url, &ticket(&agent), &foreign).status, 403);
    let hidden = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    assert_eq!(Preview::begin(&agent.url, &ticket(&agent), &hidden).status, 403);
    let named = [("Origin", agent.url.as_str())];
    assert_eq!(Preview::begin(&agent.url, &ticket(&agent), &named).status, 200, "its own console may");
    agent.get("/v1/cameras/simulated-camera/preview?ticket=none").is_problem(403, "ticket_invalid");
    agent.get("/v1/cameras/simulated-camera/preview").is_problem(403, "ticket_invalid");
    for wish in [json!({"rate": 0}), json!({"width_max": 10}), json!({"size": 1})] {
        agent.post("/v1/preview-tickets", &wish).is_problem(422, "invalid");
    }
    agent.post("/v1/preview-tickets", &json!({"camera": "none"})).is_problem(503, "camera_absent");

    let mut watching = watch(&agent);
    let unused = ticket(&agent);
    assert!(agent.command(&["token", "revoke", "--name", "window"]).status.success());
    let began = Instant::now();
    while watching.frame().is_some() {
        assert!(began.elapsed() < PATIENCE, "a preview ends with its token");
    }
    assert_eq!(Preview::begin(&agent.url, &unused, &[]).status, 403);
}

#[test]
fn a_preview_outlives_a_bad_frame_and_a_stall_and_ends_with_the_camera() {
    let agent = Agent::start();
    let mut events = Events::from_now(&agent);
    let mut watching = watch(&agent);
    fault(&agent, "truncated", 1);
    see(&mut watching, &FORM[..FORM.len() / 2]);
    see(&mut watching, FORM);
    fault(&agent, "stall", 1);
    assert_eq!(events.next("device.lost"), json!({"device": CAMERA, "type": "camera"}));
    assert_eq!(events.next("device.found"), json!({"device": CAMERA, "type": "camera"}));
    see(&mut watching, FORM);
    fault(&agent, "unplug", 2);
    assert_eq!(events.next("device.lost"), json!({"device": CAMERA, "type": "camera"}));
    while watching.frame().is_some() {}
    assert_eq!(events.next("device.found"), json!({"device": CAMERA, "type": "camera"}));
    see(&mut watch(&agent), FORM);
}

#[test]
fn a_camera_that_stalls_for_all_of_a_capture_is_an_error_and_told() {
    let agent = Agent::start();
    let mut events = Events::from_now(&agent);
    fault(&agent, "stall", 1);
    agent.post("/v1/captures", &json!({})).is_problem(502, "camera_failed");
    assert_eq!(events.next("device.lost"), json!({"device": CAMERA, "type": "camera"}));
    let capture = agent.post("/v1/captures", &json!({})).expect(201);
    let id = capture["id"].as_str().expect("an id");
    assert_eq!(agent.get(&format!("/v1/captures/{id}/image?rendition=original")).bytes, FORM);
    assert_eq!(events.next("device.found"), json!({"device": CAMERA, "type": "camera"}));
}

#[test]
fn cameras_tell_what_they_can_and_are_adjusted() {
    let agent = Agent::start();
    let cameras = agent.get("/v1/cameras").expect(200);
    let camera = &cameras["cameras"][0];
    assert_eq!(
        (&camera["id"], &camera["driver"], &camera["state"]),
        (&json!(CAMERA), &json!("simulated"), &json!("ready"))
    );
    assert_eq!(camera["modes"][0]["rates"][0], json!({"frames": 15, "seconds": 1}));
    assert_eq!(camera["controls"][0]["value"], 100);
    let path = format!("/v1/cameras/{CAMERA}/controls");
    let set = agent.patch(&path, &json!({"zoom": 200})).expect(200);
    assert_eq!((&set["controls"][0]["name"], &set["controls"][0]["value"]), (&json!("zoom"), &json!(200)));
    assert_eq!(agent.get("/v1/cameras").expect(200)["cameras"][0]["controls"][0]["value"], 200);
    for wrong in
        [json!({"zoom": 4000}), json!({"focus": 1}), json!({"shutter": 1}), json!({}), json!({"zoom": "a"})]
    {
        agent.patch(&path, &wrong).is_problem(422, "invalid");
    }
    agent.patch("/v1/cameras/none/controls", &json!({"zoom": 200})).is_problem(503, "camera_absent");
}

#[test]
fn the_desk_is_told_about_while_somebody_watches() {
    let agent = Agent::start();
    lay(&agent, None);
    let mut events = Events::from_now(&agent);
    let _watching = watch(&agent);
    let outline = events.next("page.outline");
    assert_eq!((&outline["camera"], &outline["corners"]), (&json!(CAMERA), &Value::Null));
    lay(&agent, Some("01-form"));
    let settled = events.next("page.settled");
    assert_eq!(settled["corners"].as_array().expect("corners").len(), 4);
    assert!(settled["confidence"].as_f64().expect("a number") > 0.6, "{settled}");
    assert!(settled["width"].as_u64() > settled["height"].as_u64(), "{settled}");
    // A paper that lies still is told once; the next one again.
    lay(&agent, Some("02-certificate"));
    let next = events.next("page.settled");
    assert_ne!(next["corners"], settled["corners"]);
    let quiet = agent.get(&format!("/v1/events?after={}&wait_ms=1500", events.after)).expect(200);
    let told =
        quiet["events"].as_array().expect("events").iter().filter(|e| e["type"] == "page.settled").count();
    assert_eq!(told, 0, "{quiet}");
}

#[test]
fn a_paper_is_captured_as_it_comes_to_rest() {
    let agent = Agent::start();
    lay(&agent, None);
    let settled = json!({"when": "settled", "timeout_ms": 1_200});
    agent.post("/v1/captures", &settled).is_problem(409, "not_settled");
    // A paper is laid, pushed and comes to rest: what is kept is what lay there then.
    let steps = json!({"steps": [
        {"after_ms": 300, "frame": "01-form"}, {"after_ms": 300, "frame": "bare-mat"},
        {"after_ms": 300, "frame": "03-letter"}, {"after_ms": 300, "frame": "02-certificate"}
    ]});
    agent.post("/v1/simulated/scenario", &steps).expect(204);
    let capture = agent.post("/v1/captures", &json!({"when": "settled", "timeout_ms": 60_000})).expect(201);
    let id = capture["id"].as_str().expect("an id");
    assert_eq!(agent.get(&format!("/v1/captures/{id}/image?rendition=original")).bytes, CERTIFICATE);
    assert!(capture["corners"].is_array() && capture["captures"].is_null(), "{capture}");
    // What lies still already need not be moved for it.
    agent.post("/v1/captures", &json!({"when": "settled"})).expect(201);
    for wrong in [
        json!({"when": "later"}),
        json!({"when": "settled", "timeout_ms": 60_001}),
        json!({"timeout_ms": 1_000}),
        json!({"split": true, "crop": "full"}),
    ] {
        agent.post("/v1/captures", &wrong).is_problem(422, "invalid");
    }
    fault(&agent, "unplug", 1_000);
    agent.post("/v1/captures", &settled).is_problem(503, "camera_absent");
}

#[test]
fn a_wait_for_a_paper_ends_with_its_client() {
    let agent = Agent::start();
    lay(&agent, None);
    let waiting = json!({"when": "settled", "timeout_ms": 60_000}).to_string();
    // More of them than watch at once, each gone before the next comes.
    for _ in 0..12 {
        agent.hang_up_on("/v1/captures", &waiting);
    }
    wait_until("places are free again", || {
        let answer = agent.post("/v1/captures", &json!({"when": "settled", "timeout_ms": 0}));
        (answer.expect(answer.status)["code"] == "not_settled").then_some(())
    });
    let captures = agent.get("/v1/captures?state=unfiled").expect(200);
    assert_eq!(captures["captures"], json!([]), "nothing is kept for who has gone");
}

#[test]
fn each_paper_of_a_split_is_a_capture_of_its_own() {
    let agent = Agent::start();
    let capture = agent.post("/v1/captures", &json!({"split": true})).expect(201);
    let each = capture["captures"].as_array().expect("a list");
    assert_eq!((each.len(), &each[0]["id"]), (1, &capture["id"]), "one paper lies there");
    assert_eq!(each[0]["captures"], Value::Null);
}
