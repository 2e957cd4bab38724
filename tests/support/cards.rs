//! Invented cards, what they must read as, and the moves every card test makes.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use yidang_device::{
    Cancel, CardDriver, CardReader, DeviceCondition, DeviceError, Presence, RawCard, ReadWish,
};
use yidang_model::Origin;
use yidang_pcsc::{PcscDriver, Profiles};
use yidang_virtual_reader::{Card, Content, MODULE_NUMBER};

use super::pcscd::{Pcscd, Unavailable};

pub(crate) const CHIP_SERIAL: [u8; 8] = [0x3F, 0x21, 0x00, 0x7A, 0xC4, 0x55, 0x10, 0x0E];

/// The pcscd to test with, or `None` when the machine has none; any other reason is a failure.
pub(crate) fn pcscd(readers: usize) -> Option<Pcscd> {
    match Pcscd::start(readers) {
        Ok(pcscd) => Some(pcscd),
        Err(Unavailable::Package(package)) => {
            let test = thread::current().name().unwrap_or_default().to_owned();
            report_skipped(&test, package);
            None
        }
        Err(why) => panic!("no pcscd: {why}"),
    }
}

fn report_skipped(test: &str, package: &str) {
    // Past the runner, which keeps to itself what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: the package {package} is missing");
}

pub(crate) fn open(number: usize) -> Box<dyn CardReader> {
    open_by(&PcscDriver::new(), number)
}

pub(crate) fn open_by(driver: &PcscDriver, number: usize) -> Box<dyn CardReader> {
    let id = Pcscd::reader_name(number);
    driver.open(&id).unwrap_or_else(|e| panic!("{id} opens: {e}"))
}

/// Waits until a card's coming or going was noticed.
pub(crate) fn wait_for(reader: &mut dyn CardReader, wanted: Presence) {
    let other = if wanted == Presence::Present { Presence::Absent } else { Presence::Present };
    let seen = reader.wait(other, Duration::from_secs(3), &Cancel::new());
    assert_eq!(seen, Ok(wanted));
}

pub(crate) fn read(reader: &mut dyn CardReader) -> Result<RawCard, DeviceError> {
    reader.read(ReadWish::default(), &Cancel::new())
}

pub(crate) fn condition(result: Result<RawCard, DeviceError>) -> DeviceCondition {
    result.err().expect("it does not read").condition
}

/// A text block: fields at their offsets in UTF-16 units, spaces between.
fn text_block(fields: &[(usize, &str)]) -> [u8; 256] {
    let mut units = [0x0020_u16; 128];
    for (at, field) in fields {
        for (unit, place) in field.encode_utf16().zip(&mut units[*at..]) {
            *place = unit;
        }
    }
    let mut text = [0; 256];
    for (pair, unit) in text.chunks_exact_mut(2).zip(units) {
        pair.copy_from_slice(&unit.to_le_bytes());
    }
    text
}

/// One card of each of the four layouts, invented or specimens.
pub(crate) fn texts() -> [[u8; 256]; 4] {
    let resident = text_block(&[
        (0, "样例甲"),
        (15, "2"),
        (16, "01"),
        (18, "19491231"),
        (26, "某省样例市测试路1号"),
        (61, "11010519491231002X"),
        (79, "样例市公安局测试分局"),
        (94, "20200101"),
        (102, "长期"),
    ]);
    let foreigner_2017 = text_block(&[
        (0, "SPECIMEN, TEST PERSON"),
        (60, "2"),
        (61, "CAN110081080319"),
        (76, "CAN"),
        (79, "样例乙"),
        (94, "20160102"),
        (102, "20260101"),
        (110, "19810803"),
        (118, "01"),
        (120, "1500"),
        (124, "I"),
    ]);
    let foreigner_2023 = text_block(&[
        (0, "样例丙"),
        (15, "2"),
        (16, "00"),
        (18, "19800101"),
        (26, "SPECIMEN, TEST PERSON WITH A LONG N"),
        (61, "931586198001010028"),
        (94, "20231201"),
        (102, "20331130"),
        (110, "AME"),
        (121, "CAN"),
        (124, "Y"),
        // The last three characters are beyond the first page.
        (125, "001"),
    ]);
    let hmt = text_block(&[
        (0, "测试丁"),
        (15, "1"),
        (18, "20990101"),
        (26, "某地样例市测试路2号"),
        (61, "810000209901010010"),
        (79, "某地公安局某某分局"),
        (94, "20219101"),
        (102, "20241001"),
        (110, "H00000001"),
        (119, "01"),
        (124, "J"),
    ]);
    [resident, foreigner_2017, foreigner_2023, hmt]
}

/// A photo that has the right length and differs on every page.
pub(crate) fn photo() -> Vec<u8> {
    b"WLf\0".iter().copied().chain((0..1020_u16).map(|at| (at / 5) as u8)).collect()
}

pub(crate) fn card(text: &[u8; 256]) -> Card {
    Card::with_module(text, &photo(), CHIP_SERIAL)
}

/// What [`card`] must read as.
pub(crate) fn reading(text: &[u8; 256]) -> RawCard {
    RawCard {
        text: *text,
        photo_wlt: photo(),
        new_address: None,
        sam_id: None,
        chip_serial: Some(CHIP_SERIAL),
        photo: None,
        fingerprint: vec![],
        origin: Origin::Device,
    }
}

/// A card for a security module, and what it must read as: all that the paged form has not, but the serial.
pub(crate) fn module_card(text: &[u8; 256]) -> (Card, RawCard) {
    let address: Vec<u8> = "某省样例市测试新址3号"
        .encode_utf16()
        .chain([0x20; 35])
        .take(35)
        .flat_map(u16::to_le_bytes)
        .collect();
    let new_address = Some(address);
    let content = Content {
        text: *text,
        photo_wlt: photo(),
        new_address: new_address.clone(),
        fingerprint: fingerprint(),
    };
    let read = RawCard { new_address, sam_id: Some(MODULE_NUMBER), chip_serial: None, ..reading(text) };
    (Card::with_content(content, CHIP_SERIAL), read)
}

/// Two fingers' blocks that differ in every part.
pub(crate) fn fingerprint() -> Vec<[u8; 512]> {
    [0x0B, 0x10]
        .into_iter()
        .map(|finger| {
            let mut block: [u8; 512] = std::array::from_fn(|at| (at / 2) as u8 ^ finger);
            block[..7].copy_from_slice(&[b'C', 1, 1, 1, 0x01, finger, 60]);
            block
        })
        .collect()
}

/// Profiles of a folder with these files, beside the built-in ones.
pub(crate) fn driver(files: &[(String, String)]) -> PcscDriver {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("the profile is written");
    }
    PcscDriver::with_profiles(Profiles::with_folder(folder.path()).unwrap_or_else(|e| panic!("{e}")))
}
