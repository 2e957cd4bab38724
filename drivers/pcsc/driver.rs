//! Finding the service and its readers.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use pcsc::{Context, Scope};
use yidang_device::{Access, CardDriver, CardReader, DeviceCondition, DeviceError, DeviceListing};

use crate::chosen::Chosen;
use crate::condition::{Stage, of_error};
use crate::profile::Form;
use crate::profiles::Profiles;
use crate::reader::PcscReader;
use crate::worker;

/// Longest time the service may take to list its readers.
const LISTED_WITHIN: Duration = Duration::from_secs(1);

/// The card readers the PC/SC service knows.
#[derive(Clone, Debug, Default)]
pub struct PcscDriver {
    profiles: Arc<Profiles>,
}

impl PcscDriver {
    /// The service of this machine, with the built-in profiles.
    pub fn new() -> Self {
        Self::default()
    }

    /// The service of this machine, with these profiles.
    pub fn with_profiles(profiles: Profiles) -> Self {
        Self { profiles: Arc::new(profiles) }
    }

    /// Opens the reader of this PC/SC name, as [`open`](CardDriver::open) does, for what only readers behind
    /// PC/SC can do.
    pub fn reader(&self, id: &str) -> Result<PcscReader, DeviceError> {
        PcscReader::open(id, Arc::clone(&self.profiles))
    }
}

impl CardDriver for PcscDriver {
    fn name(&self) -> &'static str {
        "pcsc"
    }

    /// A reader's id is its PC/SC name; what a person would call it names the profile as well, and why it was
    /// chosen. Before a card lies there, that is by the reader's name alone. The service lets all of them be opened or none: where this account
    /// may not use it, the whole listing is `AccessDenied`.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        let names = worker::once(LISTED_WITHIN, || reader_names(&establish(Scope::User)?))?;
        let listed = names
            .iter()
            .map(|name| listing(&Chosen::new(&name.to_string_lossy(), Arc::clone(&self.profiles))));
        Ok(listed.collect())
    }

    fn open(&self, id: &str) -> Result<Box<dyn CardReader>, DeviceError> {
        Ok(Box::new(self.reader(id)?))
    }

    /// What a profile for a reader of this name says; without one, nothing is known.
    fn has_module(&self, id: &str) -> Option<bool> {
        let choice = self.profiles.choose(id, &[]);
        let form = &choice.profile.form;
        match form {
            Form::Bare => Some(false),
            Form::Paged(_) | Form::Tunnel(_) => choice.is_certain().then_some(true),
        }
    }
}

/// What a reader is listed as while it is spoken to so.
pub(crate) fn listing(chosen: &Chosen) -> DeviceListing {
    let id = chosen.reader().to_owned();
    let name = format!("{id} ({})", chosen.get());
    DeviceListing { id, name, access: Access::Granted }
}

/// Connects to the service.
pub(crate) fn establish(scope: Scope) -> Result<Context, DeviceError> {
    Context::establish(scope).map_err(|e| explain(of_error(e, Stage::Finding)))
}

/// The readers that are connected now.
pub(crate) fn reader_names(context: &Context) -> Result<Vec<CString>, DeviceError> {
    match context.list_readers_owned() {
        Ok(names) => Ok(names),
        // How Windows says that there is none.
        Err(pcsc::Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(e) => Err(of_error(e, Stage::Finding)),
    }
}

/// Says why the service was not found. pcsc-lite reports a socket this account may not open the same way as
/// a service that does not run.
fn explain(error: DeviceError) -> DeviceError {
    if error.condition != DeviceCondition::NotFound {
        return error;
    }
    #[cfg(unix)]
    let (condition, why) = socket::verdict(std::path::Path::new(socket::PATH));
    #[cfg(not(unix))]
    let (condition, why) = (DeviceCondition::NotFound, "the Smart Card service (SCardSvr) does not run");
    DeviceError::new(condition, format!("{why}; {}", error.detail))
}

#[cfg(unix)]
mod socket {
    //! What pcscd's socket tells about a service that could not be reached.

    use std::io::ErrorKind;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use yidang_device::DeviceCondition;

    /// Where pcscd listens unless it was built otherwise.
    pub(super) const PATH: &str = "/run/pcscd/pcscd.comm";

    pub(super) fn verdict(path: &Path) -> (DeviceCondition, &'static str) {
        match UnixStream::connect(path) {
            Err(e) if e.kind() == ErrorKind::PermissionDenied => (
                DeviceCondition::AccessDenied,
                "this account may not open /run/pcscd/pcscd.comm: let it read and write the socket",
            ),
            Err(_) => (DeviceCondition::NotFound, "pcscd does not run: install and start the package pcscd"),
            Ok(_) => (
                DeviceCondition::NotFound,
                "pcscd's socket answers but its service does not: it may not have started, or its polkit rule \
                 org.debian.pcsc-lite.access_pcsc may turn this account away",
            ),
        }
    }

    #[cfg(test)]
    mod tests {
        use std::os::unix::net::UnixListener;

        use super::*;

        #[test]
        fn a_missing_a_dead_and_a_listening_socket_are_told_apart() {
            let path = std::env::temp_dir().join(format!("yidang-pcsc-socket-{}", std::process::id()));
            let missing = verdict(&path);
            let listener = UnixListener::bind(&path).unwrap();
            let listening = verdict(&path);
            drop(listener);
            let dead = verdict(&path);
            std::fs::remove_file(&path).unwrap();
            assert_eq!(missing, dead);
            assert_eq!(missing.0, DeviceCondition::NotFound);
            assert_ne!(missing.1, listening.1);
        }
    }
}
