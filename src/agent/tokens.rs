//! The tokens that programs at this window call with. Only their hashes are stored.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};
use yidang_model::Timestamp;

use crate::scope::Scope;
use crate::visible::hides;
use crate::{clock, private_database, random};

/// Version of the tables below.
const SCHEMA_VERSION: i64 = 2;
/// `YDTK`: tells this file from another program's.
const APPLICATION_ID: i64 = 0x5944_544B;
/// Longest name of a token, in characters.
const NAME_LENGTH_MAX: usize = 64;
/// Tokens of one name that pairing tells apart by a number.
const NAMESAKES_MAX: u32 = 99;

/// A token as the administrator sees it. The secret exists nowhere but at its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Counts up from 1.
    pub id: i64,
    /// The program it was made for; written into the ledger with everything it does.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The web origin it is bound to.
    pub origin: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good for nothing; `None`: it is good until it is revoked.
    pub expires_at: Option<Timestamp>,
}

impl Token {
    /// Whether its time is over.
    pub fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|end| end <= clock::now())
    }
}

/// Why a token could not be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is empty, too long, or has characters that are not seen.
    #[error("a token's name is 1 to {NAME_LENGTH_MAX} visible characters")]
    BadName,
    /// No scope was given.
    #[error("a token needs at least one scope")]
    NoScope,
    /// The origin is not written as browsers send it.
    #[error("an origin is written as browsers send it: scheme://host[:port], without a path")]
    BadOrigin,
    /// A live token has this name already.
    #[error("a token of this name exists; revoke it first or choose another name")]
    NameTaken,
    /// A newer version of this program wrote the file.
    #[error("tokens.db was written by a newer version of this program")]
    NewerVersion,
    /// The database failed.
    #[error("tokens.db: {0}")]
    Database(#[from] rusqlite::Error),
}

/// The token store, `DATA_DIR/tokens.db`. Several processes may have it open: the command line makes tokens
/// beside the running daemon.
pub struct Tokens {
    connection: Mutex<Connection>,
}

impl Tokens {
    /// Opens or makes the store. The folder must exist.
    pub fn open(data_dir: &Path) -> Result<Self, TokenError> {
        let path = data_dir.join("tokens.db");
        let opened = private_database::open(&path, APPLICATION_ID, SCHEMA_VERSION)?;
        let connection = opened.ok_or(TokenError::NewerVersion)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS tokens (
                 id         INTEGER PRIMARY KEY,
                 name       TEXT NOT NULL,
                 hash       BLOB NOT NULL UNIQUE,
                 scopes     TEXT NOT NULL,
                 origin     TEXT,
                 created_at INTEGER NOT NULL,
                 revoked_at INTEGER
             ) STRICT;
             CREATE UNIQUE INDEX IF NOT EXISTS live_names ON tokens (name) WHERE revoked_at IS NULL;",
        )?;
        add_expiry(&connection)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Makes a token and returns its secret, which is not kept.
    pub fn create(&self, name: &str, scopes: &[Scope], origin: Option<&str>) -> Result<String, TokenError> {
        self.create_until(name, scopes, origin, None)
    }

