//! How soon everybody who listens hears of something.

use std::io::BufRead as _;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Call;
use crate::percentiles::Percentiles;
use crate::service::{Service, file_one};
use crate::{Failure, say};

/// Whatever is not heard by then never will be.
const PATIENCE: Duration = Duration::from_secs(30);

/// A paper is put right again and again: each time it is entered durably, and told.
pub(crate) fn run(listeners: u32, actions: u32) -> Result<(), Failure> {
    let service = Service::real()?;
    let mut client = service.client()?;
    let filed = file_one(&mut client)?;
    let (heard, hears) = channel();
    for _ in 0..listeners {
        let mut stream = service.client()?.stream("/v1/events")?;
        let heard = heard.clone();
        thread::spawn(move || {
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
                if line.starts_with("event: material.refiled") && heard.send(Instant::now()).is_err() {
                    return;
                }
                line.clear();
            }
        });
    }
    let (mut answered, mut last_heard) = (Vec::new(), Vec::new());
    for action in 0..actions {
        let kind = if action % 2 == 0 { "contract" } else { "form" };
        let body = format!("{{\"kind\":\"{kind}\",\"reason\":\"bench\"}}");
        let path = format!("/v1/materials/{}/refile", filed.material);
        let began = Instant::now();
        answered.push(client.done(&Call::post("refile", path, body))?.0);
        let mut last = began;
        for _ in 0..listeners {
            last = last.max(hears.recv_timeout(PATIENCE)?);
        }
        last_heard.push(last - began);
    }
    let most = last_heard.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
    say(&format!("answered            {}", Percentiles::of(answered)))?;
    say(&format!("heard by all {listeners:>4}   {}  longest {most:.2} ms", Percentiles::of(last_heard)))
}
