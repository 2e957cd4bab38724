//! The certificate that connections are shown. Nobody has to think of renewing it: when one is asked for and the time
//! has come, by whatever the clock says then, a new one is made.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use yidang_model::Timestamp;

use super::authority::{Authority, AuthorityError, DATED_BACK, NAMES, validity};
use crate::clock;

/// What takes connections in. A certificate lasts for `life`, and is renewed when a third of it is left.
pub(crate) fn acceptor(authority: Authority, life: Duration) -> Result<TlsAcceptor, AuthorityError> {
    let mint = Mint { authority, life, current: Mutex::new(None) };
    // Whatever is wrong is found at the start, and not by the first page.
    mint.current(clock::now())?;
    let wrong = |error: rustls::Error| AuthorityError::Certificate(error.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(mint));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes certificates, the key of each in memory only.
struct Mint {
    authority: Authority,
    life: Duration,
    current: Mutex<Option<Minted>>,
}

struct Minted {
    key: Arc<CertifiedKey>,
    made_at: Timestamp,
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mint").field("life", &self.life).finish_non_exhaustive()
    }
}

impl Mint {
    fn current(&self, now: Timestamp) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(minted) = current.as_ref().filter(|minted| is_fresh(minted.made_at, now, self.life)) {
            return Ok(minted.key.clone());
        }
        let key = Arc::new(mint(&self.authority, now, self.life, &NAMES)?);
        tracing::info!("a new certificate for https");
        *current = Some(Minted { key: key.clone(), made_at: now });
        Ok(key)
    }
}

/// Whether more than a third of its life is left. One made before the clock was set back is not fresh: it may be of the
/// future.
fn is_fresh(made_at: Timestamp, now: Timestamp, life: Duration) -> bool {
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let age = now.as_millis() - made_at.as_millis();
    -millis(DATED_BACK) < age && age < millis(life) / 3 * 2
}

impl ResolvesServerCert for Mint {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Addresses are not named here.
        if hello.server_name().is_some_and(|name| !name.eq_ignore_ascii_case(NAMES[0])) {
            return None;
        }
        let current = self.current(clock::now());
        current.inspect_err(|error| tracing::error!(%error, "there is no certificate for https")).ok()
    }
}

fn mint(
    authority: &Authority,
    now: Timestamp,
    life: Duration,
    names: &[&str],
) -> Result<CertifiedKey, AuthorityError> {
    let wrong = |error: rcgen::Error| AuthorityError::Certificate(error.to_string());
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
    let mut params = CertificateParams::new(names).map_err(wrong)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Yidang on this PC");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = validity(now, life)?;
    let certificate = params.signed_by(&key, &authority.issuer).map_err(wrong)?;
    let secret = PrivateKeyDer::try_from(key.serialize_der());
    let secret = secret.map_err(|error| AuthorityError::Certificate(error.to_owned()))?;
    let signing = ring::sign::any_ecdsa_type(&secret);
    let signing = signing.map_err(|error| AuthorityError::Certificate(error.to_string()))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    const LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// Whether a client that trusts the authority takes its certificate of these names for this one.
    fn is_taken(authority: &Authority, names: &[&str], asked: &str, at: Timestamp) -> bool {
        let minted = mint(authority, clock::now(), LIFE, names).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let asked = ServerName::try_from(asked.to_owned()).unwrap();
        let at_s = u64::try_from(at.as_millis() / 1000).unwrap();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at_s));
        verifier.verify_server_cert(&minted.cert[0], &[], &asked, &[], at).is_ok()
    }

    #[test]
    fn it_vouches_for_this_machine_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path()).unwrap();
        let now = clock::now();
        for name in NAMES {
            assert!(is_taken(&authority, &NAMES, name, now), "{name}");
        }
        // As by whoever has stolen its key.
        for name in ["evil.example", "one.example.gov.cn", "127.0.0.2", "10.0.0.1", "::2"] {
            assert!(!is_taken(&authority, &[name], name, now), "{name}");
            assert!(!is_taken(&authority, &["localhost", name], name, now), "{name} beside localhost");
        }
        assert!(!is_taken(&authority, &NAMES, "localhost", now.plus_millis(91 * 86_400_000)));
    }

    #[test]
    fn the_authority_stays_the_same_and_its_key_is_its_accounts_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path()).unwrap();
        let again = Authority::open(folder.path()).unwrap();
        assert_eq!((&first.pem, &first.name, first.ends_at), (&again.pem, &again.name, again.ends_at));
        assert!(first.ends_at > clock::now().plus_millis(3600 * 86_400_000));
        let other = Authority::open(tempfile::tempdir().unwrap().path()).unwrap();
        assert_ne!(first.name, other.name);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let mode = |name: &str| folder.path().join("tls").join(name).metadata().unwrap().mode() & 0o777;
            assert_eq!((mode("authority.key"), mode(".")), (0o600, 0o700));
        }
        // A certificate that is not the key's is made anew.
        std::fs::write(&first.file, &other.pem).unwrap();
        let mended = Authority::open(folder.path()).unwrap();
        assert_eq!(mended.name, first.name);
    }

    #[test]
    fn a_certificate_is_renewed_before_its_end_and_when_the_clock_is_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path()).unwrap();
        let mint = Mint { authority, life: LIFE, current: Mutex::new(None) };
        let now = clock::now();
        let day = |days: i64| now.plus_millis(days * 86_400_000);
        let first = mint.current(now).unwrap();
        assert!(Arc::ptr_eq(&first, &mint.current(day(59)).unwrap()));
        let second = mint.current(day(60)).unwrap();
        assert!(!Arc::ptr_eq(&first, &second) && first.cert[0] != second.cert[0]);
        assert!(Arc::ptr_eq(&second, &mint.current(day(60).plus_millis(-1000)).unwrap()));
        assert!(!Arc::ptr_eq(&second, &mint.current(day(30)).unwrap()), "the clock was set back");
    }
}
