//! Threads that call drivers, and are replaced when a call never comes back.
//!
//! A driver's library may hang for ever, and no thread can be ended from outside. So whoever calls a driver
//! says how long the call may take at most; past that the thread is abandoned and a fresh one takes its post.
//! Every abandoned thread costs its memory until its call comes back, so after a few the device is left alone
//! for a while, and in the end for good.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it is looked whether a call is overdue.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for a thread to end that was told to; it may hang.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// How many threads are abandoned before the device is left alone, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// Abandoned threads that have not come back; from this one on each costs a rest.
    pub(crate) before_rest: usize,
    /// There are never more than this.
    pub(crate) abandoned_max: usize,
    /// The first rest; each further one is twice as long, up to an hour.
    pub(crate) rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { before_rest: 3, abandoned_max: 12, rest: Duration::from_secs(60) }
    }
}

/// Longest rest.
const REST_MAX: Duration = Duration::from_secs(60 * 60);

/// The thread has been replaced: it must end, and touch nothing that its successor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relieved;

/// What a thread does at its post, until it is stopped or relieved.
pub(super) type Duty = Arc<dyn Fn(&Post) + Send + Sync>;
/// What is done when a thread was abandoned over this call; `true`: the device is left alone.
pub(super) type Takeover = Arc<dyn Fn(&str, bool) + Send + Sync>;

/// A post that always has a thread, unless it rests.
pub(super) struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    patience: Patience,
    state: Mutex<State>,
    /// Rings at the end.
    bell: Condvar,
}

