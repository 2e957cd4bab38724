//! The desk: what lies on the reader and under the camera, and what is going wrong.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use yidang_device::{CameraDriver, Cancel, CardDriver, DecodedPhoto};

use crate::SimulationError;
use crate::camera::SimulatedCameras;
use crate::card_file::{self, CardFile, CardFileProblem};
use crate::card_reader::SimulatedReaders;
use crate::fault::{CameraFault, CardFault, Fault, Pending};
use crate::folder::{BUILT_IN_CARDS, BUILT_IN_FRAMES, Entry, Folder, built_in_entries};
use crate::scenario::{Action, Scenario};

const CARD_ENDINGS: &[&str] = &["toml"];
const PICTURE_ENDINGS: &[&str] = &["jpg", "jpeg", "png"];
/// The frame that shows no paper; never part of the sequence.
const BARE_MAT: &str = "bare-mat";
/// How long a hand takes to exchange one card for another; readers tell of it, since a contact does not flicker for so long.
const EXCHANGE: Duration = Duration::from_millis(600);

/// A desk with one card reader and one camera. Clones are handles to the same desk.
///
/// Calls read files and may block as long as the disk does.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    cards: Folder,
    frames: Folder,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    card: CardChoice,
    /// Counts how often a card was put down, so that the same card put down again is a new one.
    placement: u64,
    frame: FrameChoice,
    /// Stem of the last frame of the sequence that was given.
    last_frame: Option<String>,
    pub(crate) card_fault: Pending<CardFault>,
    pub(crate) camera_fault: Pending<CameraFault>,
    pub(crate) reader: Plug,
    pub(crate) camera: Plug,
    /// The placement that the security module has read.
    pub(crate) read: Option<u64>,
    scenario: Option<Cancel>,
}

#[derive(Clone, Default)]
enum CardChoice {
    #[default]
    FirstInOrder,
    Named(String),
    Nothing,
}

#[derive(Clone, Default)]
enum FrameChoice {
    #[default]
    Sequence,
    Pinned(String),
    BareMat,
}

/// Whether a device is plugged in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Plug {
    /// Grows each time it is unplugged; a handle of an earlier time is lost.
    pub(crate) time: u64,
    absent_looks: u32,
}

impl Plug {
    /// Pulls the plug; so many looks do not find the device.
    pub(crate) fn pull(&mut self, looks: u32) {
        self.time += u64::from(looks > 0);
        self.absent_looks = looks;
    }

    /// One look for the device; `false`: it is not there.
    pub(crate) fn look(&mut self) -> bool {
        let there = self.absent_looks == 0;
        self.absent_looks = self.absent_looks.saturating_sub(1);
        there
    }
}

/// A card on the reader.
pub(crate) struct Lying {
    entry: Entry,
    /// Which putting-down it is.
    pub(crate) placement: u64,
}

/// A card's file and its portrait.
pub(crate) struct LoadedCard {
    /// What the file says.
    pub(crate) file: CardFile,
    /// The portrait.
    pub(crate) photo: Option<DecodedPhoto>,
}

/// What there is to choose from; each in name order.
pub struct DeskNames {
    /// Cards.
    pub cards: Vec<String>,
    /// Frames. The bare mat is among them where the folder has one.
    pub frames: Vec<String>,
}

impl Desk {
    /// A desk with the first card in name order on the reader. Cards and frames come from these folders,
    /// listed anew at each use; without a folder they are the built-in ones. A folder that is missing or
    /// empty is an error of the device that needs it, when it needs it.
    pub fn new(cards_folder: Option<PathBuf>, frames_folder: Option<PathBuf>) -> Self {
        let cards = Folder::new(cards_folder, BUILT_IN_CARDS);
        let frames = Folder::new(frames_folder, BUILT_IN_FRAMES);
        Self { shared: Arc::new(Shared { cards, frames, state: Mutex::default() }) }
    }

    /// The way to this desk's card reader.
    pub fn card_driver(&self) -> Arc<dyn CardDriver> {
        Arc::new(SimulatedReaders::new(self.clone()))
    }

    /// The way to this desk's camera.
    pub fn camera_driver(&self) -> Arc<dyn CameraDriver> {
        Arc::new(SimulatedCameras::new(self.clone()))
    }

    /// What can be put down by name now.
    pub fn names(&self) -> Result<DeskNames, SimulationError> {
        let stems = |entries: Vec<Entry>| entries.iter().map(|entry| entry.stem().to_owned()).collect();
        Ok(DeskNames {
            cards: stems(self.shared.cards.entries(CARD_ENDINGS)?),
            frames: stems(self.shared.frames.entries(PICTURE_ENDINGS)?),
        })
    }

