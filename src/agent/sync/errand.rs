//! Calls that can be walked away from.
//!
//! A call to the repository may hang for as long as its time limit says, in the resolver, in a handshake or in
//! a long poll. The thread that makes it holds nothing but the connection, so that the worker can stop at once
//! and leave it to its end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Wake-ups that may lie in an inbox; more say nothing new.
const INBOX_MAX: usize = 8;

/// What lies in a worker thread's inbox.
pub(super) enum Message<T> {
    /// Something changed: look around.
    Look,
    /// The call has ended.
    Done(T),
}

/// Told to stop, a worker thread ends at its next look.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Wakes a worker thread.
pub(super) trait Bell: Send + Sync {
    /// Makes it look around. Never blocks: where it has been told and has not looked yet, that will do.
    fn ring(&self);
}

impl<T: Send> Bell for SyncSender<Message<T>> {
    fn ring(&self) {
        match self.try_send(Message::Look) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

/// One worker thread's way to the network: one call at a time, made on a thread of its own.
pub(super) struct Errands<T> {
    calls: SyncSender<Box<dyn FnOnce() -> T + Send>>,
    inbox: Receiver<Message<T>>,
    stop: Stop,
}

impl<T: Send + 'static> Errands<T> {
    /// The worker thread's end, and what wakes it.
    pub(super) fn start(name: &str, stop: Stop) -> io::Result<(Self, SyncSender<Message<T>>)> {
        let (calls, taken) = sync_channel::<Box<dyn FnOnce() -> T + Send>>(1);
        let (mail, inbox) = sync_channel(INBOX_MAX);
        let answers = mail.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            for call in taken {
                if answers.send(Message::Done(call())).is_err() {
                    return;
                }
            }
        })?;
        Ok((Self { calls, inbox, stop }, mail))
    }

    /// Makes the call and waits for it; `None` when told to stop meanwhile.
    pub(super) fn run(&self, call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.calls.send(Box::new(call)).ok()?;
        loop {
            if self.stop.is_set() {
                return None;
            }
            match self.inbox.recv() {
                Ok(Message::Done(answer)) => return Some(answer),
                Ok(Message::Look) => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits until woken, at most so long; `false` when told to stop.
    pub(super) fn wait(&self, at_most: Option<Duration>) -> bool {
        if self.stop.is_set() {
            return false;
        }
        let heard = match at_most {
            Some(span) => self.inbox.recv_timeout(span),
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        !self.stop.is_set() && !matches!(heard, Err(RecvTimeoutError::Disconnected))
    }
}
