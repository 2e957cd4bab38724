//! What goes wrong with a call: RFC 9457 problem documents with a stable code.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use yidang_archive::ArchiveError;
use yidang_archive::storage::StorageFault;
use yidang_model::Digest;
use yidang_sync::wire::{self, PROBLEM_MEDIA_TYPE};

use crate::Language;
use crate::state::{StateError, StateFault};

yidang_service::codes! {
    TokenMissing = "token_missing", 401,
        "请求没有带密钥。", "在 Authorization 头中加上登记时得到的 Bearer 密钥。",
        "The request carries no key.", "Send the key that enrolment gave as `Authorization: Bearer KEY`.";
    TokenInvalid = "token_invalid", 401,
        "密钥无效。", "请中心库管理员生成登记码，在本窗口重新登记。",
        "The key is not known.", "Have the repository's operator make an enrolment code and enrol this window again.";
    GrantInvalid = "grant_invalid", 403,
        "没有查看这份材料的许可，或许可已过期。", "请重新列出当事人的材料，以取得新的许可。",
        "No grant covers this, or it has ended.", "List the person's materials again to get a new grant.";
    BlobUnknown = "blob_unknown", 404,
        "没有这份图片，或已被删除。", "请重新列出当事人的材料。",
        "No such picture, or it was erased.", "List the person's materials again.";
    RouteUnknown = "route_unknown", 404,
        "没有这个接口地址。", "请核对中心库地址和版本。",
        "There is no such address.", "Check the repository's address and version.";
    MethodNotAllowed = "method_not_allowed", 405,
        "此地址不支持该方法。", "请核对中心库和窗口程序的版本。",
        "This address does not take that method.", "Check the versions of repository and agent.";
    RequestTimeout = "request_timeout", 408,
        "请求内容传输过慢。", "请检查网络后重试。",
        "The request's body came too slowly.", "Check the network and try again.";
    EpochWrong = "epoch_wrong", 409,
        "登记代次不符：本机数据可能来自另一台机器或旧备份。", "请用新的登记码重新登记本窗口。",
        "This is not the enrolment the repository knows: the data may come from another machine or an old backup.",
        "Enrol this window again with a new code.";
    SequenceConflict = "sequence_conflict", 409,
        "同一个提交序号用在了不同的内容上：本窗口的数据可能来自旧备份或另一台机器。",
        "请用 yidang-repository enrol-code --counter 窗口名 生成登记码，重新登记本窗口；材料不会重复，也不会遗失。",
        "This commit's sequence was used for other content: the window's data may be an old backup or another machine's.",
        "Enrol this window again with a code that `yidang-repository enrol-code --counter NAME` makes for its name; nothing is filed twice or lost.";
    AnchorConflict = "anchor_conflict", 409,
        "本窗口的账本与中心库此前所记不符：账本被截断或替换。", "请停止使用该窗口并运行 yidang archive verify，保全数据文件夹。",
        "This window's ledger is not the one that was anchored here: it was cut off or replaced.",
        "Stop using the window, run `yidang archive verify` there, and keep its folder as evidence.";
    CodeSpent = "code_spent", 410,
        "登记码无效、已使用或已过期。", "请中心库管理员用 yidang-repository enrol-code 生成新的登记码。",
        "The enrolment code is unknown, used or expired.", "Have the repository's operator make a new one with `yidang-repository enrol-code`.";
    CodeForeign = "code_foreign", 409,
        "登记码是为另一个窗口名生成的。", "请核对窗口配置中的 [agent] counter，或用 yidang-repository enrol-code --counter 窗口名 生成新的登记码。",
        "The enrolment code was made for a window of another name.",
        "Compare the window's `[agent] counter`, or make a code for its name with `yidang-repository enrol-code --counter NAME`.";
    BlobsMissing = "blobs_missing", 412,
        "所引用的图片还没有上传。", "请先上传 missing 中列出的图片，再用同一序号提交。",
        "The commit names blobs that were not uploaded.", "Upload those listed in `missing`, then commit again under the same sequence.";
    BodyTooLarge = "body_too_large", 413,
        "请求内容过大。", "请分次提交。",
        "The request body is too large.", "Send less at once.";
    DigestMismatch = "digest_mismatch", 422,
        "上传内容与其摘要不符。", "请重新上传；若反复出现，请检查本机磁盘。",
        "The bytes do not have the digest they were sent under.", "Upload them again; if it recurs, check the sender's disk.";
    Invalid = "invalid", 422,
        "请求内容不符合要求。", "请按 detail 中的说明改正。",
        "The request is not as it must be.", "Correct what `detail` names.";
    TooMany = "too_many", 429,
        "请求过多。", "请按 Retry-After 稍后再试。",
        "Too many requests at once.", "Try again after `Retry-After` seconds.";
    BlobDamaged = "blob_damaged", 500,
        "存储的图片已损坏或丢失。", "请管理员运行 yidang-repository check，并从备份恢复。",
        "The stored picture is damaged or missing.", "Have the operator run `yidang-repository check` and restore it from a backup.";
    StorageFailed = "storage_failed", 500,
        "中心库存储出错，本次操作没有完成，已确认的内容不受影响。", "请管理员查看日志并检查磁盘。",
        "The repository's storage failed; this call did nothing, and what was acknowledged is safe.", "Have the operator look at the log and check the disk.";
    Busy = "busy", 503,
        "中心库正忙。", "请按 Retry-After 稍后再试。",
        "The repository is busy.", "Try again after `Retry-After` seconds.";
    DiskFull = "disk_full", 507,
        "中心库磁盘已满，本次操作没有完成。", "请管理员增加磁盘空间；已确认的内容不受影响。",
        "The repository's disk is full; this call did nothing.", "Have the operator make room; what was acknowledged is safe.";
}

