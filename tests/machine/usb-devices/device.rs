//! What a device is to the bus.

use std::sync::Arc;

use crate::descriptor::Descriptors;
use crate::transfer::{Message, Transfer};
use crate::wire::Wire;

/// How fast a device is, as `vhci_hcd` numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    Full = 2,
    High = 3,
}

/// A device made of software. No call may block: the host waits.
pub(crate) trait Device: Send + Sync {
    fn speed(&self) -> Speed;

    fn descriptors(&self) -> &Descriptors;

    /// A class or vendor request, with what the host sends; `None` stalls it.
    fn request(&self, setup: [u8; 8], data: &[u8]) -> Option<Vec<u8>>;

    /// The host has cleared the halt of this endpoint, whether or not it was halted.
    fn cleared(&self, _endpoint: u8, _wire: &Wire) {}

    /// The device has power now and talks over this wire; what it knew before is forgotten.
    fn power_up(&self, wire: &Arc<Wire>);

    /// Bytes from the host.
    fn take(&self, endpoint: u8, bytes: &[u8], wire: &Wire);
}

/// Serves the host until the plug is pulled.
pub(crate) fn serve(device: &dyn Device, stream: &mut impl std::io::Read, wire: &Wire) {
    while let Ok(message) = Message::read(stream) {
        match message {
            Message::Unlink { sequence, of } => wire.take_back(sequence, of),
            Message::Submit(transfer) => match transfer.endpoint {
                0 | 0x80 => {
                    let answer = control(device, &transfer, wire);
                    wire.answer(&transfer, answer.as_deref());
                }
                0x81.. => wire.ask(transfer),
                endpoint => {
                    if let Some(bytes) = wire.accept(transfer) {
                        device.take(endpoint, &bytes, wire);
                    }
                }
            },
        }
    }
}

/// Requests every device knows (USB 2.0, chapter 9); others are the device's.
fn control(device: &dyn Device, transfer: &Transfer, wire: &Wire) -> Option<Vec<u8>> {
    let [recipient, request, value, kind, index, ..] = transfer.setup;
    match (recipient, request) {
        // GET_DESCRIPTOR, GET_STATUS, GET_CONFIGURATION, GET_INTERFACE.
        (0x80, 6) => device.descriptors().get(kind, value),
        (0x80..=0x82, 0) => Some(vec![0, 0]),
        (0x80, 8) => Some(vec![1]),
        (0x81, 10) => Some(vec![0]),
        // CLEAR_FEATURE(ENDPOINT_HALT).
        (0x02, 1) => {
            wire.clear(index);
            device.cleared(index, wire);
            Some(vec![])
        }
        // The other features, SET_ADDRESS, SET_CONFIGURATION, SET_INTERFACE.
        (0x00..=0x02, 1 | 3 | 5 | 9 | 11) => Some(vec![]),
        _ => device.request(transfer.setup, &transfer.data),
    }
}
