//! `DATA_DIR/operators.db`: who has a PIN here, and whose assertions are believed.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use yidang_model::Timestamp;

use super::seal::OperatorSeal;
use super::{OperatorError, PublicKey, Reason, SignInRefusal, assertion, pin};
use crate::tokens::is_token_name;
use crate::{clock, private_database};

/// Version of the tables below.
const SCHEMA_VERSION: i64 = 2;
/// `YDOP`: tells this file from another program's.
const APPLICATION_ID: i64 = 0x5944_4F50;

/// A clerk as the administrator sees it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KnownOperator {
    /// As it goes into the ledger.
    pub(crate) name: String,
    /// When the PIN was set.
    pub(crate) pin_set_at: Timestamp,
    /// Wrong tries since the last right one.
    pub(crate) wrong_tries: u32,
}

impl KnownOperator {
    /// Whether its PIN was wrong so often that it is not looked at any more.
    pub(crate) fn is_locked(&self) -> bool {
        self.wrong_tries >= pin::TRIES_MAX
    }
}

/// The store. Several processes may have it open: the command line changes it beside the running daemon.
pub(crate) struct Operators {
    connection: Mutex<Connection>,
    seal: OperatorSeal,
    /// One PIN is looked at at a time: each takes memory.
    proving: Mutex<()>,
}

