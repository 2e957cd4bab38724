//! A material as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;
use yidang_archive::Stored;
use yidang_model::{Image, Material, Page};

use crate::api::vocabulary::{MaterialStatus, MediaType, Origin, PresentedAs, SafeAt};
use crate::app::Shared;

/// A filed material.
#[derive(Serialize, ToSchema)]
#[schema(as = Material)]
pub(crate) struct MaterialBody {
    /// The material's identifier, the same everywhere.
    id: String,
    /// What it is, as a word the office chose.
    kind: String,
    /// Its pages in order.
    pages: Vec<PageBody>,
    /// Case number.
    case: Option<String>,
    /// Code of the item.
    item: Option<String>,
    /// Which required paper of the item it is.
    slot: Option<String>,
    /// The day it was issued.
    #[schema(format = Date)]
    issued_on: Option<String>,
    /// Its last day of validity.
    #[schema(format = Date)]
    valid_until: Option<String>,
    /// Who issued it.
    issuer: Option<String>,
    /// Its own number.
    document_number: Option<String>,
    /// What form of the paper the clerk was shown.
    #[schema(value_type = Option<PresentedAs>)]
    presented_as: Option<&'static str>,
    /// Whether the clerk saw the original.
    original_seen: Option<bool>,
    /// What the clerk wrote about it.
    note: Option<String>,
    /// When its last page was captured.
    #[schema(format = DateTime)]
    captured_at: String,
    /// When it was filed.
    #[schema(format = DateTime)]
    filed_at: String,
    /// The window it was filed at.
    counter: String,
    /// Whether this answers a filing of something that was on file for the same case and slot already.
    duplicate: bool,
    /// An earlier material of the same holders with the same bytes. Where another window had filed this very paper
    /// for the same case and slot, with the same words, it is that one, under whose identifier the repository has
    /// both.
    duplicate_of: Option<String>,
    /// The older material whose place it takes.
    supersedes: Option<String>,
    /// Where it is safe.
    #[schema(value_type = SafeAt)]
    safe_at: &'static str,
    /// Whether it still counts.
    #[schema(value_type = MaterialStatus)]
    status: &'static str,
    /// Where its pictures came from; the least trusted of its pages decides.
    #[schema(value_type = Origin)]
    origin: &'static str,
}

/// One page.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct PageBody {
    /// Counts from 1.
    page: usize,
    /// SHA-256 of the page's bytes, hexadecimal.
    digest: String,
    /// SHA-256 of the untouched frame's bytes, hexadecimal.
    original_digest: String,
    /// Width in pixels.
    width: u32,
    /// Height in pixels.
    height: u32,
    /// How the page's picture is encoded.
    #[schema(value_type = MediaType)]
    media_type: &'static str,
    /// Whether the untouched frame is gone, as its term was shorter than the paper's.
    original_disposed: bool,
}

/// Where a material is safe.
#[derive(Clone, Copy)]
pub(crate) enum Safe {
    ThisPc,
    Repository,
}

impl Safe {
    /// Where a material of this archive is safe. Blocks on the index.
    pub(crate) fn of(app: &Shared, sequence: u64, material: &Material) -> Self {
        let is_sent = app.sync.as_ref().is_some_and(|sync| sync.is_committed(sequence, material.id));
        // What cannot be told is not said to be safe elsewhere.
        let is_gone_there = || app.archive.is_held_here_alone(material.id).unwrap_or(true);
        if is_sent && !is_gone_there() { Self::Repository } else { Self::ThisPc }
    }
}

impl MaterialBody {
    /// One of this archive's.
    pub(crate) fn here(app: &Shared, stored: &Stored, duplicate: bool) -> Self {
        let material = &stored.material;
        let mut body = Self::new(material, Safe::of(app, stored.sequence, material), duplicate);
        for (shown, page) in body.pages.iter_mut().zip(&material.pages) {
            shown.original_disposed = stored.is_original_gone(page);
        }
        let filed_as = app.sync.as_ref().and_then(|sync| sync.filed_as(material.id));
        Self { duplicate_of: body.duplicate_of.or(filed_as.map(|id| id.to_string())), ..body }
    }

    pub(crate) fn new(material: &Material, safe: Safe, duplicate: bool) -> Self {
        Self {
            id: material.id.to_string(),
            kind: material.kind.as_str().to_owned(),
            pages: material.pages.iter().enumerate().map(|(n, page)| page_body(n + 1, page)).collect(),
            case: material.case.clone(),
            item: material.item.clone(),
            slot: material.slot.clone(),
            issued_on: material.issued_on.map(|d| d.to_string()),
            valid_until: material.valid_until.map(|d| d.to_string()),
            issuer: material.issuer.clone(),
            document_number: material.document_number.clone(),
            presented_as: material.presented_as.map(yidang_model::Presentation::as_str),
            original_seen: material.original_seen,
            note: material.note.clone(),
            captured_at: material.captured_at.to_string(),
            filed_at: material.filed_at.to_string(),
            counter: material.counter.clone(),
            duplicate,
            duplicate_of: material.duplicate_of.map(|id| id.to_string()),
            supersedes: material.supersedes.map(|id| id.to_string()),
            safe_at: match safe {
                Safe::ThisPc => "this_pc",
                Safe::Repository => "repository",
            },
            status: material.status.as_str(),
            origin: material.origin.as_str(),
        }
    }
}

fn page_body(number: usize, page: &Page) -> PageBody {
    let Image { digest, width, height, media_type, .. } = &page.image;
    PageBody {
        page: number,
        digest: digest.to_string(),
        original_digest: page.original.digest.to_string(),
        width: *width,
        height: *height,
        media_type: media_type.as_str(),
        original_disposed: false,
    }
}
