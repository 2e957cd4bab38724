//! Who is calling: the token, and the clerk it names.

use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use yidang_archive::Actor;

use crate::app::Shared;
use crate::clients::Client;
use crate::holders::Holder;
use crate::operators::{OperatorNeed, Standing};
use crate::owner::Owner;
use crate::problem::{Code, Problem};
use crate::replay::KEY_LENGTH_MAX;
use crate::scope::Scope;
use crate::sync::HolderQuery;
use crate::tokens::Token;
use crate::tray::TrayView;
use crate::visible::hides;

/// Longest operator name, in characters.
pub(crate) const OPERATOR_LENGTH_MAX: usize = 64;
/// Longest session, in characters; those that are given out are half as long.
pub(crate) const SESSION_LENGTH_MAX: usize = 64;

/// An authenticated caller. Extracting one fails with `token_missing` or `token_invalid`.
pub(crate) struct Caller {
    pub(crate) token: Token,
    /// Whose what the call opens will be.
    pub(crate) owner: Owner,
    /// The clerk: who signed in to the session, else who `Yidang-Operator` names.
    pub(crate) operator: Option<String>,
    /// `Idempotency-Key`.
    pub(crate) idempotency_key: Option<String>,
    /// What it carries in `Yidang-Session`.
    pub(crate) session: Option<String>,
    /// How that stands.
    standing: Standing,
    /// The clerk that `Yidang-Operator` names.
    named: Option<String>,
    app: Shared,
}

