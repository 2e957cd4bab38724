//! What a device says of itself.

/// A device's descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    pub(crate) device: Vec<u8>,
    pub(crate) configuration: Vec<u8>,
    /// Manufacturer, product, serial number.
    pub(crate) strings: [&'static str; 3],
}

/// Bulk and interrupt, as endpoint descriptors write them.
pub(crate) const BULK: u8 = 2;
pub(crate) const INTERRUPT: u8 = 3;

impl Descriptors {
    /// A USB 2.0 device of no class with one interface: its class, descriptors of that class, and endpoints.
    pub(crate) fn new(
        (vendor, product): (u16, u16),
        strings: [&'static str; 3],
        class: u8,
        of_class: &[u8],
        endpoints: &[[u8; 7]],
    ) -> Self {
        let mut body = vec![9, 4, 0, 0, endpoints.len() as u8, class, 0, 0, 0];
        body.extend(of_class);
        body.extend(endpoints.iter().flatten());
        Self::of_interfaces((vendor, product), strings, [0; 3], 1, &body)
    }

    /// A USB 2.0 device of this class with so many interfaces, and their descriptors.
    pub(crate) fn of_interfaces(
        (vendor, product): (u16, u16),
        strings: [&'static str; 3],
        [class, subclass, protocol]: [u8; 3],
        interfaces: u8,
        body: &[u8],
    ) -> Self {
        let mut device = vec![18, 1, 0x00, 0x02, class, subclass, protocol, 64];
        for number in [vendor, product, 0x0100] {
            device.extend(number.to_le_bytes());
        }
        // Where the strings are, and one configuration.
        device.extend([1, 2, 3, 1]);
        let [low, high] = (9 + body.len() as u16).to_le_bytes();
        let mut configuration = vec![9, 2, low, high, interfaces, 1, 0, 0x80, 50];
        configuration.extend(body);
        Self { device, configuration, strings }
    }

    /// The answer to GET_DESCRIPTOR; `None` where there is no such descriptor.
    pub(crate) fn get(&self, kind: u8, index: u8) -> Option<Vec<u8>> {
        match (kind, index) {
            (1, _) => Some(self.device.clone()),
            (2, _) => Some(self.configuration.clone()),
            // The languages: American English.
            (3, 0) => Some(vec![4, 3, 0x09, 0x04]),
            (3, index) => {
                let text = self.strings.get(usize::from(index) - 1)?;
                let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                Some([&[units.len() as u8 + 2, 3], units.as_slice()].concat())
            }
            _ => None,
        }
    }
}

/// An endpoint's descriptor.
pub(crate) const fn endpoint(address: u8, kind: u8, packet_bytes: u16, interval: u8) -> [u8; 7] {
    let [low, high] = packet_bytes.to_le_bytes();
    [7, 5, address, kind, low, high, interval]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_true() {
        let endpoints = [endpoint(0x81, BULK, 64, 0), endpoint(0x02, BULK, 64, 0)];
        let all = Descriptors::new((0x0400, 0xC35A), ["a", "b", "c"], 0xFF, &[3, 0x21, 0], &endpoints);
        assert_eq!(all.device.len(), 18);
        assert_eq!(usize::from(all.configuration[2]), all.configuration.len());
        assert_eq!(all.get(3, 2), Some(vec![4, 3, b'b', 0]));
        assert_eq!((all.get(3, 4), all.get(6, 0)), (None, None));
    }
}
