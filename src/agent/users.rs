//! Who uses a device, for whoever is told that it is busy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use yidang_model::Timestamp;

use crate::clock;
use crate::problem::{Advice, Code, Problem};

/// Those who wait for a device or have it, the first one first.
#[derive(Clone, Default)]
pub(crate) struct Users(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    next: u64,
    here: BTreeMap<u64, (String, Timestamp)>,
}

/// Somebody who uses the device, until it is dropped.
pub(crate) struct User {
    users: Users,
    number: u64,
}

impl Users {
    /// One more, by the name of its token or shim.
    pub(crate) fn enter(&self, name: &str) -> User {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        state.here.insert(number, (name.to_owned(), clock::now()));
        User { users: self.clone(), number }
    }
}

impl User {
    /// The problem, and where it is that the device is busy, who has had it before this one, and since when.
    pub(crate) fn explain(&self, problem: Problem) -> Problem {
        if problem.code != Code::Busy {
            return problem;
        }
        let state = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, (name, since))) = state.here.range(..self.number).next() else { return problem };
        Problem::new(Code::Busy, format!("in use by {name}, since {since}")).with_advice(IN_USE)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut state = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.here.remove(&self.number);
    }
}

const IN_USE: Advice = Advice {
    what: ["设备正由另一个程序使用。", "Another program is using the device."],
    remedy: [
        "请等它用完再试，或在那个程序里结束操作；detail 中写有是哪一个、从何时起。",
        "Try again when it is done, or end what it does there; `detail` names it and since when.",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    #[test]
    fn who_is_told_that_a_device_is_busy_hears_by_whom() {
        let users = Users::default();
        let first = users.enter("office page");
        let second = users.enter("another");
        let told = |user: &User| user.explain(Code::Busy.into()).detail(Language::English);
        let detail = told(&second).unwrap();
        assert!(detail.contains("in use by office page, since 20"), "{detail}");
        // Nobody is before the first: the device itself is busy, or somebody outside has it.
        assert_eq!(told(&first), None);
        assert_eq!(second.explain(Code::CardAbsent.into()).detail, None);
        drop(first);
        assert_eq!(told(&second), None);
    }
}