/// A code and what this case adds to it. The outermost layer writes it out in the caller's language.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// In English, without personal data.
    pub(crate) detail: Option<String>,
    /// With [`Code::BlobsMissing`]. For the caller alone.
    pub(crate) missing: Vec<Digest>,
}

impl Problem {
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Code::Invalid.into() }
    }

    pub(crate) fn missing(missing: Vec<Digest>) -> Self {
        Self { missing, ..Code::BlobsMissing.into() }
    }

    /// The whole answer in a language.
    pub(crate) fn render(self, language: Language) -> Response {
        let code = self.code;
        let document = wire::Problem {
            r#type: "about:blank".to_owned(),
            title: code.title(language).to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            remedy: code.remedy(language).to_owned(),
            detail: self.detail,
            missing: self.missing,
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&document).unwrap_or_default()));
        *response.status_mut() = status(code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(code, Code::TooMany | Code::Busy) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if code.status() == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { code, detail: None, missing: Vec::new() }
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        tracing::error!(%error, "the state database failed");
        match error.fault {
            StateFault::DiskFull => Code::DiskFull.into(),
            StateFault::Busy => Code::Busy.into(),
            _ => Code::StorageFailed.into(),
        }
    }
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        tracing::error!(%error, "the archive failed");
        match error {
            ArchiveError::Storage(e) if e.fault == StorageFault::DiskFull => Code::DiskFull.into(),
            ArchiveError::Closed => Code::Busy.into(),
            ArchiveError::BlobMissing { .. } | ArchiveError::BlobDamaged { .. } => Code::BlobDamaged.into(),
            ArchiveError::BlobUnknown { .. } | ArchiveError::MaterialUnknown => Code::BlobUnknown.into(),
            ArchiveError::Invalid(rule) => Self::invalid(rule),
            _ => Code::StorageFailed.into(),
        }
    }
}

impl IntoResponse for Problem {
    /// Carries the problem outwards; the language is not known here.
    fn into_response(self) -> Response {
        let mut response = status(self.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}