    /// Puts a card on the reader in place of the one that lies there; `None` takes that away. The one that lies there,
    /// the same one too, is lifted first, which takes as long as a hand needs: blocks for that. A card file that cannot
    /// be used is refused and changes nothing.
    pub fn insert(&self, name: Option<&str>) -> Result<(), SimulationError> {
        if let Some(name) = name {
            self.load(&find(self.shared.cards.entries(CARD_ENDINGS)?, name)?)?;
        }
        if name.is_some() && self.state().lift() {
            std::thread::sleep(EXCHANGE);
        }
        self.state().put(name);
        Ok(())
    }

    /// Lays a frame under the camera, which shows it from now on; `None` leaves the bare mat.
    pub fn lay(&self, name: Option<&str>) -> Result<(), SimulationError> {
        if let Some(name) = name {
            find(self.shared.frames.entries(PICTURE_ENDINGS)?, name)?;
        }
        self.state().lay(name);
        Ok(())
    }

    /// Makes something go wrong so many times, in place of what was to go wrong with that device before; 0
    /// times ends it.
    pub fn fault(&self, fault: Fault, times: u32) {
        self.state().fault(fault, times);
    }

    /// Plays a scenario in the background, in place of one that is still playing. A step whose card or frame
    /// has left its folder by then ends it.
    pub fn play(&self, scenario: Scenario) -> Result<(), SimulationError> {
        scenario.check()?;
        for step in &scenario.steps {
            self.check(&step.action)?;
        }
        let cancel = Cancel::new();
        let (mine, desk) = (cancel.clone(), Arc::downgrade(&self.shared));
        {
            let mut state = self.state();
            if let Some(before) = state.scenario.replace(cancel) {
                before.cancel();
            }
        }
        let thread = std::thread::Builder::new().name("scenario".to_owned());
        thread.spawn(move || play(&scenario, &mine, &desk)).map_err(|_| SimulationError::NoThread)?;
        Ok(())
    }

    /// Back to the start: no fault, no scenario, everything plugged in, the first card newly put down, the
    /// frames from the first.
    pub fn reset(&self) {
        let mut state = self.state();
        if let Some(scenario) = state.scenario.take() {
            scenario.cancel();
        }
        let [mut reader, mut camera] = [state.reader, state.camera];
        reader.pull(0);
        camera.pull(0);
        // Placements and plug times go on counting: what was opened or read before must not look current.
        *state = State { placement: state.placement + 1, reader, camera, ..State::default() };
    }

