//! The agent's binary: wiring only. It knows the drivers; the agent does not.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use yidang_agent::{
    Config, DriverNames, Drivers, FaultWish, KnownFaults, ScenarioStep, Simulation, SimulationRefusal,
};
use yidang_pcsc::PcscDriver;
use yidang_sam_usb::SamUsbDriver;
use yidang_simulated::{Action, Desk, Device, Fault, Scenario, SimulationError, Step};

fn main() -> ExitCode {
    let names = DriverNames { card: &["pcsc", "sam-usb", "simulated"], camera: &["simulated"] };
    yidang_agent::command::main(names, drivers)
}

/// The drivers a configuration asks for. `auto` means real hardware: simulated devices are asked for by name.
fn drivers(config: &Config) -> Drivers {
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
    let card = |name| config.card_driver == "auto" || config.card_driver == name;
    if card("pcsc") {
        drivers.card.push(Arc::new(PcscDriver::new()));
    }
    if card("sam-usb") {
        drivers.card.push(Arc::new(SamUsbDriver::new()));
    }
    drivers
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
