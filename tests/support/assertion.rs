//! A window system that says which clerk sits at it: signed assertions, good ones and others.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// A window system and its key.
pub(crate) struct WindowSystem(Ed25519KeyPair);

impl WindowSystem {
    /// One whose key nobody else has, unless they ask for the same seed.
    pub(crate) fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
    }

    /// Its public key, as `openssl pkey -pubout` writes it.
    pub(crate) fn pem(&self) -> String {
        let spki =
            [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", self.0.public_key().as_ref()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki))
    }

    /// An assertion of now for this counter, with these claims changed.
    pub(crate) fn says(&self, operator: &str, id: &str, changes: &Value) -> String {
        self.says_with(&json!({"alg": "EdDSA", "typ": "JWT"}), operator, id, changes)
    }

    /// The same under another header.
    pub(crate) fn says_with(&self, header: &Value, operator: &str, id: &str, changes: &Value) -> String {
        let signed = unsigned(header, operator, id, changes);
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// One that was made with the public key as the secret of an HMAC.
    pub(crate) fn confused(&self, operator: &str, id: &str) -> String {
        let signed = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), operator, id, &json!({}));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.pem().as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{mac}")
    }
}

/// Header and claims, without a signature.
pub(crate) fn unsigned(header: &Value, operator: &str, id: &str, changes: &Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let mut claims = json!({"iss": "hall", "sub": operator, "aud": "test-window", "iat": now, "exp": now + 120,
        "jti": id});
    for (name, value) in changes.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(&claims))
}
