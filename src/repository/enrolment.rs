//! Enrolling agents: codes and keys.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use yidang_archive::{Clock, SystemClock};
use yidang_sync::limits::TEXT_LENGTH_MAX;
use yidang_sync::wire::{EnrolAnswer, EnrolRequest};

use crate::config::Config;
use crate::control::ask_admit;
use crate::courier::courier_key;
use crate::error::StartError;
use crate::limits::{CODE_LIFETIME_MS, ENROL_BODY_MAX};
use crate::problem::{Code, Problem};
use crate::repository::{Repository, work};
use crate::request::{bounded, parse, receive};
use crate::secrets::{fingerprint, random};
use crate::sqlite_state::SqliteState;
use crate::state::{Enrolment, NewAgent, State, StateError};

/// Neither 0 and O nor 1, I and L: codes are read out over the telephone and typed.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// 20 of 31 characters are 99 bits.
const CODE_LENGTH: usize = 20;

/// Makes an enrolment code and keeps its fingerprint. It enrols one agent within 24 hours, at this counter if
/// one is named. Works beside a running repository.
pub fn make_enrol_code(data_dir: &Path, counter: Option<&str>) -> Result<String, StateError> {
    let code = new_code();
    let state = SqliteState::open(data_dir)?;
    let expires_at = SystemClock.now().plus_millis(CODE_LIFETIME_MS);
    state.put_code(code_fingerprint(&code), counter.map(str::trim), expires_at)?;
    Ok(code)
}

/// Enrols a window that no network reaches, and gives the line that `yidang enrol --code -` takes there. Whoever has the
/// line is that window: it is a secret. Works beside a running repository.
pub fn make_enrolment(config: &Config, counter: &str) -> Result<String, StartError> {
    let counter = counter.trim();
    bounded("counter", Some(counter), TEXT_LENGTH_MAX)
        .map_err(|_| StartError::System("the counter's name is too long".to_owned()))?;
    let courier = courier_key(config)?;
    let state = SqliteState::open(&config.data_dir)?;
    let code = code_fingerprint(&new_code());
    let now = SystemClock.now();
    state.put_code(code, Some(counter), now.plus_millis(CODE_LIFETIME_MS))?;
    let (key, agent) = new_agent(counter.to_owned());
    let Enrolment::Done(_) = state.enrol(code, &agent, now)? else {
        return Err(StartError::System("the window could not be enrolled".to_owned()));
    };
    // Where none runs, nobody has to be told.
    if let Err(error) = ask_admit(&config.data_dir) {
        tracing::debug!(%error, "no running repository was told of the new agent");
    }
    let answer =
        EnrolAnswer { agent: agent.name, key, epoch: agent.epoch, courier: Some(courier.to_string()) };
    serde_json::to_string(&answer).map_err(|e| StartError::System(e.to_string()))
}

/// A new agent and its key.
fn new_agent(counter: String) -> (String, NewAgent) {
    let key = hex::encode(random::<32>());
    let agent = NewAgent {
        name: format!("agent-{}", hex::encode(random::<8>())),
        epoch: hex::encode(random::<16>()),
        key: fingerprint(key.as_bytes()),
        counter,
    };
    (key, agent)
}

fn new_code() -> String {
    let mut code = String::with_capacity(CODE_LENGTH + 3);
    let mut drawn = 0;
    while drawn < CODE_LENGTH {
        let [byte] = random::<1>();
        // 248 = 8 × 31: of the bytes below it every character comes equally often.
        if byte < 248 {
            if drawn > 0 && drawn % 5 == 0 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            drawn += 1;
        }
    }
    code
}

fn code_fingerprint(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    fingerprint(plain.to_ascii_uppercase().as_bytes())
}

/// `POST /v1/agents/enrol`
pub(crate) async fn enrol(
    Shared(repository): Shared<Arc<Repository>>,
    request: Request,
) -> Result<Response, Problem> {
    let received = receive(&repository, request, ENROL_BODY_MAX).await?;
    let EnrolRequest { code, counter } = parse(&received.bytes)?;
    let counter = counter.trim().to_owned();
    bounded("counter", Some(&counter), TEXT_LENGTH_MAX)?;
    if counter.is_empty() || counter.chars().any(char::is_control) {
        return Err(Problem::invalid("`counter` is empty or has control characters"));
    }
    let answer = work(&repository, received, move |repository| {
        let (key, agent) = new_agent(counter);
        match repository.state.enrol(code_fingerprint(&code), &agent, repository.now())? {
            Enrolment::Done(record) => {
                tracing::info!(agent = record.name, "an agent enrolled");
                repository.admit(record);
                let courier = Some(repository.secrets.courier().public().to_string());
                Ok(EnrolAnswer { agent: agent.name, key, epoch: agent.epoch, courier })
            }
            Enrolment::CodeSpent => Err(Code::CodeSpent.into()),
            Enrolment::OtherCounter => {
                tracing::warn!(
                    counter = agent.counter,
                    "a code that was made for another counter was refused"
                );
                Err(Code::CodeForeign.into())
            }
        }
    });
    Ok((StatusCode::CREATED, Json(answer.await?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_recognised_however_it_is_typed() {
        let code = new_code();
        assert_eq!(code.len(), CODE_LENGTH + 3);
        let typed = format!(" {} ", code.replace('-', " ").to_lowercase());
        assert_eq!(code_fingerprint(&typed), code_fingerprint(&code));
        assert_ne!(code_fingerprint(&new_code()), code_fingerprint(&code));
    }
}
