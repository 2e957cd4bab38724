//! The control socket: how a command reaches the repository that runs on the same data folder.

use std::io;
use std::path::Path;

#[cfg(unix)]
pub(crate) use unix::{Control, ask_admit, ask_audit, ask_check, ask_hold, ask_take};

/// The socket in the data folder.
#[cfg(unix)]
const SOCKET_FILE: &str = "control.sock";

#[cfg(unix)]
mod unix {
    use std::io::{BufRead, BufReader, Cursor, Read, Write};
    use std::net::Shutdown;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::sync::Arc;

    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::time::timeout;

    use yidang_archive::CheckReport;

    use super::*;
    use crate::audit::{AuditTail, AuditWish, Tell, Told, answer_to};
    use crate::check::check_open;
    use crate::courier::{CourierError, Taken, take};
    use crate::error::StartError;
    use crate::holds::{HoldAnswer, HoldRefusal, HoldWish};
    use crate::limits::{CONTROL_REQUEST_MAX, CONTROL_WAIT, PARCEL_PAUSE_MAX};
    use crate::repository::Repository;

    /// To check everything. What is none of these words is a [`HoldWish`] or an [`AuditWish`].
    const CHECK: &str = "check";
    /// To look for agents that a command has enrolled.
    const ADMIT: &str = "admit";
    /// To take the parcel whose bytes follow, to the end of the stream.
    const TAKE: &str = "take";

    /// The listening socket; removed when dropped.
    pub(crate) struct Control {
        listener: UnixListener,
        path: PathBuf,
    }

    impl Drop for Control {
        fn drop(&mut self) {
            if let Err(error) = std::fs::remove_file(&self.path) {
                tracing::debug!(%error, "the control socket could not be removed");
            }
        }
    }

    impl Control {
        /// Listens in this data folder, whose lock the caller holds: a socket left there belongs to nobody.
        pub(crate) fn bind(data_dir: &Path) -> io::Result<Self> {
            let path = data_dir.join(SOCKET_FILE);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(Self { listener, path })
        }

