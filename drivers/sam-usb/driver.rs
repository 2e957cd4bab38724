//! Finding and opening readers.

use std::time::{Duration, Instant};

use nusb::descriptors::ConfigurationDescriptor;
use nusb::{Device, DeviceInfo, Interface, MaybeFuture};
use yidang_device::{Access, CardDriver, CardReader, DeviceCondition, DeviceError, DeviceListing};
use yidang_idcard::SamReader;
use yidang_model::Origin;

use crate::access;
use crate::bulk::{BulkIn, BulkOut};
use crate::condition::{Stage, of_error};
use crate::layout::{self, Layout};
use crate::line::{Line, Pair};

/// The vendor number is shared with devices of other kinds, so both numbers must match.
const VENDOR: u16 = 0x0400;
const PRODUCT: u16 = 0xC35A;

/// Longest time between a device's appearance and its first configuration.
const SET_UP_WITHIN: Duration = Duration::from_millis(500);

/// The ID card readers in native USB mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct SamUsbDriver;

impl SamUsbDriver {
    /// The readers on this machine's buses.
    pub fn new() -> Self {
        Self
    }
}

impl CardDriver for SamUsbDriver {
    fn name(&self) -> &'static str {
        "sam-usb"
    }

    /// A reader's id is the port it is plugged into and its serial number: `usb-001-1.4-A0012`.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        let listed = connected()?.into_iter().filter_map(|reader| {
            let access = access::of(&reader)?;
            Some(listing(&reader, access))
        });
        Ok(listed.collect())
    }

    fn open(&self, id: &str) -> Result<Box<dyn CardReader>, DeviceError> {
        let reader = connected()?.into_iter().find(|reader| self::id(reader) == id);
        let reader = reader
            .ok_or_else(|| DeviceError::new(DeviceCondition::NotFound, format!("no USB reader {id}")))?;
        let line = connect(&reader)?;
        Ok(Box::new(SamReader::new(line, listing(&reader, Access::Granted), Origin::Device)))
    }

    /// There is no reader of this kind without one.
    fn has_module(&self, _id: &str) -> Option<bool> {
        Some(true)
    }
}

/// The readers that are plugged in now. Asks the operating system, not the readers.
fn connected() -> Result<Vec<DeviceInfo>, DeviceError> {
    // A kernel without USB has no reader, which is no fault.
    #[cfg(target_os = "linux")]
    if !std::path::Path::new("/sys/bus/usb/devices").exists() {
        return Ok(Vec::new());
    }
    let devices = nusb::list_devices().wait().map_err(|e| of_error(&e, Stage::Opening))?;
    Ok(devices.filter(|d| (d.vendor_id(), d.product_id()) == (VENDOR, PRODUCT)).collect())
}

fn listing(reader: &DeviceInfo, access: Access) -> DeviceListing {
    let name = readable(reader.product_string().unwrap_or_default());
    DeviceListing { id: id(reader), name: format!("{name} (USB 0400:C35A)"), access }
}

/// The name a device gives itself, without what could forge a line of a log.
fn readable(product: &str) -> String {
    let name: String = product.chars().filter(|c| !c.is_control()).collect();
    if name.trim().is_empty() { "ID card reader".to_owned() } else { name.trim().to_owned() }
}

fn id(reader: &DeviceInfo) -> String {
    stable_id(reader.bus_id(), reader.port_chain(), reader.serial_number())
}

/// Cheap readers share one serial number, so the port is part of the id even where there is a number.
fn stable_id(bus: &str, ports: &[u8], serial: Option<&str>) -> String {
    let ports: Vec<String> = ports.iter().map(u8::to_string).collect();
    let serial = serial.map(|serial| serial.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
    let serial = serial.filter(|serial| !serial.is_empty()).map(|serial| format!("-{serial}"));
    format!("usb-{bus}-{}{}", ports.join("."), serial.unwrap_or_default())
}

/// Opens the device and claims the interface that carries the frames.
fn connect(reader: &DeviceInfo) -> Result<Line<BulkOut, BulkIn>, DeviceError> {
    let opening = |e: nusb::Error| of_error(&e, Stage::Opening);
    let device = reader.open().wait().map_err(opening)?;
    let layout = layout::of(&configuration(&device)?).map_err(strange)?;
    let interface = device.claim_interface(layout.interface).wait().map_err(opening)?;
    if layout.alternate != 0 {
        interface.set_alt_setting(layout.alternate).wait().map_err(opening)?;
    }
    line(&interface, &layout).map_err(opening)
}

/// What the device offers. One that was plugged in a moment ago may not be set up yet.
fn configuration(device: &Device) -> Result<ConfigurationDescriptor<'_>, DeviceError> {
    let until = Instant::now() + SET_UP_WITHIN;
    loop {
        match device.active_configuration() {
            Ok(configuration) => return Ok(configuration),
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            // The reader is there for nobody: the port may give it too little power.
            Err(error) => return Err(DeviceError::new(DeviceCondition::NotFound, format!("USB: {error}"))),
        }
    }
}

fn line(interface: &Interface, layout: &Layout) -> Result<Line<BulkOut, BulkIn>, nusb::Error> {
    let pair = |(output, input): (u8, u8)| -> Result<_, nusb::Error> {
        Ok(Pair {
            output: BulkOut(interface.endpoint(output)?),
            input: BulkIn::new(interface.endpoint(input)?),
        })
    };
    Ok(Line::new(pair(layout.head)?, layout.body.map(pair).transpose()?))
}

fn strange(detail: String) -> DeviceError {
    DeviceError::new(DeviceCondition::Protocol, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_the_port_and_the_serial_number() {
        assert_eq!(stable_id("001", &[1, 4], Some("A0012")), "usb-001-1.4-A0012");
        assert_eq!(stable_id("002", &[3], None), "usb-002-3");
        assert_eq!(stable_id("002", &[3], Some(" /\u{0}")), "usb-002-3");
    }

    #[test]
    fn a_name_fits_one_line() {
        assert_eq!(readable(" SAM reader\n2026 ERROR "), "SAM reader2026 ERROR");
        assert_eq!(readable("\u{1b}\r"), "ID card reader");
    }

    #[test]
    fn a_reader_that_is_not_plugged_in_is_not_found() {
        let error = SamUsbDriver::new().open("usb-999-1").err().expect("there is no such port");
        assert_eq!(error.condition, DeviceCondition::NotFound);
    }
}
