// Every word the page says, in Chinese and in English; and which of the two it speaks.
import { all } from './elements.js';
import { habits } from './session.js';

const TABLE = {
  title: ['一档', 'Yidang'],
  help: ['帮助', 'Help'],
  status: ['状态', 'Status'],
  status_region: ['设备与同步', 'Devices and sync'],
  simulated: ['模拟', 'Simulation'],
  leave: ['退出', 'Sign out'],
  other_language: ['English', '中文'],
  other_language_label: ['切换为英文', 'Switch to Chinese'],
  close: ['关闭', 'Close'],
  detail: ['说明：', 'Detail: '],
  comma: ['，', ', '],
  colon: ['：', ': '],

  signin: ['登录本机控制台', 'Sign in to this window'],
  signin_about: ['令牌只保存在本标签页中，关闭标签页即清除。', 'The token stays in this tab only, and is gone when the tab is closed.'],
  token: ['令牌', 'Token'],
  token_hint: ['由管理员在本机生成：', 'An administrator makes one on this PC:'],
  operator: ['经办人', 'Your name'],
  operator_hint: ['写入操作记录，例如工号或姓名。', 'Goes into the record of what was done; a staff number will do.'],
  token_form: ['这不是令牌。', 'This is no token.'],
  token_form_remedy: ['请粘贴完整的令牌，中间没有空格和汉字。', 'Paste the whole token; it has no spaces.'],
  begin: ['开始', 'Begin'],
  at_counter: ['窗口：{counter}', 'Window: {counter}'],
  seat: ['经办人登录', 'Who sits here'],
  seat_nobody: ['本窗口需要经办人登录。', 'This window wants its clerk to sign in.'],
  seat_locked: ['已锁定：{operator}。输入 PIN 继续；换人请改写经办人。', 'Locked by {operator}, who goes on with the PIN; another clerk writes another name.'],
  seat_operator: ['经办人', 'Clerk'],
  pin: ['PIN 码', 'PIN'],
  seat_begin: ['登录', 'Sign in'],
  seat_wait: ['还需等待 {n} 秒', '{n} s to wait'],
  seat_lock: ['锁定', 'Lock'],
  seat_switch: ['换人', 'Switch'],
  key_lock: ['锁定页面', 'Lock the page'],
  key_switch: ['换经办人', 'Switch the clerk'],
  operator_is: ['经办人：{operator}', 'Clerk: {operator}'],

  pairing: ['配对申请', 'Requests for pairing'],
  pairing_about: ['有程序或网页申请使用本机的读卡器、高拍仪和档案。请核对它显示的数字与下面一致，且来源是您认识的，再允许。', 'A program or page asks to use this PC’s card reader, camera and archive. Allow it only if it shows these digits and you know where it comes from.'],
  pairing_waits: ['配对申请：{n}', 'Pairing: {n}'],
  pairing_none: ['没有等待确认的申请。', 'Nothing waits.'],
  pairing_name: ['自称', 'Calls itself'],
  pairing_origin: ['来源', 'Comes from'],
  pairing_program: ['本机程序', 'a program on this PC'],
  pairing_scopes: ['要做的事', 'Wants to'],
  pairing_accept: ['数字一致，允许', 'Same digits: allow'],
  pairing_refuse: ['拒绝', 'Refuse'],
  key_pairing: ['配对申请（管理员）', 'Requests for pairing (administrators)'],
  scope_card: ['读取证件', 'read cards'],
  scope_capture: ['拍摄', 'capture'],
  scope_archive_write: ['归档', 'file papers'],
  scope_archive_read: ['查看已打开的档案', 'see opened dossiers'],

  at_window: ['当前办事人', 'At the window'],
  nobody: ['请放上证件', 'Lay the card on the reader'],
  reading: ['正在读取证件……', 'Reading the card …'],
  read_card: ['读卡', 'Read card'],
  no_name: ['姓名未读出', 'No name on the card'],
  nocard: ['无证件', 'No card'],
  nocard_heading: ['没有证件，为其归档', 'File for a person without the card'],
  nocard_about: ['只能归档，不能查看以往材料。号码不写入地址和日志。', 'Filing only: what is on file stays shut. The number goes into no address and no log.'],
  nocard_invalid: ['这个号码的写法不对。', 'Numbers of this kind are written differently.'],
  nocard_invalid_remedy: ['请核对号码和号码类型。', 'Compare the number, and its kind.'],
  nocard_begin: ['打开', 'Open'],
  subject_type: ['号码类型', 'Kind of number'],
  foreigner: ['外国人永久居留身份证', 'Foreigner’s residence card'],
  passport: ['护照', 'Passport'],
  birth_certificate: ['出生医学证明', 'Birth certificate'],
  organisation: ['统一社会信用代码', 'Organisation’s credit code'],
  provisional: ['临时编号', 'Provisional number'],
  card_none: ['未出示证件，只能归档', 'No card shown: filing only'],
  end_person: ['结束办理', 'Finish'],
  card_gone: ['证件已取走，档案仍打开', 'Card taken away; the dossier stays open'],
  card_there: ['证件在读卡器上', 'The card is on the reader'],
  closes_in: ['约 {minutes} 分钟未操作后关闭', 'Closes after about {minutes} min unused'],
  closed: ['档案已关闭，请重新读卡。', 'The dossier was closed; read the card again.'],
  no_holder: ['证件号码无法识别，不能打开档案', 'The number identifies nobody: no dossier is open'],
  number: ['号码', 'Number'],
  born: ['出生', 'Born'],
  sex: ['性别', 'Sex'],
  male: ['男', 'male'],
  female: ['女', 'female'],
  ethnicity: ['民族', 'Ethnic group'],
  nationality: ['国籍', 'Nationality'],
  valid: ['有效期至', 'Valid until'],
  long_term: ['长期', 'no end'],
  portrait: ['证件照片', 'Portrait on the card'],
  is_simulated: ['模拟', 'simulated'],
  resident: ['居民身份证', 'Resident ID card'],
  hmt: ['港澳台居民居住证', 'Residence permit (HK, Macao, Taiwan)'],
  foreigner_2017: ['外国人永久居留身份证（2017 版）', 'Foreigner’s residence card (2017)'],
  foreigner_2023: ['外国人永久居留身份证（2023 版）', 'Foreigner’s residence card (2023)'],
  check_digit_wrong: ['号码校验位不对', 'The number’s check digit is wrong'],
  id_number_malformed: ['号码格式不对', 'The number is malformed'],
  birth_date_invalid: ['出生日期无效', 'The date of birth is none'],
  birth_date_differs: ['出生日期与号码不一致', 'The date of birth differs from the number'],
  validity_invalid: ['有效期无效', 'The validity is none'],
  expired: ['证件已过期', 'The card has expired'],
  name_has_private_use_characters: ['姓名含生僻字，请核对', 'The name has rare characters: compare it'],
  text_damaged: ['部分文字损坏，请核对', 'Some text is damaged: compare it'],
  sex_code_unknown: ['性别代码未知', 'The code of the sex is not known'],
  ethnicity_code_unknown: ['民族代码未知', 'The code of the ethnic group is not known'],
  fingerprint_malformed: ['指纹数据格式不对', 'The fingerprint is malformed'],

  paper: ['高拍仪', 'Under the camera'],
  preview_alt: ['高拍仪实时画面', 'Live picture of the camera'],
  preview_wait: ['正在打开实时画面……', 'Opening the live picture …'],
  desk_none: ['没有看到整张纸', 'No whole page in sight'],
  desk_cut: ['纸张超出画面，请移入', 'The page runs out of the picture: move it in'],
  desk_moving: ['看到纸张，正在移动', 'A page is in sight and moving'],
  desk_settled: ['✓ 纸张已放稳，可以拍摄', '✓ The page lies still: capture it'],
  space: ['空格', 'Space'],
  capture: ['拍摄', 'Capture'],
  capture_again: ['重拍第 {n} 页', 'Retake page {n}'],
  capture_before: ['拍摄并插到第 {n} 页前', 'Capture before page {n}'],
  capturing: ['正在拍摄……', 'Capturing …'],
  quality_good: ['✓ 第 {n} 页清楚', '✓ Page {n} is legible'],
  quality_bad: ['⚠ 第 {n} 页可能看不清', '⚠ Page {n} may be hard to read'],
  quality_numbers: ['清晰度 {sharpness} · 亮度 {brightness} · 长边 {pixels} 像素', 'sharpness {sharpness} · brightness {brightness} · {pixels} px'],
  finding_number: ['（测得 {value}，界限 {threshold}）', ' (measured {value}, limit {threshold})'],
  go_on: ['可按 R 重拍，也可以继续。', 'Press R to retake it, or go on.'],
  whole_frame: ['没有找到纸边，保留了整幅画面。', 'No page was found: the whole picture was kept.'],
  is_on_file: ['与已归档的材料相同', 'The same as one on file'],

  pages: ['本次材料', 'In hand'],
  pages_none: ['还没有拍摄。', 'Nothing captured yet.'],
  pages_count: ['{n} 页', '{n} pages'],
  pages_one: ['1 页', '1 page'],
  page_n: ['第 {n} 页', 'Page {n}'],
  page_bad: ['可能看不清', 'unclear'],
  page_known: ['已归档过', 'on file'],
  retake: ['重拍', 'Retake'],
  insert: ['插入', 'Insert'],
  move_back: ['前移', 'Back'],
  move_on: ['后移', 'On'],
  remove: ['移出', 'Take out'],
  moved: ['已移到第 {n} 页', 'Now page {n}'],
  removed: ['这一页已移到待归档。', 'The page is in the tray now.'],
  put_aside: ['⚠ 换了办事人：{pages}已放到待归档，没有归档。', '⚠ Another person: {pages} put into the tray, not filed.'],

  filing: ['归档', 'File it'],
  kind: ['材料种类', 'Kind of paper'],
  kind_free: ['其他种类', 'Another kind'],
  case: ['办件编号', 'Case'],
  note: ['备注', 'Note'],
  file: ['归档', 'File'],
  form: ['申请表', 'Form'],
  identity_card: ['身份证件', 'ID card'],
  household_register: ['户口簿', 'Household'],
  certificate: ['证明证书', 'Certificate'],
  licence: ['证照', 'Licence'],
  contract: ['合同协议', 'Contract'],
  receipt: ['票据', 'Receipt'],
  other: ['其他', 'Other'],
  need_person: ['请先读取办事人的证件。', 'Read the person’s card first.'],
  need_pages: ['请先拍摄至少一页。', 'Capture at least one page first.'],
  need_kind: ['请选择材料种类。', 'Choose a kind first.'],
  filing_now: ['正在归档……', 'Filing …'],
  filed: ['✓ 已归档：{kind}，{pages}', '✓ Filed: {kind}, {pages}'],
  filed_duplicate: ['✓ 同一份材料先前已归档，没有重复存放', '✓ This paper was on file already and is not kept twice'],
  duplicate_of: ['与先前归档的一份相同', 'The same as an earlier one'],
  this_pc: ['安全存放在本机', 'Safe on this PC'],
  this_pc_waits: ['安全存放在本机，尚未同步到中心库', 'Safe on this PC, not yet in the repository'],
  repository: ['已安全存入中心库', 'Safe in the repository'],

  tray: ['待归档', 'Unfiled'],
  tray_none: ['没有待归档的拍摄。', 'Nothing waits to be filed.'],
  left_by: ['{operator} 留下 {pages}', '{operator} left {pages}'],
  left_here: ['本人还在', 'and is still here'],
  left_since: ['{time} 离开', 'away since {time}'],
  left_take: ['接手', 'Take over'],
  left_sure: ['再按一次接手，将记录在案', 'Press again to take over, for the record'],
  tray_take: ['加入本次材料', 'Add to this paper'],
  tray_discard: ['删除', 'Discard'],
  tray_sure: ['再按一次删除', 'Press again to discard'],
  tray_expires: ['{date} 前有效', 'kept until {date}'],
  captured_at: ['{time} 拍摄', 'captured {time}'],

  refile: ['更正', 'Put right'],
  refile_heading: ['更正归档', 'Put a filed paper right'],
  refile_hint: ['错的那份不再显示；原来的记录和理由留在操作记录中。', 'The wrong view closes; what was filed, and why it was changed, stays in the record.'],
  refile_paper: ['{kind}，{pages}，{time} 归档', '{kind}, {pages}, filed {time}'],
  refile_person: ['归到当前办事人名下', 'Move it to the person at the window'],
  refile_reason: ['理由', 'Why'],
  refile_wrong_kind: ['种类选错', 'wrong kind'],
  refile_wrong_case: ['办件编号填错', 'wrong case'],
  refile_wrong_person: ['归错了人', 'wrong person'],
  refile_send: ['更正', 'Put it right'],
  refile_same: ['没有改动。', 'Nothing is changed.'],
  refile_nothing: ['没有可更正的材料：请先归档，或在以往材料中选一份。', 'There is no paper to put right: file one, or choose one from the list.'],
  refiled: ['✓ 已更正：{kind}', '✓ Put right: {kind}'],
  key_refile: ['更正刚归档的或所选的材料', 'Put the last or the chosen paper right'],

  history: ['以往材料', 'On file'],
  history_load: ['查看以往材料', 'Show what is on file'],
  history_recorded: ['每次查看都会记录。', 'Every look is recorded.'],
  history_none: ['没有已归档的材料。', 'Nothing is on file.'],
  history_away: ['中心库连接不上，只列出本机的材料。', 'The repository cannot be reached: this PC’s own only.'],
  history_all: ['包含中心库的材料。', 'The repository’s included.'],
  more: ['更多', 'More'],
  look: ['查看：{what}', 'Look at: {what}'],
  filed_at: ['{time}，{counter}', '{time}, {counter}'],
  superseded: ['已被替代', 'superseded'],
  revoked: ['已失效', 'revoked'],
  page_before: ['上一页', 'Page before'],
  page_after: ['下一页', 'Next page'],
  page_of: ['{what}，第 {n} 页，共 {all} 页', '{what}, page {n} of {all}'],

  card_reader: ['读卡器', 'Card reader'],
  camera: ['高拍仪', 'Camera'],
  sync: ['同步', 'Sync'],
  service: ['服务', 'Service'],
  device: ['设备', 'Device'],
  state: ['状态', 'State'],
  reason: ['原因与处理', 'Cause and remedy'],
  advice_card_reader_absent: ['没有找到可用的读卡器：请检查连线和电源。', 'No card reader can be used: check its cable and power.'],
  advice_camera_absent: ['没有找到可用的高拍仪：请检查连线和电源。', 'No camera can be used: check its cable and power.'],
  advice_denied: ['设备已接上，系统不许本程序打开：请管理员设置设备权限。', 'The device is there, and the system keeps this program from opening it: have an administrator set its rights.'],
  technical: ['技术说明', 'Technical note'],
  ready: ['正常', 'ready'],
  absent: ['未连接', 'not there'],
  denied: ['没有权限', 'no access'],
  connection_open: ['已连接', 'connected'],
  connection_lost: ['中断，正在重连', 'lost, trying again'],
  unreachable: ['本机服务没有应答。', 'The service on this PC does not answer.'],
  unreachable_remedy: ['请确认 yidang 服务正在运行，然后重试。', 'See that the yidang service is running, and try again.'],
  sync_none: ['未配置中心库', 'no repository'],
  sync_not_enrolled: ['尚未登记', 'not enrolled'],
  sync_connecting: ['正在连接', 'connecting'],
  sync_connected: ['已连接', 'connected'],
  sync_unreachable: ['连接不上', 'cannot be reached'],
  sync_short_done: ['全部已同步', 'all in the repository'],
  sync_short_waits: ['{n} 份待同步', '{n} to send'],
  sync_repository: ['中心库', 'Repository'],
  sync_backlog: ['待同步', 'To be sent'],
  sync_backlog_is: ['{n} 份，{size} MB', 'papers: {n}, {size} MB'],
  sync_contact: ['最近联系', 'Last contact'],
  sync_never: ['启动以来没有', 'not since the start'],
  sync_error: ['最近错误', 'Last error'],
  ago_now: ['刚刚', 'just now'],
  ago_minutes: ['{n} 分钟前', '{n} min ago'],
  ago_hours: ['{n} 小时前', '{n} h ago'],
  archive: ['本机档案', 'Archive on this PC'],
  archive_is: ['{materials} 份材料，{holders} 位办事人，{unfiled} 页待归档', 'papers: {materials}, people: {holders}, unfiled pages: {unfiled}'],
  version: ['程序版本', 'Version'],

  simulated_desk: ['模拟桌面', 'Simulated desk'],
  card: ['证件', 'Card'],
  card_put: ['放上', 'Put down'],
  card_take: ['取走', 'Take away'],
  sheet: ['纸张', 'Paper'],
  sheet_lay: ['放下', 'Lay down'],
  sheet_clear: ['清空', 'Clear'],
  fault: ['故障', 'Fault'],
  fault_make: ['发生', 'Let it happen'],
  play: ['演示一遍', 'Play a scene'],
  reset: ['复位', 'Reset'],

  keys: ['按键', 'Keys'],
  keys_on: ['启用单键操作（关闭后用 Tab 与回车）', 'Single keys on (off: use Tab and Enter)'],
  key_capture: ['拍摄', 'Capture'],
  key_file: ['归档（输入框中用 Ctrl+回车）', 'File (in a field: Ctrl+Enter)'],
  key_kinds: ['选择种类', 'Choose a kind'],
  key_kind: ['输入其他种类', 'Type another kind'],
  key_case: ['输入办件编号', 'Type the case'],
  key_note: ['输入备注', 'Type a note'],
  key_select: ['选择页', 'Choose a page'],
  key_move: ['移动页', 'Move the page'],
  key_open: ['放大页', 'Enlarge the page'],
  key_escape: ['取消重拍、插入；离开输入框', 'Give up retaking or inserting; leave a field'],
  key_tray: ['到待归档', 'To the tray'],
  key_nocard: ['没有证件，只归档', 'No card: filing only'],
  key_history: ['查看以往材料', 'Show what is on file'],
  key_simulated: ['模拟桌面', 'Simulated desk'],
  key_language: ['切换语言', 'Other language'],
};

