//! Each main call beside the bare handler, one of each in turn.

use std::time::Duration;

use crate::client::{Call, Client};
use crate::percentiles::Percentiles;
use crate::service::{Service, file_one, upload};
use crate::{Failure, say};

/// Calls that work on pictures or sync the disk are made so many times fewer.
const HEAVY_SHARE: u32 = 20;
const WARM_UP: u32 = 50;

pub(crate) fn run(requests: u32) -> Result<(), Failure> {
    let (real, bare) = (Service::real()?, Service::bare()?);
    let (mut client, mut peer) = (real.client()?, bare.client()?);
    let filed = file_one(&mut client)?;
    let (_, unfiled) = client.done(&upload())?;
    let unfiled: serde_json::Value = serde_json::from_slice(&unfiled)?;
    let capture = unfiled["id"].as_str().ok_or("no capture")?;
    let light = [
        Call::get("health", "/v1/health"),
        Call::get("status", "/v1/status"),
        Call::get("events, at once", "/v1/events?wait_ms=0"),
        Call::get("sync", "/v1/sync"),
        Call::get("unfiled captures", "/v1/captures"),
        Call::get("capture's page", format!("/v1/captures/{capture}/image")),
    ];
    for call in &light {
        measure(call, requests, &mut client, &mut peer)?;
    }
    let heavy = [
        Call::post("read the card", "/v1/card/read", "{}"),
        Call::get("a paper, one entry", format!("/v1/materials/{}", filed.material)),
        Call::get("a dossier, one entry", format!("/v1/holders/{}/materials", filed.holder)),
        Call::get("thumbnail", format!("/v1/captures/{capture}/image?rendition=thumbnail")),
        upload(),
    ];
    for call in &heavy {
        measure(call, (requests / HEAVY_SHARE).max(1), &mut client, &mut peer)?;
    }
    Ok(())
}

fn measure(call: &Call, requests: u32, client: &mut Client, peer: &mut Client) -> Result<(), Failure> {
    let (mut ours, mut theirs): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for at in 0..requests + WARM_UP.min(requests) {
        let (own, _) = client.done(call)?;
        let (other, _) = peer.done(call)?;
        if at >= WARM_UP.min(requests) {
            ours.push(own);
            theirs.push(other);
        }
    }
    let (ours, theirs) = (Percentiles::of(ours), Percentiles::of(theirs));
    let ratio = (ours.p50 / theirs.p50, ours.p99 / theirs.p99);
    say(&format!(
        "{:<22} {requests:>6}  {ours}   bare {theirs}   ratio {:.1} / {:.1}",
        call.name, ratio.0, ratio.1
    ))
}
