//! Parcels on their way to whoever writes them onto a stick, and receipts on their way in.
//!
//! What crosses the socket is sealed; the stick is read and written by the command, whose account may enter it.

use serde::{Deserialize, Serialize};

use super::export::base64_text;
use super::{Listen, News, Outcome};
use crate::failure::Failure;
use crate::sync::{PackNews, PackReport, ReceiptReport, Upstream};

/// Bytes of a receipt.
pub(crate) const RECEIPT_BYTES_MAX: u64 = 64 << 20;

/// What is wanted of the courier.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "courier", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum CourierRequest {
    /// Pack what waits.
    Pack {
        /// Bytes of a file.
        size_max: u64,
    },
    /// Take a receipt; its bytes follow the request's line.
    Unpack {
        /// How many.
        size: u64,
        #[serde(skip)]
        receipt: Vec<Vec<u8>>,
    },
}

/// What comes of packing, in order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CourierNews {
    /// A file begins.
    Begin {
        /// Name the repository gave this window.
        agent: String,
        /// Which file, from 1.
        part: u32,
    },
    /// Some more of it.
    Piece(#[serde(with = "base64_text")] Vec<u8>),
    /// That was the whole file.
    End,
    /// What has come so far is void.
    Again,
}

impl std::fmt::Debug for CourierNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CourierNews(…)")
    }
}

/// What was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackedFigures {
    pub(crate) commits: u64,
    pub(crate) entries: u64,
    pub(crate) materials: u64,
    pub(crate) pictures: u64,
}

/// What a receipt has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReceiptFigures {
    pub(crate) commits: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: Vec<RefusedLine>,
    pub(crate) news: u64,
    pub(crate) backlog_materials: u64,
    #[serde(default)]
    pub(crate) offered_again: bool,
    #[serde(default)]
    pub(crate) ledger_differs: bool,
}

/// What the repository has not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedLine {
    /// The material or erasure.
    pub(crate) id: String,
    /// Why.
    pub(crate) code: String,
}

impl CourierRequest {
    /// How many bytes follow its line; `None`: more than may.
    #[cfg(unix)]
    pub(super) fn body_bytes(&self) -> Option<usize> {
        match self {
            Self::Pack { .. } => Some(0),
            Self::Unpack { size, .. } if *size <= RECEIPT_BYTES_MAX => usize::try_from(*size).ok(),
            Self::Unpack { .. } => None,
        }
    }

    #[cfg(unix)]
    pub(super) fn set_body(&mut self, body: Vec<u8>) {
        if let Self::Unpack { receipt, .. } = self {
            *receipt = vec![body];
        }
    }

    #[cfg(unix)]
    pub(super) fn body(&self) -> &[Vec<u8>] {
        if let Self::Unpack { receipt, .. } = self { receipt } else { &[] }
    }
}

pub(super) fn carry_out(
    sync: Option<&dyn Upstream>,
    request: &CourierRequest,
    listen: Listen<'_>,
) -> Result<Outcome, Failure> {
    let sync = sync.ok_or_else(|| {
        let remedy = "set `[repository] url` in the configuration, and restart the daemon if one runs";
        Failure::new("repository_not_configured", "no repository is configured", remedy)
    })?;
    match request {
        CourierRequest::Pack { size_max } => {
            let report = sync.pack(*size_max, &mut |news| {
                listen(match news {
                    PackNews::Begin { agent, part } => News::Courier(CourierNews::Begin { agent, part }),
                    PackNews::Piece(bytes) => News::Courier(CourierNews::Piece(bytes)),
                    PackNews::End => News::Courier(CourierNews::End),
                    PackNews::Again => News::Courier(CourierNews::Again),
                    PackNews::Progress { done, all } => News::Progress { done, all },
                })
            })?;
            let PackReport { commits, entries, materials, pictures, .. } = report;
            Ok(Outcome::Packed(PackedFigures { commits, entries, materials, pictures }))
        }
        CourierRequest::Unpack { receipt, .. } => {
            let done = sync.take_receipt(&receipt.concat())?;
            let ReceiptReport { commits, accepted, refused, news, backlog_materials, .. } = done;
            let refused = refused.into_iter().map(|(id, code)| RefusedLine { id, code }).collect();
            Ok(Outcome::Unpacked(ReceiptFigures {
                commits,
                accepted,
                refused,
                news,
                backlog_materials,
                offered_again: done.offered_again,
                ledger_differs: done.ledger_differs,
            }))
        }
    }
}
