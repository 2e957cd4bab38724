//! The public keys of window systems, as administrators have them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;

use super::OperatorError;

/// What stands before the key in a `SubjectPublicKeyInfo` of Ed25519 (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// An Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey(pub(super) [u8; 32]);

/// A key as JWK (RFC 8037). One that has its private part in it is refused.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    d: Option<serde::de::IgnoredAny>,
}

impl PublicKey {
    /// Reads PEM (`openssl pkey -pubout`) or JWK.
    pub(crate) fn parse(text: &str) -> Result<Self, OperatorError> {
        let text = text.trim();
        let found = if text.starts_with('{') { of_jwk(text) } else { of_pem(text) };
        found.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(OperatorError::BadKey)
    }

    /// Whether the message was signed with its private half.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }

    /// The first digits of its hash, to compare by eye.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(&ring::digest::digest(&ring::digest::SHA256, &self.0).as_ref()[..8])
    }
}

fn of_jwk(text: &str) -> Option<Vec<u8>> {
    let jwk: Jwk = serde_json::from_str(text).ok()?;
    let is_ours = jwk.kty == "OKP" && jwk.crv == "Ed25519" && jwk.d.is_none();
    is_ours.then(|| URL_SAFE_NO_PAD.decode(jwk.x).ok()).flatten()
}

fn of_pem(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let der = STANDARD.decode(inner.split_ascii_whitespace().collect::<String>()).ok()?;
    der.strip_prefix(&SPKI_PREFIX).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.
    const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn both_forms_give_the_same_key() {
        assert_eq!(PublicKey::parse(JWK).unwrap(), PublicKey::parse(PEM).unwrap());
    }

    #[test]
    fn what_is_no_public_key_of_ours_is_refused() {
        let private = JWK.replace("\"kty\"", "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"kty\"");
        let cut = PEM.replace("MCow", "");
        let other = JWK.replace("Ed25519", "X25519");
        for text in ["", "{}", "ssh-ed25519 AAAA", private.as_str(), &cut, &other] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }
}
