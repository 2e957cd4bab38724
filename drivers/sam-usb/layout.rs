//! Which endpoints carry what, read from the descriptors.

use nusb::descriptors::{ConfigurationDescriptor, TransferType};
use nusb::transfer::Direction;

/// Where frames travel. Addresses carry the direction in their top bit, as USB writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The interface.
    pub(crate) interface: u8,
    /// Its alternate setting.
    pub(crate) alternate: u8,
    /// Out and in endpoint of whole frames, or of their first seven bytes where `body` takes the rest.
    pub(crate) head: (u8, u8),
    /// Out and in endpoint of what follows the first seven bytes.
    pub(crate) body: Option<(u8, u8)>,
}

/// The first interface with a known set of bulk endpoints; an English list of what there is where none has.
pub(crate) fn of(configuration: &ConfigurationDescriptor<'_>) -> Result<Layout, String> {
    let mut seen = Vec::new();
    for setting in configuration.interface_alt_settings() {
        let of_direction = |direction| {
            let bulk = setting.endpoints().filter(|e| e.transfer_type() == TransferType::Bulk);
            let mut found: Vec<u8> =
                bulk.filter(|e| e.direction() == direction).map(|e| e.address()).collect();
            // The lower number carries the head; descriptors may list them in any order.
            found.sort_unstable();
            found
        };
        let (interface, alternate) = (setting.interface_number(), setting.alternate_setting());
        let (outs, ins) = (of_direction(Direction::Out), of_direction(Direction::In));
        let (head, body) = match (&outs[..], &ins[..]) {
            ([out], [input]) => ((*out, *input), None),
            ([head_out, body_out], [head_in, body_in]) => {
                ((*head_out, *head_in), Some((*body_out, *body_in)))
            }
            _ => {
                seen.push(format!("interface {interface}: {} out, {} in", outs.len(), ins.len()));
                continue;
            }
        };
        return Ok(Layout { interface, alternate, head, body });
    }
    Err(format!("bulk endpoints are neither 1 out, 1 in nor 2 out, 2 in ({})", seen.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BULK: u8 = 2;
    const INTERRUPT: u8 = 3;

    /// Interface, alternate setting, and endpoints by address and type.
    type Setting<'a> = (u8, u8, &'a [(u8, u8)]);

    fn layout(settings: &[Setting<'_>]) -> Result<Layout, String> {
        let mut bytes = vec![];
        for (interface, alternate, endpoints) in settings {
            bytes.extend([9, 4, *interface, *alternate, endpoints.len() as u8, 0xFF, 0, 0, 0]);
            for (address, kind) in *endpoints {
                bytes.extend([7, 5, *address, *kind, 64, 0, 0]);
            }
        }
        let total = (9 + bytes.len()) as u8;
        let bytes = [&[9, 2, total, 0, 1, 1, 0, 0x80, 50], &bytes[..]].concat();
        of(&ConfigurationDescriptor::new(&bytes).expect("a configuration"))
    }

    #[test]
    fn two_pairs_are_the_split_form_in_whatever_order_they_are_listed() {
        let wanted = Layout { interface: 0, alternate: 0, head: (0x02, 0x81), body: Some((0x06, 0x85)) };
        let published = [(0x81, BULK), (0x02, BULK), (0x85, BULK), (0x06, BULK)];
        assert_eq!(layout(&[(0, 0, &published)]), Ok(wanted));
        let mut reversed = published;
        reversed.reverse();
        assert_eq!(layout(&[(0, 0, &reversed)]), Ok(wanted));
    }

    #[test]
    fn one_pair_is_the_whole_frame_form() {
        let wanted = Layout { interface: 1, alternate: 2, head: (0x03, 0x82), body: None };
        let endpoints = [(0x82, BULK), (0x03, BULK), (0x84, INTERRUPT)];
        assert_eq!(layout(&[(0, 0, &[(0x81, INTERRUPT)]), (1, 2, &endpoints)]), Ok(wanted));
    }

    #[test]
    fn any_other_set_is_refused_and_named() {
        let error = layout(&[(0, 0, &[(0x81, BULK), (0x02, BULK), (0x82, BULK)])]).unwrap_err();
        assert!(error.ends_with("(interface 0: 1 out, 2 in)"), "{error}");
        assert!(layout(&[(0, 0, &[])]).is_err());
        assert!(layout(&[]).is_err());
    }
}
