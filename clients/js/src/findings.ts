import { PROBLEMS } from './problems.js';
import type { Advice } from './words.js';

/** What `diagnose` can find. */
export type FindingCode =
  | 'not_running' | 'not_answering' | 'other_service' | 'unreachable'
  | 'permission_denied' | 'permission_pending' | 'frame_denied' | 'page_insecure' | 'origin_denied'
  | 'token_missing' | 'token_invalid' | 'token_expired' | 'token_of_another_origin' | 'scope_missing' | 'service_failed'
  | 'device_missing' | 'device_denied' | 'device_busy' | 'device_failed';

const OPEN_IT_YOURSELF = {
  zh: '请在新标签页打开 {address}/v1/health：',
  en: 'Open {address}/v1/health in a new tab: ',
};

/** What each finding means, and what to do. `{address}` and `{origin}` are filled in. */
export const FINDINGS: { [code in FindingCode]: Advice } = {
  not_running: {
    title: { zh: '本机没有安装一档服务，或服务没有运行。', en: 'The Yidang service is not installed on this PC, or not running.' },
    remedy: {
      zh: '请安装或启动一档服务（yidang run），并确认它监听 {address}。',
      en: 'Install or start it (`yidang run`), and see that it listens on {address}.',
    },
  },
  not_answering: {
    title: { zh: '一档服务没有在规定时间内回答。', en: 'The Yidang service does not answer in time.' },
    remedy: { zh: '请重启一档服务；仍然如此请查看它的日志。', en: 'Restart the service; if it goes on, see its log.' },
  },
  other_service: {
    title: { zh: '{address} 上运行的不是一档服务。', en: 'What listens on {address} is not the Yidang service.' },
    remedy: {
      zh: '另一个程序占用了该端口：请停掉它，或在 [http] listen 里换一个端口并相应修改网页里的地址。',
      en: 'Another program has the port: stop it, or choose another under `[http] listen` and in the page.',
    },
  },
  unreachable: {
    title: {
      zh: '连不上一档服务；这个浏览器不告诉网页是服务没有运行，还是不允许网页来源 {origin}。',
      en: 'The Yidang service is not reached; this browser does not say whether it is stopped or refuses {origin}.',
    },
    remedy: {
      zh: `${OPEN_IT_YOURSELF.zh}打不开，请安装或启动服务；能打开，请管理员把 {origin} 写入配置 [http] origins 或绑定到令牌。`,
      en: `${OPEN_IT_YOURSELF.en}if it does not open, install or start the service; if it does, have {origin} listed under `
        + '`[http] origins` or bound to the token.',
    },
  },
  permission_denied: {
    title: { zh: '浏览器禁止本网页访问本机应用。', en: 'The browser keeps this page from apps on this device.' },
    remedy: {
      zh: '请在地址栏左侧的网站设置里允许“本机应用”（本地网络访问）；或请管理员运行 yidang policy install，'
        + '它把 {origin} 列入浏览器策略 LoopbackNetworkAllowedForUrls（较早版本为 LocalNetworkAccessAllowedForUrls）。',
      en: 'Allow "Apps on device" (local network access) in the site settings beside the address bar; or have the '
        + 'administrator run `yidang policy install`, which lists {origin} in the browser policy '
        + '`LoopbackNetworkAllowedForUrls` (before version 146: `LocalNetworkAccessAllowedForUrls`).',
    },
  },
  permission_pending: {
    title: { zh: '浏览器正在询问是否允许本网页访问本机应用。', en: 'The browser is asking whether this page may use apps on this device.' },
    remedy: {
      zh: '请在浏览器弹出的询问中点“允许”。',
      en: 'Answer the browser\'s question with "Allow".',
    },
  },
  frame_denied: {
    title: { zh: '嵌入本网页的外层网页没有允许它访问本机应用。', en: 'The page around this frame does not let it use apps on this device.' },
    remedy: {
      zh: '请在每一层 <iframe> 上写 allow="loopback-network; local-network-access"。',
      en: 'Write `allow="loopback-network; local-network-access"` on the `<iframe>`, at every level.',
    },
  },
  page_insecure: {
    title: {
      zh: '连不上一档服务：或者服务没有运行，或者浏览器不允许 http 网页访问本机应用。',
      en: 'The Yidang service is not reached: it is stopped, or the browser keeps http pages from apps on this device.',
    },
    remedy: {
      zh: `${OPEN_IT_YOURSELF.zh}打不开，请安装或启动服务；能打开，请改用 https 打开本网页，`
        + '或请管理员运行 yidang policy install，它把 {origin} 同时列入浏览器策略 '
        + 'OverrideSecurityRestrictionsOnInsecureOrigin 和 LoopbackNetworkAllowedForUrls。',
      en: `${OPEN_IT_YOURSELF.en}if it does not open, install or start the service; if it does, serve this page by https, or `
        + 'have the administrator run `yidang policy install`, which lists {origin} in both of the browser policies '
        + '`OverrideSecurityRestrictionsOnInsecureOrigin` and `LoopbackNetworkAllowedForUrls`.',
    },
  },
  origin_denied: PROBLEMS.origin_denied,
  token_missing: PROBLEMS.token_missing,
  token_invalid: PROBLEMS.token_invalid,
  token_expired: PROBLEMS.token_expired,
  token_of_another_origin: {
    title: { zh: '这个令牌不能在网页来源 {origin} 使用。', en: 'The token may not be used from {origin}.' },
    remedy: {
      zh: '请管理员用 yidang token create --origin {origin} 生成令牌，或把该来源写入配置 [http] origins。',
      en: 'Have an administrator make a token with `yidang token create --origin {origin}`, or list the origin under '
        + '`[http] origins`.',
    },
  },
  scope_missing: PROBLEMS.scope_missing,
  service_failed: {
    title: { zh: '一档服务回答了错误。', en: 'The Yidang service answers with an error.' },
    remedy: { zh: '请查看 detail 和服务日志。', en: 'See `detail` and the service\'s log.' },
  },
  device_missing: {
    title: { zh: '没有找到设备：{device}。', en: 'There is no {device}.' },
    remedy: { zh: '请检查它的 USB 连接和驱动。', en: 'Check its USB connection and its driver.' },
  },
  device_denied: {
    title: { zh: '系统不允许一档服务使用设备：{device}。', en: 'The system keeps the {device} from the Yidang service.' },
    remedy: { zh: '请管理员按 detail 中的说明授权。', en: 'Have the administrator grant it as `detail` says.' },
  },
  device_busy: {
    title: { zh: '设备正被其他程序占用：{device}。', en: 'Another program holds the {device}.' },
    remedy: {
      zh: '请关闭正在使用它的其他程序（如厂家的高拍仪或读卡软件），然后重试。',
      en: 'Close the other program that uses it (its maker\'s own, perhaps), then try again.',
    },
  },
  device_failed: {
    title: { zh: '设备没有正常工作：{device}。', en: 'The {device} does not work.' },
    remedy: { zh: '请拔下它再插上；仍然如此请换一台。', en: 'Unplug it and plug it in again; if it goes on, use another.' },
  },
};

/** What devices are called. */
export const DEVICES = {
  card_reader: { zh: '读卡器', en: 'card reader' },
  camera: { zh: '高拍仪', en: 'camera' },
  any: { zh: '读卡器或高拍仪', en: 'card reader or camera' },
};