    /// The same, for a token that is good for nothing from an instant on.
    pub fn create_until(
        &self,
        name: &str,
        scopes: &[Scope],
        origin: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<String, TokenError> {
        let name = name.trim();
        if !is_token_name(name) {
            return Err(TokenError::BadName);
        }
        if scopes.is_empty() {
            return Err(TokenError::NoScope);
        }
        if origin.is_some_and(|o| !is_origin(o)) {
            return Err(TokenError::BadOrigin);
        }
        let secret = format!("ydt_{}", URL_SAFE_NO_PAD.encode(random::bytes::<32>()));
        let words: Vec<_> = Scope::ALL.iter().filter(|s| scopes.contains(s)).map(|s| s.as_str()).collect();
        let (words, made_at) = (words.join(" "), clock::now().as_millis());
        let expires_at = expires_at.map(Timestamp::as_millis);
        let added = self.lock().execute(
            "INSERT INTO tokens (name, hash, scopes, origin, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![name, hash(&secret), words, origin, made_at, expires_at],
        );
        match added {
            Ok(_) => Ok(secret),
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::ConstraintViolation =>
            {
                Err(TokenError::NameTaken)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a token for a page or program that was let in. It takes the place of the one that the same page had under
    /// the same name; where the name is another's, a number is added to it.
    pub(crate) fn pair(
        &self,
        name: &str,
        scopes: &[Scope],
        origin: Option<&str>,
    ) -> Result<String, TokenError> {
        for number in 1..=NAMESAKES_MAX {
            let name = if number == 1 { name.to_owned() } else { with_number(name, number) };
            if let Some(origin) = origin {
                self.lock().execute(
                    "UPDATE tokens SET revoked_at = ?3 WHERE name = ?1 AND origin = ?2 AND revoked_at IS NULL",
                    params![name, origin, clock::now().as_millis()],
                )?;
            }
            match self.create(&name, scopes, origin) {
                Err(TokenError::NameTaken) => {}
                made => return made,
            }
        }
        Err(TokenError::NameTaken)
    }

    /// The token with this secret that has not been revoked; it may have expired.
    pub fn find(&self, secret: &str) -> Result<Option<Token>, TokenError> {
        // Looking a 256-bit random secret up by its hash leaks nothing through timing that helps a guess.
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, scopes, origin, created_at, expires_at FROM tokens
             WHERE hash = ?1 AND revoked_at IS NULL",
        )?;
        Ok(statement.query_row([hash(secret)], read).optional()?)
    }

    /// All tokens that have not been revoked, expired ones too.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, scopes, origin, created_at, expires_at FROM tokens
             WHERE revoked_at IS NULL ORDER BY id",
        )?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Revokes the live token of this name; `false` when there is none. Holds when it returns.
    pub fn revoke(&self, name: &str) -> Result<bool, TokenError> {
        let changed = self.lock().execute(
            "UPDATE tokens SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL",
            params![name, clock::now().as_millis()],
        )?;
        Ok(changed > 0)
    }

    /// Whether this token has neither been revoked nor expired.
    pub(crate) fn is_live(&self, id: i64) -> Result<bool, TokenError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tokens WHERE id = ?1 AND revoked_at IS NULL
             AND (expires_at IS NULL OR expires_at > ?2))",
        )?;
        Ok(statement.query_row(params![id, clock::now().as_millis()], |row| row.get(0))?)
    }

    /// Whether a token is bound to this web origin. An expired one counts: its page is to be told that it has expired.
    pub fn has_origin(&self, origin: &str) -> Result<bool, TokenError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tokens WHERE origin = ?1 AND revoked_at IS NULL)",
        )?;
        Ok(statement.query_row([origin], |row| row.get(0))?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The column that came with the second version.
fn add_expiry(connection: &Connection) -> rusqlite::Result<()> {
    let is_there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_info('tokens') WHERE name = 'expires_at')",
        [],
        |row| row.get(0),
    )?;
    if is_there {
        return Ok(());
    }
    match connection.execute_batch("ALTER TABLE tokens ADD COLUMN expires_at INTEGER;") {
        // Another process was faster.
        Err(error) if error.to_string().contains("duplicate column") => Ok(()),
        added => added,
    }
}

fn with_number(name: &str, number: u32) -> String {
    let number = format!(" ({number})");
    let kept = NAME_LENGTH_MAX - number.chars().count();
    name.chars().take(kept).chain(number.chars()).collect()
}

/// Whether a token can be called so. An administrator reads the name before saying yes, so nothing in it may hide or
/// turn other letters round.
pub(crate) fn is_token_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= NAME_LENGTH_MAX && !name.chars().any(hides)
}

