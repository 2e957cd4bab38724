//! What goes wrong, as the caller sees it: RFC 9457 problem documents with a stable code.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::Language;

yidang_service::codes! {
    TokenMissing = "token_missing", 401,
        "请求没有带令牌。", "在 Authorization 头中加上 Bearer 令牌；令牌由管理员用 yidang token create 生成。",
        "The request carries no token.", "Send it as `Authorization: Bearer TOKEN`; an administrator makes one with `yidang token create`.";
    TokenInvalid = "token_invalid", 401,
        "令牌无效或已被吊销。", "请管理员用 yidang token create 重新生成令牌。",
        "The token is not known or was revoked.", "Ask an administrator for a new one (`yidang token create`).";
    TokenExpired = "token_expired", 401,
        "令牌已过期。", "请管理员用 yidang token create 生成新令牌，或重新配对。",
        "The token has expired.", "Ask an administrator for a new one (`yidang token create`), or pair again.";
    OperatorRequired = "operator_required", 401,
        "需要经办人登录或署名。", "请经办人登录（工号和 PIN，或由业务系统代为登录），并在 Yidang-Session 头中带上会话；只要求署名的窗口请在 Yidang-Operator 头中写明经办人。",
        "This window wants to know the clerk.", "Sign a clerk in (`POST /v1/operator/session`) and send the session as `Yidang-Session`; where only a name is wanted, send it as `Yidang-Operator`.";
    OperatorLocked = "operator_locked", 403,
        "会话已锁定。", "请同一经办人重新输入 PIN，或由业务系统重新登录；其他经办人登录会结束这个会话。",
        "The clerk's session is locked.", "The same clerk unlocks it by signing in again; another clerk who signs in ends it.";
    OperatorMismatch = "operator_mismatch", 403,
        "Yidang-Operator 与已登录的经办人不一致。", "请不要再带 Yidang-Operator，或先让该经办人登录。",
        "`Yidang-Operator` names another clerk than the one who is signed in.", "Leave the header out, or have that clerk sign in.";
    OperatorUnknown = "operator_unknown", 403,
        "没有这个经办人的 PIN。", "请核对工号；管理员用 yidang operator add 添加经办人。",
        "No clerk of this name has a PIN at this window.", "Check the name; an administrator adds clerks with `yidang operator add`.";
    PinWrong = "pin_wrong", 403,
        "PIN 不对。", "请重新输入；连续输错会越来越慢，八次后锁定。",
        "The PIN is wrong.", "Enter it again; wrong ones in a row are slowed down, and the eighth locks it.";
    PinLocked = "pin_locked", 403,
        "PIN 已锁定。", "请管理员用 yidang operator reset-pin 重新设置 PIN。",
        "The PIN is locked after too many wrong ones.", "Have an administrator set a new one with `yidang operator reset-pin`.";
    AssertionInvalid = "assertion_invalid", 403,
        "业务系统的登录凭据无效。", "请按 detail 检查：凭据须由已登记的密钥签名、写明本窗口、五分钟内有效且只能用一次；密钥用 yidang operator key add 登记。",
        "The window system's assertion proves nothing.", "See `detail`: it must be signed by a registered key, name this counter, be of the last minutes and be used once; keys are registered with `yidang operator key add`.";
    ScopeMissing = "scope_missing", 403,
        "该令牌没有此项权限。", "请管理员生成带有 detail 中所列权限的令牌。",
        "The token's scopes do not cover this call.", "Ask an administrator for a token with the scope named in `detail`.";
    OriginDenied = "origin_denied", 403,
        "不允许该网页来源访问本机服务。", "请管理员把该来源写入配置 [http] origins，或绑定到令牌。",
        "This web origin may not use the local service.", "Have an administrator list it under `[http] origins` or bind it to the token.";
    HolderRequired = "holder_required", 403,
        "没有打开当事人的档案，不能查看。", "请当事人放上本人证件后先读卡，或说明其他依据。",
        "The person's dossier is not open to this token.", "Read the person's own card first, or open the dossier on another stated basis.";
    RightMissing = "right_missing", 403,
        "该档案的打开方式不允许此操作。", "查看历史材料需要本人证件，或依法说明其他依据。",
        "The way this dossier was opened does not allow the call.", "Seeing history needs the person's own card, or another stated basis.";
    PairingClosed = "pairing_closed", 403,
        "本窗口不接受配对申请。", "请管理员用 yidang token create 生成令牌，或在配置中打开 [http] pairing。",
        "This window takes no requests for pairing.", "Have an administrator make a token (`yidang token create`), or open `[http] pairing` in the configuration.";
    TicketInvalid = "ticket_invalid", 403,
        "预览票据无效、已用过或已过期。", "请用 POST /v1/preview-tickets 取一张新票据；一张票据只能用一次，三十秒内有效。",
        "The preview ticket is not known, was used or has expired.", "Get a new one with `POST /v1/preview-tickets`; each is good once and for 30 seconds.";
    RouteUnknown = "route_unknown", 404,
        "没有这个接口地址。", "请查看 /v1/openapi.json 中的接口列表。",
        "There is no such address.", "See `/v1/openapi.json` for what there is.";
    HolderUnknown = "holder_unknown", 404,
        "没有这个已打开的当事人。", "请重新读卡或重新打开当事人。",
        "No such open holder.", "Read the card again or open the holder again.";
    PairingUnknown = "pairing_unknown", 404,
        "没有这个配对申请，可能已过期、已取走或已被新的申请取代。", "请重新申请配对，并在五分钟内确认。",
        "No such request for pairing: it expired, was fetched, or a newer one took its place.", "Ask for pairing again, and have it confirmed within five minutes.";
    CaptureUnknown = "capture_unknown", 404,
        "没有这个待归档的拍摄，可能已删除或过期。", "请重新拍摄。",
        "No such unfiled capture; it may have been deleted or have expired.", "Capture the paper again.";
    MaterialUnknown = "material_unknown", 404,
        "没有这份材料，或已被删除。", "请重新列出该当事人的材料。",
        "No such material, or it was erased.", "List the holder's materials again.";
    ErasureUnknown = "erasure_unknown", 404,
        "没有这个删除申请。", "请核对编号。",
        "No such erasure.", "Check the identifier.";
    SimulatedUnknown = "simulated_unknown", 404,
        "模拟文件夹里没有这个名字。", "名字是文件名去掉扩展名；请查看模拟文件夹。",
        "The simulation has nothing of this name.", "A name is a file's stem; look into the simulation folders.";
    MethodNotAllowed = "method_not_allowed", 405,
        "此地址不支持该方法。", "请查看 /v1/openapi.json。",
        "This address does not take that method.", "See `/v1/openapi.json`.";
    MaterialElsewhere = "material_elsewhere", 409,
        "这份材料由其他窗口归档，只存于中心库，不能在本窗口更正。", "请由归档的窗口更正；材料的 counter 就是那个窗口。",
        "Another window filed this paper, and only the repository holds it; it cannot be put right here.", "Have it put right at the window that filed it: its `counter` says which.";
    CardAbsent = "card_absent", 409,
        "读卡器上没有证件。", "请把证件平放在读卡器上再试。",
        "No card lies on the reader.", "Lay the card flat on the reader and try again.";
    NotSettled = "not_settled", 409,
        "在规定时间内没有纸张平稳地放在高拍仪下。", "请把纸放平、手移开后再试；也可以不等待，直接拍摄。",
        "No paper came to rest under the camera in time.", "Lay the paper flat, take the hands away and try again; or capture without waiting.";
    NotACard = "not_a_card", 409,
        "这份材料不是证件的正反两面，不能按证件排版。", "请把证件的正面和反面各拍一页、沿证件边缘裁好，作为同一份材料的两页归档；其他材料请不带 layout=card 取文档。",
        "This is not the two sides of a card, so it cannot be laid out as one.", "File the front and the back as the two pages of one material, each cut out along the card's edges; fetch any other material without `layout=card`.";
    CaptureFiled = "capture_filed", 409,
        "这个拍摄已经归档。", "请使用归档后的材料编号。",
        "This capture has been filed already.", "Use the identifier of the filed material.";
    IdempotencyConflict = "idempotency_conflict", 409,
        "同一个 Idempotency-Key 用在了不同的请求上。", "每个新请求请使用新的键。",
        "The same Idempotency-Key came with a different request.", "Use a new key for each new request.";
    MaterialSuperseded = "material_superseded", 409,
        "这份材料已经被一份更新的材料取代。", "请重新列出该当事人的材料，在 supersedes 中填写现行的那一份。",
        "A newer paper has taken this one's place already.", "List the holder's materials again and name the current one in `supersedes`.";
    MaterialRestricted = "material_restricted", 410,
        "这份材料的保管期限已满，不再提供查阅，等待处置。", "请让当事人重新提交；保管期限由管理员在配置 [[retention]] 中规定，处置用 yidang archive dispose。",
        "This paper's retention term is over: it is shown no more and waits to be disposed of.", "Have the paper brought again; an administrator sets terms under `[[retention]]` and disposes with `yidang archive dispose`.";
    OriginalDisposed = "original_disposed", 410,
        "这一页的原始图像已按期限处置，页面图像仍在。", "请取页面图像（rendition=page）；期限由管理员在配置 [[retention]] 的 originals_years 中规定。",
        "The untouched original of this page was disposed of when its term was over; the page itself is here.", "Fetch the page, `rendition=page`; an administrator sets the term with `originals_years` under `[[retention]]`.";
    LegalHold = "legal_hold", 409,
        "这份材料或这个人的材料依法保全，不能删除。", "解除保全后才能删除；请管理员用 yidang archive hold list 查看是谁、因何保全。",
        "A legal hold keeps this paper, or this person's papers, from being forgotten.", "It can be forgotten once the hold is lifted; an administrator sees who placed it with `yidang archive hold list`.";
    HoldsUnproven = "holds_unproven", 409,
        "账本有缺失或读不出的地方，那里可能记有依法保全，所以现在不能删除。", "请管理员运行 yidang archive verify：它若指出损坏，先按提示运行 yidang archive rebuild；然后用 yidang archive hold list 核对保全，再运行 yidang archive hold confirm --operator 姓名 确认；确认后请再次提出删除。",
        "Something in the ledger is lost or cannot be read, and a legal hold may have stood there: nothing can be forgotten now.", "Where `yidang archive verify` names damage, an administrator first runs `yidang archive rebuild`; then they compare `yidang archive hold list` with the orders that were made, and say so with `yidang archive hold confirm --operator NAME`; then ask again.";
    HolderExpired = "holder_expired", 410,
        "当事人的会话已过期。", "请重新读卡。",
        "The holder's session has expired.", "Read the card again.";
    BodyTooLarge = "body_too_large", 413,
        "请求内容过大。", "请压缩图片或分次提交。",
        "The request body is too large.", "Send a smaller picture or fewer at once.";
    NotAnImage = "not_an_image", 415,
        "提交的文件不是可用的图片或扫描件。", "请提交 JPEG、PNG，或每页一张扫描图片、没有加密的 PDF。",
        "The file is no picture or scanned document that is read.", "Send a JPEG, a PNG, or an unprotected PDF whose pages are one scanned picture each.";
    RangeUnsatisfiable = "range_unsatisfiable", 416,
        "请求的范围超出了图片的长度。", "请不带 Range 重新取图片。",
        "The range lies beyond the picture's end.", "Fetch the picture without `Range`.";
    HostDenied = "host_denied", 421,
        "请求的主机名不是本机地址。", "请使用 http://127.0.0.1:端口 访问。",
        "The Host header does not name this machine's loopback address.", "Use `http://127.0.0.1:PORT`.";
    ImageDamaged = "image_damaged", 422,
        "图片不完整或已损坏。", "请重新拍摄或重新导出该图片。",
        "The picture is cut off or damaged.", "Capture or export it again.";
    ImageTooLarge = "image_too_large", 422,
        "图片的像素尺寸过大。", "请降低分辨率后再提交。",
        "The picture has too many pixels.", "Send it at a lower resolution.";
    Invalid = "invalid", 422,
        "请求内容不符合要求。", "请按 detail 中的说明改正；格式见 /v1/openapi.json。",
        "The request is not as it must be.", "Correct what `detail` names; see `/v1/openapi.json` for the form.";
    TooMany = "too_many", 429,
        "请求过多。", "请稍后再试。",
        "Too many requests at once.", "Try again in a moment.";
    PinWait = "pin_wait", 429,
        "PIN 输错次数较多，请稍候。", "请等待 Retry-After 所示的秒数后再试。",
        "The PIN was wrong several times just now.", "Wait for as many seconds as `Retry-After` says.";
    BlobDamaged = "blob_damaged", 500,
        "存储的图片已损坏或丢失。", "请运行 yidang archive verify，并从中心库或备份恢复。",
        "The stored picture is damaged or missing.", "Run `yidang archive verify` and restore it from the repository or a backup.";
    ErasureUnfinished = "erasure_unfinished", 500,
        "已删除，不再提供查阅，但痕迹还没有全部清除。", "不必重新提出：请看 detail，使数据文件夹及其中的 backup 可写并有空间，程序会自行完成；用 GET /v1/erasures/{id} 查看是否完成。",
        "It is erased and shown to nobody, but not every trace could be removed yet.", "Do not ask again: see `detail`, make the data folder and `backup` in it writable, with room; it is finished by itself, and `GET /v1/erasures/{id}` says when.";
    StorageFailed = "storage_failed", 500,
        "本机档案存储出错，本次操作没有完成，已确认的内容不受影响。", "请查看 detail 并检查磁盘；必要时运行 yidang archive verify。",
        "The archive's storage failed; this call did nothing, and what was acknowledged is safe.", "See `detail` and check the disk; run `yidang archive verify` if in doubt.";
    CardUnreadable = "card_unreadable", 502,
        "证件读取失败。", "请把证件拿起后重新平放，保持不动；仍失败请换一台读卡器或检查证件是否损坏。",
        "The card could not be read.", "Lift it, lay it flat again and keep it still; if it fails again try another reader or check the card for damage.";
    CameraFailed = "camera_failed", 502,
        "高拍仪拍摄失败。", "请检查高拍仪的 USB 连接后重试。",
        "The camera gave no picture.", "Check the camera's USB connection and try again.";
    RepositoryFailed = "repository_failed", 502,
        "中心库没有给出可用的回答。", "稍后重试；仍失败请联系中心库管理员。",
        "The repository gave no usable answer.", "Try again later; if it goes on, tell the repository's operator.";
    ReaderAbsent = "reader_absent", 503,
        "没有可用的读卡器。", "请检查读卡器的连接和驱动；用 GET /v1/status 查看设备。",
        "No card reader can be used.", "Check its connection and driver; see the devices under `GET /v1/status`.";
    CameraAbsent = "camera_absent", 503,
        "没有可用的高拍仪。", "请检查高拍仪的连接；用 GET /v1/status 查看设备。",
        "No camera can be used.", "Check its connection; see the devices under `GET /v1/status`.";
    Busy = "busy", 503,
        "设备或服务正忙。", "请稍后再试。",
        "The device or service is busy.", "Try again in a moment.";
    RepositoryUnreachable = "repository_unreachable", 503,
        "连接不上中心库。", "本机工作不受影响；请检查网络后重试。",
        "The repository cannot be reached.", "Work at this window goes on; check the network and try again.";
    DiskFull = "disk_full", 507,
        "磁盘已满，本次操作没有完成。", "请清理磁盘空间后重试；已归档的材料不受影响。",
        "The disk is full; this call did nothing.", "Free some space and try again; what is filed is safe.";
}

