//! Packing what waits for the repository into parcels: the commits that the network would bring, under their
//! numbers, with their pictures.

use std::collections::HashSet;
use std::io;

use yidang_archive::ArchiveError;
use yidang_model::Digest;
use yidang_sync::limits::{BLOB_SIZE_MAX, COMMIT_ENTRIES_MAX};
use yidang_sync::machine::{BlobRef, Cut, EntryId, Item, Pending, Position, Rejection};
use yidang_sync::parcel::{
    CourierKey, HEADER_LENGTH, ParcelHead, ParcelWriter, Seal, Tag, sealed_length_max,
};

use super::anchoring;
use super::batch::{Batch, LoadError};
use super::enrolment::Enrolment;
use super::plan::Packed;
use super::shared::Shared;
use super::{SyncError, SyncEvent};
use crate::random;

/// Bytes handed on at a time.
const PIECE_BYTES: usize = 1 << 20;
/// How often packing begins anew because what waits has changed under its hands.
const ROUNDS_MAX: u32 = 5;

/// Told while parcels are packed; an error ends the packing.
pub type PackListener<'a> = &'a mut dyn FnMut(PackNews) -> io::Result<()>;

/// What comes of packing, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum PackNews {
    /// A file begins.
    Begin {
        /// Name the repository gave this window.
        agent: String,
        /// Which file, from 1.
        part: u32,
    },
    /// Some more of it.
    Piece(Vec<u8>),
    /// That was the whole file.
    End,
    /// What has come so far is void: it comes anew.
    Again,
    /// How far it has come.
    Progress {
        /// Bytes of pictures packed.
        done: u64,
        /// Bytes of pictures that wait.
        all: u64,
    },
}

/// What was packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackReport {
    /// Files.
    pub parts: u32,
    /// Commits in them.
    pub commits: u64,
    /// Entries of these.
    pub entries: u64,
    /// Of these, papers.
    pub materials: u64,
    /// Pictures.
    pub pictures: u64,
}

/// Why a round of packing ended early.
enum Broken {
    /// What waits has changed: begin anew.
    Changed,
    Failed(SyncError),
}

impl<E: Into<SyncError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Packs everything that waits. See [`Upstream::pack`](super::Upstream::pack).
pub(super) fn pack(
    shared: &Shared,
    courier: CourierKey,
    size_max: u64,
    listen: PackListener<'_>,
) -> Result<PackReport, SyncError> {
    let enrolment = shared.enrolment()?;
    let all = shared.status().backlog_bytes;
    for _ in 0..ROUNDS_MAX {
        let mut packer = Packer {
            shared,
            enrolment: &enrolment,
            courier,
            size_max,
            listen,
            open: None,
            head: head(&enrolment),
            confirmed: 0,
            sent: HashSet::new(),
            done: 0,
            all,
            report: PackReport::default(),
        };
        match packer.pack() {
            Ok(()) => return Ok(packer.report),
            Err(Broken::Changed) => listen(PackNews::Again)?,
            Err(Broken::Failed(error)) => return Err(error),
        }
    }
    Err(SyncError::PackDisturbed)
}

/// Without what [`Packer::begin`] knows.
fn head(enrolment: &Enrolment) -> ParcelHead {
    let Enrolment { agent, key, epoch, .. } = enrolment.clone();
    ParcelHead { agent, key, epoch, first: 0, part: 0, feed_after: 0, known: Vec::new(), anchor: None }
}

struct Packer<'a, 'b> {
    shared: &'a Shared,
    enrolment: &'a Enrolment,
    courier: CourierKey,
    size_max: u64,
    listen: &'a mut (dyn FnMut(PackNews) -> io::Result<()> + 'b),
    /// The file that is being written, how long it is at most, and whether anything but its head is in it.
    open: Option<(ParcelWriter<Vec<u8>>, u64, bool)>,
    /// Of the next file.
    head: ParcelHead,
    /// The ledger entry that all was confirmed up to when this began.
    confirmed: u64,
    sent: HashSet<Digest>,
    done: u64,
    all: u64,
    report: PackReport,
}

