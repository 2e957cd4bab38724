//! What a window system says of who sits at it: a JWT (RFC 7519) as compact JWS (RFC 7515), signed with Ed25519.
//!
//! One algorithm, so that nothing can be bargained over: no library that knows others is asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use yidang_model::Timestamp;

use super::{PublicKey, Reason, SignInRefusal};
use crate::tokens::is_token_name;

/// Longest assertion, in bytes.
pub(crate) const ASSERTION_LENGTH_MAX: usize = 4096;
/// The only algorithm.
const ALGORITHM: &str = "EdDSA";
/// Longest time between `iat` and `exp`.
const LIFETIME_S_MAX: f64 = 300.0;
/// By how much two clocks may differ.
const SKEW_S: f64 = 60.0;
/// From when an assertion is made for as far as clocks may differ, until it is refused for as far as they may, in
/// milliseconds: whatever is refused so long before another is taken was refused already when that one was.
pub(super) const REFUSED_WITHIN_MS: i64 = 300_000 + 2 * 60_000;
/// Longest `jti`, in bytes.
const ID_LENGTH_MAX: usize = 128;

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    iat: f64,
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, counter: &str) -> bool {
        match self {
            Self::One(name) => name == counter,
            Self::Several(names) => names.iter().any(|name| name == counter),
        }
    }
}

/// What an assertion says that proved good. Not yet used up.
pub(super) struct Asserted {
    /// The key's name.
    pub(super) issuer: String,
    /// The clerk.
    pub(super) operator: String,
    /// Tells it from every other one of this issuer.
    pub(super) id: String,
    /// From when on it is refused anyway.
    pub(super) refused_from: Timestamp,
}

/// Checks everything but whether it was used before. `key_of` finds the key registered under a name.
pub(super) fn check(
    text: &str,
    counter: &str,
    now: Timestamp,
    key_of: impl FnOnce(&str) -> Result<Option<PublicKey>, SignInRefusal>,
) -> Result<Asserted, SignInRefusal> {
    let refuse = |why: Reason| Err(SignInRefusal::Assertion(why));
    let (signed, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    if text.len() > ASSERTION_LENGTH_MAX {
        return refuse(["断言过长", "the assertion is too long"]);
    }
    let header: Header = part(header)?;
    let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if header.alg != ALGORITHM || header.crit.is_some() || !is_jwt {
        return refuse([
            "`alg` 必须是 EdDSA，`typ` 必须是 JWT，且不得有 `crit`",
            "`alg` must be EdDSA, `typ` JWT, and `crit` must not be there",
        ]);
    }
    let claims: Claims = part(claims)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| MALFORMED)?;
    match key_of(&claims.iss)? {
        None => return refuse(["`iss` 不是已登记的密钥名称", "`iss` names no registered key"]),
        Some(key) if !key.has_signed(signed.as_bytes(), &signature) => {
            return refuse(["签名与已登记的公钥不符", "the signature is not that of the registered key"]);
        }
        Some(_) => {}
    }
    if !claims.aud.has(counter) {
        return refuse(["`aud` 不是本窗口", "`aud` does not name this counter"]);
    }
    let refused_from = in_time(&claims, now)?;
    if claims.jti.is_empty() || claims.jti.len() > ID_LENGTH_MAX {
        return refuse(["`jti` 应为 1 至 128 字节", "`jti` is 1 to 128 bytes"]);
    }
    if !is_token_name(&claims.sub) {
        return refuse([
            "`sub` 应为一行 1 至 64 个可见字符",
            "`sub` is 1 to 64 visible characters in one line",
        ]);
    }
    let operator = claims.sub.trim().to_owned();
    Ok(Asserted { issuer: claims.iss, operator, id: claims.jti, refused_from })
}

const MALFORMED: SignInRefusal = SignInRefusal::Assertion([
    "这不是各部分均为 JSON 的紧凑 JWS",
    "this is no compact JWS whose parts are JSON",
]);