/// What a case is and what to do about it, where its code alone would have the caller do the wrong thing.
/// Chinese, then English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong, in plain words; goes before the detail.
    pub what: [&'static str; 2],
    /// What to do; goes in the place of the code's remedy.
    pub remedy: [&'static str; 2],
}

/// A code and what this case adds to it. Returned as an error by every handler; the outermost layer writes it
/// out in the caller's language.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is wrong.
    pub code: Code,
    /// What this case adds, in English, without personal data.
    pub detail: Option<String>,
    /// What the code alone does not say.
    pub advice: Option<Advice>,
    /// After how many seconds to try again, where it is not one.
    pub retry_after_s: Option<u64>,
}

/// The document as it goes out (`application/problem+json`, RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `about:blank`: the code tells the kinds apart.
    pub r#type: &'static str,
    /// What is wrong, in the caller's language.
    pub title: &'static str,
    /// The HTTP status, again.
    pub status: u16,
    /// The stable code.
    #[schema(value_type = Code)]
    pub code: &'static str,
    /// What to do about it, in the caller's language.
    pub remedy: &'static str,
    /// What this case adds, without personal data: where the code alone would mislead, plain words in the
    /// caller's language, then English. Left out where there is nothing to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().map(|code| code.as_str());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        schema.description(Some("What can go wrong. More may come.")).into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ProblemCode".into()
    }
}

