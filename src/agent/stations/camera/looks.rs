//! Looking which cameras there are: now and then, when a driver hears of one, and when somebody asks.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use yidang_device::{CameraDriver, CameraWatch, Cancel};

use super::held;
use super::roll::Roll;
use crate::stations::LIST_BOUND;
use crate::stations::relay::{Post, Relieved};

/// How often the list of cameras is looked at, whatever is heard.
const LOOK_EVERY: Duration = Duration::from_millis(900);
/// What was heard of may not be ready yet, or may not be opened yet: after so long it is looked at again, then after
/// twice that, and so on until it is the usual time.
const LOOK_AGAIN: Duration = Duration::from_millis(30);
/// Longest wait for a look that somebody asks for.
const LOOK_WAIT: Duration = Duration::from_secs(5);
/// How often a thread that hears nothing looks whether it is to stop.
const IDLE: Duration = Duration::from_secs(1);

/// Why a look is wanted.
enum Wish {
    /// Something may have changed.
    Changed,
    /// Somebody wants to be told when it has been taken.
    Told(oneshot::Sender<()>),
}

/// A way to have the cameras looked for.
#[derive(Clone)]
pub(super) struct Looks {
    wishes: Sender<Wish>,
}

/// What the looking threads share, the one after the other.
pub(super) struct Looking {
    pub(super) drivers: Vec<Arc<dyn CameraDriver>>,
    pub(super) roll: Arc<Roll>,
    wanted: Mutex<Receiver<Wish>>,
    pub(super) stop: Cancel,
}

impl Looks {
    /// Who looks, and how to have it done.
    pub(super) fn new(drivers: Vec<Arc<dyn CameraDriver>>, roll: Arc<Roll>) -> (Self, Looking) {
        let (wishes, wanted) = channel();
        (Self { wishes }, Looking { drivers, roll, wanted: Mutex::new(wanted), stop: Cancel::new() })
    }

    /// Has the cameras listed anew, and waits for it.
    pub(super) async fn look(&self) {
        let (taken, answer) = oneshot::channel();
        if self.wishes.send(Wish::Told(taken)).is_ok() {
            // Where drivers hang, what was known before must do.
            let _ = tokio::time::timeout(LOOK_WAIT, answer).await;
        }
    }

    /// Has them listed soon, since something may have changed, or since the station stops.
    pub(super) fn look_soon(&self) {
        // Where nobody receives any more, the station has stopped.
        let _ = self.wishes.send(Wish::Changed);
    }

    /// Starts a thread that hears what the driver hears, where it hears anything. It ends with the station.
    pub(super) fn listen(&self, driver: &Arc<dyn CameraDriver>, stop: &Cancel) -> std::io::Result<()> {
        let Some(watch) = driver.watch() else { return Ok(()) };
        let (looks, stop, name) = (self.clone(), stop.clone(), driver.name());
        let thread = std::thread::Builder::new().name("camera-listener".into());
        thread.spawn(move || hear(watch, &looks, &stop, name)).map(|_| ())
    }
}

fn hear(mut watch: Box<dyn CameraWatch>, looks: &Looks, stop: &Cancel, driver: &str) {
    while !stop.is_cancelled() {
        match watch.wait(IDLE, stop) {
            Ok(true) => looks.look_soon(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(driver, %error, "cameras that come and go are noticed later from now on");
                return;
            }
        }
    }
}

impl Looking {
    /// Until the station stops, or another thread has taken over.
    pub(super) fn look_around(&self, post: &Post) -> Result<(), Relieved> {
        let list = |driver: &Arc<dyn CameraDriver>| post.call("list", LIST_BOUND, || driver.list());
        let (mut asked, mut pause) = (Vec::<oneshot::Sender<()>>::new(), LOOK_EVERY);
        while !self.stop.is_cancelled() {
            let lists = self.drivers.iter().map(list).collect::<Result<_, _>>()?;
            self.roll.take_down(&self.drivers, &lists);
            for asker in asked.drain(..) {
                // It may have gone.
                let _ = asker.send(());
            }
            let wanted = held(&self.wanted);
            pause = (pause * 2).min(LOOK_EVERY);
            let first = match wanted.recv_timeout(pause) {
                Ok(wish) => wish,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            for wish in std::iter::once(first).chain(wanted.try_iter()) {
                match wish {
                    Wish::Told(asker) => asked.push(asker),
                    Wish::Changed => pause = LOOK_AGAIN / 2,
                }
            }
        }
        Ok(())
    }
}