impl Packer<'_, '_> {
    fn pack(&mut self) -> Result<(), Broken> {
        let end = self.shared.source.head()?;
        let (position, earlier) = self.begin()?;
        self.next_file()?;
        let (mut sequence, mut after) = (position.sequence, position.confirmed);
        for packed in earlier {
            let batch = self.load(packed.from - 1, Some(packed.to))?;
            if !self.pictures(&batch.items)? {
                // What left already names a picture that cannot be had any more.
                return self.renumber();
            }
            let body = self.body(&batch, packed.sequence);
            if self.enrolment.fingerprint(&body) != packed.fingerprint {
                return self.renumber();
            }
            self.keep(packed)?;
            self.commit(&batch, &body)?;
            (sequence, after) = (packed.sequence + 1, packed.to);
        }
        while after < end {
            let batch = self.load(after, None)?;
            if batch.to == after {
                break;
            }
            if !batch.items.is_empty() {
                if !self.pictures(&batch.items)? {
                    continue;
                }
                let body = self.body(&batch, sequence);
                let fingerprint = self.enrolment.fingerprint(&body);
                self.keep(Packed { sequence, from: after + 1, to: batch.to, fingerprint })?;
                self.commit(&batch, &body)?;
                sequence += 1;
            }
            after = batch.to;
        }
        self.close()
    }

    /// Where to begin, and what has a number already: packed before, or on its way over the network. Where that has
    /// changed since, all of it gets new numbers.
    fn begin(&mut self) -> Result<(Position, Vec<Packed>), Broken> {
        let _turn = self.shared.fixing();
        let (position, earlier) = self.numbered()?;
        // As one: what is known of the repository, and how far this has come with it.
        self.head.known = self.shared.store.repository_heads()?;
        self.head.anchor = anchoring::for_parcel(self.shared)?;
        self.head.feed_after = self.shared.store.feed_after()?;
        self.head.first = position.sequence;
        self.confirmed = position.confirmed;
        Ok((position, earlier))
    }

    fn numbered(&self) -> Result<(Position, Vec<Packed>), Broken> {
        let position = self.shared.store.position()?;
        let mut earlier = self.shared.store.packed()?;
        if let (Some(Pending { from, to, fingerprint }), true) = (position.pending, earlier.is_empty()) {
            earlier.push(Packed { sequence: position.sequence, from, to, fingerprint });
        }
        let mut is_same = true;
        for (packed, sequence) in earlier.iter().zip(position.sequence..) {
            let batch = self.load(packed.from - 1, Some(packed.to))?;
            let fingerprint = self.enrolment.fingerprint(&self.body(&batch, sequence));
            is_same &= packed.sequence == sequence && packed.fingerprint == fingerprint;
        }
        if is_same {
            return Ok((position, earlier));
        }
        let position = self.shared.store.renumber(&self.enrolment.epoch)?;
        self.shared.renew()?;
        Ok((position, Vec::new()))
    }

    fn renumber(&self) -> Result<(), Broken> {
        let _turn = self.shared.fixing();
        self.shared.store.renumber(&self.enrolment.epoch)?;
        self.shared.renew()?;
        Err(Broken::Changed)
    }

    fn load(&self, after: u64, to: Option<u64>) -> Result<Batch, LoadError> {
        Batch::load(self.shared, after, to, Cut::new(COMMIT_ENTRIES_MAX))
    }

    fn body(&self, batch: &Batch, sequence: u64) -> Vec<u8> {
        batch.body(&self.enrolment.epoch, sequence)
    }

    /// Writes down under which number this leaves, before it does. The network may have been quicker.
    fn keep(&self, packed: Packed) -> Result<(), Broken> {
        let _turn = self.shared.fixing();
        let now = self.shared.store.position()?;
        let is_free = match now.pending {
            Some(pending) if now.sequence == packed.sequence => {
                (pending.to, pending.fingerprint) == (packed.to, packed.fingerprint)
            }
            _ => now.sequence <= packed.sequence,
        };
        // Everything is offered again since this began: what is packed here would pass over what comes first now.
        let is_over = now.confirmed < self.confirmed;
        if is_free && !is_over && self.shared.store.pack(&self.enrolment.epoch, packed)? {
            Ok(())
        } else {
            Err(Broken::Changed)
        }
    }