#[derive(Default)]
struct State {
    /// Of the thread that has the post.
    number: u64,
    /// The call it is at, and when that is overdue.
    doing: Option<(&'static str, Instant)>,
    thread: Option<JoinHandle<()>>,
    abandoned: usize,
    /// Nobody has the post until then.
    rests_until: Option<Instant>,
    over: bool,
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's claim to its post.
pub(super) struct Post {
    shared: Arc<Shared>,
    number: u64,
}

impl Post {
    /// Calls a driver, which may take this long at most. `Err`: it took longer, and another thread is here now.
    pub(super) fn call<T>(
        &self,
        what: &'static str,
        bound: Duration,
        call: impl FnOnce() -> T,
    ) -> Result<T, Relieved> {
        self.is_at(Some((what, Instant::now() + bound)))?;
        let result = call();
        self.is_at(None)?;
        Ok(result)
    }

    fn is_at(&self, doing: Option<(&'static str, Instant)>) -> Result<(), Relieved> {
        let mut state = self.shared.hold();
        if state.number != self.number {
            return Err(Relieved);
        }
        state.doing = doing;
        Ok(())
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let mut state = self.shared.hold();
        if state.number != self.number {
            // It came back after all.
            state.abandoned = state.abandoned.saturating_sub(1);
        }
    }
}

impl Relay {
    /// Starts the first thread, and the one that watches it.
    pub(super) fn start(
        name: &'static str,
        patience: Patience,
        duty: Duty,
        takeover: Takeover,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { name, patience, state: Mutex::default(), bell: Condvar::new() });
        relieve(&shared, &mut shared.hold(), &duty)?;
        let watched = shared.clone();
        std::thread::Builder::new()
            .name(format!("{name}-watch"))
            .spawn(move || watch(&watched, &duty, &takeover))?;
        Ok(Self { shared })
    }

    /// What calls never came back, and whether the device is left alone for it; `None` when all is well.
    pub(super) fn trouble(&self) -> Option<String> {
        let state = self.shared.hold();
        let calls = match state.abandoned {
            0 => return None,
            1 => "1 call of the driver never came back".to_owned(),
            calls => format!("{calls} calls of the driver never came back"),
        };
        let left = state.rests_until.map(|until| until.saturating_duration_since(Instant::now()));
        Some(match left {
            Some(left) => {
                let seconds = left.as_secs() + 1;
                format!(
                    "{calls}: the device is left alone for {seconds} s; plug it in again, or start the agent \
                     anew"
                )
            }
            None => format!("{calls}; another thread has taken over"),
        })
    }

    /// Whether the device is left alone.
    pub(super) fn rests(&self) -> bool {
        self.shared.hold().rests_until.is_some()
    }

    /// No thread is started any more; waits a moment for the last one to end, which the caller has told.
    pub(super) fn stop(&self) {
        let thread = {
            let mut state = self.shared.hold();
            state.over = true;
            self.shared.bell.notify_all();
            state.thread.take()
        };
        let deadline = Instant::now() + ENDS_WITHIN;
        if let Some(thread) = thread {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.hold().over = true;
        self.shared.bell.notify_all();
    }
}

/// Puts a fresh thread at the post.
fn relieve(shared: &Arc<Shared>, state: &mut State, duty: &Duty) -> std::io::Result<()> {
    state.number += 1;
    state.doing = None;
    state.rests_until = None;
    let (post, number, duty) = (shared.clone(), state.number, duty.clone());
    let started = std::thread::Builder::new().name(shared.name.into()).spawn(move || {
        // Made here: its drop takes the lock that is held where the thread is started.
        duty(&Post { shared: post, number });
    });
    state.thread = Some(started?);
    Ok(())
}

fn watch(shared: &Arc<Shared>, duty: &Duty, takeover: &Takeover) {
    let mut state = shared.hold();
    loop {
        let waited = shared.bell.wait_timeout(state, LOOKS_EVERY);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.over {
            return;
        }
        let now = Instant::now();
        if let Some(until) = state.rests_until {
            if now < until || state.abandoned >= shared.patience.abandoned_max {
                continue;
            }
        } else if let Some((what, _)) = state.doing.filter(|(_, until)| now >= *until) {
            // From here on its call comes back in vain.
            state.number += 1;
            state.doing = None;
            state.abandoned += 1;
            state.rests_until = rest(&shared.patience, state.abandoned).map(|rest| now + rest);
            let rests = state.rests_until.is_some();
            tracing::error!(post = shared.name, what, rests, "a driver's call never came back");
            drop(state);
            takeover(what, rests);
            state = shared.hold();
            if rests || state.over {
                continue;
            }
        } else if state.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            continue;
        } else {
            // It can only have panicked; what it was at is told as for one that hangs.
            tracing::error!(post = shared.name, "the thread ended on a defect");
            let what = state.doing.take().map_or("an unknown call", |(what, _)| what);
            state.number += 1;
            drop(state);
            takeover(what, false);
            state = shared.hold();
        }
        if let Err(error) = relieve(shared, &mut state, duty) {
            tracing::error!(%error, post = shared.name, "no thread could be started");
            state.rests_until = Some(now + shared.patience.rest);
        }
    }
}

/// How long to leave the device alone when so many threads hang.
fn rest(patience: &Patience, abandoned: usize) -> Option<Duration> {
    let over = u32::try_from(abandoned.checked_sub(patience.before_rest)?).unwrap_or(u32::MAX);
    Some(patience.rest.saturating_mul(1 << over.min(16)).min(REST_MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const PATIENCE: Patience =
        Patience { before_rest: 2, abandoned_max: 3, rest: Duration::from_millis(100) };
    const WITHIN: Duration = Duration::from_secs(10);

    struct Bench {
        relay: Relay,
        started: Arc<AtomicUsize>,
        takeovers: Receiver<(String, bool)>,
    }

    /// A post whose every thread does this.
    fn post(duty: impl Fn(&Post) + Send + Sync + 'static) -> Bench {
        let started = Arc::new(AtomicUsize::new(0));
        let (tell, takeovers) = channel();
        let tell = Mutex::new(tell);
        let counted = started.clone();
        let duty: Duty = Arc::new(move |post: &Post| {
            counted.fetch_add(1, Ordering::SeqCst);
            duty(post);
        });
        let takeover: Takeover = Arc::new(move |what: &str, rests| {
            let _ = tell.lock().unwrap().send((what.to_owned(), rests));
        });
        Bench { relay: Relay::start("test", PATIENCE, duty, takeover).unwrap(), started, takeovers }
    }

    fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < WITHIN, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn hanging_threads_are_replaced_then_left_alone_and_never_more_than_the_bound() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let (hold, back) = (gate.clone(), Arc::new(AtomicUsize::new(0)));
        let came_back = back.clone();
        let bench = post(move |post| {
            let ended = post.call("hang", Duration::ZERO, || {
                let guard = hold.0.lock().unwrap();
                drop(hold.1.wait_while(guard, |open| !*open).unwrap());
            });
            if ended == Err(Relieved) {
                came_back.fetch_add(1, Ordering::SeqCst);
            }
            while post.call("idle", WITHIN, || std::thread::sleep(LOOKS_EVERY)).is_ok() {}
        });
        for rests in [false, true, true] {
            assert_eq!(bench.takeovers.recv_timeout(WITHIN), Ok(("hang".to_owned(), rests)));
        }
        assert!(bench.relay.rests());
        let trouble = bench.relay.trouble().unwrap();
        assert!(trouble.starts_with("3 calls") && trouble.contains("left alone"), "{trouble}");
        // Long past the rest nothing more is risked.
        assert!(bench.takeovers.recv_timeout(LOOKS_EVERY * 3).is_err());
        assert_eq!(bench.started.load(Ordering::SeqCst), 3);
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        wait_until("those that come back end, and a fresh one is there", || {
            back.load(Ordering::SeqCst) == 3 && bench.started.load(Ordering::SeqCst) == 4
        });
        wait_until("all is well again", || bench.relay.trouble().is_none());
    }

    #[test]
    fn a_thread_that_panics_is_replaced() {
        let first = AtomicUsize::new(0);
        let bench = post(move |post| {
            let number = first.fetch_add(1, Ordering::SeqCst);
            while post.call("call", WITHIN, || assert!(number > 0, "a driver's defect")).is_ok() {
                std::thread::sleep(LOOKS_EVERY);
            }
        });
        assert_eq!(bench.takeovers.recv_timeout(WITHIN), Ok(("call".to_owned(), false)));
        wait_until("a fresh one is there", || bench.started.load(Ordering::SeqCst) == 2);
        assert_eq!(bench.relay.trouble(), None);
        bench.relay.stop();
    }

    #[test]
    fn rests_grow_up_to_an_hour() {
        let usual = Patience::default();
        assert_eq!(rest(&usual, 2), None);
        assert_eq!(rest(&usual, 3), Some(usual.rest));
        assert_eq!(rest(&usual, 4), Some(usual.rest * 2));
        assert_eq!(rest(&usual, 40), Some(REST_MAX));
    }
}
