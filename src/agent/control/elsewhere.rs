//! Where there are no such sockets, commands need the daemon stopped.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Listen, Outcome, Request, Workplace};
use crate::failure::Failure;

pub(crate) enum Control {}

impl Control {
    pub(crate) fn bind(_data_dir: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn serve(self, _place: Arc<Workplace>) {
        match self {}
    }
}

pub(crate) enum Connection {}

impl Connection {
    pub(crate) fn open(_data_dir: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn ask(self, _request: &Request, _listen: Listen<'_>) -> Result<Outcome, Failure> {
        match self {}
    }
}