/// Whether it is of now, and from when on it is not.
fn in_time(claims: &Claims, now: Timestamp) -> Result<Timestamp, SignInRefusal> {
    let Claims { iat, exp, nbf, .. } = claims;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an instant fit into 53 bits")]
    let now = now.as_millis() as f64 / 1000.0;
    // JSON has no number that is none, and none too large to compare.
    if exp <= iat || exp - iat > LIFETIME_S_MAX {
        return Err(SignInRefusal::Assertion([
            "`exp` 最多比 `iat` 晚 300 秒",
            "`exp` is at most 300 seconds after `iat`",
        ]));
    }
    if *exp <= now - SKEW_S {
        return Err(SignInRefusal::Assertion(["断言已过期", "the assertion has expired"]));
    }
    if *iat > now + SKEW_S || nbf.is_some_and(|nbf| nbf > now + SKEW_S) {
        return Err(SignInRefusal::Assertion([
            "断言来自未来：请核对两边的时钟",
            "the assertion is of the future: compare the two clocks",
        ]));
    }
    #[expect(clippy::cast_possible_truncation, reason = "within minutes of now, as was just seen")]
    let until_ms = ((exp + SKEW_S) * 1000.0).ceil() as i64;
    Ok(Timestamp::from_millis(until_ms))
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, SignInRefusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MALFORMED)?;
    serde_json::from_slice(&bytes).map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn written(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn claims() -> Value {
        json!({"iss": "hall", "sub": "clerk-07", "aud": "c-1", "iat": NOW_S, "exp": NOW_S + 120, "jti": "a"})
    }

    fn checked(text: &str) -> Result<Asserted, String> {
        let key = PublicKey(pair().public_key().as_ref().try_into().unwrap());
        let key_of = |name: &str| Ok((name == "hall").then_some(key));
        check(text, "c-1", Timestamp::from_millis(NOW_S * 1000), key_of).map_err(|error| error.to_string())
    }

    fn with(changes: &Value) -> String {
        let mut claims = claims();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        written(&json!({"alg": "EdDSA", "typ": "JWT"}), &claims)
    }

    #[test]
    fn the_longest_time_until_one_is_refused_is_what_it_is_said_to_be() {
        assert_eq!(REFUSED_WITHIN_MS as f64, (LIFETIME_S_MAX + 2.0 * SKEW_S) * 1000.0);
    }

    #[test]
    fn a_good_one_says_who_it_is() {
        for changes in [json!({}), json!({"aud": ["x", "c-1"]}), json!({"nbf": NOW_S, "iat": NOW_S - 30})] {
            let asserted = checked(&with(&changes)).unwrap_or_else(|why| panic!("{changes}: {why}"));
            assert_eq!((asserted.issuer.as_str(), asserted.operator.as_str()), ("hall", "clerk-07"));
            assert_eq!(asserted.refused_from.as_millis(), (NOW_S + 180) * 1000);
        }
    }

    #[test]
    fn whatever_is_not_as_it_must_be_is_refused() {
        for (changes, why) in [
            (json!({"aud": "c-2"}), "aud"),
            (json!({"aud": []}), "aud"),
            (json!({"iss": "other"}), "iss"),
            (json!({"exp": NOW_S + 301}), "300 seconds"),
            (json!({"exp": NOW_S, "iat": NOW_S}), "300 seconds"),
            (json!({"exp": 1e308}), "300 seconds"),
            (json!({"exp": NOW_S - 61, "iat": NOW_S - 100}), "expired"),
            (json!({"iat": NOW_S + 61, "exp": NOW_S + 62}), "future"),
            (json!({"nbf": NOW_S + 61}), "future"),
            (json!({"exp": (NOW_S + 100).to_string()}), "compact JWS"),
            (json!({"jti": ""}), "jti"),
            (json!({"jti": "x".repeat(129)}), "jti"),
            (json!({"jti": null}), "compact JWS"),
            (json!({"sub": "a\nb"}), "sub"),
            (json!({"sub": " "}), "sub"),
            (json!({"sub": "x".repeat(65)}), "sub"),
            (json!({"pad": "x".repeat(ASSERTION_LENGTH_MAX)}), "too long"),
        ] {
            let said = checked(&with(&changes)).err().unwrap_or_else(|| panic!("{changes} is taken"));
            assert!(said.contains(why), "{changes}: {said}");
        }
    }

    #[test]
    fn the_algorithm_is_not_the_callers_to_choose() {
        use ring::hmac;
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "eddsa"}),
            json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}),
            json!({"alg": "EdDSA", "typ": "at+jwt"}),
            json!({}),
        ] {
            assert!(checked(&written(&header, &claims())).is_err(), "{header}");
        }
        // The public key as the secret of an HMAC, and no signature at all.
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "HS256"})), part(&claims()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, pair().public_key().as_ref());
        let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        assert!(checked(&format!("{signed}.{mac}")).is_err());
        let good = with(&json!({}));
        let bare = format!("{}.", good.rsplit_once('.').unwrap().0);
        for text in ["", ".", "..", "...", &bare, &good[..good.len() - 2], &format!("{good}.x")] {
            assert!(checked(text).is_err(), "{text}");
        }
        // Another key's key in the header is not looked at.
        let own = json!({"alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "kid": "x"});
        assert!(checked(&written(&own, &claims())).is_ok());
    }
}
