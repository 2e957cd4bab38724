//! Many clients, and many requests.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Call, Client};
use crate::percentiles::Percentiles;
use crate::service::{Service, upload};
use crate::{Failure, say};

/// Connections over which many requests come.
const CONNECTIONS: u32 = 8;
/// Memory is looked at so often while they do.
const LOOKS: u32 = 10;

/// What window programs ask again and again.
fn calls() -> [Call; 4] {
    [
        Call::get("health", "/v1/health"),
        Call::get("events", "/v1/events?wait_ms=0"),
        Call::get("captures", "/v1/captures"),
        Call::get("status", "/v1/status"),
    ]
}

pub(crate) fn parallel(clients: u32, requests: u32) -> Result<(), Failure> {
    for (name, service) in [("bare", Service::bare()?), ("yidang", Service::real()?)] {
        let began = Instant::now();
        let (times, errors) = crowd(&service, clients, requests);
        let count = times.len();
        let took = began.elapsed().as_secs_f64();
        say(&format!(
            "{name:<7} {clients} clients, {count} answers, {errors} errors, {}, {:.0} a second",
            Percentiles::of(times),
            count as f64 / took
        ))?;
    }
    Ok(())
}

/// All begin at once, each over a connection of its own; the times, and what went wrong.
fn crowd(service: &Service, clients: u32, requests: u32) -> (Vec<Duration>, usize) {
    let start = Barrier::new(clients as usize);
    thread::scope(|scope| {
        let one = || {
            let mut times = Vec::new();
            let connected = service.client();
            start.wait();
            let Ok(mut client) = connected else { return (times, requests as usize) };
            let calls = calls();
            for call in calls.iter().cycle().take(requests as usize) {
                match client.done(call) {
                    Ok((took, _)) => times.push(took),
                    Err(_) => {
                        let missed = requests as usize - times.len();
                        return (times, missed);
                    }
                }
            }
            (times, 0)
        };
        let all: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        let ended = all.into_iter().filter_map(|thread| thread.join().ok());
        ended.fold((Vec::new(), 0), |(mut times, errors), (more, wrong)| {
            times.extend(more);
            (times, errors + wrong)
        })
    })
}

pub(crate) fn memory(requests: u32) -> Result<(), Failure> {
    let service = Service::real()?;
    // Lists have something to tell.
    service.client()?.done(&upload())?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    say(&format!("{:>9} requests  {:7.1} MiB", 0, mib(service.resident_bytes()?)))?;
    let began = Instant::now();
    for look in 1..=LOOKS {
        let each = requests / LOOKS / CONNECTIONS;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| steady(&service, each))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a client stopped")?)
        })?;
        let done = look * each * CONNECTIONS;
        let resident = mib(service.resident_bytes()?);
        let seconds = began.elapsed().as_secs();
        say(&format!("{done:>9} requests  {resident:7.1} MiB  after {seconds} s"))?;
    }
    Ok(())
}

fn steady(service: &Service, requests: u32) -> Result<(), Failure> {
    let mut client: Client = service.client()?;
    calls().iter().cycle().take(requests as usize).try_for_each(|call| client.done(call).map(drop))
}