let index = 0;

/** Takes up the language chosen before, or the browser's; Chinese where that is neither. */
export function begin() {
  const wished = [habits.language].concat(navigator.languages || []).map((tag) => tag.slice(0, 2).toLowerCase());
  index = (wished.find((tag) => tag === 'zh' || tag === 'en') || 'zh') === 'zh' ? 0 : 1;
  speak();
}

/** Changes to the other language. */
export function change() {
  index = 1 - index;
  habits.language = language();
  speak();
}

export function language() {
  return index === 0 ? 'zh' : 'en';
}

/** The word, its `{places}` filled in. One that is not in the table is shown as it is: a kind that an office chose. */
export function word(name, values) {
  const known = Object.prototype.hasOwnProperty.call(TABLE, name);
  const text = known ? TABLE[name][index] : name;
  return text.replace(/\{(\w+)\}/g, (place, key) => (values && key in values ? String(values[key]) : place));
}

/** Whether the table has such a word. */
export function isKnown(name) {
  return Object.prototype.hasOwnProperty.call(TABLE, name);
}

/** So many pages. */
export function pagesWord(n) {
  return n === 1 ? word('pages_one') : word('pages_count', { n });
}

/** A day or a moment, written as the language writes it. */
export function day(instant) {
  return new Date(instant).toLocaleDateString(tag());
}

export function moment(instant) {
  return new Date(instant).toLocaleString(tag(), { dateStyle: 'short', timeStyle: 'short' });
}

function tag() {
  return index === 0 ? 'zh-CN' : 'en-GB';
}

/** Says everything of the page that stands fast. */
function speak() {
  document.documentElement.lang = index === 0 ? 'zh-CN' : 'en';
  document.title = word('title');
  for (const element of all('[data-word]')) element.textContent = word(element.dataset.word);
  for (const element of all('[data-word-label]')) {
    element.setAttribute('aria-label', word(element.dataset.wordLabel));
  }
  for (const element of all('[data-word-alt]')) element.alt = word(element.dataset.wordAlt);
}