/// Whether the text is an origin as browsers serialise it: `scheme://host[:port]`, nothing after.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    !host.is_empty()
        && host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c))
        && text.len() <= 255
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let scopes: String = row.get(2)?;
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        // A scope that a later version knew and this one does not grants nothing here.
        scopes: scopes.split(' ').filter_map(|s| s.parse().ok()).collect(),
        origin: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_secret_until_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path()).unwrap();
        let scopes = [Scope::Card, Scope::ArchiveRead];
        let secret = tokens.create("window", &scopes, Some("https://one.example.gov.cn")).unwrap();
        let found = tokens.find(&secret).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.scopes.as_slice()), ("window", scopes.as_slice()));
        assert!(tokens.has_origin("https://one.example.gov.cn").unwrap());
        assert!(matches!(tokens.create("window", &scopes, None), Err(TokenError::NameTaken)));
        assert!(tokens.revoke("window").unwrap());
        assert!(!tokens.revoke("window").unwrap());
        assert!(tokens.find(&secret).unwrap().is_none());
        assert!(!tokens.has_origin("https://one.example.gov.cn").unwrap());
        tokens.create("window", &scopes, None).unwrap();
    }

    #[test]
    fn an_expired_token_is_told_from_an_unknown_one() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path()).unwrap();
        let scopes = [Scope::Card];
        let over = tokens.create_until("over", &scopes, None, Some(clock::now())).unwrap();
        let token = tokens.find(&over).unwrap().unwrap();
        assert!(token.is_expired() && !tokens.is_live(token.id).unwrap());
        let later = clock::now().plus_millis(60_000);
        let good = tokens.create_until("good", &scopes, None, Some(later)).unwrap();
        let token = tokens.find(&good).unwrap().unwrap();
        assert!(!token.is_expired() && tokens.is_live(token.id).unwrap());
    }

    #[test]
    fn tokens_of_the_first_version_are_good_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let secret = Tokens::open(dir.path()).unwrap().create("old", &[Scope::Card], None).unwrap();
        let old = Connection::open(dir.path().join("tokens.db")).unwrap();
        old.execute_batch("ALTER TABLE tokens DROP COLUMN expires_at; PRAGMA user_version = 1;").unwrap();
        drop(old);
        let tokens = Tokens::open(dir.path()).unwrap();
        assert_eq!(tokens.find(&secret).unwrap().unwrap().expires_at, None);
    }

    #[test]
    fn pairing_again_replaces_the_pages_own_token_and_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path()).unwrap();
        let scopes = [Scope::Card];
        let (one, other) = (Some("https://one.cn"), Some("https://other.cn"));
        let first = tokens.pair("window", &scopes, one).unwrap();
        let second = tokens.pair("window", &scopes, one).unwrap();
        let others = tokens.pair("window", &scopes, other).unwrap();
        let program = tokens.pair("window", &scopes, None).unwrap();
        assert!(tokens.find(&first).unwrap().is_none());
        let name = |secret: &str| tokens.find(secret).unwrap().unwrap().name;
        assert_eq!([name(&second), name(&others), name(&program)], ["window", "window (2)", "window (3)"]);
    }

    #[test]
    fn names_hide_nothing() {
        for name in ["", " ", "a\nb", "a\u{202e}b", "a\u{200b}", "\u{feff}"] {
            assert!(!is_token_name(name), "{name:?}");
        }
        assert!(is_token_name("社保窗口系统") && with_number(&"长".repeat(64), 12).chars().count() == 64);
    }

    #[test]
    fn the_secret_is_nowhere_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path()).unwrap();
        let secret = tokens.create("window", &[Scope::Card], None).unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path()).unwrap();
        assert!(matches!(tokens.create(" ", &[Scope::Card], None), Err(TokenError::BadName)));
        assert!(matches!(tokens.create("a", &[], None), Err(TokenError::NoScope)));
        for origin in
            ["*", "null", "https://a.cn/", "https://a.cn/x", "https://A.cn", "ftp://a.cn", "https://"]
        {
            let made = tokens.create("a", &[Scope::Card], Some(origin));
            assert!(matches!(made, Err(TokenError::BadOrigin)), "{origin}");
        }
    }
}
