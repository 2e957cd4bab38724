//! Which card reader is used, and why: all that the drivers list, and what was learnt of each.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use yidang_device::{Access, DeviceCondition, DeviceError, DeviceListing};

use super::ListedDevice;

/// How long a reader that could not be used comes after all others.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// How often it is worth a look for a better reader: one without a module serves nobody, one that may have none
/// serves most, and beside the best there is only what status tells.
const LOOKS_EVERY: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(3), Duration::from_millis(900)];

/// What one driver lists.
pub(super) type Listed = Result<Vec<DeviceListing>, DeviceError>;

/// A reader: its driver's position, and its id there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ReaderKey {
    pub(super) driver: usize,
    pub(super) id: String,
}

/// A reader that may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: ReaderKey,
    pub(super) name: String,
    /// Why it stands where it stands.
    pub(super) why: &'static str,
}

/// What was learnt of a reader; forgotten when it is unplugged.
#[derive(Default)]
struct Learnt {
    has_module: Option<bool>,
    failed: Option<(Instant, DeviceError)>,
}

/// How good a reader is, the best first: a module, then the order of the drivers.
type Rank = (u8, usize);

/// Knows the readers.
#[derive(Default)]
pub(super) struct Roster {
    learnt: HashMap<ReaderKey, Learnt>,
    lists: Vec<Listed>,
}

impl Roster {
    /// Takes what the drivers list now, drivers in their order.
    pub(super) fn take(&mut self, lists: Vec<Listed>) {
        // A driver that cannot list says nothing of what is plugged in.
        self.learnt.retain(|key, _| match lists.get(key.driver) {
            Some(Ok(devices)) => devices.iter().any(|device| device.id == key.id),
            _ => true,
        });
        self.lists = lists;
    }

    /// The readers that may be opened, the best first; those that failed a while ago come last. `declared` is
    /// what a driver says without asking the reader.
    pub(super) fn candidates(&self, declared: impl Fn(&ReaderKey) -> Option<bool>) -> Vec<Candidate> {
        let mut ranked: Vec<(bool, Rank, Candidate)> = Vec::new();
        for (driver, list) in self.lists.iter().enumerate() {
            for device in list.iter().flatten().filter(|d| d.access == Access::Granted) {
                let key = ReaderKey { driver, id: device.id.clone() };
                let rank = self.rank(&key, &declared);
                let candidate = Candidate { name: device.name.clone(), why: why(rank.0), key };
                ranked.push((self.has_failed(&candidate.key), rank, candidate));
            }
        }
        // Stable: readers of one rank stay in their driver's order.
        ranked.sort_by_key(|(failed, rank, _)| (*failed, *rank));
        ranked.into_iter().map(|(_, _, candidate)| candidate).collect()
    }

    /// A reader that is better than the one in use, and did not fail a while ago.
    pub(super) fn better(
        &self,
        in_use: &ReaderKey,
        declared: impl Fn(&ReaderKey) -> Option<bool>,
    ) -> Option<Candidate> {
        let rank = self.rank(in_use, &declared);
        let best = self.candidates(&declared).into_iter().find(|c| !self.has_failed(&c.key))?;
        (self.rank(&best.key, &declared) < rank).then_some(best)
    }

    /// How often to look for a better reader than this one.
    pub(super) fn looks_every(
        &self,
        in_use: &ReaderKey,
        declared: impl Fn(&ReaderKey) -> Option<bool>,
    ) -> Duration {
        match self.rank(in_use, &declared) {
            (0, 0) => LOOKS_EVERY[0],
            (0 | 1, _) => LOOKS_EVERY[1],
            _ => LOOKS_EVERY[2],
        }
    }

    fn rank(&self, key: &ReaderKey, declared: &impl Fn(&ReaderKey) -> Option<bool>) -> Rank {
        let learnt = self.learnt.get(key).and_then(|learnt| learnt.has_module);
        let module = match learnt.or_else(|| declared(key)) {
            Some(true) => 0,
            None => 1,
            Some(false) => 2,
        };
        (module, key.driver)
    }

