//! The materials of one person among very many, looked up in the built-in index.
//!
//! The rows are the archive's own, applied as a filing applies them. Only their keys are made up in an order that a
//! B-tree takes quickly; whose a material is, which is what is looked up, is spread over the whole time.

use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;
use yidang_archive::sqlite::SqliteIndex;
use yidang_archive::storage::{BlobName, Index as _, IndexChange, MaterialRow, Tag};
use yidang_model::MaterialId;

use crate::percentiles::Percentiles;
use crate::{Failure, say};

/// How many materials each person has.
const EACH: u64 = 5;
/// Materials applied in one transaction.
const AT_A_TIME: u64 = 20_000;
/// Most materials asked for at once, as a list does.
const PAGE: usize = 50;
/// A number that no count of people here has a factor with, to visit them in no order.
const STRIDE: u64 = 7_368_787;

pub(crate) fn lookup(folder: &TempDir, sizes: &[u64], looks: u64) -> Result<(), Failure> {
    let index = SqliteIndex::create(folder.path())?;
    let mut there = 0;
    for materials in sizes {
        let began = Instant::now();
        fill(&index, there, *materials)?;
        let filled = began.elapsed();
        let added = materials - there;
        there = *materials;
        let size_bytes = bytes_in(folder.path())?;
        // Once to warm up.
        look(&index, there, looks)?;
        let seen = look(&index, there, looks)?;
        say(&format!(
            "{there} materials of {} people: {looks} people's materials, warm, {seen}; {:.0} bytes a material; \
             {added} applied in {:.0} s",
            there / EACH,
            size_bytes as f64 / there as f64,
            filled.as_secs_f64(),
        ))?;
    }
    Ok(())
}

fn fill(index: &SqliteIndex, there: u64, materials: u64) -> Result<(), Failure> {
    let mut from = there;
    while from < materials {
        let to = materials.min(from + AT_A_TIME);
        let rows = (from..to)
            .map(|number| IndexChange::Filed { row: row(number, there, materials), staged: vec![] });
        index.apply_many(&rows.collect::<Vec<_>>(), to)?;
        from = to;
    }
    Ok(())
}

/// The material of that number. Those added from `there` on belong to new people, each of whom has one in every
/// fifth of them.
fn row(number: u64, there: u64, materials: u64) -> MaterialRow {
    let people = (materials - there) / EACH;
    let person = there / EACH + (number - there) % people;
    MaterialRow {
        id: MaterialId::from_bytes(spread(number)),
        sequence: number + 1,
        holders: vec![tag(person)],
        filing: Tag(spread(number)),
        blobs: vec![BlobName(spread(2 * number)), BlobName(spread(2 * number + 1))],
        supersedes: None,
        originals_disposed: false,
    }
}

fn tag(person: u64) -> Tag {
    Tag(spread(person))
}

fn spread<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn look(index: &SqliteIndex, materials: u64, looks: u64) -> Result<Percentiles, Failure> {
    let people = materials / EACH;
    let mut times = Vec::new();
    for number in 0..looks {
        let who = tag(number.wrapping_mul(STRIDE) % people);
        let began = Instant::now();
        let found = index.materials_of(who, u64::MAX, PAGE)?;
        times.push(began.elapsed());
        if found.len() as u64 != EACH {
            return Err(format!("{} materials were found", found.len()).into());
        }
    }
    Ok(Percentiles::of(times))
}

fn bytes_in(folder: &Path) -> Result<u64, Failure> {
    let mut sum = 0;
    for file in std::fs::read_dir(folder)? {
        sum += file?.metadata()?.len();
    }
    Ok(sum)
}