        /// Answers until it is aborted.
        pub(crate) async fn serve(self, repository: Arc<Repository>) {
            loop {
                match self.listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(answer(stream, repository.clone()))),
                    Err(error) => {
                        tracing::warn!(%error, "a control connection could not be taken");
                        tokio::time::sleep(CONTROL_WAIT).await;
                    }
                }
            }
        }
    }

    async fn answer(stream: UnixStream, repository: Arc<Repository>) {
        let (reader, mut writer) = stream.into_split();
        let mut line = String::new();
        let mut lines = tokio::io::BufReader::new(reader.take(CONTROL_REQUEST_MAX));
        if !matches!(timeout(CONTROL_WAIT, lines.read_line(&mut line)).await, Ok(Ok(_))) {
            return;
        }
        let mut text = match line.trim_end() {
            CHECK => written(&check(repository).await),
            ADMIT => written(&repository.admit_new().map_err(|e| e.to_string())),
            TAKE => {
                // What follows the line may have come along with it.
                let begun = lines.buffer().to_vec();
                let whole = lines.into_inner().into_inner().reunite(writer);
                if let Some(stream) = whole.ok().and_then(|whole| whole.into_std().ok()) {
                    drop(tokio::task::spawn_blocking(move || take_from(stream, begun, &repository)));
                }
                return;
            }
            wish => match (serde_json::from_str::<HoldWish>(wish), serde_json::from_str::<AuditWish>(wish)) {
                (Ok(wish), _) => written(&hold(repository, wish).await),
                (_, Ok(wish)) => {
                    let whole = lines.into_inner().into_inner().reunite(writer);
                    if let Some(stream) = whole.ok().and_then(|whole| whole.into_std().ok()) {
                        drop(tokio::task::spawn_blocking(move || audit_to(stream, &wish, &repository)));
                    }
                    return;
                }
                _ => written(&Err::<(), _>("there is no such request")),
            },
        };
        text.push('\n');
        if let Err(error) = writer.write_all(text.as_bytes()).await {
            tracing::debug!(%error, "a control connection ended early");
        }
    }

    fn written(answer: &impl serde::Serialize) -> String {
        serde_json::to_string(answer).unwrap_or_default()
    }

    async fn hold(repository: Arc<Repository>, wish: HoldWish) -> Result<HoldAnswer, HoldRefusal> {
        let done = tokio::task::spawn_blocking(move || repository.hold(&wish));
        done.await.unwrap_or_else(|_| Err(HoldRefusal::Failed("it stopped on a defect".to_owned())))
    }

    /// Has the running repository place, lift or list holds. Blocks until that is durable.
    pub(crate) fn ask_hold(data_dir: &Path, wish: &HoldWish) -> io::Result<Result<HoldAnswer, HoldRefusal>> {
        ask(data_dir, &written(wish))
    }

    /// One at a time: a check reads everything there is.
    async fn check(repository: Arc<Repository>) -> Result<CheckReport, String> {
        let only =
            repository.checking.clone().try_lock_owned().map_err(|_| "a check is under way".to_owned())?;
        let checked = tokio::task::spawn_blocking(move || {
            let report = check_open(&repository.archive, &*repository.state, &mut |_, _| {});
            drop(only);
            report.map_err(|e| e.to_string())
        });
        checked.await.unwrap_or_else(|_| Err("the check stopped on a defect".to_owned()))
    }

    /// Tells an auditor line by line, as fast as they read.
    fn audit_to(stream: std::os::unix::net::UnixStream, wish: &AuditWish, repository: &Arc<Repository>) {
        if stream.set_nonblocking(false).is_err() {
            return;
        }
        let mut writer = std::io::BufWriter::new(stream);
        answer_to(repository, wish, &mut |told| writeln!(writer, "{}", written(told)).is_ok());
        if let Err(error) = writer.flush() {
            tracing::debug!(%error, "a control connection ended early");
        }
    }

    /// Has the running repository answer an auditor. Blocks as long as reading its ledger takes.
    pub(crate) fn ask_audit(
        data_dir: &Path,
        wish: &AuditWish,
        tell: Tell<'_>,
    ) -> io::Result<Result<AuditTail, StartError>> {
        let mut stream = std::os::unix::net::UnixStream::connect(data_dir.join(SOCKET_FILE))?;
        writeln!(stream, "{}", written(wish))?;
        for line in BufReader::new(stream).lines() {
            match serde_json::from_str(&line?).map_err(io::Error::other)? {
                Told::Line(line) => {
                    if !tell(line) {
                        return Err(io::ErrorKind::BrokenPipe.into());
                    }
                }
                Told::End(tail) => return Ok(Ok(tail)),
                Told::SubjectInvalid => return Ok(Err(StartError::SubjectInvalid)),
                Told::Invalid(why) => return Ok(Err(StartError::Invalid(why))),
                Told::Failed(cause) => return Ok(Err(StartError::System(cause))),
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Takes a parcel from a connection and answers.
    fn take_from(mut stream: std::os::unix::net::UnixStream, begun: Vec<u8>, repository: &Repository) {
        let talk = || {
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(PARCEL_PAUSE_MAX))?;
            let taken = take(repository, BufReader::new(Read::chain(Cursor::new(begun), &stream)));
            // What is sent in vain is read all the same, or its sender would not hear why.
            io::copy(&mut &stream, &mut io::sink())?;
            let answer = taken.map(|(taken, receipt)| (taken, hex::encode(receipt)));
            serde_json::to_writer(&mut stream, &answer).map_err(io::Error::from)?;
            stream.write_all(b"\n")
        };
        if let Err(error) = talk() {
            tracing::debug!(%error, "a control connection ended early");
        }
    }

    /// Has the running repository take a parcel. Blocks as long as that takes.
    pub(crate) fn ask_take(
        data_dir: &Path,
        mut parcel: impl Read,
    ) -> io::Result<Result<(Taken, Vec<u8>), CourierError>> {
        let mut stream = std::os::unix::net::UnixStream::connect(data_dir.join(SOCKET_FILE))?;
        writeln!(stream, "{TAKE}")?;
        io::copy(&mut parcel, &mut stream)?;
        stream.shutdown(Shutdown::Write)?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let answer: Result<(Taken, String), CourierError> =
            serde_json::from_str(&line).map_err(io::Error::other)?;
        match answer {
            Ok((taken, receipt)) => Ok(Ok((taken, hex::decode(receipt).map_err(io::Error::other)?))),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Has the running repository admit agents that a command has enrolled.
    pub(crate) fn ask_admit(data_dir: &Path) -> io::Result<()> {
        let mut stream = std::os::unix::net::UnixStream::connect(data_dir.join(SOCKET_FILE))?;
        writeln!(stream, "{ADMIT}")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        serde_json::from_str::<Result<(), String>>(&line)?.map_err(io::Error::other)
    }

    /// Has the running repository check itself. Blocks as long as that takes.
    pub(crate) fn ask_check(data_dir: &Path) -> io::Result<Result<CheckReport, String>> {
        ask(data_dir, CHECK)
    }

    fn ask<T: serde::de::DeserializeOwned>(data_dir: &Path, request: &str) -> io::Result<T> {
        let mut stream = std::os::unix::net::UnixStream::connect(data_dir.join(SOCKET_FILE))?;
        writeln!(stream, "{request}")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        serde_json::from_str(&line).map_err(io::Error::other)
    }
}

#[cfg(not(unix))]
pub(crate) use elsewhere::{Control, ask_admit, ask_audit, ask_check, ask_hold, ask_take};

/// Where there are no such sockets, commands need the repository stopped.
#[cfg(not(unix))]
mod elsewhere {
    use std::sync::Arc;

    use yidang_archive::CheckReport;

    use super::*;
    use crate::audit::{AuditTail, AuditWish, Tell};
    use crate::courier::{CourierError, Taken};
    use crate::error::StartError;
    use crate::holds::{HoldAnswer, HoldRefusal, HoldWish};
    use crate::repository::Repository;

    pub(crate) enum Control {}

    impl Control {
        pub(crate) fn bind(_data_dir: &Path) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) async fn serve(self, _repository: Arc<Repository>) {
            match self {}
        }
    }

    pub(crate) fn ask_hold(
        _data_dir: &Path,
        _wish: &HoldWish,
    ) -> io::Result<Result<HoldAnswer, HoldRefusal>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn ask_audit(
        _data_dir: &Path,
        _wish: &AuditWish,
        _tell: Tell<'_>,
    ) -> io::Result<Result<AuditTail, StartError>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn ask_check(_data_dir: &Path) -> io::Result<Result<CheckReport, String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn ask_admit(_data_dir: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn ask_take(
        _data_dir: &Path,
        _parcel: impl io::Read,
    ) -> io::Result<Result<(Taken, Vec<u8>), CourierError>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