    /// Why there is no reader to use: what is forbidden, then services that fail, then what is missing.
    pub(super) fn reason(&self) -> DeviceError {
        let mut missing: Vec<&str> = Vec::new();
        let mut failing = None;
        for list in &self.lists {
            match list {
                Ok(devices) => {
                    for device in devices {
                        if let Access::Denied { remedy } = &device.access {
                            let detail = format!("{}: {remedy}", device.name);
                            return DeviceError::new(DeviceCondition::AccessDenied, detail);
                        }
                    }
                }
                Err(error) if error.condition == DeviceCondition::NotFound => missing.push(&error.detail),
                Err(error) => failing = failing.or(Some(error.clone())),
            }
        }
        let nothing = || {
            let detail =
                if missing.is_empty() { "no card reader is connected".into() } else { missing.join("; ") };
            DeviceError::new(DeviceCondition::NotFound, detail)
        };
        failing.unwrap_or_else(nothing)
    }

    /// A reading showed whether this reader has a module; whether that is news.
    pub(super) fn learn_module(&mut self, key: &ReaderKey, has_module: bool) -> bool {
        let learnt = self.learnt.entry(key.clone()).or_default();
        learnt.failed = None;
        learnt.has_module.replace(has_module) != Some(has_module)
    }

    /// This reader could not be used.
    pub(super) fn learn_failure(&mut self, key: &ReaderKey, error: DeviceError) {
        self.learnt.entry(key.clone()).or_default().failed = Some((Instant::now(), error));
    }

    fn failure(&self, key: &ReaderKey) -> Option<&DeviceError> {
        let (at, error) = self.learnt.get(key)?.failed.as_ref()?;
        (at.elapsed() < LEFT_ALONE).then_some(error)
    }

    fn has_failed(&self, key: &ReaderKey) -> bool {
        self.failure(key).is_some()
    }

    /// Every reader but the one in use, and why it is not.
    pub(super) fn others(
        &self,
        in_use: Option<&ReaderKey>,
        names: &[&'static str],
        declared: impl Fn(&ReaderKey) -> Option<bool>,
    ) -> Vec<ListedDevice> {
        let mut others = Vec::new();
        for (driver, list) in self.lists.iter().enumerate() {
            for device in list.iter().flatten() {
                let key = ReaderKey { driver, id: device.id.clone() };
                if in_use == Some(&key) {
                    continue;
                }
                let reason = match self.failure(&key) {
                    Some(error) => format!("not in use: {error}"),
                    None => format!("not in use: {}", why(self.rank(&key, &declared).0)),
                };
                let driver = names.get(driver).copied().unwrap_or_default();
                others.push(ListedDevice { device: device.clone(), driver, reason });
            }
        }
        others
    }
}

const fn why(module: u8) -> &'static str {
    match module {
        0 => "it has a security module",
        1 => "whether it has a security module shows when a card is read",
        _ => "it has no security module",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str) -> DeviceListing {
        DeviceListing { id: id.into(), name: id.to_uppercase(), access: Access::Granted }
    }

    fn key(driver: usize, id: &str) -> ReaderKey {
        ReaderKey { driver, id: id.into() }
    }

    fn roster(lists: Vec<Listed>) -> Roster {
        let mut roster = Roster::default();
        roster.take(lists);
        roster
    }

    /// The readers named so have a module, or have none.
    fn declared(key: &ReaderKey) -> Option<bool> {
        match &*key.id {
            "sam" | "port" => Some(true),
            "plain" => Some(false),
            _ => None,
        }
    }

    fn order(roster: &Roster) -> Vec<String> {
        roster.candidates(declared).into_iter().map(|c| c.key.id).collect()
    }