impl Problem {
    /// A code with what this case adds.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()), advice: None, retry_after_s: None }
    }

    /// `invalid`, with what must be corrected.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    /// With what the code alone does not say.
    pub const fn with_advice(mut self, advice: Advice) -> Self {
        self.advice = Some(advice);
        self
    }

    /// What to do about it, in a language.
    pub fn remedy(&self, language: Language) -> &'static str {
        let pick = |advice: Advice| language.pick(advice.remedy[0], advice.remedy[1]);
        self.advice.map_or_else(|| self.code.remedy(language), pick)
    }

    /// What this case adds, in a language.
    pub fn detail(&self, language: Language) -> Option<String> {
        let Some(Advice { what: [chinese, english], .. }) = self.advice else { return self.detail.clone() };
        Some(match (&self.detail, language) {
            (None, _) => language.pick(chinese, english).to_owned(),
            (Some(detail), Language::Chinese) => format!("{chinese}（{detail}）"),
            (Some(detail), Language::English) => format!("{english} ({detail})"),
        })
    }

    /// The document in a language.
    pub fn document(&self, language: Language) -> ProblemDocument {
        ProblemDocument {
            r#type: "about:blank",
            title: self.code.title(language),
            status: self.code.status(),
            code: self.code.as_str(),
            remedy: self.remedy(language),
            detail: self.detail(language),
        }
    }

    /// The whole answer in a language.
    pub fn render(&self, language: Language) -> Response {
        let body = serde_json::to_vec(&self.document(language)).unwrap_or_default();
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        if matches!(self.code, Code::TooMany | Code::Busy | Code::PinWait) {
            headers.insert(header::RETRY_AFTER, self.retry_after_s.unwrap_or(1).into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { code, detail: None, advice: None, retry_after_s: None }
    }
}

impl IntoResponse for Problem {
    /// Carries the problem outwards; the language is not known here, the outermost layer renders it.
    fn into_response(self) -> Response {
        let mut response = StatusCode::from_u16(self.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response();
        response.extensions_mut().insert(self);
        response
    }
}