impl Caller {
    /// Fails with `scope_missing` unless the token has the scope; and unless the call tells as much of its clerk as this
    /// window wants, and no more than is true. A session that it carries counts as used.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if !self.may(scope) {
            let detail = format!("this call needs the scope `{}`", scope.as_str());
            return Err(Problem::new(Code::ScopeMissing, detail));
        }
        match &self.standing {
            Standing::Open(_, operator) if self.named.as_ref().is_some_and(|named| named != operator) => {
                Err(Code::OperatorMismatch.into())
            }
            Standing::Open(owner, _) => {
                self.app.sessions.touch(*owner, Instant::now());
                Ok(())
            }
            Standing::Locked(_) => Err(Code::OperatorLocked.into()),
            Standing::Unknown => Err(Problem::new(Code::OperatorRequired, "the session has ended")),
            Standing::Absent => self.require_somebody(scope),
        }
    }

    /// As what is counted of it.
    pub(crate) const fn client(&self) -> Client {
        Client::Token(self.token.id)
    }

    /// Fails with `too_many` if the token does costly things too often. For a call that may be made, before its work.
    pub(crate) fn spend(&self) -> Result<(), Problem> {
        self.app.clients.spend(self.client(), &self.token.name, Instant::now())
    }

    /// For a call without a session.
    fn require_somebody(&self, scope: Scope) -> Result<(), Problem> {
        match self.app.config.operators.need {
            // What administrators do shows them nobody's papers.
            OperatorNeed::Session if scope != Scope::Admin => {
                Err(Problem::new(Code::OperatorRequired, "this window requires the header Yidang-Session"))
            }
            OperatorNeed::Named if self.named.is_none() => {
                Err(Problem::new(Code::OperatorRequired, "this window requires the header Yidang-Operator"))
            }
            _ => Ok(()),
        }
    }

    /// The clerk whose session it carries, as long as that is open.
    pub(crate) fn signed_in(&self) -> Option<&str> {
        match &self.standing {
            Standing::Open(_, operator) => Some(operator),
            Standing::Absent | Standing::Unknown | Standing::Locked(_) => None,
        }
    }

    /// Fails if the clerk has gone, or the session was locked, since the call came: what it waited for is not for
    /// whoever sits there now.
    pub(crate) fn is_still_there(&self) -> Result<(), Problem> {
        if self.app.sessions.is_open(self.owner, Instant::now()) {
            return Ok(());
        }
        Err(Problem::new(Code::OperatorRequired, "the session ended while the call waited"))
    }

    /// Whether the token has the scope.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.token.scopes.contains(&scope)
    }

    /// A question to the repository about an open dossier, for the caller: on the ground it was opened on, with
    /// nothing narrowed down and so many at most.
    pub(crate) fn query(&self, holder: &Holder, limit: usize) -> HolderQuery {
        HolderQuery {
            subject: holder.subject.clone(),
            basis: holder.basis.as_str().to_owned(),
            purpose: holder.purpose.clone(),
            case: holder.case.clone(),
            client: self.token.name.clone(),
            operator: self.operator.clone(),
            kind: None,
            item: None,
            cursor: None,
            limit,
        }
    }

    /// Which captures it is shown.
    pub(crate) fn tray_view(&self) -> TrayView {
        match self.app.config.operators.need {
            OperatorNeed::Session => TrayView::Of(self.signed_in().unwrap_or_default().to_owned()),
            OperatorNeed::None | OperatorNeed::Named => TrayView::All,
        }
    }

    /// As the ledger names the caller.
    pub(crate) fn actor(&self) -> Actor {
        Actor { client: self.token.name.clone(), operator: self.operator.clone() }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let secret = bearer(&parts.headers)?;
        // The guard has looked it up, unless that failed.
        let token = match parts.extensions.remove::<Token>() {
            Some(token) => token,
            None => {
                let stored = app.tokens.find(secret);
                let stored = stored.map_err(|e| Problem::new(Code::StorageFailed, e.to_string()))?;
                stored.ok_or(Code::TokenInvalid)?
            }
        };
        if token.is_expired() {
            return Err(Code::TokenExpired.into());
        }
        let origin = parts.headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
        if let (Some(bound), Some(origin)) = (&token.origin, origin)
            && bound != origin
            && !app.is_own_page(origin)
        {
            return Err(Problem::new(Code::OriginDenied, "the token is bound to another origin"));
        }
        if token.origin.is_none()
            && let Some(origin) = origin
            && !app.is_own_page(origin)
            && !app.config.origins.iter().any(|o| o == origin)
        {
            return Err(Problem::new(Code::OriginDenied, "this origin is open to another token only"));
        }
        let named = text(parts, "yidang-operator", OPERATOR_LENGTH_MAX)?;
        if named.as_deref().is_some_and(|name| name.chars().any(hides)) {
            return Err(Problem::invalid("yidang-operator has characters that are not seen"));
        }
        let idempotency_key = text(parts, "idempotency-key", KEY_LENGTH_MAX)?;
        let session = text(parts, "yidang-session", SESSION_LENGTH_MAX)?;
        let standing = app.sessions.standing(token.id, session.as_deref(), Instant::now());
        let (owner, operator) = match &standing {
            Standing::Open(owner, operator) => (*owner, Some(operator.clone())),
            Standing::Locked(owner) => (*owner, None),
            Standing::Unknown | Standing::Absent => (Owner::of_token(token.id), named.clone()),
        };
        let app = app.clone();
        Ok(Self { token, owner, operator, idempotency_key, session, standing, named, app })
    }
}

/// The secret that `Authorization` carries.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or(Code::TokenMissing)?;
    let text = value.to_str().map_err(|_| Code::TokenInvalid)?;
    let (scheme, secret) = text.split_once(' ').ok_or(Code::TokenInvalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Code::TokenMissing.into());
    }
    Ok(secret.trim())
}

/// A header as text. Browsers cannot send Chinese in a header raw, so percent-encoded UTF-8 is read too.
fn text(parts: &Parts, name: &str, length_max: usize) -> Result<Option<String>, Problem> {
    let Some(value) = parts.headers.get(name) else { return Ok(None) };
    let raw = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Problem::invalid(format!("{name} is not UTF-8")))?;
    let text = percent_decoded(raw.trim()).ok_or_else(|| Problem::invalid(format!("{name} is not UTF-8")))?;
    if text.is_empty() || text.chars().count() > length_max || text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!(
            "{name} is 1 to {length_max} characters without control characters"
        )));
    }
    Ok(Some(text))
}

fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let byte = hex.and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoded_names_are_read() {
        assert_eq!(percent_decoded("%E6%9D%8E%E5%9B%9B").as_deref(), Some("李四"));
        assert_eq!(percent_decoded("100% sure").as_deref(), Some("100% sure"));
        assert_eq!(percent_decoded("%FF"), None);
    }
}