    #[test]
    fn a_module_counts_before_the_order_of_the_drivers() {
        let mut readers =
            roster(vec![Ok(vec![]), Ok(vec![device("plain"), device("x")]), Ok(vec![device("sam")])]);
        assert_eq!(order(&readers), ["sam", "x", "plain"]);
        assert!(readers.learn_module(&key(1, "x"), true) && !readers.learn_module(&key(1, "x"), true));
        assert_eq!(order(&readers), ["x", "sam", "plain"]);
        readers.learn_module(&key(1, "x"), false);
        assert_eq!(order(&readers), ["sam", "plain", "x"]);
        assert_eq!(readers.candidates(declared)[0].why, "it has a security module");
    }

    #[test]
    fn only_a_better_reader_is_worth_a_change() {
        let mut readers =
            roster(vec![Ok(vec![]), Ok(vec![device("x"), device("y")]), Ok(vec![device("sam")])]);
        let better =
            |readers: &Roster, in_use: ReaderKey| readers.better(&in_use, declared).map(|c| c.key.id);
        assert_eq!(better(&readers, key(1, "y")).as_deref(), Some("sam"));
        assert_eq!(better(&readers, key(2, "sam")), None);
        let every = |key| readers.looks_every(&key, declared);
        assert!(every(key(0, "port")) > every(key(2, "sam")) && every(key(1, "x")) > every(key(1, "plain")));
        readers.learn_module(&key(1, "y"), true);
        assert_eq!(better(&readers, key(1, "y")), None);
        assert_eq!(better(&readers, key(2, "sam")).as_deref(), Some("y"));
        readers.take(vec![Ok(vec![device("port")]), Ok(vec![device("x"), device("y")]), Ok(vec![])]);
        assert_eq!(better(&readers, key(1, "y")).as_deref(), Some("port"));
        let silent = DeviceError::new(DeviceCondition::NotFound, "no module answers");
        readers.learn_failure(&key(0, "port"), silent);
        assert_eq!(better(&readers, key(1, "y")), None);
        assert_eq!(order(&readers), ["y", "x", "port"]);
    }

    #[test]
    fn what_was_learnt_ends_with_unplugging_and_not_with_a_service_that_fails() {
        let mut readers = roster(vec![Ok(vec![device("x")])]);
        readers.learn_module(&key(0, "x"), false);
        readers.take(vec![Err(DeviceError::new(DeviceCondition::Lost, "service"))]);
        readers.take(vec![Ok(vec![device("x")])]);
        assert_eq!(readers.candidates(declared)[0].why, "it has no security module");
        readers.take(vec![Ok(vec![])]);
        readers.take(vec![Ok(vec![device("x")])]);
        assert!(readers.candidates(declared)[0].why.starts_with("whether"));
    }

    #[test]
    fn the_reason_that_tells_most_is_given_and_all_that_is_missing() {
        let error = |condition, detail: &str| DeviceError::new(condition, detail);
        let absent = error(DeviceCondition::NotFound, "there is no serial port /dev/ttyUSB7");
        let down = error(DeviceCondition::NotFound, "pcscd does not run");
        let lost = error(DeviceCondition::Timeout, "pcscd hangs");
        let both = roster(vec![Err(absent.clone()), Err(down), Ok(vec![])]).reason();
        assert!(both.detail.contains("/dev/ttyUSB7") && both.detail.contains("pcscd"), "{both}");
        let hangs = roster(vec![Err(absent.clone()), Err(lost)]).reason();
        assert_eq!(hangs.condition, DeviceCondition::Timeout);
        let mut denied = device("u");
        denied.access = Access::Denied { remedy: "add a rule".into() };
        let denied = roster(vec![Err(absent), Ok(vec![denied])]);
        assert_eq!(denied.reason().condition, DeviceCondition::AccessDenied);
        let others = denied.others(None, &["sam-serial", "sam-usb"], declared);
        assert_eq!((others.len(), others[0].driver), (1, "sam-usb"));
        assert!(roster(vec![]).reason().detail.contains("no card reader"));
    }
}
