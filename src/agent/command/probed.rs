//! What a probe found, for a person to read.

use super::output::say;
use crate::control::{ProbeReport, ProbedModule, ProbedReader};
use crate::failure::Failure;

pub(super) fn show(report: &ProbeReport) -> Result<(), Failure> {
    for driver in &report.drivers {
        let found = match (&driver.error, driver.readers.len()) {
            (Some(error), _) => error.clone(),
            (None, 0) => "no reader".into(),
            (None, 1) => "1 reader".into(),
            (None, count) => format!("{count} readers"),
        };
        say(&format!("{}: {found}", driver.driver))?;
        driver.readers.iter().try_for_each(reader)?;
    }
    if report.drivers.is_empty() {
        say("no card driver is configured")?;
    }
    Ok(())
}

fn reader(reader: &ProbedReader) -> Result<(), Failure> {
    say(&format!("  {}", reader.name))?;
    say(&format!("    id: {}", reader.id))?;
    let access = reader.remedy.as_ref().map_or_else(|| "granted".into(), |rule| format!("denied; {rule}"));
    say(&format!("    access: {access}"))?;
    let reason = reader.reason.as_deref().unwrap_or("nothing else uses it now");
    say(&format!("    in use: {}", if reader.in_use { format!("yes, {reason}") } else { reason.into() }))?;
    if reader.remedy.is_some() {
        return Ok(());
    }
    say(&format!("    ATR: {}", reader.atr.as_deref().unwrap_or("none")))?;
    say(&format!("    security module: {}", module(reader.module.as_ref())))?;
    for step in &reader.steps {
        let status = step.status.as_deref().or(step.error.as_deref()).unwrap_or("-");
        say(&format!(
            "    {:<12} sent {:>4}  received {:>5}  {:>5} ms  {status}",
            step.command, step.sent_bytes, step.received_bytes, step.elapsed_ms
        ))?;
    }
    match &reader.reading.failure {
        None => say("    reading: done"),
        Some(failure) => {
            say(&format!("    reading: {}: {}", failure.code, failure.cause))?;
            say(&format!("    remedy: {}", failure.remedy))
        }
    }
}

fn module(module: Option<&ProbedModule>) -> String {
    match module {
        None => "cannot be asked by itself".into(),
        Some(ProbedModule { works: true, number, .. }) => {
            format!("works, number {}", number.as_deref().unwrap_or("not told"))
        }
        Some(ProbedModule { error, .. }) => error.clone().unwrap_or_else(|| "does not work".into()),
    }
}