    /// Packs the pictures of a batch that are not in yet; `false`: one of them cannot be had, its entry has been
    /// passed over, and the batch is another one now.
    fn pictures(&mut self, items: &[Item]) -> Result<bool, Broken> {
        for item in items {
            let EntryId::Material(material) = item.id else { continue };
            for BlobRef { digest, size_bytes } in item.blobs.iter().copied() {
                if self.sent.contains(&digest) {
                    continue;
                }
                if size_bytes > BLOB_SIZE_MAX as u64 {
                    return self.pass_over(item, "body_too_large");
                }
                let bytes = match self.shared.source.blob(material, &digest) {
                    Ok(bytes) => bytes,
                    Err(ArchiveError::BlobMissing { .. } | ArchiveError::BlobUnknown { .. }) => {
                        return self.pass_over(item, "blob_missing");
                    }
                    Err(ArchiveError::BlobDamaged { .. }) => return self.pass_over(item, "blob_damaged"),
                    Err(
                        ArchiveError::MaterialErased
                        | ArchiveError::MaterialUnknown
                        | ArchiveError::OriginalDisposed,
                    ) => return Err(Broken::Changed),
                    Err(error) => return Err(error.into()),
                };
                self.record(Tag::Blob, &bytes)?;
                self.sent.insert(digest);
                self.report.pictures += 1;
                self.done += size_bytes;
                (self.listen)(PackNews::Progress { done: self.done, all: self.all.max(self.done) })?;
            }
        }
        Ok(true)
    }

    fn pass_over(&self, item: &Item, code: &str) -> Result<bool, Broken> {
        let _turn = self.shared.fixing();
        let (sequence, id, code) = (item.sequence, item.id, code.to_owned());
        let rejected = [Rejection { sequence, id, code: code.clone() }];
        let position = self.shared.store.position()?;
        self.shared.keep(&self.enrolment.epoch, &position, &rejected, &[])?;
        self.shared.renew()?;
        if let EntryId::Material(material) = id {
            tracing::warn!(%material, code, "a material was passed over");
            (self.shared.listener)(SyncEvent::Rejected { material, code });
        }
        Ok(false)
    }

    fn commit(&mut self, batch: &Batch, body: &[u8]) -> Result<(), Broken> {
        self.record(Tag::Commit, body)?;
        self.report.commits += 1;
        self.report.entries += batch.items.len() as u64;
        let materials = batch.items.iter().filter(|item| matches!(item.id, EntryId::Material(_)));
        self.report.materials += materials.count() as u64;
        Ok(())
    }

    fn record(&mut self, tag: Tag, bytes: &[u8]) -> Result<(), Broken> {
        let grows_by = sealed_length_max(bytes.len());
        let is_full = self.open.as_ref().is_some_and(|(_, length, is_used)| {
            *is_used && length + grows_by + sealed_length_max(0) > self.size_max
        });
        if is_full {
            self.next_file()?;
        }
        if let Some((writer, length, is_used)) = &mut self.open {
            writer.record(tag, bytes)?;
            *length += grows_by;
            *is_used = true;
            hand_on(writer.out_mut(), self.listen)?;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<(), Broken> {
        self.close()?;
        self.head.part += 1;
        self.report.parts += 1;
        (self.listen)(PackNews::Begin { agent: self.head.agent.clone(), part: self.head.part })?;
        let seal =
            Seal::for_repository(&self.courier, random::bytes()).ok_or(SyncError::CourierKeyMissing)?;
        let mut writer = ParcelWriter::begin(Vec::new(), &seal)?;
        let head = serde_json::to_vec(&self.head).map_err(io::Error::from)?;
        writer.record(Tag::Head, &head)?;
        self.open = Some((writer, HEADER_LENGTH as u64 + sealed_length_max(head.len()), false));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Broken> {
        if let Some((writer, ..)) = self.open.take() {
            hand_on(&mut writer.finish()?, self.listen)?;
            (self.listen)(PackNews::End)?;
        }
        Ok(())
    }
}

fn hand_on(sealed: &mut Vec<u8>, listen: PackListener<'_>) -> io::Result<()> {
    for piece in std::mem::take(sealed).chunks(PIECE_BYTES) {
        listen(PackNews::Piece(piece.to_vec()))?;
    }
    Ok(())
}