impl Operators {
    /// Opens or makes the store. The data folder must exist.
    pub(crate) fn open(data_dir: &Path, keys_dir: &Path) -> Result<Self, OperatorError> {
        let path = data_dir.join("operators.db");
        let opened = private_database::open(&path, APPLICATION_ID, SCHEMA_VERSION)?;
        let connection = opened.ok_or(OperatorError::NewerVersion)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS operators (
                 tag        BLOB PRIMARY KEY,
                 name       BLOB NOT NULL,
                 pin        TEXT NOT NULL,
                 pin_set_at INTEGER NOT NULL,
                 tries      INTEGER NOT NULL DEFAULT 0,
                 wait_until INTEGER NOT NULL DEFAULT 0
             ) STRICT;
             CREATE TABLE IF NOT EXISTS keys (
                 name       TEXT PRIMARY KEY,
                 public_key BLOB NOT NULL CHECK (length(public_key) = 32),
                 created_at INTEGER NOT NULL,
                 latest     INTEGER NOT NULL DEFAULT 0
             ) STRICT;
             CREATE TABLE IF NOT EXISTS assertions (
                 tag        BLOB PRIMARY KEY,
                 expires_at INTEGER NOT NULL,
                 issuer     TEXT
             ) STRICT;",
        )?;
        add_column(&connection, "keys", "latest", "INTEGER NOT NULL DEFAULT 0")?;
        add_column(&connection, "assertions", "issuer", "TEXT")?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        let seal = OperatorSeal::open(keys_dir)?;
        let opened = Self { connection: Mutex::new(connection), seal, proving: Mutex::default() };
        // With another key nobody would be known any more, and nobody would be told why.
        opened.list()?;
        Ok(opened)
    }

    /// Lets a clerk sign in with a PIN. Blocks for the time of one hash.
    pub(crate) fn add(&self, name: &str, pin: &str) -> Result<(), OperatorError> {
        let name = checked(name)?;
        pin::check(pin)?;
        let kept = pin::hash(pin, &self.seal.pepper)?;
        let sealed = self.seal.seal(name)?;
        let added = self.lock().execute(
            "INSERT INTO operators (tag, name, pin, pin_set_at) VALUES (?1, ?2, ?3, ?4)",
            params![self.seal.tag(name), sealed, kept, clock::now().as_millis()],
        );
        taken_or(added)
    }

    /// Gives a clerk another PIN, and lets a locked one try again.
    pub(crate) fn reset_pin(&self, name: &str, pin: &str) -> Result<(), OperatorError> {
        let name = checked(name)?;
        pin::check(pin)?;
        let kept = pin::hash(pin, &self.seal.pepper)?;
        let changed = self.lock().execute(
            "UPDATE operators SET pin = ?2, pin_set_at = ?3, tries = 0, wait_until = 0 WHERE tag = ?1",
            params![self.seal.tag(name), kept, clock::now().as_millis()],
        )?;
        if changed == 0 { Err(OperatorError::NameUnknown) } else { Ok(()) }
    }

    /// Lets a clerk sign in no more. Sessions that are open go on until they end.
    pub(crate) fn remove(&self, name: &str) -> Result<(), OperatorError> {
        let tag = self.seal.tag(name.trim());
        let removed = self.lock().execute("DELETE FROM operators WHERE tag = ?1", [tag])?;
        if removed == 0 { Err(OperatorError::NameUnknown) } else { Ok(()) }
    }

    /// Everyone who has a PIN, by name.
    pub(crate) fn list(&self) -> Result<Vec<KnownOperator>, OperatorError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT name, pin_set_at, tries FROM operators")?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get(2)?)))?;
        let mut listed = Vec::new();
        for row in rows {
            let (name, pin_set_at, wrong_tries) = row?;
            let (name, pin_set_at) = (self.seal.open_name(&name)?, Timestamp::from_millis(pin_set_at));
            listed.push(KnownOperator { name, pin_set_at, wrong_tries });
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    /// Whether anyone has a PIN.
    pub(crate) fn has_any(&self) -> Result<bool, OperatorError> {
        let any = "SELECT EXISTS (SELECT 1 FROM operators)";
        Ok(self.lock().query_row(any, [], |row| row.get(0))?)
    }

    /// Believes a window system's assertions from now on.
    pub(crate) fn add_key(&self, name: &str, key: PublicKey) -> Result<(), OperatorError> {
        let name = checked(name)?;
        let added = self.lock().execute(
            "INSERT INTO keys (name, public_key, created_at) VALUES (?1, ?2, ?3)",
            params![name, key.0, clock::now().as_millis()],
        );
        taken_or(added)
    }

    /// Believes them no more, at once.
    pub(crate) fn remove_key(&self, name: &str) -> Result<(), OperatorError> {
        let removed = self.lock().execute("DELETE FROM keys WHERE name = ?1", [name.trim()])?;
        if removed == 0 { Err(OperatorError::NameUnknown) } else { Ok(()) }
    }

    /// The keys by name, each with the instant it was registered.
    pub(crate) fn keys(&self) -> Result<Vec<(String, PublicKey, Timestamp)>, OperatorError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT name, public_key, created_at FROM keys ORDER BY name")?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, PublicKey(row.get(1)?), Timestamp::from_millis(row.get(2)?)))
        };
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether this is the clerk's PIN. Blocks for the time of one hash, and of those that wait before it.
    pub(crate) fn prove_by_pin(&self, name: &str, pin: &str, now: Timestamp) -> Result<(), SignInRefusal> {
        let tag = self.seal.tag(name.trim());
        let (kept, tries) = self.count_try(&tag, now)?;
        let is_right = {
            let _turn = self.proving.lock().unwrap_or_else(PoisonError::into_inner);
            pin::matches(pin, &kept, &self.seal.pepper)?
        };
        if is_right {
            let forgiven = "UPDATE operators SET tries = 0, wait_until = 0 WHERE tag = ?1 AND pin = ?2";
            self.lock().execute(forgiven, params![tag, kept])?;
            return Ok(());
        }
        if tries >= pin::TRIES_MAX {
            return Err(SignInRefusal::PinLocked { is_new: true });
        }
        Err(SignInRefusal::PinWrong { tries })
    }

    /// Counts a try before it is looked at, durably: who cuts the power or comes on many connections at once gains
    /// nothing. The kept PIN, and how many tries in a row that makes.
    fn count_try(&self, tag: &[u8; 32], now: Timestamp) -> Result<(String, u32), SignInRefusal> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: Option<(String, u32, i64)> = transaction
            .query_row("SELECT pin, tries, wait_until FROM operators WHERE tag = ?1", [tag], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let (kept, tries, wait_until) = found.ok_or(SignInRefusal::Unknown)?;
        if tries >= pin::TRIES_MAX {
            return Err(SignInRefusal::PinLocked { is_new: false });
        }
        let left = Duration::from_millis(u64::try_from(wait_until - now.as_millis()).unwrap_or(0));
        // Nobody has to wait longer than that: the clock was set back. What has been tried stays counted.
        if !left.is_zero() && left <= pin::WAIT_MAX {
            return Err(SignInRefusal::PinWait { wait: left });
        }
        let tries = tries + 1;
        let wait_ms = i64::try_from(pin::wait_after(tries).as_millis()).unwrap_or(i64::MAX);
        transaction.execute(
            "UPDATE operators SET tries = ?2, wait_until = ?3 WHERE tag = ?1",
            params![tag, tries, now.plus_millis(wait_ms).as_millis()],
        )?;
        transaction.commit()?;
        Ok((kept, tries))
    }

    /// Who the window system says it is. A good assertion is used up by this, durably, also where the clock is set back
    /// after: what is forgotten of the used ones is told by the time of the latest that was taken, which its key has signed.
    pub(crate) fn prove_by_assertion(
        &self,
        text: &str,
        counter: &str,
        now: Timestamp,
    ) -> Result<String, SignInRefusal> {
        let asserted = assertion::check(text, counter, now, |name| self.key(name))?;
        let (issuer, refused_from) = (&asserted.issuer, asserted.refused_from.as_millis());
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let latest: i64 =
            transaction.query_row("SELECT latest FROM keys WHERE name = ?1", [issuer], |row| row.get(0))?;
        let forgotten_before = latest.max(refused_from) - assertion::REFUSED_WITHIN_MS;
        if refused_from < forgotten_before {
            return Err(SignInRefusal::Assertion(OLDER));
        }
        let tag = self.seal.assertion_tag(issuer, &asserted.id);
        let used = transaction.execute(
            "INSERT OR IGNORE INTO assertions (tag, expires_at, issuer) VALUES (?1, ?2, ?3)",
            params![tag, refused_from, issuer],
        )?;
        if used == 0 {
            return Err(SignInRefusal::Assertion(USED));
        }
        transaction.execute(
            "UPDATE keys SET latest = max(latest, ?2) WHERE name = ?1",
            params![issuer, refused_from],
        )?;
        // Those without an issuer were used up by an earlier version.
        transaction.execute(
            "DELETE FROM assertions WHERE coalesce(issuer, ?1) = ?1 AND expires_at < ?2",
            params![issuer, forgotten_before],
        )?;
        transaction.commit()?;
        Ok(asserted.operator)
    }

    fn key(&self, name: &str) -> Result<Option<PublicKey>, SignInRefusal> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT public_key FROM keys WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| Ok(PublicKey(row.get(0)?))).optional()?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const USED: Reason = ["该断言已经用过", "the assertion was used before"];