    fn check(&self, action: &Action) -> Result<(), SimulationError> {
        match action {
            Action::Card(Some(name)) => {
                self.load(&find(self.shared.cards.entries(CARD_ENDINGS)?, name)?)?;
            }
            Action::Frame(Some(name)) => {
                find(self.shared.frames.entries(PICTURE_ENDINGS)?, name)?;
            }
            Action::Card(None) | Action::Frame(None) | Action::Fault { .. } => {}
        }
        Ok(())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes away the card that lies there, whether one did; nothing once the scenario has ended.
    fn lift_unless(&self, ended: &Cancel) -> bool {
        let mut state = self.state();
        !ended.is_cancelled() && state.lift()
    }

    /// The card on the reader. One whose file has left the folder is gone.
    pub(crate) fn lying(&self) -> Result<Option<Lying>, SimulationError> {
        let (choice, placement) = {
            let state = self.state();
            (state.card.clone(), state.placement)
        };
        if matches!(choice, CardChoice::Nothing) {
            return Ok(None);
        }
        let mut entries = self.shared.cards.entries(CARD_ENDINGS)?.into_iter();
        let entry = match choice {
            CardChoice::Named(name) => entries.find(|entry| entry.stem() == name),
            _ => entries.next(),
        };
        let mut state = self.state();
        if let (CardChoice::FirstInOrder, Some(entry), true) =
            (&state.card, &entry, state.placement == placement)
        {
            // It stays that one, whatever file is added before it.
            state.card = CardChoice::Named(entry.stem().to_owned());
        }
        Ok(entry.map(|entry| Lying { entry, placement }))
    }

    /// Reads the lying card's file and portrait.
    pub(crate) fn load_lying(&self, lying: &Lying) -> Result<LoadedCard, SimulationError> {
        self.load(&lying.entry)
    }

    fn load(&self, entry: &Entry) -> Result<LoadedCard, SimulationError> {
        let in_file = |problem| SimulationError::CardFile { file: entry.file.clone(), problem };
        let file = card_file::parse(&entry.read()?).map_err(in_file)?;
        let photo = match &file.photo {
            None => None,
            Some(name) => Some(self.portrait(name).ok_or_else(|| in_file(CardFileProblem::Photo))?),
        };
        Ok(LoadedCard { file, photo })
    }

    fn portrait(&self, name: &str) -> Option<DecodedPhoto> {
        let pictures = self.shared.cards.entries(PICTURE_ENDINGS).ok()?;
        let bytes = pictures.into_iter().find(|entry| entry.file == name)?.read().ok()?;
        let is_picture = bytes.starts_with(b"\x89PNG\r\n\x1a\n") || bytes.starts_with(&[0xFF, 0xD8, 0xFF]);
        is_picture.then_some(DecodedPhoto { bytes })
    }

    /// Whether the camera has anything to show.
    pub(crate) fn check_frames(&self) -> Result<(), SimulationError> {
        self.shared.frames.entries(PICTURE_ENDINGS)?;
        Ok(())
    }

    /// What the camera sees now; the sequence goes on by one.
    pub(crate) fn next_frame(&self) -> Result<Vec<u8>, SimulationError> {
        let entry = self.frame_in_sight(true)?;
        Ok(entry.read()?)
    }

    /// What the next capture will see; the sequence stays where it is.
    pub(crate) fn frame_before_capture(&self) -> Result<Vec<u8>, SimulationError> {
        let entry = self.frame_in_sight(false)?;
        Ok(entry.read()?)
    }

    fn frame_in_sight(&self, captured: bool) -> Result<Entry, SimulationError> {
        let mut entries = self.shared.frames.entries(PICTURE_ENDINGS)?;
        let mut state = self.state();
        match &state.frame {
            FrameChoice::Pinned(name) => find(entries, name),
            FrameChoice::BareMat => find(entries, BARE_MAT)
                .or_else(|_| find(built_in_entries(BUILT_IN_FRAMES, PICTURE_ENDINGS), BARE_MAT)),
            FrameChoice::Sequence => {
                entries.retain(|entry| entry.stem() != BARE_MAT);
                let next = entries.iter().find(|entry| Some(entry.stem()) > state.last_frame.as_deref());
                let Some(entry) = next.or(entries.last()) else {
                    return Err(self.shared.frames.empty(PICTURE_ENDINGS).into());
                };
                if captured {
                    state.last_frame = Some(entry.stem().to_owned());
                }
                Ok(entry.clone())
            }
        }
    }
}

impl State {
    /// Takes away the card that lies there; whether one did.
    fn lift(&mut self) -> bool {
        let lies = !matches!(self.card, CardChoice::Nothing);
        if lies {
            self.put(None);
        }
        lies
    }

    fn put(&mut self, name: Option<&str>) {
        self.placement += 1;
        self.card = name.map_or(CardChoice::Nothing, |name| CardChoice::Named(name.to_owned()));
    }

    fn lay(&mut self, name: Option<&str>) {
        self.frame = name.map_or(FrameChoice::BareMat, |name| FrameChoice::Pinned(name.to_owned()));
    }

    fn fault(&mut self, fault: Fault, times: u32) {
        match fault {
            Fault::Card(CardFault::Unplug) => self.reader.pull(times),
            Fault::Camera(CameraFault::Unplug) => self.camera.pull(times),
            Fault::Card(fault) => self.card_fault.set(fault, times),
            Fault::Camera(fault) => self.camera_fault.set(fault, times),
        }
    }
}

fn find(entries: Vec<Entry>, name: &str) -> Result<Entry, SimulationError> {
    entries.into_iter().find(|entry| entry.stem() == name).ok_or(SimulationError::UnknownName)
}

/// Plays on its own thread. Ends early when cancelled, or when the desk is gone.
fn play(scenario: &Scenario, cancel: &Cancel, desk: &Weak<Shared>) {
    for step in &scenario.steps {
        if cancel.sleep(step.after) {
            return;
        }
        let Some(shared) = desk.upgrade() else { return };
        let desk = Desk { shared };
        if desk.check(&step.action).is_err() {
            return;
        }
        let is_card = matches!(step.action, Action::Card(Some(_)));
        if is_card && desk.lift_unless(cancel) && cancel.sleep(EXCHANGE) {
            return;
        }
        let mut state = desk.state();
        // Whoever replaces or ends the scenario holds the state while raising the flag.
        if cancel.is_cancelled() {
            return;
        }
        match &step.action {
            Action::Card(name) => state.put(name.as_deref()),
            Action::Frame(name) => state.lay(name.as_deref()),
            Action::Fault { fault, times } => state.fault(*fault, *times),
        }
    }
}
