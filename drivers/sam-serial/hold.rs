//! Holding a port alone.

use std::io;

use serial2::SerialPort;

/// A port nobody else may open until this is dropped.
///
/// On Linux two locks are needed: `TIOCEXCL` keeps out every program but those of root, `flock` those that
/// ask, root's too. Neither notices a program that had opened the port before and asks for neither. Windows
/// opens a serial port for one program anyway.
pub(crate) struct HeldPort(SerialPort);

impl HeldPort {
    /// Takes hold of a port that was just opened. A port another program holds is
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    #[cfg(unix)]
    pub(crate) fn take(port: SerialPort) -> io::Result<Self> {
        use rustix::fs::{FlockOperation, flock};
        // This one first: `TIOCEXCL` on a port that another program holds would lock that one out of it.
        flock(&port, FlockOperation::NonBlockingLockExclusive)?;
        rustix::termios::ioctl_tiocexcl(&port)?;
        Ok(Self(port))
    }

    /// Takes hold of a port that was just opened.
    #[cfg(not(unix))]
    pub(crate) fn take(port: SerialPort) -> io::Result<Self> {
        Ok(Self(port))
    }

    /// Makes the port ignore the modem lines, whatever the program before has left: a module has none.
    #[cfg(unix)]
    pub(crate) fn ignore_modem_lines(&self) -> io::Result<()> {
        use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
        let mut settings = tcgetattr(&self.0)?;
        settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        Ok(tcsetattr(&self.0, OptionalActions::Now, &settings)?)
    }

    /// Windows ignores them unless told otherwise.
    #[cfg(not(unix))]
    pub(crate) fn ignore_modem_lines(&self) -> io::Result<()> {
        Ok(())
    }

    /// The port.
    pub(crate) fn port(&mut self) -> &mut SerialPort {
        &mut self.0
    }
}

#[cfg(unix)]
impl Drop for HeldPort {
    fn drop(&mut self) {
        // It would outlast us where another program keeps the port open. The file lock ends with the file.
        let _ = rustix::termios::ioctl_tiocnxcl(&self.0);
    }
}
