//! The authority of this PC: made at first use, kept in `DATA_DIR/tls`, good for this machine's own names only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate, parse_x509_pem};
use yidang_model::Timestamp;

use crate::clock;
use crate::command::whole_file::WholeFile;

/// What every authority's name begins with; its own digits follow.
pub(crate) const NAME_BEGINS: &str = "Yidang loopback CA ";
/// How long an authority is good for.
const LIFE: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
/// By how much a certificate is dated back: whoever looks may have another idea of the time.
pub(super) const DATED_BACK: Duration = Duration::from_secs(5 * 60);
/// The names that a certificate of it can have.
pub(super) const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const FOLDER: &str = "tls";
const KEY_FILE: &str = "authority.key";
const CERTIFICATE_FILE: &str = "authority.pem";

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its files cannot be read or written.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// Its key cannot be used.
    #[error("authority.key: {0}")]
    Key(rcgen::Error),
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Certificate(String),
}

/// The authority, with its key.
pub(crate) struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    /// The certificate, as other programs take it.
    pub(crate) pem: String,
    /// The certificate's file.
    pub(crate) file: PathBuf,
    /// Its name, which no other PC's has.
    pub(crate) name: String,
    /// From when on it is good for nothing.
    pub(crate) ends_at: Timestamp,
    der: CertificateDer<'static>,
}

impl Authority {
    /// The one of this data folder; made where there is none. The data folder must exist. Durable when it returns.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, AuthorityError> {
        let folder = data_dir.join(FOLDER);
        in_file(&folder, yidang_archive::files::create_folder(&folder))?;
        let key = open_key(&folder.join(KEY_FILE))?;
        let file = folder.join(CERTIFICATE_FILE);
        let now = clock::now();
        let kept = fs::read_to_string(&file).ok().and_then(|pem| read(&pem, &key, now));
        let (pem, der, ends_at) = match kept {
            Some(kept) => kept,
            // None yet, or not this key's, or of another time than now: one that nobody trusts until it is installed. The
            // key stays, so that whoever trusts an earlier certificate of it believes this one's leaves as long as that lasts.
            None => {
                let pem = sign_itself(&key, now)?;
                in_file(&file, write(&file, &pem))?;
                let unreadable = || AuthorityError::Certificate("it cannot be read back".to_owned());
                read(&pem, &key, now).ok_or_else(unreadable)?
            }
        };
        let name = name_of(&key);
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(AuthorityError::Key)?;
        Ok(Self { issuer, pem, file, name, ends_at, der })
    }

    /// The hash of its certificate, to compare by eye.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    #[cfg(test)]
    pub(super) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }
}

fn in_file<T>(file: &Path, done: io::Result<T>) -> Result<T, AuthorityError> {
    done.map_err(|error| AuthorityError::File(file.display().to_string(), error))
}

fn open_key(file: &Path) -> Result<KeyPair, AuthorityError> {
    if !file.exists() {
        let made = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::Key)?;
        let text = zeroize::Zeroizing::new(made.serialize_pem());
        match yidang_archive::files::write_new_file(file, text.as_bytes()) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            written => in_file(file, written)?,
        }
        let folder = file.parent().unwrap_or(file);
        in_file(folder, yidang_archive::files::sync_folder(folder))?;
    }
    let text = zeroize::Zeroizing::new(in_file(file, fs::read_to_string(file))?);
    KeyPair::from_pem(&text).map_err(AuthorityError::Key)
}

/// The certificate, if it is one of this key, has begun and is not over: its bytes and its end. One that was made while
/// the clock was ahead would be refused by everyone until then.
fn read(pem: &str, key: &KeyPair, now: Timestamp) -> Option<(String, CertificateDer<'static>, Timestamp)> {
    let (_, block) = parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&block.contents).ok()?;
    let is_own = certificate.public_key().subject_public_key.data.as_ref() == key.public_key_raw();
    let ends_at = Timestamp::from_millis(certificate.validity().not_after.timestamp().checked_mul(1000)?);
    let begins_at = Timestamp::from_millis(certificate.validity().not_before.timestamp().checked_mul(1000)?);
    let is_good = is_own && begins_at <= now && ends_at > now;
    is_good.then(|| (pem.to_owned(), CertificateDer::from(block.contents.clone()), ends_at))
}

fn write(file: &Path, pem: &str) -> io::Result<()> {
    let mut whole = WholeFile::create(file.to_owned())?;
    io::Write::write_all(&mut whole, pem.as_bytes())?;
    whole.finish_durably()
}

fn name_of(key: &KeyPair) -> String {
    let digest = Sha256::digest(key.public_key_raw());
    format!("{NAME_BEGINS}{}", hex::encode(&digest[..4]))
}

/// The authority's own certificate. Who steals its key can be this PC to itself, and nobody else to anyone: the names
/// it may vouch for stand in it, and are critical.
fn sign_itself(key: &KeyPair, now: Timestamp) -> Result<String, AuthorityError> {
    let wrong = |error: rcgen::Error| AuthorityError::Certificate(error.to_string());
    let mut params = CertificateParams::new(Vec::new()).map_err(wrong)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name_of(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName(NAMES[0].to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 1], 32)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    (params.not_before, params.not_after) = validity(now, LIFE)?;
    Ok(params.self_signed(key).map_err(wrong)?.pem())
}

/// From a little before now, for so long from now.
pub(super) fn validity(
    now: Timestamp,
    life: Duration,
) -> Result<(OffsetDateTime, OffsetDateTime), AuthorityError> {
    let at = |millis: i64| {
        OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000))
            .map_err(|_| AuthorityError::Certificate("this machine's clock is out of all bounds".to_owned()))
    };
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 2);
    Ok((at(now.as_millis() - millis(DATED_BACK))?, at(now.as_millis().saturating_add(millis(life)))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_made_while_the_clock_was_wrong_is_made_anew_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path()).unwrap();
        assert_eq!(Authority::open(folder.path()).unwrap().fingerprint(), first.fingerprint());
        let key = open_key(&folder.path().join("tls/authority.key")).unwrap();
        for years in [-11, 5] {
            let wrong = sign_itself(&key, clock::now().plus_millis(years * 365 * 86_400_000)).unwrap();
            write(&first.file, &wrong).unwrap();
            let anew = Authority::open(folder.path()).unwrap();
            assert!(anew.pem != wrong && anew.name == first.name, "{years} years");
            assert!(anew.ends_at <= clock::now().plus_millis(LIFE.as_millis() as i64));
            assert_eq!(Authority::open(folder.path()).unwrap().fingerprint(), anew.fingerprint());
        }
    }
}
