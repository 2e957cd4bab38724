//! The agent's binary: wiring only. It knows the drivers; the agent does not.

mod demo;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use yidang_agent::{
    Config, ConfigError, DriverNames, Drivers, FaultWish, KnownFaults, KnownNames, ScenarioStep, Simulation,
    SimulationRefusal,
};
use yidang_pcsc::{PcscDriver, Profiles};
use yidang_sam_serial::SerialDriver;
use yidang_sam_usb::SamUsbDriver;
use yidang_simulated::{Action, Desk, Device, Fault, Scenario, SimulationError, Step};

/// What `[card] driver` and `[camera] driver` may say beside `auto`.
const DRIVER_NAMES: DriverNames<'_> =
    DriverNames { card: &["pcsc", "sam-serial", "sam-usb", "simulated"], camera: CAMERA_NAMES };
/// The system's own cameras first.
#[cfg(target_os = "linux")]
const CAMERA_NAMES: &[&str] = &["v4l2", "simulated"];
#[cfg(any(windows, target_os = "macos"))]
const CAMERA_NAMES: &[&str] = &["nokhwa", "simulated"];

fn main() -> ExitCode {
    yidang_agent::command::main(DRIVER_NAMES, drivers, demo::run)
}

/// The drivers a configuration asks for. `auto` means real hardware: simulated devices are asked for by name.
fn drivers(config: &Config) -> Result<Drivers, ConfigError> {
    let mut drivers = Drivers::default();
    let simulated = [&config.card_driver, &config.camera_driver].map(|name| name == "simulated");
    if simulated.contains(&true) {
        let desk = Desk::new(config.simulated_cards.clone(), config.simulated_frames.clone());
        if simulated[0] {
            drivers.card.push(desk.card_driver());
        }
        if simulated[1] {
            drivers.camera.push(desk.camera_driver());
        }
        drivers.simulation = Some(Arc::new(Hands(desk)));
    }
    if let Some(serial) = serial_driver(config) {
        drivers.card.push(Arc::new(serial));
    }
    let asked_for = |name| config.card_driver == "auto" || config.card_driver == name;
    if asked_for("pcsc") {
        drivers.card.push(Arc::new(PcscDriver::with_profiles(profiles(config)?)));
    }
    if asked_for("sam-usb") {
        drivers.card.push(Arc::new(SamUsbDriver::new()));
    }
    if config.camera_driver == "auto" || config.camera_driver == CAMERA_NAMES[0] {
        #[cfg(target_os = "linux")]
        drivers.camera.push(Arc::new(yidang_v4l2::V4l2Driver::new()));
        #[cfg(any(windows, target_os = "macos"))]
        drivers.camera.push(Arc::new(yidang_nokhwa::NokhwaDriver::new()));
    }
    Ok(drivers)
}

/// How PC/SC readers are spoken to.
fn profiles(config: &Config) -> Result<Profiles, ConfigError> {
    let Some(folder) = &config.card_profiles else { return Ok(Profiles::built_in()) };
    Profiles::with_folder(folder)
        .map_err(|e| ConfigError::Value { key: "card.profiles", reason: e.to_string() })
}

/// Readers on serial ports. A port that is named is used, and before anything that is merely found; `auto`
/// alone sends nothing to serial ports, since what hangs there may be no reader.
fn serial_driver(config: &Config) -> Option<SerialDriver> {
    let ports = config.card_port.clone().map(|port| vec![port]);
    match config.card_driver.as_str() {
        "sam-serial" => Some(SerialDriver::new(ports)),
        "auto" if ports.is_some() => Some(SerialDriver::new(ports)),
        _ => None,
    }
}

/// The agent's wishes, done by the simulated desk.
struct Hands(Desk);

fn refusal(error: SimulationError) -> SimulationRefusal {
    match error {
        SimulationError::UnknownName => SimulationRefusal::UnknownName(error.to_string()),
        _ => SimulationRefusal::Invalid(error.to_string()),
    }
}

fn fault(wish: &FaultWish) -> Result<Fault, SimulationRefusal> {
    let device = wish.device.parse::<Device>();
    let fault = device.and_then(|device| Fault::parse(device, &wish.fault));
    fault.map_err(|error| SimulationRefusal::Invalid(error.to_string()))
}

fn action(step: &ScenarioStep) -> Result<Action, SimulationRefusal> {
    match step {
        ScenarioStep {
            card: Some(card),
            remove_card: false,
            frame: None,
            bare_mat: false,
            fault: None,
            ..
        } => Ok(Action::Card(Some(card.clone()))),
        ScenarioStep { card: None, remove_card: true, frame: None, bare_mat: false, fault: None, .. } => {
            Ok(Action::Card(None))
        }
        ScenarioStep {
            card: None,
            remove_card: false,
            frame: Some(frame),
            bare_mat: false,
            fault: None,
            ..
        } => Ok(Action::Frame(Some(frame.clone()))),
        ScenarioStep { card: None, remove_card: false, frame: None, bare_mat: true, fault: None, .. } => {
            Ok(Action::Frame(None))
        }
        ScenarioStep {
            card: None,
            remove_card: false,
            frame: None,
            bare_mat: false,
            fault: Some(wish),
            ..
        } => Ok(Action::Fault { fault: fault(wish)?, times: wish.times }),
        _ => Err(SimulationRefusal::Invalid("a step does exactly one thing".into())),
    }
}

impl Simulation for Hands {
    fn insert(&self, name: Option<&str>) -> Result<(), SimulationRefusal> {
        self.0.insert(name).map_err(refusal)
    }

    fn lay(&self, name: Option<&str>) -> Result<(), SimulationRefusal> {
        self.0.lay(name).map_err(refusal)
    }

    fn fault(&self, wish: &FaultWish) -> Result<(), SimulationRefusal> {
        self.0.fault(fault(wish)?, wish.times);
        Ok(())
    }

    fn faults(&self) -> Vec<KnownFaults> {
        [Device::Card, Device::Camera]
            .into_iter()
            .map(|device| KnownFaults {
                device: device.as_str(),
                faults: Fault::all().filter(|f| f.device() == device).map(|f| f.to_string()).collect(),
            })
            .collect()
    }

    fn names(&self) -> Result<KnownNames, SimulationRefusal> {
        let names = self.0.names().map_err(refusal)?;
        Ok(KnownNames { cards: names.cards, frames: names.frames })
    }

    fn play(&self, steps: &[ScenarioStep]) -> Result<(), SimulationRefusal> {
        let steps = steps
            .iter()
            .map(|s| Ok(Step { after: Duration::from_millis(s.after_ms), action: action(s)? }))
            .collect::<Result<_, SimulationRefusal>>()?;
        self.0.play(Scenario { steps }).map_err(refusal)
    }

    fn reset(&self) {
        self.0.reset();
    }
}
