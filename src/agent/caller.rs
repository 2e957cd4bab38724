//! Who is calling: the token, and the clerk it names.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use yidang_archive::Actor;

use crate::app::Shared;
use crate::guard::is_own_origin;
use crate::holders::Holder;
use crate::problem::{Code, Problem};
use crate::replay::KEY_LENGTH_MAX;
use crate::scope::Scope;
use crate::sync::HolderQuery;
use crate::tokens::Token;

/// Longest operator name, in characters.
pub(crate) const OPERATOR_LENGTH_MAX: usize = 64;

/// An authenticated caller. Extracting one fails with `token_missing` or `token_invalid`.
pub(crate) struct Caller {
    pub(crate) token: Token,
    /// The clerk, from `Yidang-Operator`.
    pub(crate) operator: Option<String>,
    /// `Idempotency-Key`.
    pub(crate) idempotency_key: Option<String>,
    /// Whether this window wants a clerk named with everything that needs a scope.
    operator_required: bool,
}

impl Caller {
    /// Fails with `scope_missing` unless the token has the scope, and where this window wants every clerk named
    /// and the caller names none.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if !self.may(scope) {
            let detail = format!("this call needs the scope `{}`", scope.as_str());
            return Err(Problem::new(Code::ScopeMissing, detail));
        }
        if self.operator.is_none() && self.operator_required {
            return Err(Problem::invalid("this window requires the header Yidang-Operator"));
        }
        Ok(())
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

    /// As the ledger names the caller.
    pub(crate) fn actor(&self) -> Actor {
        Actor { client: self.token.name.clone(), operator: self.operator.clone() }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let secret = bearer(parts)?;
        let stored = app.tokens.find(secret).map_err(|e| Problem::new(Code::StorageFailed, e.to_string()))?;
        let token = stored.ok_or(Code::TokenInvalid)?;
        if token.is_expired() {
            return Err(Code::TokenExpired.into());
        }
        let origin = parts.headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
        if let (Some(bound), Some(origin)) = (&token.origin, origin)
            && bound != origin
            && !is_own_origin(origin, app.address)
        {
            return Err(Problem::new(Code::OriginDenied, "the token is bound to another origin"));
        }
        if token.origin.is_none()
            && let Some(origin) = origin
            && !is_own_origin(origin, app.address)
            && !app.config.origins.iter().any(|o| o == origin)
        {
            return Err(Problem::new(Code::OriginDenied, "this origin is open to another token only"));
        }
        let operator = text(parts, "yidang-operator", OPERATOR_LENGTH_MAX)?;
        let idempotency_key = text(parts, "idempotency-key", KEY_LENGTH_MAX)?;
        Ok(Self { token, operator, idempotency_key, operator_required: app.config.operator_required })
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let value = parts.headers.get(header::AUTHORIZATION).ok_or(Code::TokenMissing)?;
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