const OLDER: Reason = [
    "断言比已接受的断言早得多：请核对两边的时钟；若签发方的时钟曾经超前，请重新登记其公钥",
    "the assertion is much older than one that was taken: compare the clocks; if the issuer's was ahead, register its key anew",
];

/// A column that came with the second version.
fn add_column(connection: &Connection, table: &str, column: &str, form: &str) -> rusqlite::Result<()> {
    let there = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
    if connection.query_row(there, [table, column], |row| row.get(0))? {
        return Ok(());
    }
    match connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {form};")) {
        // Another process was faster.
        Err(error) if error.to_string().contains("duplicate column") => Ok(()),
        added => added,
    }
}

fn checked(name: &str) -> Result<&str, OperatorError> {
    if is_token_name(name) { Ok(name.trim()) } else { Err(OperatorError::BadName) }
}

fn taken_or(added: rusqlite::Result<usize>) -> Result<(), OperatorError> {
    match added {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if error.code == rusqlite::ErrorCode::ConstraintViolation =>
        {
            Err(OperatorError::NameTaken)
        }
        added => Ok(added.map(drop)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "605112";

    fn open(folder: &Path) -> Operators {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).unwrap();
        Operators::open(&data, &folder.join("keys")).unwrap()
    }

    /// Long after anything that had to be waited for.
    fn later(minutes: i64) -> Timestamp {
        clock::now().plus_millis(minutes * 60_000)
    }

    #[test]
    fn a_pin_is_locked_by_wrong_tries_whatever_comes_between() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).add("李四", PIN).unwrap();
        for tries in 1..pin::TRIES_MAX {
            // Each time as after a restart.
            let refused = open(folder.path()).prove_by_pin("李四", "000001", later(tries.into()));
            assert!(
                matches!(refused, Err(SignInRefusal::PinWrong { tries: n }) if n == tries),
                "{refused:?}"
            );
        }
        let operators = open(folder.path());
        let last = operators.prove_by_pin("李四", "000001", later(10));
        assert!(matches!(last, Err(SignInRefusal::PinLocked { is_new: true })), "{last:?}");
        let right = operators.prove_by_pin("李四", PIN, later(20));
        assert!(matches!(right, Err(SignInRefusal::PinLocked { is_new: false })), "{right:?}");
        assert!(operators.list().unwrap()[0].is_locked());
        operators.reset_pin("李四", "605113").unwrap();
        operators.prove_by_pin("李四", "605113", later(20)).unwrap();
    }

    #[test]
    fn wrong_tries_are_slowed_down_and_a_right_one_forgives_them() {
        let folder = tempfile::tempdir().unwrap();
        let operators = open(folder.path());
        operators.add("clerk", PIN).unwrap();
        let now = clock::now();
        for _ in 0..3 {
            assert!(operators.prove_by_pin("clerk", "000001", now).is_err());
        }
        let soon = operators.prove_by_pin("clerk", PIN, now);
        assert!(matches!(soon, Err(SignInRefusal::PinWait { wait }) if wait.as_secs() <= 2), "{soon:?}");
        // A clock that is set back by a year makes nobody wait, and what is tried then counts like the rest.
        let back = operators.prove_by_pin("clerk", "000001", now.plus_millis(-365 * 86_400_000));
        assert!(!matches!(back, Ok(()) | Err(SignInRefusal::PinWait { .. })), "{back:?}");
        assert_eq!(operators.list().unwrap()[0].wrong_tries, 4);
        operators.prove_by_pin("clerk", PIN, now.plus_millis(2000)).unwrap();
        assert_eq!(operators.list().unwrap()[0].wrong_tries, 0);
        let nobody = operators.prove_by_pin("nobody", PIN, now);
        assert!(matches!(nobody, Err(SignInRefusal::Unknown)), "{nobody:?}");
    }

    /// What the window system says at an instant.
    fn says(id: &str, at: Timestamp) -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let at_s = at.as_millis() / 1000;
        let claims = serde_json::json!({
            "iss": "hall", "sub": "clerk", "aud": "c-1", "iat": at_s, "exp": at_s + 120, "jti": id,
        });
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(r#"{"alg":"EdDSA"}"#.to_owned()), part(claims.to_string()));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes())))
    }

    fn pair() -> ring::signature::Ed25519KeyPair {
        ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn hall() -> PublicKey {
        use ring::signature::KeyPair as _;
        PublicKey(pair().public_key().as_ref().try_into().unwrap())
    }

    #[test]
    fn a_used_assertion_stays_used_when_the_clock_is_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let operators = open(folder.path());
        operators.add_key("hall", hall()).unwrap();
        let prove = |operators: &Operators, text: &str, at| {
            operators.prove_by_assertion(text, "c-1", at).map_err(|refusal| refusal.to_string())
        };
        let day = Timestamp::from_millis(1_800_000_000_000);
        let stolen = says("a", day);
        prove(&operators, &stolen, day).unwrap();
        let next_day = day.plus_millis(86_400_000);
        prove(&operators, &says("b", next_day), next_day).unwrap();
        // Each time as after a restart.
        let operators = open(folder.path());
        let kept: i64 =
            operators.lock().query_row("SELECT count(*) FROM assertions", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 1, "what is refused anyway is not kept");
        for (text, at) in [(&stolen, day), (&says("c", day), day)] {
            assert!(prove(&operators, text, at).unwrap_err().contains("older than one that was taken"));
        }
        let second = prove(&operators, &says("b", next_day), next_day).unwrap_err();
        assert!(second.contains("used before"), "{second}");
        // Two that were said a minute apart may come in the other order.
        prove(&operators, &says("d", next_day.plus_millis(-60_000)), next_day).unwrap();
        // Where the issuer's clock had been ahead, registering its key anew helps.
        operators.remove_key("hall").unwrap();
        operators.add_key("hall", hall()).unwrap();
        prove(&operators, &says("e", day), day).unwrap();
    }

    #[test]
    fn a_store_of_the_first_version_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).add_key("hall", hall()).unwrap();
        let old = Connection::open(folder.path().join("data/operators.db")).unwrap();
        old.execute_batch(
            "ALTER TABLE keys DROP COLUMN latest; ALTER TABLE assertions DROP COLUMN issuer; PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        let (operators, now) = (open(folder.path()), clock::now());
        let said = says("a", now);
        operators.prove_by_assertion(&said, "c-1", now).unwrap();
        assert!(operators.prove_by_assertion(&said, "c-1", now).is_err());
    }

    #[test]
    fn neither_name_nor_pin_stands_in_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let operators = open(folder.path());
        operators.add("clerk-of-window-7", PIN).unwrap();
        assert!(matches!(operators.add("clerk-of-window-7", PIN), Err(OperatorError::NameTaken)));
        let _ = operators.prove_by_pin("clerk-of-window-7", PIN, clock::now());
        for file in std::fs::read_dir(folder.path().join("data")).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            for word in ["clerk-of-window-7", PIN] {
                assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{}", path.display());
            }
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt as _;
                assert_eq!(path.metadata().unwrap().mode() & 0o77, 0, "{}", path.display());
            }
        }
    }

    #[test]
    fn another_key_than_the_files_own_is_named() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).add("clerk", PIN).unwrap();
        std::fs::remove_file(folder.path().join("keys/operators.key")).unwrap();
        let opened = Operators::open(&folder.path().join("data"), &folder.path().join("keys"));
        assert!(matches!(opened, Err(OperatorError::KeyWrong)));
    }
}
