// Made from fixtures/openapi.json by tools/generate.mjs (`npm run generate`); not to be edited.

import type { ProblemCode } from './schema.js';
import type { Advice } from './words.js';

/** What each of the service's codes says, and its status. */
export const PROBLEMS: { [code in ProblemCode]: Advice & { status: number } } = {
  assertion_invalid: {
    status: 403,
    title: {
      zh: '业务系统的登录凭据无效。',
      en: 'The window system\'s assertion proves nothing.',
    },
    remedy: {
      zh: '请按 detail 检查：凭据须由已登记的密钥签名、写明本窗口、五分钟内有效且只能用一次；密钥用 yidang operator key add 登记。',
      en: 'See `detail`: it must be signed by a registered key, name this counter, be of the last minutes and be used once; keys are registered with `yidang operator key add`.',
    },
  },
  blob_damaged: {
    status: 500,
    title: {
      zh: '存储的图片已损坏或丢失。',
      en: 'The stored picture is damaged or missing.',
    },
    remedy: {
      zh: '请运行 yidang archive verify，并从中心库或备份恢复。',
      en: 'Run `yidang archive verify` and restore it from the repository or a backup.',
    },
  },
  body_too_large: {
    status: 413,
    title: {
      zh: '请求内容过大。',
      en: 'The request body is too large.',
    },
    remedy: {
      zh: '请压缩图片或分次提交。',
      en: 'Send a smaller picture or fewer at once.',
    },
  },
  busy: {
    status: 503,
    title: {
      zh: '设备或服务正忙。',
      en: 'The device or service is busy.',
    },
    remedy: {
      zh: '请稍后再试。',
      en: 'Try again in a moment.',
    },
  },
  camera_absent: {
    status: 503,
    title: {
      zh: '没有可用的高拍仪。',
      en: 'No camera can be used.',
    },
    remedy: {
      zh: '请检查高拍仪的连接；用 GET /v1/status 查看设备。',
      en: 'Check its connection; see the devices under `GET /v1/status`.',
    },
  },
  camera_failed: {
    status: 502,
    title: {
      zh: '高拍仪拍摄失败。',
      en: 'The camera gave no picture.',
    },
    remedy: {
      zh: '请检查高拍仪的 USB 连接后重试。',
      en: 'Check the camera\'s USB connection and try again.',
    },
  },
  capture_filed: {
    status: 409,
    title: {
      zh: '这个拍摄已经归档。',
      en: 'This capture has been filed already.',
    },
    remedy: {
      zh: '请使用归档后的材料编号。',
      en: 'Use the identifier of the filed material.',
    },
  },
  capture_unknown: {
    status: 404,
    title: {
      zh: '没有这个待归档的拍摄，可能已删除或过期。',
      en: 'No such unfiled capture; it may have been deleted or have expired.',
    },
    remedy: {
      zh: '请重新拍摄。',
      en: 'Capture the paper again.',
    },
  },
  card_absent: {
    status: 409,
    title: {
      zh: '读卡器上没有证件。',
      en: 'No card lies on the reader.',
    },
    remedy: {
      zh: '请把证件平放在读卡器上再试。',
      en: 'Lay the card flat on the reader and try again.',
    },
  },
  card_unreadable: {
    status: 502,
    title: {
      zh: '证件读取失败。',
      en: 'The card could not be read.',
    },
    remedy: {
      zh: '请把证件拿起后重新平放，保持不动；仍失败请换一台读卡器或检查证件是否损坏。',
      en: 'Lift it, lay it flat again and keep it still; if it fails again try another reader or check the card for damage.',
    },
  },
  disk_full: {
    status: 507,
    title: {
      zh: '磁盘已满，本次操作没有完成。',
      en: 'The disk is full; this call did nothing.',
    },
    remedy: {
      zh: '请清理磁盘空间后重试；已归档的材料不受影响。',
      en: 'Free some space and try again; what is filed is safe.',
    },
  },
  erasure_unfinished: {
    status: 500,
    title: {
      zh: '已删除，不再提供查阅，但痕迹还没有全部清除。',
      en: 'It is erased and shown to nobody, but not every trace could be removed yet.',
    },
    remedy: {
      zh: '不必重新提出：请看 detail，使数据文件夹及其中的 backup 可写并有空间，程序会自行完成；用 GET /v1/erasures/{id} 查看是否完成。',
      en: 'Do not ask again: see `detail`, make the data folder and `backup` in it writable, with room; it is finished by itself, and `GET /v1/erasures/{id}` says when.',
    },
  },
  erasure_unknown: {
    status: 404,
    title: {
      zh: '没有这个删除申请。',
      en: 'No such erasure.',
    },
    remedy: {
      zh: '请核对编号。',
      en: 'Check the identifier.',
    },
  },
  holder_expired: {
    status: 410,
    title: {
      zh: '当事人的会话已过期。',
      en: 'The holder\'s session has expired.',
    },
    remedy: {
      zh: '请重新读卡。',
      en: 'Read the card again.',
    },
  },
  holder_required: {
    status: 403,
    title: {
      zh: '没有打开当事人的档案，不能查看。',
      en: 'The person\'s dossier is not open to this token.',
    },
    remedy: {
      zh: '请当事人放上本人证件后先读卡，或说明其他依据。',
      en: 'Read the person\'s own card first, or open the dossier on another stated basis.',
    },
  },
  holder_unknown: {
    status: 404,
    title: {
      zh: '没有这个已打开的当事人。',
      en: 'No such open holder.',
    },
    remedy: {
      zh: '请重新读卡或重新打开当事人。',
      en: 'Read the card again or open the holder again.',
    },
  },
  holds_unproven: {
    status: 409,
    title: {
      zh: '账本有缺失或读不出的地方，那里可能记有依法保全，所以现在不能删除。',
      en: 'Something in the ledger is lost or cannot be read, and a legal hold may have stood there: nothing can be forgotten now.',
    },
    remedy: {
      zh: '请管理员运行 yidang archive verify：它若指出损坏，先按提示运行 yidang archive rebuild；然后用 yidang archive hold list 核对保全，再运行 yidang archive hold confirm --operator 姓名 确认；确认后请再次提出删除。',
      en: 'Where `yidang archive verify` names damage, an administrator first runs `yidang archive rebuild`; then they compare `yidang archive hold list` with the orders that were made, and say so with `yidang archive hold confirm --operator NAME`; then ask again.',
    },
  },
  host_denied: {
    status: 421,
    title: {
      zh: '请求的主机名不是本机地址。',
      en: 'The Host header does not name this machine\'s loopback address.',
    },
    remedy: {
      zh: '请使用 http://127.0.0.1:端口 访问。',
      en: 'Use `http://127.0.0.1:PORT`.',
    },
  },
  idempotency_conflict: {
    status: 409,
    title: {
      zh: '同一个 Idempotency-Key 用在了不同的请求上。',
      en: 'The same Idempotency-Key came with a different request.',
    },
    remedy: {
      zh: '每个新请求请使用新的键。',
      en: 'Use a new key for each new request.',
    },
  },
  image_damaged: {
    status: 422,
    title: {
      zh: '图片不完整或已损坏。',
      en: 'The picture is cut off or damaged.',
    },
    remedy: {
      zh: '请重新拍摄或重新导出该图片。',
      en: 'Capture or export it again.',
    },
  },
  image_too_large: {
    status: 422,
    title: {
      zh: '图片的像素尺寸过大。',
      en: 'The picture has too many pixels.',
    },
    remedy: {
      zh: '请降低分辨率后再提交。',
      en: 'Send it at a lower resolution.',
    },
  },
  invalid: {
    status: 422,
    title: {
      zh: '请求内容不符合要求。',
      en: 'The request is not as it must be.',
    },
    remedy: {
      zh: '请按 detail 中的说明改正；格式见 /v1/openapi.json。',
      en: 'Correct what `detail` names; see `/v1/openapi.json` for the form.',
    },
  },
  legal_hold: {
    status: 409,
    title: {
      zh: '这份材料或这个人的材料依法保全，不能删除。',
      en: 'A legal hold keeps this paper, or this person\'s papers, from being forgotten.',
    },
    remedy: {
      zh: '解除保全后才能删除；请管理员用 yidang archive hold list 查看是谁、因何保全。',
      en: 'It can be forgotten once the hold is lifted; an administrator sees who placed it with `yidang archive hold list`.',
    },
  },
  material_elsewhere: {
    status: 409,
    title: {
      zh: '这份材料由其他窗口归档，只存于中心库，不能在本窗口更正。',
      en: 'Another window filed this paper, and only the repository holds it; it cannot be put right here.',
    },
    remedy: {
      zh: '请由归档的窗口更正；材料的 counter 就是那个窗口。',
      en: 'Have it put right at the window that filed it: its `counter` says which.',
    },
  },
  material_restricted: {
    status: 410,
    title: {
      zh: '这份材料的保管期限已满，不再提供查阅，等待处置。',
      en: 'This paper\'s retention term is over: it is shown no more and waits to be disposed of.',
    },
    remedy: {
      zh: '请让当事人重新提交；保管期限由管理员在配置 [[retention]] 中规定，处置用 yidang archive dispose。',
      en: 'Have the paper brought again; an administrator sets terms under `[[retention]]` and disposes with `yidang archive dispose`.',
    },
  },
  material_superseded: {
    status: 409,
    title: {
      zh: '这份材料已经被一份更新的材料取代。',
      en: 'A newer paper has taken this one\'s place already.',
    },
    remedy: {
      zh: '请重新列出该当事人的材料，在 supersedes 中填写现行的那一份。',
      en: 'List the holder\'s materials again and name the current one in `supersedes`.',
    },
  },
  material_unknown: {
    status: 404,
    title: {
      zh: '没有这份材料，或已被删除。',
      en: 'No such material, or it was erased.',
    },
    remedy: {
      zh: '请重新列出该当事人的材料。',
      en: 'List the holder\'s materials again.',
    },
  },
  method_not_allowed: {
    status: 405,
    title: {
      zh: '此地址不支持该方法。',
      en: 'This address does not take that method.',
    },
    remedy: {
      zh: '请查看 /v1/openapi.json。',
      en: 'See `/v1/openapi.json`.',
    },
  },
  not_a_card: {
    status: 409,
    title: {
      zh: '这份材料不是证件的正反两面，不能按证件排版。',
      en: 'This is not the two sides of a card, so it cannot be laid out as one.',
    },
    remedy: {
      zh: '请把证件的正面和反面各拍一页、沿证件边缘裁好，作为同一份材料的两页归档；其他材料请不带 layout=card 取文档。',
      en: 'File the front and the back as the two pages of one material, each cut out along the card\'s edges; fetch any other material without `layout=card`.',
    },
  },
  not_an_image: {
    status: 415,
    title: {
      zh: '提交的文件不是可用的图片或扫描件。',
      en: 'The file is no picture or scanned document that is read.',
    },
    remedy: {
      zh: '请提交 JPEG、PNG，或每页一张扫描图片、没有加密的 PDF。',
      en: 'Send a JPEG, a PNG, or an unprotected PDF whose pages are one scanned picture each.',
    },
  },
  not_settled: {
    status: 409,
    title: {
      zh: '在规定时间内没有纸张平稳地放在高拍仪下。',
      en: 'No paper came to rest under the camera in time.',
    },
    remedy: {
      zh: '请把纸放平、手移开后再试；也可以不等待，直接拍摄。',
      en: 'Lay the paper flat, take the hands away and try again; or capture without waiting.',
    },
  },
  operator_locked: {
    status: 403,
    title: {
      zh: '会话已锁定。',
      en: 'The clerk\'s session is locked.',
    },
    remedy: {
      zh: '请同一经办人重新输入 PIN，或由业务系统重新登录；其他经办人登录会结束这个会话。',
      en: 'The same clerk unlocks it by signing in again; another clerk who signs in ends it.',
    },
  },
  operator_mismatch: {
    status: 403,
    title: {
      zh: 'Yidang-Operator 与已登录的经办人不一致。',
      en: '`Yidang-Operator` names another clerk than the one who is signed in.',
    },
    remedy: {
      zh: '请不要再带 Yidang-Operator，或先让该经办人登录。',
      en: 'Leave the header out, or have that clerk sign in.',
    },
  },
  operator_required: {
    status: 401,
    title: {
      zh: '需要经办人登录或署名。',
      en: 'This window wants to know the clerk.',
    },
    remedy: {
      zh: '请经办人登录（工号和 PIN，或由业务系统代为登录），并在 Yidang-Session 头中带上会话；只要求署名的窗口请在 Yidang-Operator 头中写明经办人。',
      en: 'Sign a clerk in (`POST /v1/operator/session`) and send the session as `Yidang-Session`; where only a name is wanted, send it as `Yidang-Operator`.',
    },
  },
  operator_unknown: {
    status: 403,
    title: {
      zh: '没有这个经办人的 PIN。',
      en: 'No clerk of this name has a PIN at this window.',
    },
    remedy: {
      zh: '请核对工号；管理员用 yidang operator add 添加经办人。',
      en: 'Check the name; an administrator adds clerks with `yidang operator add`.',
    },
  },
  origin_denied: {
    status: 403,
    title: {
      zh: '不允许该网页来源访问本机服务。',
      en: 'This web origin may not use the local service.',
    },
    remedy: {
      zh: '请管理员把该来源写入配置 [http] origins，或绑定到令牌。',
      en: 'Have an administrator list it under `[http] origins` or bind it to the token.',
    },
  },
  original_disposed: {
    status: 410,
    title: {
      zh: '这一页的原始图像已按期限处置，页面图像仍在。',
      en: 'The untouched original of this page was disposed of when its term was over; the page itself is here.',
    },
    remedy: {
      zh: '请取页面图像（rendition=page）；期限由管理员在配置 [[retention]] 的 originals_years 中规定。',
      en: 'Fetch the page, `rendition=page`; an administrator sets the term with `originals_years` under `[[retention]]`.',
    },
  },
  pairing_closed: {
    status: 403,
    title: {
      zh: '本窗口不接受配对申请。',
      en: 'This window takes no requests for pairing.',
    },
    remedy: {
      zh: '请管理员用 yidang token create 生成令牌，或在配置中打开 [http] pairing。',
      en: 'Have an administrator make a token (`yidang token create`), or open `[http] pairing` in the configuration.',
    },
  },
  pairing_unknown: {
    status: 404,
    title: {
      zh: '没有这个配对申请，可能已过期、已取走或已被新的申请取代。',
      en: 'No such request for pairing: it expired, was fetched, or a newer one took its place.',
    },
    remedy: {
      zh: '请重新申请配对，并在五分钟内确认。',
      en: 'Ask for pairing again, and have it confirmed within five minutes.',
    },
  },
  pin_locked: {
    status: 403,
    title: {
      zh: 'PIN 已锁定。',
      en: 'The PIN is locked after too many wrong ones.',
    },
    remedy: {
      zh: '请管理员用 yidang operator reset-pin 重新设置 PIN。',
      en: 'Have an administrator set a new one with `yidang operator reset-pin`.',
    },
  },
  pin_wait: {
    status: 429,
    title: {
      zh: 'PIN 输错次数较多，请稍候。',
      en: 'The PIN was wrong several times just now.',
    },
    remedy: {
      zh: '请等待 Retry-After 所示的秒数后再试。',
      en: 'Wait for as many seconds as `Retry-After` says.',
    },
  },
  pin_wrong: {
    status: 403,
    title: {
      zh: 'PIN 不对。',
      en: 'The PIN is wrong.',
    },
    remedy: {
      zh: '请重新输入；连续输错会越来越慢，八次后锁定。',
      en: 'Enter it again; wrong ones in a row are slowed down, and the eighth locks it.',
    },
  },
  range_unsatisfiable: {
    status: 416,
    title: {
      zh: '请求的范围超出了图片的长度。',
      en: 'The range lies beyond the picture\'s end.',
    },
    remedy: {
      zh: '请不带 Range 重新取图片。',
      en: 'Fetch the picture without `Range`.',
    },
  },
  reader_absent: {
    status: 503,
    title: {
      zh: '没有可用的读卡器。',
      en: 'No card reader can be used.',
    },
    remedy: {
      zh: '请检查读卡器的连接和驱动；用 GET /v1/status 查看设备。',
      en: 'Check its connection and driver; see the devices under `GET /v1/status`.',
    },
  },
  repository_failed: {
    status: 502,
    title: {
      zh: '中心库没有给出可用的回答。',
      en: 'The repository gave no usable answer.',
    },
    remedy: {
      zh: '稍后重试；仍失败请联系中心库管理员。',
      en: 'Try again later; if it goes on, tell the repository\'s operator.',
    },
  },
  repository_unreachable: {
    status: 503,
    title: {
      zh: '连接不上中心库。',
      en: 'The repository cannot be reached.',
    },
    remedy: {
      zh: '本机工作不受影响；请检查网络后重试。',
      en: 'Work at this window goes on; check the network and try again.',
    },
  },
  right_missing: {
    status: 403,
    title: {
      zh: '该档案的打开方式不允许此操作。',
      en: 'The way this dossier was opened does not allow the call.',
    },
    remedy: {
      zh: '查看历史材料需要本人证件，或依法说明其他依据。',
      en: 'Seeing history needs the person\'s own card, or another stated basis.',
    },
  },
  route_unknown: {
    status: 404,
    title: {
      zh: '没有这个接口地址。',
      en: 'There is no such address.',
    },
    remedy: {
      zh: '请查看 /v1/openapi.json 中的接口列表。',
      en: 'See `/v1/openapi.json` for what there is.',
    },
  },
  scope_missing: {
    status: 403,
    title: {
      zh: '该令牌没有此项权限。',
      en: 'The token\'s scopes do not cover this call.',
    },
    remedy: {
      zh: '请管理员生成带有 detail 中所列权限的令牌。',
      en: 'Ask an administrator for a token with the scope named in `detail`.',
    },
  },
  simulated_unknown: {
    status: 404,
    title: {
      zh: '模拟文件夹里没有这个名字。',
      en: 'The simulation has nothing of this name.',
    },
    remedy: {
      zh: '名字是文件名去掉扩展名；请查看模拟文件夹。',
      en: 'A name is a file\'s stem; look into the simulation folders.',
    },
  },
  storage_failed: {
    status: 500,
    title: {
      zh: '本机档案存储出错，本次操作没有完成，已确认的内容不受影响。',
      en: 'The archive\'s storage failed; this call did nothing, and what was acknowledged is safe.',
    },
    remedy: {
      zh: '请查看 detail 并检查磁盘；必要时运行 yidang archive verify。',
      en: 'See `detail` and check the disk; run `yidang archive verify` if in doubt.',
    },
  },
  ticket_invalid: {
    status: 403,
    title: {
      zh: '预览票据无效、已用过或已过期。',
      en: 'The preview ticket is not known, was used or has expired.',
    },
    remedy: {
      zh: '请用 POST /v1/preview-tickets 取一张新票据；一张票据只能用一次，三十秒内有效。',
      en: 'Get a new one with `POST /v1/preview-tickets`; each is good once and for 30 seconds.',
    },
  },
  token_expired: {
    status: 401,
    title: {
      zh: '令牌已过期。',
      en: 'The token has expired.',
    },
    remedy: {
      zh: '请管理员用 yidang token create 生成新令牌，或重新配对。',
      en: 'Ask an administrator for a new one (`yidang token create`), or pair again.',
    },
  },
  token_invalid: {
    status: 401,
    title: {
      zh: '令牌无效或已被吊销。',
      en: 'The token is not known or was revoked.',
    },
    remedy: {
      zh: '请管理员用 yidang token create 重新生成令牌。',
      en: 'Ask an administrator for a new one (`yidang token create`).',
    },
  },
  token_missing: {
    status: 401,
    title: {
      zh: '请求没有带令牌。',
      en: 'The request carries no token.',
    },
    remedy: {
      zh: '在 Authorization 头中加上 Bearer 令牌；令牌由管理员用 yidang token create 生成。',
      en: 'Send it as `Authorization: Bearer TOKEN`; an administrator makes one with `yidang token create`.',
    },
  },
  too_many: {
    status: 429,
    title: {
      zh: '请求过多。',
      en: 'Too many requests at once.',
    },
    remedy: {
      zh: '请稍后再试。',
      en: 'Try again in a moment.',
    },
  },
};
